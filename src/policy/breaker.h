/*
 * A circuit breaker: after so many failures in a row nothing is asked for a while, then one probe decides. Pure; one
 * for each thing that can fail, kept by who asks it. Zeroed: closed.
 */
#ifndef TG_POLICY_BREAKER_H
#define TG_POLICY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t failures;   /* in a row */
    uint64_t opened_at; /* monotonic ms */
    uint64_t probe_at;  /* when the probe under way was let through; 0: none */
} tg_breaker_t;

typedef struct {
    int64_t failures; /* that open it; 0: it never opens */
    uint64_t open_ms;
    uint64_t probe_ms; /* after which a probe that never came back counts as failed */
} tg_breaker_rule_t;

typedef enum { TG_BREAKER_CLOSED = 0, TG_BREAKER_OPEN, TG_BREAKER_HALF_OPEN } tg_breaker_state_t;

tg_breaker_state_t tg_breaker_state(const tg_breaker_t *b, const tg_breaker_rule_t *rule, uint64_t now);
/* Whether it may be asked now; of a half-open one the first caller alone, who is the probe. */
bool tg_breaker_ask(tg_breaker_t *b, const tg_breaker_rule_t *rule, uint64_t now);
/* What came of it. */
void tg_breaker_told(tg_breaker_t *b, const tg_breaker_rule_t *rule, bool ok, uint64_t now);
/* Milliseconds until it may be asked again, for Retry-After; 0: now. */
uint64_t tg_breaker_wait(const tg_breaker_t *b, const tg_breaker_rule_t *rule, uint64_t now);

#endif
