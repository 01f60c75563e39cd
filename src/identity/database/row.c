#include "identity/database/row.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NOWHERE SIZE_MAX

/* ---- columns ---- */

static size_t find(const tg_odbc_column_t *columns, size_t n, tg_str_t name) {
    size_t like = NOWHERE, likes = 0;
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq(columns[i].name, name)) {
            return i;
        }
        if (tg_str_eq_ci(columns[i].name, name)) {
            like = i;
            likes++;
        }
    }
    return likes == 1 ? like : NOWHERE;
}

/* Of a list, passwords are not wanted. */
static bool is_wanted(const tg_session_t *s, const tg_odbc_statement_t *of, size_t i) {
    bool secret = i == TG_CELL_PASSWORD || i == TG_CELL_SALT;
    return s->wanted[i].n > 0 && !(of == &s->list && secret);
}

tg_err_t tg_row_columns(tg_session_t *s, const tg_odbc_statement_t *of) {
    tg_odbc_column_t *columns;
    size_t n;
    tg_err_t err = tg_odbc_columns(&s->odbc, of, &s->scratch, &columns, &n);
    for (size_t i = 0; !err && i < s->n_wanted; i++) {
        bool wanted = is_wanted(s, of, i);
        s->columns[i] = wanted ? find(columns, n, s->wanted[i]) : NOWHERE;
        if (s->columns[i] != NOWHERE) {
            s->kinds[i] = columns[s->columns[i]].kind;
        } else if (wanted && !(i == TG_CELL_NAME && s->name_may_miss && of != &s->list)) {
            return tg_fault(&s->odbc.fault, TG_ERR_INVALID, "", "the result has no column \"%.*s\"",
                            TG_STR_ARGS(s->wanted[i]));
        }
    }
    return err;
}

/* ---- cells ---- */

static tg_err_t read_wanted(tg_session_t *s, const tg_odbc_statement_t *of, size_t column, tg_row_t *out) {
    tg_str_t text = TG_STR_NONE;
    bool is_null = true, was_read = false;
    for (size_t i = 0; i < s->n_wanted; i++) {
        if (s->columns[i] != column) {
            continue;
        }
        if (!was_read) { /* many drivers give a cell only once */
            tg_err_t err = tg_odbc_cell(&s->odbc, of, column, TG_SESSION_CELL_MAX, &s->scratch, &text, &is_null);
            if (err) {
                return err;
            }
            was_read = true;
        }
        out->cells[i] = (tg_cell_t){.text = text, .is_null = is_null, .kind = s->kinds[i]};
    }
    return TG_OK;
}

static size_t columns_end(const tg_session_t *s) {
    size_t end = 0;
    for (size_t i = 0; i < s->n_wanted; i++) {
        end = s->columns[i] != NOWHERE && s->columns[i] >= end ? s->columns[i] + 1 : end;
    }
    return end;
}

tg_err_t tg_row_read(tg_session_t *s, const tg_odbc_statement_t *of, tg_row_t *out) {
    out->cells = tg_arena_array(&s->scratch, s->n_wanted, sizeof(*out->cells));
    if (out->cells == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_wanted; i++) {
        out->cells[i].is_null = true;
    }
    tg_err_t err = TG_OK;
    for (size_t column = 0; !err && column < columns_end(s); column++) {
        err = read_wanted(s, of, column, out);
    }
    return err;
}

/* ---- what a cell means ---- */

bool tg_cell_is_yes(const tg_cell_t *c) {
    static const tg_str_t no[] = {TG_STR(""),  TG_STR("0"),  TG_STR("false"), TG_STR("f"),
                                  TG_STR("n"), TG_STR("no"), TG_STR("off")};
    tg_str_t text = tg_str_trim(c->text);
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (c->is_null || tg_str_eq_ci(text, no[i])) {
            return false;
        }
    }
    return true;
}

/* NULL: it is none, or none that JSON has. */
static json_t *number_json(const char *text) {
    char *end;
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0') {
        return json_integer(whole);
    }
    if (errno == ERANGE && *end == '\0') {
        return NULL; /* as text, with all its digits */
    }
    errno = 0;
    double real = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0' && isfinite(real) ? json_real(real) : NULL;
}

json_t *tg_cell_json(const tg_cell_t *c) {
    json_t *value = NULL;
    if (c->is_null) {
        return NULL;
    }
    if (c->kind == TG_COLUMN_BOOLEAN) {
        return json_boolean(tg_cell_is_yes(c));
    }
    if (c->kind == TG_COLUMN_NUMBER) {
        value = number_json(c->text.p);
    }
    return value != NULL ? value : json_stringn(c->text.p, c->text.n);
}
