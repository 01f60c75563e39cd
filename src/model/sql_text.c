#include "model/sql_text.h"

#include "model/chars.h"

static bool is_quote(char c) {
    return c == '\'' || c == '"' || c == '`';
}

/* Behind the string or quoted name that begins at i; a doubled quote in it reads as two of them side by side. */
static size_t behind_quoted(tg_str_t s, size_t i) {
    char quote = s.p[i++];
    while (i < s.n && s.p[i] != quote) {
        i++;
    }
    return i < s.n ? i + 1 : s.n;
}

static size_t word_len(tg_str_t s, size_t i) {
    size_t n = 0;
    while (i + n < s.n && (tg_is_alnum(s.p[i + n]) || s.p[i + n] == '_')) {
        n++;
    }
    return n;
}

/* The length of the marker's name at the colon i; 0: it is none. */
static size_t marker_len(tg_str_t s, size_t i) {
    bool begins = i + 1 < s.n && !tg_is_digit(s.p[i + 1]);
    return begins ? word_len(s, i + 1) : 0;
}

bool tg_sql_take(tg_str_t *rest, tg_str_t *before, tg_str_t *marker) {
    tg_str_t s = *rest;
    size_t i = 0;
    *marker = TG_STR_NONE;
    while (i < s.n && marker->n == 0) {
        if (is_quote(s.p[i])) {
            i = behind_quoted(s, i);
        } else if (s.p[i] == ':' && i + 1 < s.n && s.p[i + 1] == ':') {
            i += 2;
        } else if (s.p[i] == ':' && marker_len(s, i) > 0) {
            *marker = tg_strn(s.p + i + 1, marker_len(s, i));
        } else {
            i++;
        }
    }
    *before = tg_strn(s.p, i);
    size_t taken = marker->n > 0 ? i + 1 + marker->n : i;
    *rest = tg_strn(s.p + taken, s.n - taken);
    return s.n > 0;
}

static bool has(tg_str_t s, size_t i, const char *two) {
    return i + 1 < s.n && s.p[i] == two[0] && s.p[i + 1] == two[1];
}

/* Inside of quotes a backslash ends a string for some databases and not for others. */
static const char *quoted_rule(tg_str_t s, size_t from, size_t to) {
    if (to - from < 2 || s.p[to - 1] != s.p[from]) {
        return "has a quote without its end";
    }
    return tg_str_find_char(tg_strn(s.p + from, to - from), '\\') < 0 ? NULL : "must not have '\\' in quotes";
}

static const char *characters_rule(tg_str_t s) {
    for (size_t i = 0; i < s.n;) {
        if (is_quote(s.p[i])) {
            size_t end = behind_quoted(s, i);
            const char *why = quoted_rule(s, i, end);
            if (why != NULL) {
                return why;
            }
            i = end;
            continue;
        }
        if (has(s, i, "--") || has(s, i, "/*") || s.p[i] == '#') {
            return "must not have comments";
        }
        if (s.p[i] == ';') {
            return "must be one statement, without ';'";
        }
        if (s.p[i] == '?' || has(s, i, "$$")) {
            return "must not have '?' or '$$': values are named, as :username";
        }
        i++;
    }
    return NULL;
}

static bool is_select(tg_str_t sql) {
    sql = tg_str_trim(sql);
    tg_str_t word = tg_strn(sql.p, word_len(sql, 0));
    return tg_str_eq_ci(word, TG_STR("SELECT")) || tg_str_eq_ci(word, TG_STR("WITH"));
}

static const char *markers_rule(bool has_username, bool has_password, bool username, bool password) {
    if (has_username != username) {
        return username ? "must have :username" : "must not have :username";
    }
    if (has_password != password) {
        return password ? "must have :password with passwordFormat QUERY" : "must not have :password";
    }
    return NULL;
}

const char *tg_sql_rule(tg_str_t sql, bool username, bool password) {
    tg_str_t before, marker;
    bool has_username = false, has_password = false;
    const char *why = is_select(sql) ? characters_rule(sql) : "must begin with SELECT or WITH";
    if (why != NULL) {
        return why;
    }
    while (tg_sql_take(&sql, &before, &marker)) {
        has_username |= tg_str_eq(marker, TG_STR("username"));
        has_password |= tg_str_eq(marker, TG_STR("password"));
        if (marker.n > 0 && !tg_str_eq(marker, TG_STR("username")) && !tg_str_eq(marker, TG_STR("password"))) {
            return "has a marker that is neither :username nor :password";
        }
    }
    return markers_rule(has_username, has_password, username, password);
}
