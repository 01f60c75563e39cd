#include "base/form.h"

#include "base/b64.h"

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes into out, which has room for in.n bytes; the length, or -1 for a broken escape. */
static ptrdiff_t unescape(tg_str_t in, bool plus_is_space, char *out) {
    char *to = out;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = i + 2 < in.n ? hex_value(in.p[i + 1]) : -1;
            int low = high >= 0 ? hex_value(in.p[i + 2]) : -1;
            if (low < 0) {
                return -1;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *to++ = c;
    }
    return to - out;
}

tg_err_t tg_form_decode(tg_str_t in, bool plus_is_space, tg_arena_t *a, tg_str_t *out) {
    char *copy = in.n < SIZE_MAX ? tg_arena_alloc(a, in.n + 1) : NULL;
    if (copy == NULL) {
        return TG_ERR_NOMEM;
    }
    ptrdiff_t len = unescape(in, plus_is_space, copy);
    if (len < 0) {
        return TG_ERR_INVALID;
    }
    tg_str_t text = tg_strn(copy, (size_t)len);
    if (!tg_str_is_utf8(text)) {
        return TG_ERR_INVALID;
    }
    copy[len] = '\0';
    *out = text;
    return TG_OK;
}

/* Empty parts between two '&' are no pairs (WHATWG URL 5.1). */
static size_t count_pairs(tg_str_t body) {
    size_t n = 0;
    while (body.n > 0) {
        n += tg_str_take(&body, '&').n > 0;
    }
    return n;
}

tg_err_t tg_form_parse(tg_str_t body, size_t max_pairs, tg_arena_t *a, tg_form_t *out) {
    tg_form_t form = {NULL, 0};
    size_t total = count_pairs(body);
    if (total > max_pairs) {
        return TG_ERR_LIMIT;
    }
    form.pairs = tg_arena_array(a, total, sizeof(*form.pairs));
    if (form.pairs == NULL) {
        return TG_ERR_NOMEM;
    }
    while (body.n > 0) {
        tg_str_t value = tg_str_take(&body, '&');
        if (value.n == 0) {
            continue;
        }
        tg_str_t name = tg_str_take(&value, '=');
        tg_form_pair_t *pair = &form.pairs[form.n];
        tg_err_t err = tg_form_decode(name, true, a, &pair->name);
        err = err ? err : tg_form_decode(value, true, a, &pair->value);
        if (err) {
            return err;
        }
        form.n++;
    }
    *out = form;
    return TG_OK;
}

size_t tg_form_find(const tg_form_t *f, tg_str_t name, tg_str_t *value) {
    size_t found = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (tg_str_eq(f->pairs[i].name, name) && found++ == 0) {
            *value = f->pairs[i].value;
        }
    }
    return found;
}

const tg_form_pair_t *tg_form_repeated(const tg_form_t *f) {
    for (size_t i = 1; i < f->n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (tg_str_eq(f->pairs[i].name, f->pairs[j].name)) {
                return &f->pairs[i];
            }
        }
    }
    return NULL;
}

static bool has_control(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_basic_parse(tg_str_t credentials, tg_arena_t *a, tg_str_t *id, tg_str_t *secret) {
    tg_str_t text = tg_str_trim(credentials);
    tg_str_t user;
    tg_str_t password;
    size_t cap = TG_B64_DECODED_MAX(text.n);
    char *plain = tg_arena_alloc(a, cap);
    if (plain == NULL) {
        return TG_ERR_NOMEM;
    }
    size_t n;
    if (tg_b64_decode(text, plain, cap, &n) != TG_OK) {
        return TG_ERR_INVALID;
    }
    tg_str_t rest = tg_strn(plain, n);
    if (tg_str_find_char(rest, ':') < 0) {
        return TG_ERR_INVALID;
    }
    tg_str_t raw_user = tg_str_take(&rest, ':');
    tg_err_t err = tg_form_decode(raw_user, true, a, &user);
    err = err ? err : tg_form_decode(rest, true, a, &password);
    if (err) {
        return err;
    }
    if (has_control(user) || has_control(password)) {
        return TG_ERR_INVALID;
    }
    *id = user;
    *secret = password;
    return TG_OK;
}
