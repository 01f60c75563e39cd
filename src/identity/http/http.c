#include "identity/http/http.h"

#include <stdlib.h>

#include "identity/http/exchange.h"
#include "identity/http/render.h"
#include "identity/http/told.h"
#include "model/template.h"

#define URL_MAX     (16u << 10) /* of the request, values escaped */
#define BODY_MAX    (1u << 20)
#define HEADERS_MAX (64u << 10)

typedef struct {
    tg_identity_t base;
    tg_exchange_t exchange;
} http_t;

/* A request in the making. */
typedef struct {
    const tg_api_provider_t *api;
    const tg_identity_question_t *q;
    tg_buf_t url, body, line;
    struct curl_slist *headers;
    int refused; /* the place whose value cannot stand where it should */
} request_t;

static http_t *self(tg_identity_t *h) {
    return (http_t *)h; /* the first member */
}

/* ---- the request ---- */

static tg_str_t template_of(const tg_api_field_t *f) {
    return f->secret ? f->kept.clear : f->value;
}

static bool line_add(request_t *r) {
    tg_buf_putc(&r->line, '\0');
    struct curl_slist *more = r->line.err ? NULL : curl_slist_append(r->headers, r->line.p);
    r->headers = more != NULL ? more : r->headers;
    tg_wipe(r->line.p, r->line.n);
    tg_buf_reset(&r->line);
    return more != NULL;
}

/* libcurl's way to send a header without a value is a ';' for the ':'. */
static bool header_add(request_t *r, const tg_api_field_t *f) {
    tg_buf_put(&r->line, f->name);
    size_t sign = r->line.n;
    tg_buf_put(&r->line, TG_STR(": "));
    size_t at = r->line.n;
    r->refused = tg_render(template_of(f), TG_RENDER_HEADER, r->q, &r->line);
    if (!r->line.err && r->line.n == at) {
        r->line.n = sign;
        tg_buf_putc(&r->line, ';');
    }
    return line_add(r);
}

static bool has_header(const tg_api_provider_t *api, tg_str_t name) {
    for (size_t i = 0; i < api->n_headers; i++) {
        if (tg_str_eq_ci(api->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool default_add(request_t *r, const char *name, const char *line) {
    if (has_header(r->api, tg_str(name))) {
        return true;
    }
    tg_buf_put(&r->line, tg_str(line));
    return line_add(r);
}

static bool headers_make(request_t *r) {
    static const char *const types[] = {[TG_API_NO_BODY] = "Content-Type:",
                                        [TG_API_JSON] = "Content-Type: application/json",
                                        [TG_API_FORM] = "Content-Type: application/x-www-form-urlencoded"};
    bool good = default_add(r, "Content-Type", types[r->api->body_type]) && default_add(r, "Expect", "Expect:") &&
                default_add(r, "Accept", "Accept: application/json, */*;q=0.5");
    for (size_t i = 0; good && r->refused == 0 && i < r->api->n_headers; i++) {
        good = header_add(r, &r->api->headers[i]);
    }
    return good;
}

static void body_make(request_t *r) {
    static const tg_str_t between = TG_STR("&");
    if (r->api->body_type == TG_API_JSON) {
        r->refused = tg_render(r->api->body, TG_RENDER_JSON, r->q, &r->body);
    }
    for (size_t i = 0; r->api->body_type == TG_API_FORM && r->refused == 0 && i < r->api->n_form; i++) {
        tg_buf_put(&r->body, i > 0 ? between : TG_STR_NONE);
        tg_buf_put_percent(&r->body, r->api->form[i].name);
        tg_buf_putc(&r->body, '=');
        r->refused = tg_render(template_of(&r->api->form[i]), TG_RENDER_FORM, r->q, &r->body);
    }
}

static tg_err_t request_make(request_t *r, const tg_api_provider_t *api, const tg_identity_question_t *q) {
    *r = (request_t){.api = api, .q = q};
    tg_buf_init(&r->url, URL_MAX);
    tg_buf_init(&r->body, BODY_MAX);
    tg_buf_init(&r->line, HEADERS_MAX);
    r->refused = tg_render(api->url, TG_RENDER_URL, q, &r->url);
    tg_buf_putc(&r->url, '\0');
    if (r->refused == 0) {
        body_make(r);
    }
    if (r->refused != 0) {
        return TG_OK;
    }
    if (!headers_make(r) || r->url.err || r->body.err) {
        return r->url.err == TG_ERR_LIMIT || r->body.err == TG_ERR_LIMIT ? TG_ERR_LIMIT : TG_ERR_NOMEM;
    }
    return TG_OK;
}

static void request_release(request_t *r) {
    for (struct curl_slist *s = r->headers; s != NULL; s = s->next) {
        tg_wipe(s->data, strlen(s->data)); /* secrets may be in them */
    }
    curl_slist_free_all(r->headers);
    tg_buf_release(&r->url);
    tg_buf_release(&r->body);
    tg_buf_release(&r->line);
}

/* ---- verbs ---- */

static tg_err_t refused(tg_identity_t *h, int place, tg_identity_answer_t *answer) {
    bool password = place == TG_PLACE_PASSWORD;
    if (!password && place != TG_PLACE_USERNAME) {
        return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "request", tg_identity_now(),
                                "the client's name or address cannot stand in it");
    }
    tg_identity_step(h, "request", false, tg_identity_now(), "%s that cannot stand in it",
                     password ? "a password" : "a name");
    answer->verdict = password ? TG_IDENTITY_PASSWORD : TG_IDENTITY_NOBODY;
    return TG_OK;
}

static tg_err_t ask(tg_identity_t *h, const tg_identity_question_t *q, tg_identity_verdict_t otherwise, tg_arena_t *a,
                    tg_identity_answer_t *answer) {
    tg_exchange_t *e = &self(h)->exchange;
    request_t r;
    tg_err_t err = request_make(&r, &h->provider->of.api, q);
    if (err == TG_ERR_LIMIT) {
        err = tg_identity_fail(h, err, "request", tg_identity_now(), "it would be too long");
    } else if (!err && r.refused != 0) {
        err = refused(h, r.refused, answer);
    } else if (!err) {
        const tg_exchange_request_t request = {.url = r.url.p, .headers = r.headers, .body = tg_buf_str(&r.body)};
        err = tg_exchange_run(e, h, &request);
        if (!err) {
            err = tg_told(h, e->status, tg_buf_str(&e->body), q->username, otherwise, a, answer);
        }
    }
    request_release(&r);
    return err;
}

static tg_err_t http_check(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a,
                           tg_identity_answer_t *answer) {
    return ask(h, q, TG_IDENTITY_PASSWORD, a, answer);
}

static tg_err_t http_look_up(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a,
                             tg_identity_answer_t *answer) {
    tg_identity_question_t without = *q;
    without.password = TG_STR_NONE;
    return ask(h, &without, TG_IDENTITY_NOBODY, a, answer);
}

static void http_close(tg_identity_t *h) {
    tg_exchange_release(&self(h)->exchange);
    free(self(h));
}

tg_err_t tg_identity_http_init(void) {
    return tg_exchange_global_init();
}

tg_err_t tg_identity_http_open(const tg_identity_provider_t *p, tg_identity_t **out, tg_fault_t *fault) {
    static const tg_identity_ops_t ops = {.close = http_close, .check = http_check, .look_up = http_look_up};
    http_t *http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return TG_ERR_NOMEM;
    }
    http->base = (tg_identity_t){.ops = &ops, .provider = p};
    tg_err_t err = tg_exchange_init(&http->exchange, p, fault);
    if (err) {
        http_close(&http->base);
        return err;
    }
    *out = &http->base;
    return TG_OK;
}
