/*
 * CORS (Fetch 3.2): what an answer says of a cross-origin request. Pure; the glue sets the headers.
 */
#ifndef TG_POLICY_CORS_H
#define TG_POLICY_CORS_H

#include "base/buf.h"
#include "model/snapshot.h"

/* Is `origin` (the Origin header, byte for byte, lower case but for its scheme and host; at most 512 bytes) allowed? */
bool tg_cors_allows_origin(const tg_cors_t *c, tg_str_t origin);

/* A preflight asks for all of these together (Fetch 4.8): method by exact case; `headers` is the value of
 * Access-Control-Request-Headers, "" if absent: names without case, separated by commas; a syntax error is not allowed.
 * "*" among the headers does not cover Authorization (Fetch 3.2.4). */
bool tg_cors_allows_preflight(const tg_cors_t *c, tg_str_t origin, tg_str_t method, tg_str_t headers);

/* The answer's headers; "" : leave it out. allow_origin is "*" only without credentials and if every origin is allowed;
 * else the origin itself, and `vary` is true whenever the answer depends on it. Views borrow from the arguments, lists
 * are appended to `scratch`. */
typedef struct {
    tg_str_t allow_origin;
    tg_str_t allow_methods, allow_headers, max_age; /* preflight only */
    tg_str_t expose_headers;                        /* other answers only */
    bool allow_credentials;
    bool vary; /* Vary: Origin */
} tg_cors_answer_t;
void tg_cors_answer(const tg_cors_t *c, tg_str_t origin, bool preflight, tg_buf_t *scratch, tg_cors_answer_t *out);

/* Below /auth, where no client is known yet: the first application of policy mode with an active policy that allows it
 * all together; NULL: none. method "" : the origin alone. */
const tg_cors_t *tg_cors_find(const tg_snapshot_t *s, tg_str_t origin, tg_str_t method, tg_str_t headers);

#endif
