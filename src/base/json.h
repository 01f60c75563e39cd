/*
 * JSON in (RFC 8259), on jansson, with our bounds: size, depth, no duplicate names, no NUL in strings, one value
 * and nothing behind it. Jansson's json_t is used as it is by the rooms that read documents.
 */
#ifndef TG_BASE_JSON_H
#define TG_BASE_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Seeds jansson's hash tables once per process, before any thread starts: the seed is the caller's (edge) entropy. */
void tg_json_init(size_t seed);

/* *out is a new reference (json_decref). The text must be at most max_bytes long and nest at most max_depth deep.
 * TG_ERR_INVALID with the reason and position in *fault; TG_ERR_LIMIT; TG_ERR_NOMEM. */
tg_err_t tg_json_parse(tg_str_t text, size_t max_bytes, unsigned max_depth, json_t **out,
                       tg_fault_t *fault) TG_MUST_CHECK;
/* Compact, sorted keys: the same value has the same bytes. */
tg_err_t tg_json_write(const json_t *value, tg_buf_t *out) TG_MUST_CHECK;

/* The member if it has that type, else TG_STR_NONE / false. Views borrow from the object. */
tg_str_t tg_json_str(const json_t *object, const char *name);
bool tg_json_int(const json_t *object, const char *name, int64_t *out);
bool tg_json_bool(const json_t *object, const char *name, bool fallback);

#endif
