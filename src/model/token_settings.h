/* The token settings that policies and credentials share. Internal to the model room. */
#ifndef TG_MODEL_TOKEN_SETTINGS_H
#define TG_MODEL_TOKEN_SETTINGS_H

#include "model/fields.h"
#include "model/model.h"
#include "model/writer.h"

extern const tg_choice_t tg_grant_choices[];

tg_err_t tg_read_unit(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_algorithm(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* The name of a provider; "": none. */
tg_err_t tg_read_identity_provider(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *,
                                   void *out);

json_t *tg_schema_unit(const tg_field_t *f) TG_MUST_CHECK;
json_t *tg_schema_algorithm(const tg_field_t *f) TG_MUST_CHECK;
json_t *tg_schema_identity_provider(const tg_field_t *f) TG_MUST_CHECK;

/* Table rows for a struct that holds a tg_token_settings_t at `base`. */
#define TG_TOKEN_SETTING(base, member) ((base) + offsetof(tg_token_settings_t, member))
#define TG_TOKEN_SETTING_FIELDS(base)                                                                                  \
    {.name = "grantType", .read = tg_read_choice, .offset = TG_TOKEN_SETTING(base, grant), .more = tg_grant_choices},  \
        {.name = "tokenNeverExpires", .read = tg_read_bool, .offset = TG_TOKEN_SETTING(base, never_expires)},          \
        {.name = "tokenExpiresInAmount",                                                                               \
         .read = tg_read_int64,                                                                                        \
         .offset = TG_TOKEN_SETTING(base, expires_in_amount),                                                          \
         .min = 1,                                                                                                     \
         .max = INT64_MAX},                                                                                            \
        {.name = "tokenExpiresInUnit", .read = tg_read_unit, .offset = TG_TOKEN_SETTING(base, expires_in_unit)},       \
        {.name = "refreshTokenAllowed", .read = tg_read_bool, .offset = TG_TOKEN_SETTING(base, refresh_allowed)},      \
        {.name = "refreshTokenCount",                                                                                  \
         .read = tg_read_int64,                                                                                        \
         .offset = TG_TOKEN_SETTING(base, refresh_count),                                                              \
         .min = 1,                                                                                                     \
         .max = TG_REFRESH_COUNT_MAX},                                                                                 \
        {.name = "refreshTokenExpiresInAmount",                                                                        \
         .read = tg_read_int64,                                                                                        \
         .offset = TG_TOKEN_SETTING(base, refresh_amount),                                                             \
         .min = 1,                                                                                                     \
         .max = INT64_MAX},                                                                                            \
        {.name = "refreshTokenExpiresInUnit", .read = tg_read_unit, .offset = TG_TOKEN_SETTING(base, refresh_unit)},   \
        {.name = "refreshTokenRotation", .read = tg_read_bool, .offset = TG_TOKEN_SETTING(base, refresh_rotation)},    \
        {.name = "allowUrlParameters", .read = tg_read_bool, .offset = TG_TOKEN_SETTING(base, allow_url_parameters)},  \
        {.name = "deletePrevious", .read = tg_read_bool, .offset = TG_TOKEN_SETTING(base, delete_previous)},           \
        {.name = "jwtSignatureAlgorithm", .read = tg_read_algorithm, .offset = TG_TOKEN_SETTING(base, jwt_algorithm)}, \
        {.name = "identityProvider",                                                                                   \
         .read = tg_read_identity_provider,                                                                            \
         .offset = TG_TOKEN_SETTING(base, identity_provider)},                                                         \
    {                                                                                                                  \
        .name = "checkClientIpAddress", .read = tg_read_bool, .offset = TG_TOKEN_SETTING(base, check_client_ip)        \
    }

/* Before the table is read: lifetimes are left open, so that half of one can be told from none. */
void tg_token_settings_init(tg_token_settings_t *s);
/* After it: fills in lifetimes and the identity provider, checks the rules between fields. */
tg_err_t tg_token_settings_finish(const tg_reader_t *r, const tg_place_t *at, tg_token_settings_t *s) TG_MUST_CHECK;

/* Lifetimes count, not the units that they were given in. */
bool tg_token_settings_equal(const tg_token_settings_t *a, const tg_token_settings_t *b);

void tg_token_settings_write(tg_writer_t *w, const tg_token_settings_t *s);

/* The name as the algorithm table spells it (static memory), or TG_STR_NONE. */
tg_str_t tg_algorithm_find(tg_str_t name);

#endif
