/*
 * What the requests to all endpoints of a client have in common: method, content type, parameters, client
 * authentication (RFC 6749 2.3.1, 3.2). Internal to the oauth room.
 */
#ifndef TG_OAUTH_CLIENT_REQUEST_H
#define TG_OAUTH_CLIENT_REQUEST_H

#include "oauth/token_request.h"

/* Fills in client_id, client_secret and form, by the rules of tg_token_request_parse and in their order. `secret` is
 * one more parameter that must not stand in the query; "" : none. */
tg_oauth_error_t tg_client_request_parse(const tg_oauth_input_t *in, tg_str_t secret, tg_arena_t *a,
                                         tg_token_request_t *out, const char **why);
/* The same for a GET, whose parameters are the query's (token-api.md allowUrlParameters): TG_OAUTH_METHOD if it names
 * no client at all. A body, and what must stand in one, is invalid_request. */
tg_oauth_error_t tg_client_request_parse_url(const tg_oauth_input_t *in, tg_arena_t *a, tg_token_request_t *out,
                                             const char **why);
/* RFC 6749 3.2: parameters sent without a value are as if omitted; "" if it is not there. */
tg_str_t tg_parameter_find(const tg_form_t *f, tg_str_t name);

#endif
