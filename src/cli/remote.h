/* The management API as a client sees it: where it is, with which token, calls and what went wrong in them. */
#ifndef TG_CLI_REMOTE_H
#define TG_CLI_REMOTE_H

#include "base/json.h"
#include "cli/args.h"
#include "cli/saved_login.h"

typedef struct {
    char url[1024]; /* up to /apiops, without a slash at its end */
    char name[256]; /* of the session; "" : the token is from elsewhere */
    char token[TG_TOKEN_MAX];
    const char *ca_file;
    bool insecure_http;
} tg_remote_t;

/* The manager's URL from --url, TOLLGATE_URL, the session, else this machine's; nothing else of *out. Said. */
tg_err_t tg_remote_address(const tg_args_t *a, tg_remote_t *out) TG_MUST_CHECK;
/* The same with a token: --token-file, TOLLGATE_TOKEN, else the session's if it is of this URL. Said. */
tg_err_t tg_remote_init(const tg_args_t *a, tg_remote_t *out) TG_MUST_CHECK;
/* As the session says, whatever the environment names. */
tg_err_t tg_remote_of(const tg_args_t *a, const tg_saved_login_t *s, tg_remote_t *out) TG_MUST_CHECK;
void tg_remote_release(tg_remote_t *c); /* wipes */

/* A call below /apiops. *answer is a new reference (an object), or NULL. Anything but 2xx is said and is
 * TG_ERR_NOTFOUND (404), TG_ERR_CONFLICT (409), TG_ERR_AGAIN (401), TG_ERR_UNAVAILABLE (no answer), else
 * TG_ERR_INVALID. */
tg_err_t tg_remote_call(const tg_remote_t *c, const char *method, const char *path, const json_t *body,
                        json_t **answer) TG_MUST_CHECK;
/* The same; a refusal is not said. *message (NULL is fine) gets what the server says. */
tg_err_t tg_remote_try(const tg_remote_t *c, const char *method, const char *path, const json_t *body, json_t **answer,
                       tg_fault_t *message) TG_MUST_CHECK;
/* All rows of a list, page after page; `query` is NULL or "name=value&..."; at most `limit` (0: all). */
tg_err_t tg_remote_list(const tg_remote_t *c, const char *path, const char *query, int64_t limit,
                        json_t **rows) TG_MUST_CHECK;

#endif
