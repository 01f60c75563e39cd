#include "policy/meter.h"

#define CLOCK_STEP_MAX (60 * TG_SECOND_MS)

__extension__ typedef unsigned __int128 wide_t; /* a count times an interval */

static uint64_t interval_of(const tg_limit_t *l) {
    return l->interval_ms > 0 ? (uint64_t)l->interval_ms : 1;
}

static void meter_move(tg_meter_t *m, uint64_t interval, tg_ms_t now) {
    uint64_t window = now > 0 ? (uint64_t)now / interval : 0;
    if (window < m->window && m->window - window <= (uint64_t)CLOCK_STEP_MAX / interval + 1) {
        return;
    }
    if (window != m->window) {
        m->before = window - m->window == 1 ? m->count : 0;
        m->count = 0;
        m->window = window;
    }
}

/* Milliseconds of the current window that have gone by. */
static uint64_t elapsed(const tg_meter_t *m, uint64_t interval, tg_ms_t now) {
    uint64_t start = m->window * interval;
    return now > 0 && (uint64_t)now > start ? (uint64_t)now - start : 0;
}

uint32_t tg_meter_read(tg_meter_t *m, const tg_limit_t *l, tg_ms_t now) {
    uint64_t interval = interval_of(l);
    meter_move(m, interval, now);
    uint64_t counts = m->count;
    if (l->sliding) {
        counts += (uint64_t)((wide_t)m->before * (interval - elapsed(m, interval, now)) / interval);
    }
    return counts < UINT32_MAX ? (uint32_t)counts : UINT32_MAX;
}

void tg_meter_add(tg_meter_t *m, const tg_limit_t *l, tg_ms_t now) {
    meter_move(m, interval_of(l), now);
    if (m->count < UINT32_MAX) {
        m->count++;
    }
}

/* When in a window, counted from its start, at most `room` of the `before` in the one before it still count: at the
 * earliest moment at which before * (interval - t) / interval is below room + 1. Past its end: never in it. */
static uint64_t room_at(uint32_t before, int64_t room, uint64_t interval) {
    if (room < 0) {
        return interval;
    }
    wide_t rest = before > 0 ? (((wide_t)room + 1) * interval - 1) / before : interval;
    return rest < interval ? interval - (uint64_t)rest : 0;
}

/* From the start of the current window; without others that come in between. */
static uint64_t next_at(const tg_meter_t *m, const tg_limit_t *l, int64_t limit, uint64_t interval) {
    if (!l->sliding) {
        return interval;
    }
    uint64_t at = room_at(m->before, limit - 1 - (int64_t)m->count, interval);
    return at < interval ? at : interval + room_at(m->count, limit - 1, interval);
}

bool tg_meter_check(tg_meter_t *m, const tg_limit_t *l, int64_t limit, tg_ms_t now, int64_t *retry_ms) {
    *retry_ms = 0;
    if (l->limit <= 0 || tg_meter_read(m, l, now) < limit) {
        return true;
    }
    uint64_t interval = interval_of(l);
    *retry_ms = (int64_t)(m->window * interval + next_at(m, l, limit, interval)) - (now > 0 ? now : 0);
    return false;
}

int64_t tg_limit_share(int64_t limit, int64_t nodes) {
    if (nodes < 1) {
        nodes = 1;
    }
    int64_t share = limit / nodes + (limit % nodes > 0);
    return share > 1 ? share : 1;
}
