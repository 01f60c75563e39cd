/* A bucket as the claim tg_bucket of a refresh JWT: "h:494000", "d:20717", "m:690", "n:0" (hour, day, month, never).
 * Internal to the oauth room. */
#ifndef TG_OAUTH_BUCKET_TEXT_H
#define TG_OAUTH_BUCKET_TEXT_H

#include "base/buf.h"
#include "store/token_store.h"

void tg_bucket_text_write(tg_bucket_t b, tg_buf_t *out);
bool tg_bucket_text_parse(tg_str_t text, tg_bucket_t *out);

#endif
