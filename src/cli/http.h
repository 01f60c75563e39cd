/* HTTP calls of the command, on libcurl. */
#ifndef TG_CLI_HTTP_H
#define TG_CLI_HTTP_H

#include "base/buf.h"

typedef struct {
    const char *method;
    const char *url;
    const char *bearer;  /* NULL: none */
    const char *basic;   /* "id:secret"; NULL: none */
    const char *form;    /* body, urlencoded; NULL: none */
    const char *json;    /* body; NULL: none */
    const char *ca_file; /* for https; NULL: the system's */
    long timeout_ms;
    bool insecure_http; /* plain http to another machine is allowed */
} tg_http_call_t;

/* *status is the answer's; its body is appended to *body, which has a bound. Redirects are not followed.
 * TG_ERR_INVALID: no http or https URL, one with a user in it, or plain http to another machine; TG_ERR_UNAVAILABLE: no
 * answer; *fault says why. */
tg_err_t tg_http_run(const tg_http_call_t *call, long *status, tg_buf_t *body, tg_fault_t *fault) TG_MUST_CHECK;

#endif
