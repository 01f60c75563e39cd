/*
 * What the kinds of providers share: time, steps, faults, and the gathering of an answer within its bounds. Internal to
 * the identity room.
 */
#ifndef TG_IDENTITY_PARTS_H
#define TG_IDENTITY_PARTS_H

#include "base/json.h"
#include "identity/identity.h"

#define TG_IDENTITY_TEXT_MAX 512 /* bytes of a full name, an address, and of the detail of a step */

/* ---- time: microseconds of a clock that never goes back ---- */

int64_t tg_identity_now(void);
/* When a question that comes now has to be answered. */
int64_t tg_identity_deadline(const tg_identity_t *h);
/* Milliseconds until then, rounded up, so that who waits so long waits long enough; 0: it has passed. */
int tg_identity_left_ms(int64_t deadline);

/* ---- what is told ---- */

/* Tells a step that began at `since` to who asks. Bytes of the detail that are no text of one line become '?'. */
void tg_identity_step(const tg_identity_t *h, const char *step, bool ok, int64_t since, const char *fmt, ...)
    TG_PRINTF(5, 6);
/* The step has failed; fills the handle's fault too, with "step: detail". */
#define tg_identity_fail(h, err, step, since, ...) (tg_identity_failed((h), (step), (since), __VA_ARGS__), (err))
void tg_identity_failed(tg_identity_t *h, const char *step, int64_t since, const char *fmt, ...) TG_PRINTF(4, 5);

/* ---- an answer ---- */

/* Grows in the arena while a provider's words are read. Each call: TG_OK, TG_ERR_NOMEM, or TG_ERR_LIMIT with the
 * handle's fault. */
typedef struct {
    tg_identity_t *handle;
    tg_arena_t *arena;
    tg_identity_answer_t *answer;
    size_t claim_bytes;
} tg_identity_gather_t;

/* Makes *answer empty. `rules` are the claims that there may be at most. */
tg_err_t tg_identity_gather(tg_identity_gather_t *g, tg_identity_t *h, tg_arena_t *a, size_t rules,
                            tg_identity_answer_t *answer) TG_MUST_CHECK;
/* A copy of s in *out; what is no text (NUL, invalid UTF-8, longer than `max`) is left out: "". */
tg_err_t tg_identity_text(tg_identity_gather_t *g, tg_str_t s, size_t max, tg_str_t *out) TG_MUST_CHECK;
/* The subject; as asked if it is no text. */
tg_err_t tg_identity_subject(tg_identity_gather_t *g, tg_str_t name, tg_str_t asked) TG_MUST_CHECK;
/* One more role; what is no role, or there already, is left out. */
tg_err_t tg_identity_role(tg_identity_gather_t *g, tg_str_t role) TG_MUST_CHECK;
/* One more claim: a string, or a list if there are several. Values that are no text are left out; none: no claim. */
tg_err_t tg_identity_claim_texts(tg_identity_gather_t *g, const tg_provider_claim_t *rule, const tg_str_t *values,
                                 size_t n) TG_MUST_CHECK;
/* One more claim from JSON: a scalar, or a list of them. null, objects and lists with either are left out. */
tg_err_t tg_identity_claim_json(tg_identity_gather_t *g, const tg_provider_claim_t *rule,
                                const json_t *value) TG_MUST_CHECK;

#endif
