
/* Counters of identity providers, in shared memory: a place for each. */


#include <stdlib.h>

#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_METER_FREE     0
#define NGX_HTTP_TOLLGATE_METER_WRITING  1
#define NGX_HTTP_TOLLGATE_METER_THERE    2


static const char  *ngx_http_tollgate_told_names[] = {
    "ok",
    "cached",
    "nobody",
    "wrong_password",
    "disabled",
    "unavailable",
    "timed_out",
    "queue_full",
    "circuit_open"
};


const char *
ngx_http_tollgate_told_name(ngx_http_tollgate_told_e result)
{
    return result < NGX_HTTP_TOLLGATE_TOLD_N
           ? ngx_http_tollgate_told_names[result] : "?";
}


static void
ngx_http_tollgate_name_copy(char to[TG_NAME_MAX + 1], tg_str_t from)
{
    size_t  n;

    n = ngx_min(from.n, TG_NAME_MAX);

    if (n) {
        ngx_memcpy(to, from.p, n);
    }

    to[n] = '\0';
}


/* What one that died while it wrote has left stays out of use. */

ngx_http_tollgate_provider_meter_t *
ngx_http_tollgate_provider_meter(const tg_snapshot_provider_t *p)
{
    uint64_t                             state;
    ngx_uint_t                           i;
    ngx_http_tollgate_provider_meter_t  *m;

    m = ngx_http_tollgate_zone->providers;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PROVIDER_METERS - 1; i++, m++) {
        state = NGX_HTTP_TOLLGATE_METER_FREE;

        if (__atomic_compare_exchange_n(&m->state, &state,
                                        NGX_HTTP_TOLLGATE_METER_WRITING, 0,
                                        __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
        {
            m->id = p->id;
            ngx_http_tollgate_name_copy(m->project, p->provider.project);
            ngx_http_tollgate_name_copy(m->name, p->provider.name);
            __atomic_store_n(&m->state, NGX_HTTP_TOLLGATE_METER_THERE,
                             __ATOMIC_RELEASE);
            return m;
        }

        if (state == NGX_HTTP_TOLLGATE_METER_THERE && m->id == p->id) {
            return m;
        }
    }

    /* all that find no place are one, without a name */

    __atomic_store_n(&m->state, NGX_HTTP_TOLLGATE_METER_THERE,
                     __ATOMIC_RELEASE);

    return m;
}


/* Label values: what has to be escaped is (names have none of it). */

static void
ngx_http_tollgate_provider_label(tg_buf_t *out, const char *name,
    const char *value)
{
    tg_buf_putf(out, "%s=\"", name);

    for ( /* void */ ; *value; value++) {

        if (*value == '"' || *value == '\\') {
            tg_buf_putc(out, '\\');
        }

        tg_buf_putc(out, *value == '\n' ? ' ' : *value);
    }

    tg_buf_putc(out, '"');
}


void
ngx_http_tollgate_provider_line(tg_buf_t *out, const char *metric,
    const ngx_http_tollgate_provider_meter_t *m, const char *result,
    double value)
{
    tg_buf_putf(out, "%s{", metric);
    ngx_http_tollgate_provider_label(out, "project", m->project);
    tg_buf_putc(out, ',');
    ngx_http_tollgate_provider_label(out, "provider", m->name);

    if (result) {
        tg_buf_putc(out, ',');
        ngx_http_tollgate_provider_label(out, "result", result);
    }

    tg_buf_putf(out, "} %.15g\n", value);
}


void
ngx_http_tollgate_provider_head(tg_buf_t *out, const char *metric,
    const char *type, const char *help)
{
    tg_buf_putf(out, "# HELP %s %s.\n# TYPE %s %s\n", metric, help, metric,
                type);
}


/* Two workers that met a provider at once have counted it in two places. */

static ngx_uint_t
ngx_http_tollgate_provider_meters_get(ngx_http_tollgate_provider_meter_t *to)
{
    ngx_uint_t                           i, k, r, n;
    ngx_http_tollgate_provider_meter_t  *m;

    n = 0;

    for (i = 0; i < NGX_HTTP_TOLLGATE_PROVIDER_METERS; i++) {
        m = &ngx_http_tollgate_zone->providers[i];

        if (__atomic_load_n(&m->state, __ATOMIC_ACQUIRE)
            != NGX_HTTP_TOLLGATE_METER_THERE)
        {
            continue;
        }

        for (k = 0; k < n && to[k].id != m->id; k++) { /* void */ }

        if (k == n) {
            ngx_memzero(&to[k], sizeof(ngx_http_tollgate_provider_meter_t));
            to[k].id = m->id;
            ngx_memcpy(to[k].project, m->project, sizeof(m->project));
            ngx_memcpy(to[k].name, m->name, sizeof(m->name));
            n++;
        }

        for (r = 0; r < NGX_HTTP_TOLLGATE_TOLD_N; r++) {
            to[k].results[r] += __atomic_load_n(&m->results[r],
                                                __ATOMIC_RELAXED);
        }

        to[k].checks += __atomic_load_n(&m->checks, __ATOMIC_RELAXED);
        to[k].duration += __atomic_load_n(&m->duration, __ATOMIC_RELAXED);
    }

    return n;
}


void
ngx_http_tollgate_provider_counters_write(tg_buf_t *out)
{
    ngx_uint_t                           i, r, n;
    ngx_http_tollgate_provider_meter_t  *meters;

    meters = calloc(NGX_HTTP_TOLLGATE_PROVIDER_METERS,
                    sizeof(ngx_http_tollgate_provider_meter_t));
    if (meters == NULL) {
        return;
    }

    n = ngx_http_tollgate_provider_meters_get(meters);

    ngx_http_tollgate_provider_head(out, "tollgate_identity_checks_total",
                   "counter", "Users asked of identity providers by result");

    for (i = 0; i < n; i++) {
        for (r = 0; r < NGX_HTTP_TOLLGATE_TOLD_N; r++) {
            ngx_http_tollgate_provider_line(out,
                          "tollgate_identity_checks_total", &meters[i],
                          ngx_http_tollgate_told_names[r],
                          (double) meters[i].results[r]);
        }
    }

    ngx_http_tollgate_provider_head(out,
                   "tollgate_identity_check_duration_seconds", "summary",
                   "Time that identity providers took to answer");

    for (i = 0; i < n; i++) {
        ngx_http_tollgate_provider_line(out,
                   "tollgate_identity_check_duration_seconds_sum", &meters[i],
                   NULL, (double) meters[i].duration / 1000000);
        ngx_http_tollgate_provider_line(out,
                   "tollgate_identity_check_duration_seconds_count",
                   &meters[i], NULL, (double) meters[i].checks);
    }

    free(meters);
}
