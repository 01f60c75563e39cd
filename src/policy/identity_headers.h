/*
 * Which request headers carry identity to a backend, and so are never the client's own (token-api.md "Using a token at
 * a proxied API").
 */
#ifndef TG_POLICY_IDENTITY_HEADERS_H
#define TG_POLICY_IDENTITY_HEADERS_H

#include "model/snapshot.h"

/* True if a client's header of this name must not reach the backend of p: the default names X-Authenticated-UserId and
 * X-Authenticated-UserRoles always, the names of p's policy, any X-Authenticated-* ; compared without case and with
 * '_', '-' and all other signs alike. */
bool tg_identity_header_is(const tg_deployed_proxy_t *p, tg_str_t name);

#endif
