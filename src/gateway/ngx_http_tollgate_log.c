
/*
 * What logs say of a request.  Values of parameters that carry secrets are
 * struck out; bytes outside visible ASCII are escaped.
 */


#include "ngx_http_tollgate_request.h"


#define NGX_HTTP_TOLLGATE_STRUCK     "***"
#define NGX_HTTP_TOLLGATE_NAME_MAX   64
#define NGX_HTTP_TOLLGATE_LOG_LEN    2048


static void
ngx_http_tollgate_log_put(tg_buf_t *out, tg_str_t s)
{
    u_char   c;
    size_t   i, start;

    start = 0;

    for (i = 0; i < s.n; i++) {
        c = (u_char) s.p[i];

        if (c > 0x20 && c < 0x7f) {
            continue;
        }

        tg_buf_put(out, tg_strn(s.p + start, i - start));
        tg_buf_putf(out, "%%%02X", c);
        start = i + 1;
    }

    tg_buf_put(out, tg_strn(s.p + start, s.n - start));
}


/* A parameter's name, decoded and in lower case; cut at `cap`. */

static tg_str_t
ngx_http_tollgate_log_name(tg_str_t in, char *mem, size_t cap)
{
    char       c;
    size_t     i, n;
    ngx_int_t  hex;

    n = 0;

    for (i = 0; i < in.n && n < cap; i++) {
        c = in.p[i];

        if (c == '%' && i + 2 < in.n) {
            hex = ngx_hextoi((u_char *) &in.p[i + 1], 2);

            if (hex != NGX_ERROR) {
                c = (char) hex;
                i += 2;
            }
        }

        mem[n++] = ngx_tolower(c);
    }

    return tg_strn(mem, n);
}


static ngx_uint_t
ngx_http_tollgate_log_is_secret(tg_str_t raw)
{
    char      mem[NGX_HTTP_TOLLGATE_NAME_MAX];
    size_t    i;
    tg_str_t  name;

    static const tg_str_t  parts[] = {
        { "token", 5 }, { "secret", 6 }, { "password", 8 },
        { "assertion", 9 }, { "jwt", 3 }
    };

    name = ngx_http_tollgate_log_name(raw, mem, sizeof(mem));

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (name.n >= parts[i].n
            && memmem(name.p, name.n, parts[i].p, parts[i].n))
        {
            return 1;
        }
    }

    return tg_str_eq(name, TG_STR("code"));
}


static void
ngx_http_tollgate_log_query(tg_buf_t *out, tg_str_t query)
{
    tg_str_t    pair, name;
    ngx_uint_t  first;

    for (first = 1; query.n; first = 0) {
        pair = tg_str_take(&query, '&');

        if (!first) {
            tg_buf_putc(out, '&');
        }

        name = tg_str_take(&pair, '=');
        ngx_http_tollgate_log_put(out, name);

        if (pair.p == NULL) {
            continue;
        }

        tg_buf_putc(out, '=');

        if (ngx_http_tollgate_log_is_secret(name)) {
            tg_buf_put(out, TG_STR(NGX_HTTP_TOLLGATE_STRUCK));

        } else {
            ngx_http_tollgate_log_put(out, pair);
        }
    }
}


static void
ngx_http_tollgate_log_target(tg_buf_t *out, tg_str_t target)
{
    tg_str_t  path;

    path = tg_str_take(&target, '?');

    ngx_http_tollgate_log_put(out, path);

    if (target.p) {
        tg_buf_putc(out, '?');
        ngx_http_tollgate_log_query(out, target);
    }
}


void
ngx_http_tollgate_redacted_write(ngx_http_request_t *r, tg_buf_t *out)
{
    tg_str_t                      line;
    ngx_http_tollgate_proxied_t  *rq;

    if (r->unparsed_uri.len) {
        rq = ngx_http_tollgate_proxied(r);

        ngx_http_tollgate_log_put(out, ngx_http_tollgate_str(r->method_name));
        tg_buf_putc(out, ' ');
        ngx_http_tollgate_log_target(out, ngx_http_tollgate_str(
                                  rq && rq->received.len ? rq->received
                                                         : r->unparsed_uri));
        return;
    }

    /* a request line that could not be parsed */

    line = ngx_http_tollgate_str(r->request_line);

    ngx_http_tollgate_log_put(out, tg_str_take(&line, ' '));
    tg_buf_putc(out, ' ');
    ngx_http_tollgate_log_target(out, line);
}


/* The same facts as nginx's own, redacted. */

u_char *
ngx_http_tollgate_log_handler(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    char                       mem[NGX_HTTP_TOLLGATE_LOG_LEN];
    u_char                    *p, *last;
    tg_buf_t                   b;
    ngx_http_upstream_t       *u;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    last = buf + len;
    p = ngx_slprintf(buf, last, ", server: %V", &cscf->server_name);

    if (r->unparsed_uri.len || r->request_line.len) {
        tg_buf_init_fixed(&b, mem, sizeof(mem));
        ngx_http_tollgate_redacted_write(r, &b);
        p = ngx_slprintf(p, last, ", request: \"%*s\"", b.n, mem);
    }

    u = sr->upstream;

    if (u && u->peer.name) {
        tg_buf_init_fixed(&b, mem, sizeof(mem));
        ngx_http_tollgate_log_target(&b, ngx_http_tollgate_str(u->uri));
        p = ngx_slprintf(p, last, ", upstream: \"%V%V%*s\"", &u->schema,
                         u->peer.name, b.n, mem);
    }

    if (r->headers_in.host) {
        tg_buf_init_fixed(&b, mem, sizeof(mem));
        ngx_http_tollgate_log_put(&b,
                   ngx_http_tollgate_str(r->headers_in.host->value));
        p = ngx_slprintf(p, last, ", host: \"%*s\"", b.n, mem);
    }

    if (r->headers_in.referer) {
        tg_buf_init_fixed(&b, mem, sizeof(mem));
        ngx_http_tollgate_log_target(&b,
                   ngx_http_tollgate_str(r->headers_in.referer->value));
        p = ngx_slprintf(p, last, ", referrer: \"%*s\"", b.n, mem);
    }

    return p;
}
