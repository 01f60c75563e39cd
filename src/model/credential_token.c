#include "model/credential_token.h"

#include "model/credential.h"
#include "model/schemas.h"
#include "model/token_settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const tg_field_t token_fields[] = {TG_TOKEN_SETTING_FIELDS(0)};

tg_err_t tg_credential_token_read(const tg_reader_t *r, const tg_place_t *at, const json_t *body,
                                  tg_token_settings_t *out) {
    tg_token_settings_init(out);
    tg_err_t err = tg_fields_read(r, at, body, token_fields, COUNT(token_fields), out);
    return err ? err : tg_token_settings_finish(r, at, out);
}

tg_err_t tg_credential_token_parse(const json_t *body, tg_arena_t *a, tg_token_settings_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_credential_token_read(&r, NULL, body, out);
}

json_t *tg_credential_token_schema(void) {
    tg_token_settings_t none;
    tg_token_settings_default(&none);
    return tg_schema_defaults(tg_fields_schema(token_fields, COUNT(token_fields)), tg_credential_token_write(&none));
}

json_t *tg_credential_token_write(const tg_token_settings_t *t) {
    tg_writer_t w = tg_writer();
    tg_token_settings_write(&w, t);
    return tg_writer_end(&w);
}
