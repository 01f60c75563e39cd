#include "cli/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Which samples go into which value; a sample may go into several. `label` is a part of the label set; "" : any. */
static const struct {
    tg_top_value_t value;
    const char *name, *label;
} sources[] = {
    {TG_TOP_REQUESTS, "tollgate_requests_total", ""},
    {TG_TOP_REQUESTS_REFUSED, "tollgate_requests_total", "result=\"refused\""},
    {TG_TOP_CHECKS, "tollgate_token_checks_total", ""},
    {TG_TOP_CHECKS_REFUSED, "tollgate_token_checks_total", "result=\"refused\""},
    {TG_TOP_CACHE_HITS, "tollgate_token_cache_total", "result=\"hit\""},
    {TG_TOP_CACHE_HITS, "tollgate_token_cache_total", "result=\"negative\""},
    {TG_TOP_CACHE_ALL, "tollgate_token_cache_total", ""},
    {TG_TOP_LOOKUPS, "tollgate_store_lookups_total", ""},
    {TG_TOP_ISSUED_OPAQUE, "tollgate_tokens_issued_total", "type=\"opaque\""},
    {TG_TOP_ISSUED_JWT, "tollgate_tokens_issued_total", "type=\"jwt\""},
    {TG_TOP_TOKENS_REFUSED, "tollgate_token_requests_refused_total", ""},
    {TG_TOP_LIMITED, "tollgate_limited_total", ""},
    {TG_TOP_BUSY, "tollgate_pool_tasks_total", "result=\"busy\""},
    {TG_TOP_BUSY, "tollgate_pool_tasks_total", "result=\"expired\""},
    {TG_TOP_BACKEND_FAILURES, "tollgate_backend_failures_total", ""},
    {TG_TOP_QUEUE_CRYPTO, "tollgate_pool_crypto_pending", ""},
    {TG_TOP_QUEUE_STORE, "tollgate_pool_store_pending", ""},
    {TG_TOP_QUEUE_COMMIT, "tollgate_commit_pending", ""},
    {TG_TOP_CONNECTIONS, "tollgate_connections_active", ""},
    {TG_TOP_CACHE_ENTRIES, "tollgate_token_cache_entries", ""},
    {TG_TOP_LIVE_CLIENTS, "tollgate_live_clients", ""},
};

static bool number_take(tg_str_t text, double *out) {
    char copy[64], *end;
    text = tg_str_trim(text);
    if (text.n == 0 || text.n >= sizeof(copy))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    *out = strtod(copy, &end);
    return end != copy && (*end == '\0' || *end == ' ') && isfinite(*out);
}

static bool contains(tg_str_t s, const char *part) {
    size_t n = strlen(part);
    return n == 0 || (s.n >= n && memmem(s.p, s.n, part, n) != NULL);
}

/* name{labels} number [time]; a brace in a label's value ends nothing, since names of ours hold none. */
static bool sample_take(tg_str_t line, tg_metrics_t *out) {
    size_t n = 0, labels_end;
    double value;
    while (n < line.n && line.p[n] != '{' && line.p[n] != ' ')
        n++;
    tg_str_t name = tg_strn(line.p, n), labels = TG_STR_NONE;
    labels_end = n;
    if (n < line.n && line.p[n] == '{') {
        while (labels_end < line.n && line.p[labels_end] != '}')
            labels_end++;
        labels = tg_strn(line.p + n, labels_end - n);
        labels_end += labels_end < line.n;
    }
    if (!number_take(tg_strn(line.p + labels_end, line.n - labels_end), &value))
        return false;
    bool known = false;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (tg_str_eq(name, tg_str(sources[i].name)) && contains(labels, sources[i].label)) {
            out->value[sources[i].value] += value;
            known = true;
        }
    return known;
}

tg_err_t tg_metrics_add(tg_str_t text, tg_metrics_t *out) {
    size_t found = 0;
    while (text.n) {
        tg_str_t line = tg_str_take(&text, '\n');
        if (line.n > 0 && line.p[0] != '#')
            found += sample_take(line, out);
    }
    return found > 0 ? TG_OK : TG_ERR_INVALID;
}

void tg_metrics_rate(const tg_metrics_t *before, const tg_metrics_t *after, double seconds, tg_metrics_t *out) {
    for (size_t i = 0; i < TG_TOP_COUNT; i++) {
        double from = before->value[i] <= after->value[i] ? before->value[i] : 0;
        out->value[i] = i >= TG_TOP_COUNTERS ? after->value[i] : seconds > 0 ? (after->value[i] - from) / seconds : 0;
    }
}
