
/*
 * A request to a token endpoint as a row of the token request log.  In the log
 * phase, so that what nginx refuses by itself is there too.
 */


#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_ROW_TEXT  256


/* A row has copies of nothing: its strings are of the request, or these. */
typedef struct {
    tg_request_row_t             row;
    char                         client_id[NGX_HTTP_TOLLGATE_ROW_TEXT];
    char                         user[NGX_HTTP_TOLLGATE_ROW_TEXT];
    char                         address[NGX_INET6_ADDRSTRLEN + 1];
} ngx_http_tollgate_row_t;


static void ngx_http_tollgate_row_request(ngx_http_request_t *r,
    tg_request_row_t *row);
static void ngx_http_tollgate_row_token(const ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_row_t *made);
static tg_str_t ngx_http_tollgate_row_grant(tg_grant_t grant);
static tg_str_t ngx_http_tollgate_row_text(tg_str_t s,
    char mem[NGX_HTTP_TOLLGATE_ROW_TEXT]);


ngx_int_t
ngx_http_tollgate_request_row_handler(ngx_http_request_t *r)
{
    ngx_http_tollgate_row_t       made;
    ngx_http_tollgate_ctx_t      *ctx;
    ngx_http_tollgate_snapshot_t *s;
    ngx_http_tollgate_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_tollgate_module);

    if (lcf == NULL || !lcf->token || r->method == NGX_HTTP_OPTIONS) {
        return NGX_OK;
    }

    ngx_memzero(&made.row, sizeof(tg_request_row_t));

    made.row.endpoint = ngx_http_tollgate_token_path(r);

    if (made.row.endpoint.n == 0) {
        return NGX_OK;
    }

    s = ngx_http_tollgate_snapshot_current();

    if (s && !s->snapshot.environment.request_log) {
        return NGX_OK;
    }

    ngx_http_tollgate_row_request(r, &made.row);

    ctx = ngx_http_get_module_ctx(r, ngx_http_tollgate_module);

    if (ctx && ctx->endpoint) {
        ngx_http_tollgate_row_token(ctx->endpoint, &made);
    }

    ngx_http_tollgate_request_log(&made.row);

    return NGX_OK;
}


/* What is known of any request, also of one that was not read. */

static void
ngx_http_tollgate_row_request(ngx_http_request_t *r, tg_request_row_t *row)
{
    tg_oauth_error_t  error;

    row->at = (tg_ms_t) r->start_sec * 1000 + r->start_msec;
    row->duration_us = (ngx_http_tollgate_now_ms() - row->at) * 1000;
    row->status = (int32_t) (r->err_status ? r->err_status
                                           : r->headers_out.status);

    switch (row->status) {

    case NGX_HTTP_BAD_REQUEST:
        error = TG_OAUTH_INVALID_REQUEST;
        break;

    case NGX_HTTP_NOT_ALLOWED:
        error = TG_OAUTH_METHOD;
        break;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        error = TG_OAUTH_TOO_LARGE;
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        error = TG_OAUTH_SERVER_ERROR;
        break;

    default:
        return;
    }

    row->error = tg_str(tg_oauth_error_name(error));
}


static void
ngx_http_tollgate_row_token(const ngx_http_tollgate_token_t *t,
    ngx_http_tollgate_row_t *made)
{
    tg_buf_t           address;
    tg_request_row_t  *row;

    row = &made->row;

    row->client_id = ngx_http_tollgate_row_text(t->asked.client_id,
                                                made->client_id);
    row->grant = ngx_http_tollgate_row_grant(t->asked.grant);

    if (t->asked.grant == TG_GRANT_PASSWORD) {
        row->user = ngx_http_tollgate_row_text(t->asked.username, made->user);
    }

    tg_buf_init_fixed(&address, made->address, sizeof(made->address));
    tg_address_write(t->address, &address);
    row->address = tg_buf_str(&address);

    row->project_id = t->client.live.project_id;

    if (t->application) {
        row->proxy = t->application->name;
    }

    if (t->duration) {
        row->duration_us = t->duration;
    }

    if (t->error != TG_OAUTH_OK) {
        row->error = tg_str(tg_oauth_error_name(t->error));
        row->reason = t->ctx->verdict;
    }
}


static tg_str_t
ngx_http_tollgate_row_grant(tg_grant_t grant)
{
    switch (grant) {

    case TG_GRANT_CLIENT_CREDENTIALS:
        return TG_STR("client_credentials");

    case TG_GRANT_PASSWORD:
        return TG_STR("password");

    case TG_GRANT_REFRESH:
        return TG_STR("refresh_token");

    default:
        return TG_STR_NONE;
    }
}


/*
 * As asked, but no longer than a name can be, and what is no visible character
 * escaped: who reads the log sees what was sent.
 */

static tg_str_t
ngx_http_tollgate_row_text(tg_str_t s, char mem[NGX_HTTP_TOLLGATE_ROW_TEXT])
{
    size_t    i, len;
    tg_buf_t  out;

    tg_buf_init_fixed(&out, mem, NGX_HTTP_TOLLGATE_ROW_TEXT);

    for (i = 0; i < s.n && out.err == TG_OK; i += len) {
        len = tg_utf8_len(s.p + i, s.n - i);

        if (len == 0 || (u_char) s.p[i] < 0x20 || s.p[i] == 0x7f) {
            len = 1;
            tg_buf_putf(&out, "\\x%02x", (u_char) s.p[i]);

        } else {
            tg_buf_put(&out, tg_strn(s.p + i, len));
        }
    }

    return tg_buf_str(&out);
}
