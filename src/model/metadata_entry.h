/* Metadata of credentials and organizations. Internal to the model room. */
#ifndef TG_MODEL_METADATA_ENTRY_H
#define TG_MODEL_METADATA_ENTRY_H

#include "model/credential.h"
#include "model/fields.h"
#include "model/writer.h"

/* One entry, readers for list rows: of a body, and of what is stored. */
tg_err_t tg_read_metadata_entry(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_stored_entry(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* Both, as answers show them. */
json_t *tg_schema_metadata_entry(const tg_field_t *f) TG_MUST_CHECK;
/* Neither key nor name of a claim stands twice among them. */
tg_err_t tg_metadata_check(const tg_reader_t *r, const tg_place_t *at, const tg_metadata_entry_t *list,
                           size_t n) TG_MUST_CHECK;
/* As they are stored: of a secret entry never the value. */
json_t *tg_metadata_entries_write(const tg_metadata_entry_t *list, size_t n) TG_MUST_CHECK;
json_t *tg_metadata_entry_write(const tg_metadata_entry_t *e) TG_MUST_CHECK;

/* A string, a number, true or false; out is its JSON text, a tg_str_t. */
tg_err_t tg_read_scalar(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
json_t *tg_schema_scalar(const tg_field_t *f) TG_MUST_CHECK;
json_t *tg_json_new_scalar(tg_str_t text) TG_MUST_CHECK;

/* NULL if something that a token or a response shows may have this name, else the rule that it breaks. */
const char *tg_metadata_name_rule(tg_str_t name);
/* The name of its claim in a JWT, TG_STR_NONE if it is in none. */
tg_str_t tg_metadata_claim(const tg_metadata_entry_t *e);

#endif
