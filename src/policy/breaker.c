#include "policy/breaker.h"

static bool has_opened(const tg_breaker_t *b, const tg_breaker_rule_t *rule) {
    return rule->failures > 0 && b->failures >= rule->failures;
}

/* A probe that never came back is a failure of the moment at which it was due. */
static bool probe_is_lost(const tg_breaker_t *b, const tg_breaker_rule_t *rule, uint64_t now) {
    return b->probe_at != 0 && now - b->probe_at >= rule->probe_ms;
}

/* When the time it is open for began. */
static uint64_t opened_at(const tg_breaker_t *b, const tg_breaker_rule_t *rule, uint64_t now) {
    return probe_is_lost(b, rule, now) ? b->probe_at + rule->probe_ms : b->opened_at;
}

tg_breaker_state_t tg_breaker_state(const tg_breaker_t *b, const tg_breaker_rule_t *rule, uint64_t now) {
    if (!has_opened(b, rule)) {
        return TG_BREAKER_CLOSED;
    }
    if (b->probe_at != 0 && !probe_is_lost(b, rule, now)) {
        return TG_BREAKER_HALF_OPEN;
    }
    return now - opened_at(b, rule, now) < rule->open_ms ? TG_BREAKER_OPEN : TG_BREAKER_HALF_OPEN;
}

bool tg_breaker_ask(tg_breaker_t *b, const tg_breaker_rule_t *rule, uint64_t now) {
    if (!has_opened(b, rule)) {
        return true;
    }
    if (tg_breaker_wait(b, rule, now) > 0) {
        return false;
    }
    b->opened_at = opened_at(b, rule, now);
    b->probe_at = now;
    return true;
}

void tg_breaker_told(tg_breaker_t *b, const tg_breaker_rule_t *rule, bool ok, uint64_t now) {
    if (ok) {
        *b = (tg_breaker_t){0};
        return;
    }
    bool was_open = has_opened(b, rule);
    bool was_probe = b->probe_at != 0;
    if (b->failures < INT64_MAX) {
        b->failures++;
    }
    /* What was asked before it opened fails later: that does not open it for longer. */
    if (!was_open || was_probe) {
        b->opened_at = now;
        b->probe_at = 0;
    }
}

uint64_t tg_breaker_wait(const tg_breaker_t *b, const tg_breaker_rule_t *rule, uint64_t now) {
    if (!has_opened(b, rule)) {
        return 0;
    }
    if (b->probe_at != 0 && !probe_is_lost(b, rule, now)) {
        return b->probe_at + rule->probe_ms - now;
    }
    uint64_t end = opened_at(b, rule, now) + rule->open_ms;
    return end > now ? end - now : 0;
}
