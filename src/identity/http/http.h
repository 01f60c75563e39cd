/*
 * Users whom an HTTP API knows, by libcurl: a request with the name and the password in it, and an assertion about the
 * answer (docs/identity-providers.md). No redirects, no proxy, http and https alone; what is longer than
 * TG_IDENTITY_ANSWER_MAX is TG_ERR_LIMIT; an answer that breaks off is UNAVAILABLE, as is a status of 5xx or 429 where
 * the assertion does not ask for it. Any other status, text or value that does not hold is a wrong password.
 *
 * look_up is the same request with nothing for {{password}}, and a refusal is NOBODY: it is for services that are asked
 * about a user who is known already (jwt/regenerate), and no way to find out whether a user is still there unless the
 * API is made for that; so tg_identity_provider_looks_up does not name APIs.
 */
#ifndef TG_IDENTITY_HTTP_HTTP_H
#define TG_IDENTITY_HTTP_HTTP_H

#include "identity/identity.h"

/* Once per process, before threads. */
tg_err_t tg_identity_http_init(void) TG_MUST_CHECK;
tg_err_t tg_identity_http_open(const tg_identity_provider_t *p, tg_identity_t **out, tg_fault_t *fault) TG_MUST_CHECK;

#endif
