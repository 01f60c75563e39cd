/*
 * Origin, Access-Control-Request-Method and Access-Control-Request-Headers, a line each. Whatever they say, no answer
 * lets in an origin that is not listed, holds a byte that would end a header, or tells a stranger that it may send
 * credentials.
 */
#include <stdlib.h>

#include "policy/cors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static tg_str_t origins[] = {{"https://app.example.org", 23}, {"http://localhost:3000", 21}};
static tg_str_t methods[] = {{"GET", 3}, {"PUT", 3}};
static tg_str_t headers[] = {{"Authorization", 13}, {"X-Trace", 7}};
static tg_str_t every[] = {{"*", 1}};

static bool is_listed(tg_str_t origin) {
    return tg_str_eq_ci(origin, origins[0]) || tg_str_eq_ci(origin, origins[1]);
}

static void require_sendable(tg_str_t value) {
    for (size_t i = 0; i < value.n; i++) {
        require((unsigned char)value.p[i] >= ' ' && value.p[i] != 0x7f);
    }
}

static void ask(const tg_cors_t *c, bool all, tg_str_t origin, tg_str_t method, tg_str_t names) {
    tg_cors_answer_t a;
    tg_buf_t scratch;
    bool allowed = tg_cors_allows_origin(c, origin);
    bool together = tg_cors_allows_preflight(c, origin, method, names);
    require(!allowed || all || is_listed(origin));
    require(!together || (allowed && (tg_str_eq(method, methods[0]) || tg_str_eq(method, methods[1]))));
    for (int preflight = 0; preflight < 2; preflight++) {
        tg_buf_init(&scratch, 4096);
        tg_cors_answer(c, origin, preflight, &scratch, &a);
        require(scratch.err == TG_OK && (a.allow_origin.n > 0) == allowed);
        require(!a.allow_credentials || is_listed(origin));
        require(!a.allow_credentials || !tg_str_eq(a.allow_origin, TG_STR("*")));
        require(a.vary || tg_str_eq(a.allow_origin, TG_STR("*")) || !allowed);
        require_sendable(a.allow_origin);
        tg_buf_release(&scratch);
    }
}

/* What names are allowed does not hang on their order or on blanks: nothing but whole names counts. */
static void require_whole_names(const tg_cors_t *c, tg_str_t names) {
    bool every_one = true;
    tg_str_t rest = names;
    while (rest.n > 0) {
        every_one &= tg_cors_allows_preflight(c, origins[0], methods[0], tg_str_take(&rest, ','));
    }
    require(every_one == tg_cors_allows_preflight(c, origins[0], methods[0], names));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_cors_t listed = {.enabled = true,
                        .origins = origins,
                        .n_origins = 2,
                        .methods = methods,
                        .n_methods = 2,
                        .headers = headers,
                        .n_headers = 2,
                        .credentials = true};
    tg_cors_t all = listed;
    tg_str_t names = tg_strn(data, size);
    tg_str_t origin = tg_str_take(&names, '\n'), method = tg_str_take(&names, '\n');
    ask(&listed, false, origin, method, names);
    require_whole_names(&listed, names);
    all.origins = all.headers = every;
    all.n_origins = all.n_headers = 1;
    ask(&all, false, origin, method, names); /* "*" with credentials is nobody */
    all.credentials = false;
    ask(&all, true, origin, method, names);
    require_whole_names(&all, names);
    return 0;
}
