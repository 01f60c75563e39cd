/*
 * A template, then the user's name and password, a line each ('\n' ends the first two). However they are: what a URL
 * gets is what a URL may hold and climbs nowhere; a form has as many '&' and '=' as its template had none; a JSON
 * string stays one string with the same value; a header holds no byte that would end it.
 */
#include <stdlib.h>

#include "base/json.h"
#include "identity/http/render.h"
#include "model/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void require_url(tg_str_t url) {
    for (size_t i = 0; i < url.n; i++) {
        char c = url.p[i];
        require((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                strchr("-._~%:/?=&", c) != NULL);
    }
    require(memmem(url.p, url.n, "/../", 4) == NULL && memmem(url.p, url.n, "/./", 3) == NULL);
}

static void try_url(const tg_identity_question_t *q, tg_buf_t *out) {
    if (tg_render(TG_STR("http://h/a/{{username}}/b?n={{password}}"), TG_RENDER_URL, q, out) == 0 && !out->err) {
        require_url(tg_buf_str(out));
    }
    tg_buf_reset(out);
}

static void try_form(const tg_identity_question_t *q, tg_str_t text, tg_buf_t *out) {
    require(tg_render(text, TG_RENDER_FORM, q, out) == 0);
    require(out->err || (tg_str_find_char(tg_buf_str(out), '&') < 0 && tg_str_find_char(tg_buf_str(out), '=') < 0));
    tg_buf_reset(out);
}

static void try_json(const tg_identity_question_t *q, tg_buf_t *out) {
    json_t *v = NULL;
    require(tg_render(TG_STR("[\"{{username}}\",\"{{password}}\"]"), TG_RENDER_JSON, q, out) == 0);
    if (!out->err && tg_str_is_utf8(q->username) && tg_str_is_utf8(q->password)) {
        require(tg_json_parse(tg_buf_str(out), out->n, 4, &v, NULL) == TG_OK && json_array_size(v) == 2);
        const json_t *name = json_array_get(v, 0);
        require(tg_str_eq(q->username, tg_strn(json_string_value(name), json_string_length(name))));
        json_decref(v);
    }
    tg_buf_reset(out);
}

static void try_header(const tg_identity_question_t *q, tg_buf_t *out) {
    if (tg_render(TG_STR("a{{username}}b"), TG_RENDER_HEADER, q, out) == 0 && !out->err) {
        for (size_t i = 0; i < out->n; i++) {
            require(out->p[i] >= 0x20 && out->p[i] < 0x7f);
        }
    }
    tg_buf_reset(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t rest = tg_strn(data, size);
    tg_str_t text = tg_str_take(&rest, '\n'), name = tg_str_take(&rest, '\n');
    const tg_identity_question_t q = {.username = name, .password = rest};
    tg_buf_t out;
    tg_buf_init(&out, 64 << 10);
    try_url(&q, &out);
    try_form(&q, text, &out);
    try_json(&q, &out);
    try_header(&q, &out);
    for (int where = TG_RENDER_URL; where <= TG_RENDER_HEADER; where++) {
        int place = tg_render(text, (tg_render_t)where, &q, &out);
        require(place == 0 || where == TG_RENDER_URL || where == TG_RENDER_HEADER);
        tg_buf_reset(&out);
    }
    tg_buf_release(&out);
    return 0;
}
