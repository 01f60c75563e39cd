/* Builds a JSON object member by member; a failure sticks and is told once, at the end. Internal to the model room. */
#ifndef TG_MODEL_WRITER_H
#define TG_MODEL_WRITER_H

#include "base/clock.h"
#include "base/json.h"

typedef struct {
    json_t *object; /* NULL once something failed */
} tg_writer_t;

static inline tg_writer_t tg_writer(void) {
    return (tg_writer_t){json_object()};
}

/* Takes the reference, also on failure. */
void tg_write_json(tg_writer_t *w, const char *name, json_t *value);
void tg_write_str(tg_writer_t *w, const char *name, tg_str_t s);
/* null stands for the empty text. */
void tg_write_str_or_null(tg_writer_t *w, const char *name, tg_str_t s);
void tg_write_cstr(tg_writer_t *w, const char *name, const char *s);
void tg_write_int(tg_writer_t *w, const char *name, int64_t value);
void tg_write_bool(tg_writer_t *w, const char *name, bool value);
void tg_write_strs(tg_writer_t *w, const char *name, const tg_str_t *list, size_t n);

/* ISO 8601; null stands for 0. */
void tg_write_moment(tg_writer_t *w, const char *name, tg_ms_t at);

/* The object, a new reference, or NULL if memory ran out on the way. */
json_t *tg_writer_end(tg_writer_t *w) TG_MUST_CHECK;

json_t *tg_json_new_str(tg_str_t s) TG_MUST_CHECK;
/* base64url without padding. */
json_t *tg_json_new_b64url(tg_str_t bytes) TG_MUST_CHECK;
json_t *tg_json_new_moment(tg_ms_t at) TG_MUST_CHECK;
/* Appends to an array, and takes the reference. *list is NULL once something failed. */
void tg_list_put(json_t **list, json_t *value);

#endif
