#include "identity/http/render.h"

#include "model/template.h"

static tg_str_t value_of(int place, const tg_identity_question_t *q) {
    switch (place) {
    case TG_PLACE_USERNAME:
        return q->username;
    case TG_PLACE_PASSWORD:
        return q->password;
    case TG_PLACE_CLIENT_ID:
        return q->client_id;
    case TG_PLACE_ADDRESS:
        return q->address;
    default:
        return TG_STR_NONE;
    }
}

/* ---- what is refused ---- */

/* Servers that decode before they resolve dots would step out of the path. */
static bool has_dots(tg_str_t value) {
    while (value.n > 0) {
        size_t n = 0;
        while (n < value.n && value.p[n] != '/' && value.p[n] != '\\') {
            n++;
        }
        if ((n == 1 && value.p[0] == '.') || (n == 2 && value.p[0] == '.' && value.p[1] == '.')) {
            return true;
        }
        n = n < value.n ? n + 1 : n;
        value = tg_strn(value.p + n, value.n - n);
    }
    return false;
}

static bool is_header_value(tg_str_t value) {
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < 0x20 || value.p[i] > 0x7e) {
            return false;
        }
    }
    return value.n == 0 || (value.p[0] != ' ' && value.p[value.n - 1] != ' ');
}

static bool is_refused(tg_str_t value, tg_render_t where, bool in_path) {
    switch (where) {
    case TG_RENDER_URL:
        return in_path && has_dots(value);
    case TG_RENDER_HEADER:
        return !is_header_value(value);
    case TG_RENDER_JSON:
    case TG_RENDER_FORM:
        break;
    }
    return false;
}

/* A segment that is dots only with the text around a value: ".{{username}}" and ".". `from` begins the path. */
static bool path_has_dots(const tg_buf_t *out, size_t from) {
    tg_str_t path = tg_strn(out->p + from, out->n - from);
    path = tg_str_take(&path, '?');
    return has_dots(path);
}

/* ---- writing ---- */

static void put_inside_string(tg_buf_t *out, tg_str_t value) {
    size_t at = out->n;
    tg_buf_put_json(out, value);
    if (!out->err) { /* without its quotes */
        memmove(out->p + at, out->p + at + 1, out->n - at - 2);
        out->n -= 2;
    }
}

static void put_value(tg_buf_t *out, tg_render_t where, tg_str_t value) {
    switch (where) {
    case TG_RENDER_URL:
    case TG_RENDER_FORM:
        tg_buf_put_percent(out, value);
        break;
    case TG_RENDER_JSON:
        put_inside_string(out, value);
        break;
    case TG_RENDER_HEADER:
        tg_buf_put(out, value);
        break;
    }
}

int tg_render(tg_str_t text, tg_render_t where, const tg_identity_question_t *q, tg_buf_t *out) {
    tg_str_t before;
    int place, last = 0;
    size_t from = out->n;
    bool in_path = true;
    while (tg_template_take(&text, &before, &place)) {
        tg_str_t value = value_of(place, q);
        if (where == TG_RENDER_FORM) {
            tg_buf_put_percent(out, before);
        } else {
            tg_buf_put(out, before);
        }
        in_path = in_path && tg_str_find_char(before, '?') < 0;
        if (is_refused(value, where, in_path)) {
            return place;
        }
        put_value(out, where, value);
        last = place > 0 ? place : last;
    }
    return where == TG_RENDER_URL && last > 0 && !out->err && path_has_dots(out, from) ? last : 0;
}
