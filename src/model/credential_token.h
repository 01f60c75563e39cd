/* The token settings of a credential at a place inside a larger document. Internal to the model room. */
#ifndef TG_MODEL_CREDENTIAL_TOKEN_H
#define TG_MODEL_CREDENTIAL_TOKEN_H

#include "model/credential.h"
#include "model/fields.h"

tg_err_t tg_credential_token_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_token_settings_t *out);

#endif
