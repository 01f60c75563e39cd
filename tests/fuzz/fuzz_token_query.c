/*
 * A request to introspection or revocation: four lines (method, content type, authorization, query), then the body. It
 * is read as the token endpoint reads a client, and a token in the query is never taken.
 */
#include <stdlib.h>

#include "oauth/introspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void require_describable(const char *why) {
    for (; *why; why++) {
        require(*why >= 0x20 && *why <= 0x7e && *why != '"' && *why != '\\');
    }
}

static void require_query(const tg_oauth_input_t *in, const tg_token_query_t *q, tg_arena_t *a) {
    tg_form_t query;
    tg_str_t ignored;
    require(tg_client_id_check(q->asked.client_id, "", NULL) == TG_OK);
    require(tg_str_is_utf8(q->token) && tg_str_is_utf8(q->asked.client_secret));
    require(q->hint <= TG_HINT_REFRESH && q->asked.grant == TG_GRANT_NONE);
    require(tg_form_parse(in->query, 100, a, &query) == TG_OK && tg_form_find(&query, TG_STR("token"), &ignored) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t rest = tg_strn(data, size);
    tg_oauth_input_t in = {.n_authorization = 1};
    in.method = tg_str_take(&rest, '\n');
    in.content_type = tg_str_take(&rest, '\n');
    in.authorization = tg_str_take(&rest, '\n');
    in.query = tg_str_take(&rest, '\n');
    in.body = rest;

    tg_arena_t a, b, more;
    tg_token_query_t q;
    tg_token_request_t req;
    const char *why = NULL, *why_there = NULL;
    size_t max = 16384 + 2 * (in.authorization.n + in.query.n + in.body.n);
    tg_arena_init(&a, max);
    tg_arena_init(&b, max);
    tg_arena_init(&more, max);
    tg_oauth_error_t e = tg_token_query_parse(&in, &a, &q, &why);
    tg_oauth_error_t there = tg_token_request_parse(&in, &b, &req, &why_there);
    require_describable(why);
    require((e == TG_OAUTH_OK) == (*why == '\0'));
    require(e != TG_OAUTH_SERVER_ERROR);
    if (e == TG_OAUTH_OK) {
        require(there == TG_OAUTH_OK && tg_str_eq(req.client_id, q.asked.client_id));
        require_query(&in, &q, &more);
    } else if (e == TG_OAUTH_METHOD) { /* a GET may do at the token endpoint */
        require(!tg_str_eq(in.method, TG_STR("POST")));
    } else {
        /* a GET is for the token endpoint alone */
        bool get = tg_str_eq(in.method, TG_STR("GET"));
        require(get ? e == TG_OAUTH_METHOD : there == e || e == TG_OAUTH_INVALID_REQUEST);
    }
    tg_arena_release(&a);
    tg_arena_release(&b);
    tg_arena_release(&more);
    return 0;
}
