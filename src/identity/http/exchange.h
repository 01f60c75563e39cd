/*
 * One request and its answer, by libcurl. The connection is kept for the next one. Internal to the API kind.
 */
#ifndef TG_IDENTITY_HTTP_EXCHANGE_H
#define TG_IDENTITY_HTTP_EXCHANGE_H

#include <curl/curl.h>

#include "identity/parts.h"

#define TG_EXCHANGE_PEMS 3

typedef struct {
    CURL *curl;
    int pems[TG_EXCHANGE_PEMS]; /* files in memory; -1: none */
    char error[CURL_ERROR_SIZE];
    /* of the last answer */
    long status;
    tg_buf_t body;
} tg_exchange_t;

typedef struct {
    const char *url;
    struct curl_slist *headers;
    tg_str_t body;
} tg_exchange_request_t;

/* Nothing of the network yet. INVALID: TLS material that cannot be used; *fault. */
tg_err_t tg_exchange_init(tg_exchange_t *e, const tg_identity_provider_t *p, tg_fault_t *fault) TG_MUST_CHECK;
void tg_exchange_release(tg_exchange_t *e);

/* Sends the request and takes the whole answer, within the provider's time-out; tells the steps. UNAVAILABLE, LIMIT,
 * NOMEM, with the handle's fault. */
tg_err_t tg_exchange_run(tg_exchange_t *e, tg_identity_t *h, const tg_exchange_request_t *r) TG_MUST_CHECK;

/* Once per process, before threads. */
tg_err_t tg_exchange_global_init(void) TG_MUST_CHECK;

#endif
