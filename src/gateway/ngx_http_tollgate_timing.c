
/* How long calls and requests took, and what came of them: counters by number. */


#include "ngx_http_tollgate_state.h"


static const struct {
    uint64_t     us;
    const char  *seconds;
} ngx_http_tollgate_time_bounds[NGX_HTTP_TOLLGATE_TIME_BOUNDS] = {
    { 1000, "0.001" }, { 5000, "0.005" }, { 25000, "0.025" },
    { 100000, "0.1" }, { 500000, "0.5" }, { 2500000, "2.5" }
};


static const char  *ngx_http_tollgate_call_names[NGX_HTTP_TOLLGATE_CALLS] = {
    [NGX_HTTP_TOLLGATE_CALL_RECORD] = "record",
    [NGX_HTTP_TOLLGATE_CALL_CLIENT] = "client",
    [NGX_HTTP_TOLLGATE_CALL_DETAILS] = "details",
    [NGX_HTTP_TOLLGATE_CALL_ACCESS] = "access",
    [NGX_HTTP_TOLLGATE_CALL_WRITE] = "write",
    [NGX_HTTP_TOLLGATE_CALL_EPOCH] = "epoch",
    [NGX_HTTP_TOLLGATE_CALL_FEED] = "feed",
    [NGX_HTTP_TOLLGATE_CALL_TOKEN_FEED] = "token_feed",
    [NGX_HTTP_TOLLGATE_CALL_REVOCATIONS] = "revocations",
    [NGX_HTTP_TOLLGATE_CALL_SNAPSHOT] = "snapshot",
    [NGX_HTTP_TOLLGATE_CALL_NODE] = "node",
    [NGX_HTTP_TOLLGATE_CALL_REQUEST_LOG] = "request_log",
    [NGX_HTTP_TOLLGATE_CALL_TIDY] = "tidy"
};


/* as NGX_HTTP_TOLLGATE_EP_... */
static const char  *ngx_http_tollgate_endpoint_names[
                                        NGX_HTTP_TOLLGATE_TIMED_ENDPOINTS] = {
    "token", "jwt", "introspect", "revoke", "regenerate"
};


static void
ngx_http_tollgate_time_note(ngx_uint_t at, uint64_t us, ngx_uint_t failed)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_TOLLGATE_TIME_BOUNDS; i++) {
        if (us <= ngx_http_tollgate_time_bounds[i].us) {
            break;
        }
    }

    ngx_http_tollgate_count_at(at + i, 1);
    ngx_http_tollgate_count_at(at + NGX_HTTP_TOLLGATE_TIME_BOUNDS + 1, us);

    if (failed) {
        ngx_http_tollgate_count_at(at + NGX_HTTP_TOLLGATE_TIME_BOUNDS + 2, 1);
    }
}


/* What the store does not have is an answer. */

tg_err_t
ngx_http_tollgate_call_note(ngx_http_tollgate_call_e call, uint64_t began,
    tg_err_t err)
{
    ngx_http_tollgate_time_note(NGX_HTTP_TOLLGATE_C_CALLS
                                + call * NGX_HTTP_TOLLGATE_TIME_WORDS,
                                (ngx_http_tollgate_monotonic_ns() - began)
                                / 1000,
                                err != TG_OK && err != TG_ERR_NOTFOUND);

    return err;
}


void
ngx_http_tollgate_endpoint_note(ngx_uint_t endpoint, tg_oauth_error_t error,
    int64_t us)
{
    ngx_http_tollgate_time_note(NGX_HTTP_TOLLGATE_C_ENDPOINTS
                                + endpoint * NGX_HTTP_TOLLGATE_TIME_WORDS,
                                (uint64_t) us, 0);

    ngx_http_tollgate_count_at(NGX_HTTP_TOLLGATE_C_RESULTS
                               + endpoint * NGX_HTTP_TOLLGATE_TIMED_RESULTS
                               + error, 1);
}


static void
ngx_http_tollgate_time_write(tg_buf_t *out, const char *name,
    const char *label, const char *value, const uint64_t *words)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i <= NGX_HTTP_TOLLGATE_TIME_BOUNDS; i++) {
        n += words[i];

        tg_buf_putf(out, "%s_bucket{%s=\"%s\",le=\"%s\"} %llu\n", name, label,
                    value,
                    i < NGX_HTTP_TOLLGATE_TIME_BOUNDS
                        ? ngx_http_tollgate_time_bounds[i].seconds : "+Inf",
                    (unsigned long long) n);
    }

    tg_buf_putf(out, "%s_sum{%s=\"%s\"} %.6f\n%s_count{%s=\"%s\"} %llu\n",
                name, label, value,
                (double) words[NGX_HTTP_TOLLGATE_TIME_BOUNDS + 1] / 1e6,
                name, label, value, (unsigned long long) n);
}


static void
ngx_http_tollgate_calls_write(const uint64_t *sums, tg_buf_t *out)
{
    ngx_uint_t       i;
    const uint64_t  *words;

    tg_buf_put(out, TG_STR(
        "# HELP tollgate_store_call_seconds Time that calls of the store took.\n"
        "# TYPE tollgate_store_call_seconds histogram\n"));

    for (i = 0; i < NGX_HTTP_TOLLGATE_CALLS; i++) {
        words = sums + NGX_HTTP_TOLLGATE_C_CALLS
                + i * NGX_HTTP_TOLLGATE_TIME_WORDS;

        ngx_http_tollgate_time_write(out, "tollgate_store_call_seconds",
                                     "call", ngx_http_tollgate_call_names[i],
                                     words);
    }

    tg_buf_put(out, TG_STR(
        "# HELP tollgate_store_call_errors_total Calls of the store that "
        "failed.\n"
        "# TYPE tollgate_store_call_errors_total counter\n"));

    for (i = 0; i < NGX_HTTP_TOLLGATE_CALLS; i++) {
        words = sums + NGX_HTTP_TOLLGATE_C_CALLS
                + i * NGX_HTTP_TOLLGATE_TIME_WORDS;

        tg_buf_putf(out, "tollgate_store_call_errors_total{call=\"%s\"} %llu\n",
                    ngx_http_tollgate_call_names[i],
                    (unsigned long long)
                        words[NGX_HTTP_TOLLGATE_TIME_BOUNDS + 2]);
    }
}


/* The error names of token endpoints, 413 and 405 by their own. */

static const char *
ngx_http_tollgate_result_name(ngx_uint_t error)
{
    switch (error) {

    case TG_OAUTH_OK:
        return "ok";

    case TG_OAUTH_TOO_LARGE:
        return "too_large";

    case TG_OAUTH_METHOD:
        return "method";

    default:
        return tg_oauth_error_name((tg_oauth_error_t) error);
    }
}


static void
ngx_http_tollgate_endpoints_write(const uint64_t *sums, tg_buf_t *out)
{
    ngx_uint_t  i, n;

    tg_buf_put(out, TG_STR(
        "# HELP tollgate_token_request_seconds Time to the answer of token "
        "requests.\n"
        "# TYPE tollgate_token_request_seconds histogram\n"));

    for (i = 0; i < NGX_HTTP_TOLLGATE_TIMED_ENDPOINTS; i++) {
        ngx_http_tollgate_time_write(out, "tollgate_token_request_seconds",
            "endpoint", ngx_http_tollgate_endpoint_names[i],
            sums + NGX_HTTP_TOLLGATE_C_ENDPOINTS
            + i * NGX_HTTP_TOLLGATE_TIME_WORDS);
    }

    tg_buf_put(out, TG_STR(
        "# HELP tollgate_token_requests_total Token requests that were "
        "answered.\n"
        "# TYPE tollgate_token_requests_total counter\n"));

    for (i = 0; i < NGX_HTTP_TOLLGATE_TIMED_ENDPOINTS; i++) {
        for (n = 0; n < NGX_HTTP_TOLLGATE_TIMED_RESULTS; n++) {
            tg_buf_putf(out, "tollgate_token_requests_total{endpoint=\"%s\","
                        "result=\"%s\"} %llu\n",
                        ngx_http_tollgate_endpoint_names[i],
                        ngx_http_tollgate_result_name(n),
                        (unsigned long long) sums[NGX_HTTP_TOLLGATE_C_RESULTS
                            + i * NGX_HTTP_TOLLGATE_TIMED_RESULTS + n]);
        }
    }
}


void
ngx_http_tollgate_timings_write(const uint64_t *sums, tg_buf_t *out)
{
    ngx_uint_t  i;

    ngx_http_tollgate_calls_write(sums, out);
    ngx_http_tollgate_endpoints_write(sums, out);

    tg_buf_put(out, TG_STR(
        "# HELP tollgate_tokens_refused_total Tokens that proxied APIs "
        "refused.\n"
        "# TYPE tollgate_tokens_refused_total counter\n"));

    for (i = TG_TOKEN_OK + 1; i <= TG_TOKEN_UNAVAILABLE; i++) {
        tg_buf_putf(out, "tollgate_tokens_refused_total{reason=\"%s\"} %llu\n",
                    tg_token_verdict_name((tg_token_verdict_t) i),
                    (unsigned long long)
                        sums[NGX_HTTP_TOLLGATE_C_VERDICTS + i]);
    }
}
