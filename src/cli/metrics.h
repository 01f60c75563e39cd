/* Prometheus text (exposition format 0.0.4) as far as rates need it, and what `top` shows of it. Pure. */
#ifndef TG_CLI_METRICS_H
#define TG_CLI_METRICS_H

#include "base/buf.h"

typedef enum {
    TG_TOP_REQUESTS,
    TG_TOP_REQUESTS_REFUSED,
    TG_TOP_CHECKS,
    TG_TOP_CHECKS_REFUSED,
    TG_TOP_CACHE_HITS,
    TG_TOP_CACHE_ALL,
    TG_TOP_LOOKUPS,
    TG_TOP_ISSUED_OPAQUE,
    TG_TOP_ISSUED_JWT,
    TG_TOP_TOKENS_REFUSED,
    TG_TOP_LIMITED,
    TG_TOP_BUSY,
    TG_TOP_BACKEND_FAILURES,
    TG_TOP_COUNTERS, /* those above are counters, those below are gauges */
    TG_TOP_QUEUE_CRYPTO = TG_TOP_COUNTERS,
    TG_TOP_QUEUE_STORE,
    TG_TOP_QUEUE_COMMIT,
    TG_TOP_CONNECTIONS,
    TG_TOP_CACHE_ENTRIES,
    TG_TOP_LIVE_CLIENTS,
    TG_TOP_COUNT
} tg_top_value_t;

typedef struct {
    double value[TG_TOP_COUNT];
} tg_metrics_t;

/* Adds a node's samples to *out. TG_ERR_INVALID: no metrics of a gateway. */
tg_err_t tg_metrics_add(tg_str_t text, tg_metrics_t *out) TG_MUST_CHECK;

/* Rates between two moments, and the gauges of the second. A counter that fell was started anew: its rate counts from
 * 0. */
void tg_metrics_rate(const tg_metrics_t *before, const tg_metrics_t *after, double seconds, tg_metrics_t *out);

#endif
