#include "model/writer.h"

#include "base/b64.h"

json_t *tg_json_new_str(tg_str_t s) {
    return json_stringn(s.p != NULL ? s.p : "", s.n);
}

static void fail(tg_writer_t *w) {
    json_decref(w->object);
    w->object = NULL;
}

void tg_write_json(tg_writer_t *w, const char *name, json_t *value) {
    /* json_object_set_new takes the reference even when it fails, and fails for NULL. */
    if (json_object_set_new(w->object, name, value) != 0) {
        fail(w);
    }
}

void tg_write_str(tg_writer_t *w, const char *name, tg_str_t s) {
    tg_write_json(w, name, tg_json_new_str(s));
}

void tg_write_str_or_null(tg_writer_t *w, const char *name, tg_str_t s) {
    tg_write_json(w, name, s.n > 0 ? tg_json_new_str(s) : json_null());
}

void tg_write_cstr(tg_writer_t *w, const char *name, const char *s) {
    tg_write_str(w, name, tg_str(s));
}

void tg_write_int(tg_writer_t *w, const char *name, int64_t value) {
    tg_write_json(w, name, json_integer(value));
}

void tg_write_bool(tg_writer_t *w, const char *name, bool value) {
    tg_write_json(w, name, json_boolean(value));
}

void tg_list_put(json_t **list, json_t *value) {
    if (json_array_append_new(*list, value) != 0) {
        json_decref(*list);
        *list = NULL;
    }
}

void tg_write_strs(tg_writer_t *w, const char *name, const tg_str_t *list, size_t n) {
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        tg_list_put(&array, tg_json_new_str(list[i]));
    }
    tg_write_json(w, name, array);
}

json_t *tg_json_new_b64url(tg_str_t bytes) {
    tg_buf_t b;
    tg_buf_init(&b, TG_B64URL_LEN(bytes.n));
    tg_buf_put_b64url(&b, bytes);
    json_t *text = b.err ? NULL : tg_json_new_str(tg_buf_str(&b));
    tg_buf_release(&b);
    return text;
}

json_t *tg_json_new_moment(tg_ms_t at) {
    char text[32];
    tg_buf_t b;
    tg_buf_init_fixed(&b, text, sizeof(text));
    tg_buf_put_iso8601(&b, at);
    return b.err ? NULL : tg_json_new_str(tg_buf_str(&b));
}

void tg_write_moment(tg_writer_t *w, const char *name, tg_ms_t at) {
    tg_write_json(w, name, at != 0 ? tg_json_new_moment(at) : json_null());
}

json_t *tg_writer_end(tg_writer_t *w) {
    json_t *object = w->object;
    w->object = NULL;
    return object;
}
