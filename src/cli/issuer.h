/* A gateway as an OAuth2 client sees it: its metadata (RFC 8414) and its endpoints. */
#ifndef TG_CLI_ISSUER_H
#define TG_CLI_ISSUER_H

#include <jansson.h>

#include "base/str.h"
#include "cli/args.h"

typedef struct {
    const char *ca_file;
    bool insecure_http;
} tg_transport_t;

tg_transport_t tg_transport_of(const tg_args_t *a);

/* A JSON document by GET. Said. */
tg_err_t tg_issuer_fetch(const tg_transport_t *t, const char *url, json_t **out) TG_MUST_CHECK;
/* The metadata of an issuer, whose `issuer` is exactly this (RFC 8414 3.3): whoever answers elsewhere for another one
 * would be sent secrets. A URL without a path means its /auth. Said. */
tg_err_t tg_issuer_discover(const tg_transport_t *t, const char *url, json_t **metadata) TG_MUST_CHECK;
/* Whether a URL as people write it means this issuer. */
bool tg_issuer_is(const char *url, tg_str_t issuer);

#endif
