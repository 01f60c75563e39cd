/* What the kinds of identity providers share, and the table of them. Internal to the model room. */
#ifndef TG_MODEL_PROVIDER_H
#define TG_MODEL_PROVIDER_H

#include "model/fields.h"
#include "model/identity_provider.h"
#include "model/template.h"
#include "model/writer.h"

#define TG_PROVIDER_TEXT_MAX 4096 /* templates, statements, names and filters of directories */

/* A kind reads and writes its own members of a provider; the others are the provider's. */
typedef struct {
    tg_provider_type_t type;
    const char *name;
    const tg_field_t *fields; /* offsets are of tg_identity_provider_t */
    size_t n_fields;
    void (*init)(tg_identity_provider_t *p);
    tg_err_t (*check)(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, tg_identity_provider_t *p);
    void (*write)(tg_writer_t *w, const tg_identity_provider_t *p);
    tg_err_t (*secrets)(tg_identity_provider_t *p, tg_provider_secret_fn each, void *ctx);
} tg_provider_kind_t;

extern const tg_provider_kind_t tg_ldap_kind, tg_database_kind, tg_api_kind;

/* ---- readers for table rows ---- */

/* Text, or what is stored of it: {"sealed"}; which of the two may stand there is the caller's to say. The second is of
 * several lines. */
tg_err_t tg_read_secret(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_secret_text(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
json_t *tg_schema_secret(const tg_field_t *f) TG_MUST_CHECK;
void tg_write_secret(tg_writer_t *w, const char *name, const tg_provider_secret_t *s);

/* A choice of two, out is a bool; and one of names, out is a tg_str_t. */
tg_err_t tg_read_either(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_word(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

extern const tg_field_t tg_claim_fields[];
#define TG_CLAIM_FIELDS_N 4
/* A claim whose source is a line of text; the kind has rules of its own for it. */
tg_err_t tg_read_claim(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_claims_check(const tg_reader_t *r, const tg_place_t *at, const tg_provider_claim_t *list, size_t n);
void tg_write_claims(tg_writer_t *w, const char *name, const tg_provider_claim_t *list, size_t n);
#define TG_CLAIMS_ROW(list, count, one)                                                                                \
    TG_STRUCTS(tg_identity_provider_t, list, count, one), .max = TG_PROVIDER_CLAIMS_MAX, .inner = tg_claim_fields,     \
                                                          .n_inner = TG_CLAIM_FIELDS_N

extern const tg_field_t tg_provider_tls_fields[];
#define TG_PROVIDER_TLS_FIELDS_N 4
tg_err_t tg_read_provider_tls(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* client: whether there can be a certificate of our own. */
void tg_write_provider_tls(tg_writer_t *w, const tg_provider_tls_t *tls, bool client);

/* ---- rules ---- */

/* Of a text that keeps a rule of template.h, sql_text.h and the like: "" keeps each. */
typedef const char *(*tg_rule_fn)(tg_str_t text);
tg_err_t tg_want_rule(const tg_reader_t *r, const tg_place_t *at, const char *member, tg_str_t text, tg_rule_fn rule);
/* Refuses the first member of these (a list that ends with NULL) that the document has and that says something. */
tg_err_t tg_refuse_members(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, const char *const *names,
                           const char *why);

#endif
