/*
 * Counting requests against a limit: fixed and sliding windows (token-api.md: quotas, throttling, failures). Pure; the
 * state is two counters and a window number, so that it can lie in shared memory.
 *
 * FIXED: windows begin at multiples of the interval since 1970. SLIDING: what of the window before still counts is
 * weighted by how much of it lies within the last interval.
 *
 * A step back in time changes nothing, but one that is longer than an interval and a minute empties the meter: so it
 * does not stand still for good when the interval of its limit was changed.
 */
#ifndef TG_POLICY_METER_H
#define TG_POLICY_METER_H

#include "model/model.h"

typedef struct {
    uint64_t window; /* number of the current one */
    uint32_t count;  /* in it */
    uint32_t before; /* in the one before */
} tg_meter_t;

/* Moves the meter to `now` and tells what counts: at most UINT32_MAX. */
uint32_t tg_meter_read(tg_meter_t *m, const tg_limit_t *l, tg_ms_t now);
void tg_meter_add(tg_meter_t *m, const tg_limit_t *l, tg_ms_t now);
/* May one more come? `limit` is this node's share of l->limit. *retry_ms: if not, when one may at the earliest. */
bool tg_meter_check(tg_meter_t *m, const tg_limit_t *l, int64_t limit, tg_ms_t now, int64_t *retry_ms);

/* This node's share: limit / nodes rounded up, at least 1. */
int64_t tg_limit_share(int64_t limit, int64_t nodes);

#endif
