/* Authorization server metadata (RFC 8414) and the JWK set (RFC 7517 5). */
#ifndef TG_OAUTH_METADATA_H
#define TG_OAUTH_METADATA_H

#include "model/snapshot.h"

/* issuer: base + prefix, e.g. "https://api.example.org/auth". Advertises only the endpoints that exist in this release.
 */
typedef struct {
    bool password; /* the password grant is open for some client here */
} tg_metadata_t;
void tg_metadata_write(tg_str_t issuer, const tg_metadata_t *m, tg_buf_t *out);
/* {"keys":[...]}: every key that is published, active or retiring at `now`. */
void tg_jwks_write(const tg_signing_key_t *keys, size_t n, tg_ms_t now, tg_buf_t *out);
/* The base address of issuer and metadata: access_url if set; else scheme "://" host, where the caller derived both
 * from the connection or from trusted forwarded headers. */
void tg_issuer_write(const tg_environment_t *e, tg_str_t scheme, tg_str_t host, tg_str_t prefix, tg_buf_t *out);

#endif
