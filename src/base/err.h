/*
 * Errors and verdicts, shared by every room.
 *
 * tg_err_t: 0 is success; each negative kind says what a caller can do about it. A result may not be ignored
 * (TG_MUST_CHECK). The text for people is filled once, where the error arises, into a tg_fault_t that the caller
 * owns; pure rooms never log.
 */
#ifndef TG_BASE_ERR_H
#define TG_BASE_ERR_H

#include <stddef.h>

#define TG_MUST_CHECK        __attribute__((warn_unused_result))
#define TG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

typedef enum {
    TG_OK = 0,
    TG_ERR_INVALID = -1,     /* the input is wrong: tell the sender, do not retry */
    TG_ERR_NOTFOUND = -2,    /* no such thing */
    TG_ERR_CONFLICT = -3,    /* it exists already, or changed meanwhile */
    TG_ERR_LIMIT = -4,       /* a bound was reached: size, count, depth, capacity */
    TG_ERR_AGAIN = -5,       /* not now; the same call may succeed later */
    TG_ERR_NOMEM = -6,       /* memory ran out; nothing was changed */
    TG_ERR_UNAVAILABLE = -7, /* a store or a provider cannot be reached, or refuses to write */
    TG_ERR_BUG = -8          /* a broken promise between our own parts */
} tg_err_t;

/* A refusal is not an error; zeroed memory denies. */
typedef enum { TG_DENY = 0, TG_ALLOW = 1 } tg_verdict_t;

/* What went wrong, for people. `field` names the offending field or parameter ("" if none), as the sender spelt
 * its path (policy.tokenExpiresInUnit). Never holds a secret or a token. */
typedef struct {
    char field[96];
    char text[256];
} tg_fault_t;

/* Fills *fault (NULL is allowed) and gives back `err`, so that an origin reads
 * `return tg_fault(fault, TG_ERR_INVALID, "name", "must not be empty");`. The first fill wins. A macro, so that
 * compilers and analysers see at the place of the failure which code is returned. */
#define tg_fault(fault, err, field, ...) (tg_fault_fill((fault), (field), __VA_ARGS__), tg_err_same(err))

void tg_fault_fill(tg_fault_t *fault, const char *field, const char *fmt, ...) TG_PRINTF(3, 4);
static inline tg_err_t tg_err_same(tg_err_t err) {
    return err;
}

/* "invalid", "notfound", ...; never NULL. */
const char *tg_err_name(tg_err_t err);

#endif
