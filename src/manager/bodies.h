/* Reading request bodies: what the model room does not parse itself. Faults name the field and the rule. */
#ifndef TG_MANAGER_BODIES_H
#define TG_MANAGER_BODIES_H

#include "manager/call.h"
#include "model/fields.h"

/* Reads a body by a table of the model room's kind. No body is an empty one. */
tg_err_t tg_body_read(tg_call_t *c, const json_t *object, const tg_field_t *table, size_t n, void *out) TG_MUST_CHECK;

/* Refuses every member that is not in the NULL-terminated list. */
tg_err_t tg_body_only(tg_call_t *c, const json_t *object, const char *const *names) TG_MUST_CHECK;

/* A string of min..max bytes without control characters, copied into the arena. Absent or null: TG_STR_NONE, refused if
 * min > 0. */
tg_err_t tg_body_str(tg_call_t *c, const json_t *object, const char *name, size_t min, size_t max,
                     tg_str_t *out) TG_MUST_CHECK;
tg_err_t tg_body_bool(tg_call_t *c, const json_t *object, const char *name, bool fallback, bool *out) TG_MUST_CHECK;

/* Takes `name` out of the object: a PUT or PATCH may repeat the object's name and not change it. */
tg_err_t tg_body_take_name(tg_call_t *c, json_t *object, const char *name, tg_str_t expected) TG_MUST_CHECK;

/* RFC 7396: a new value, target with patch merged in. NULL: out of memory. */
json_t *tg_json_merge(const json_t *target, const json_t *patch) TG_MUST_CHECK;

/* Stored documents. Parsing one that we wrote ourselves fails only for lack of memory (or is a bug). */
tg_err_t tg_doc_parse(tg_str_t text, json_t **out) TG_MUST_CHECK;
/* Canonical text in the arena; takes the reference; NULL is out of memory. */
tg_err_t tg_doc_text(tg_call_t *c, json_t *doc, tg_str_t *out) TG_MUST_CHECK;

#endif
