/*
 * The one interface to where users are kept. A handle is a connection with its provider, of one thread at a time,
 * opened lazily and again after a failure: a pool is as many handles as threads. Calls block, at most for the
 * provider's time-out; they are for threads that may wait. What a provider says is bounded (TG_IDENTITY_*_MAX); more is
 * TG_ERR_LIMIT.
 *
 * Errors: TG_ERR_UNAVAILABLE: it cannot be told (not reached, timed out, refused the service account, answered
 * nonsense); TG_ERR_LIMIT: it said too much; TG_ERR_INVALID: it can never work as it is configured; TG_ERR_NOMEM. The
 * first three say why in the handle's fault: for the log and the test call, without secrets and without the password.
 * For callers who only want to know whether, all four are "cannot be told": 503, never a yes.
 */
#ifndef TG_IDENTITY_IDENTITY_H
#define TG_IDENTITY_IDENTITY_H

#include "base/arena.h"
#include "model/identity_provider.h"

#define TG_IDENTITY_USERNAME_MAX 256 /* bytes; longer is nobody, without asking */
#define TG_IDENTITY_PASSWORD_MAX 4096
#define TG_IDENTITY_ROLES_MAX    256
#define TG_IDENTITY_VALUES_MAX   64         /* of one claim */
#define TG_IDENTITY_CLAIMS_MAX   (8 << 10)  /* bytes of all claims */
#define TG_IDENTITY_ANSWER_MAX   (64 << 10) /* bytes of an HTTP answer */

typedef struct tg_identity tg_identity_t;

typedef enum {
    TG_IDENTITY_OK = 1,
    TG_IDENTITY_NOBODY,   /* no such user, or several */
    TG_IDENTITY_PASSWORD, /* wrong, empty, or none that can be */
    TG_IDENTITY_DISABLED  /* the user, or the user's password has ended */
} tg_identity_verdict_t;

/* For logs: "nobody", "wrong_password", ... */
const char *tg_identity_verdict_name(tg_identity_verdict_t v);

typedef struct {
    tg_str_t username;  /* any bytes; NUL and invalid UTF-8 are nobody's */
    tg_str_t password;  /* an empty one is always refused, before anything is asked */
    tg_str_t client_id; /* {{clientId}}; "" : none */
    tg_str_t address;   /* {{address}}, text; "" : none */
} tg_identity_question_t;

typedef struct {
    tg_str_t claim;
    tg_str_t value; /* JSON text: a string, a number, a boolean, or a list of them */
    bool in_jwt;
    bool in_response;
} tg_identity_claim_t;

typedef struct {
    tg_identity_verdict_t verdict;
    /* with OK, in the arena: */
    tg_str_t subject; /* the name as the provider writes it; as asked where it has none */
    tg_str_t full_name, email;
    tg_str_t *roles; /* those that are roles (tg_role_check); others are left out */
    size_t n_roles;
    tg_identity_claim_t *claims;
    size_t n_claims;
    tg_str_t response; /* API with includeInTokenResponse: JSON text; else "" */
} tg_identity_answer_t;

/* What is told of each step ("resolve", "connect", "tls", "bind", "search", "groups", "query", "roles", "request",
 * "assertion", ...): for the test call. No secret is in it; `detail` is "" or one line. */
typedef void (*tg_identity_step_fn)(void *ctx, const char *step, bool ok, const char *detail, int64_t us);

/* Users, as many as there are, in no order; the answer lives until it returns. Not TG_OK: stops with that. */
typedef tg_err_t (*tg_identity_user_fn)(void *ctx, const tg_identity_answer_t *user);

typedef struct {
    void (*close)(tg_identity_t *);
    /* Is this the user's password? *answer is written with TG_OK. */
    tg_err_t (*check)(tg_identity_t *, const tg_identity_question_t *, tg_arena_t *, tg_identity_answer_t *answer);
    /* Is the user still there, and what is said of the user now; the password is not looked at. NULL: see
     * tg_identity_provider_looks_up. An API has it too, for services that are asked about a user who is known already
     * (jwt/regenerate): the same request with nothing for {{password}}. */
    tg_err_t (*look_up)(tg_identity_t *, const tg_identity_question_t *, tg_arena_t *, tg_identity_answer_t *answer);
    /* NULL: see tg_identity_provider_lists. Disabled users are told as such, with all that is known of them; a DATABASE
     * tells no roles. A name may come twice. The time-out is that of each request to the provider, not of the whole. */
    tg_err_t (*list)(tg_identity_t *, tg_identity_user_fn each, void *ctx);
} tg_identity_ops_t;

struct tg_identity {
    const tg_identity_ops_t *ops;
    const tg_identity_provider_t *provider; /* its secrets are clear; it outlives the handle */
    tg_identity_step_fn step;               /* NULL: nobody asks */
    void *step_ctx;
    tg_fault_t fault;
};

/* Once per process, before threads; what the libraries want. */
tg_err_t tg_identity_init(void) TG_MUST_CHECK;

/* Connects to nothing yet. The secrets of p must be clear (identity/provider_secrets.h). INVALID: *fault. Free with
 * (*out)->ops->close(*out). */
tg_err_t tg_identity_open(const tg_identity_provider_t *p, tg_identity_t **out, tg_fault_t *fault) TG_MUST_CHECK;

/* check and look_up with what holds for every provider: names and passwords that cannot be are decided here. */
tg_err_t tg_identity_check(tg_identity_t *, const tg_identity_question_t *, tg_arena_t *,
                           tg_identity_answer_t *) TG_MUST_CHECK;
tg_err_t tg_identity_look_up(tg_identity_t *, const tg_identity_question_t *, tg_arena_t *,
                             tg_identity_answer_t *) TG_MUST_CHECK;

#endif
