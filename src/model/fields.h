/*
 * The table-driven reader of JSON objects. A table row names a member, how it is read and where its value goes; what
 * no row names is refused by its name, so that a misspelt setting is never silently ignored. A member that is null
 * counts as absent. Internal to the model room.
 */
#ifndef TG_MODEL_FIELDS_H
#define TG_MODEL_FIELDS_H

#include "base/arena.h"
#include "base/json.h"

/* Where a value stands in the document: a chain up to the root, turned into text only when something is refused. A
 * place without a name is an element of an array. The root itself is NULL. */
typedef struct tg_place tg_place_t;
struct tg_place {
    const tg_place_t *up;
    const char *name;
    size_t index;
};

#define TG_MEMBER(up, name) (&(const tg_place_t){(up), (name), 0})
#define TG_ELEMENT(up, i)   (&(const tg_place_t){(up), NULL, (i)})

typedef struct {
    tg_arena_t *arena;
    tg_fault_t *fault;
} tg_reader_t;

typedef struct tg_field tg_field_t;
/* What a row takes as JSON Schema; a new reference. */
typedef json_t *(*tg_schema_fn)(const tg_field_t *f);
typedef tg_err_t (*tg_read_fn)(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                               void *out);
struct tg_field {
    const char *name;
    tg_read_fn read;
    size_t offset; /* of the member of `out` that `read` gets */
    bool required;
    int64_t min, max; /* of a number; of the bytes of a text; of the elements of a list */
    const void *more; /* what else `read` wants: tg_choice_t rows, an inner table */

    /* For the schema, where `read` is none that schema.c knows: of the value, or of a list's elements. */
    tg_schema_fn schema;
    const tg_field_t *inner; /* or the table that `read` reads an object by */
    size_t n_inner;
    bool hidden; /* refused by a text of its own; in no schema */
};

#define TG_INNER(table) .inner = (table), .n_inner = sizeof(table) / sizeof((table)[0])

/* TG_ERR_INVALID with the place and the rule. */
tg_err_t tg_refuse(const tg_reader_t *r, const tg_place_t *at, const char *fmt, ...) TG_PRINTF(3, 4);
tg_err_t tg_refuse_nomem(const tg_reader_t *r);

tg_err_t tg_fields_read(const tg_reader_t *r, const tg_place_t *at, const json_t *object, const tg_field_t *table,
                        size_t n, void *out) TG_MUST_CHECK;

/* ---- schemas ---- */

json_t *tg_fields_schema(const tg_field_t *table, size_t n) TG_MUST_CHECK;
/* Puts what a write function says of an object that nothing was said about in as defaults; takes both references. */
json_t *tg_schema_defaults(json_t *schema, json_t *written) TG_MUST_CHECK;
json_t *tg_schema_string(const tg_field_t *f) TG_MUST_CHECK;
json_t *tg_schema_text(const tg_field_t *f) TG_MUST_CHECK;   /* min..max */
json_t *tg_schema_choice(const tg_field_t *f) TG_MUST_CHECK; /* more */
json_t *tg_schema_client_secret(const tg_field_t *f) TG_MUST_CHECK;
/* 0 and NULL: open. */
json_t *tg_schema_pattern(const char *pattern, int64_t min, int64_t max) TG_MUST_CHECK;
json_t *tg_schema_enum(json_t *names) TG_MUST_CHECK;                       /* takes the reference */
json_t *tg_schema_array(const tg_field_t *f, json_t *items) TG_MUST_CHECK; /* likewise */

/* ---- readers for table rows ---- */

tg_err_t tg_read_bool(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_int64(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_int(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* One line of text without control characters, min..max bytes. */
tg_err_t tg_read_line(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* The same, but newlines and tabs are allowed. */
tg_err_t tg_read_text(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* Bytes as base64url without padding, 1..max characters. */
tg_err_t tg_read_b64url(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* tg_name_check. */
tg_err_t tg_read_name(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* The value as it is, for somebody else to read; out is a const json_t *, borrowed. */
tg_err_t tg_read_kept(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* Likewise a list of f->min..f->max elements. */
tg_err_t tg_read_kept_list(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* A moment in ISO 8601, out is a tg_ms_t. */
tg_err_t tg_read_moment(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* The moment at which something ends, after 1970: 0 stands for never elsewhere. A date alone is the end of that day. */
tg_err_t tg_read_expiry(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* An enum, out is an int. `more` is a list of rows that ends with a NULL name; rows that are not available are
 * refused as such. */
typedef struct {
    const char *name;
    int value;
    bool unavailable;
} tg_choice_t;
tg_err_t tg_read_choice(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
const char *tg_choice_name(const tg_choice_t *choices, int value);

/* A switch that this release cannot turn on: only false is accepted. */
tg_err_t tg_read_only_false(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* A part of the specification that this release does not serve: any value but "" is refused. */
tg_err_t tg_read_unavailable(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* deploy and deployTargetEnvironmentNameList are read by the manager; here only their types are checked. */
tg_err_t tg_read_deploy(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_deploy_targets(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* ---- lists ---- */

/* A list goes to two members of one struct, its elements in the arena and their number. `read_one` gets the row of the
 * list, and an element as `out`. */
typedef struct {
    tg_read_fn read_one;
    size_t size;        /* of an element */
    ptrdiff_t count_at; /* of the number, from the list */
    bool texts;         /* elements are tg_str_t; no two may be equal */
} tg_list_t;

tg_err_t tg_read_list(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

#define TG_DEPLOY_TARGETS_MAX 64

#define TG_LIST_ROW(type, list, count, one, is_texts)                                                                  \
    .read = tg_read_list, .offset = offsetof(type, list), .more = &(const tg_list_t) {                                 \
        (one), sizeof(*((type *)NULL)->list), (ptrdiff_t)offsetof(type, count) - (ptrdiff_t)offsetof(type, list),      \
            (is_texts)                                                                                                 \
    }
#define TG_TEXTS(type, list, count, one)   TG_LIST_ROW(type, list, count, one, true)
#define TG_STRUCTS(type, list, count, one) TG_LIST_ROW(type, list, count, one, false)

/* ---- for readers of their own ---- */

/* A string; the view borrows from v. */
tg_err_t tg_want_string(const tg_reader_t *r, const tg_place_t *at, const json_t *v, tg_str_t *out) TG_MUST_CHECK;
/* An array of f->min..f->max elements. */
tg_err_t tg_want_array(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                       size_t *n) TG_MUST_CHECK;
tg_err_t tg_keep(const tg_reader_t *r, tg_str_t s, tg_str_t *out) TG_MUST_CHECK;
tg_err_t tg_keep_lower(const tg_reader_t *r, tg_str_t s, tg_str_t *out) TG_MUST_CHECK;
/* true: no C0 or C1 control character, no DEL, no line or paragraph separator; `lines` lets \t \n \r pass. */
bool tg_text_is_clean(tg_str_t s, bool lines);

#endif
