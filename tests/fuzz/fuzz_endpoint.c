/*
 * Endpoints, "METHOD /pattern" a line each, and a request, "METHOD /path", in the last: the index finds what a second
 * and slower reading of the same words finds, the most specific one that has the method.
 */
#include <stdlib.h>

#include "model/endpoint.h"
#include "model/method.h"
#include "policy/endpoint.h"
#include "policy/method_access.h"
#include "policy/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 64

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Lines that the model takes, as a proxy that has them. */
static bool proxy_read(tg_str_t *text, tg_arena_t *a, tg_proxy_t *p) {
    json_t *list = json_array();
    for (size_t i = 0; i < LINES_MAX && tg_str_find_char(*text, '\n') >= 0; i++) {
        tg_str_t path = tg_str_take(text, '\n');
        tg_str_t method = tg_str_take(&path, ' ');
        json_t *one = json_pack("{s:s%, s:s%}", "method", method.n > 0 ? method.p : "", method.n, "path",
                                path.n > 0 ? path.p : "", path.n);
        tg_api_endpoint_t e;
        if (one == NULL || tg_api_endpoint_parse(one, a, &e, NULL) != TG_OK) {
            json_decref(one);
        } else {
            json_array_append_new(list, one);
        }
    }
    json_t *body = json_pack("{s:s, s:s, s:{s:[s]}, s:{s:[{s:s}]}, s:o}", "apiProxyName", "p", "apiProxyCreationType",
                             "EMPTY_API", "clientRoute", "relativePathList", "/", "routingInfo", "routingAddressList",
                             "address", "http://h", "endpoints", list);
    tg_err_t err = tg_proxy_parse(body, TG_STR("shop"), a, p, NULL);
    json_decref(body);
    return err == TG_OK;
}

/* 3: literal, 2: parameter, 1: the end, 0: any number. */
static int demand_take(tg_str_t *pattern) {
    tg_str_t segment;
    if (!tg_segment_take(pattern, &segment)) {
        return 1;
    }
    return tg_str_eq(segment, TG_STR("**")) ? 0 : tg_segment_is_parameter(segment) ? 2 : 3;
}

static int paths_compare(tg_str_t a, tg_str_t b) {
    for (;;) {
        int x = demand_take(&a), y = demand_take(&b);
        if (x != y || x <= 1) {
            return x - y;
        }
    }
}

/* 3: named, 2: GET for HEAD, 1: any, 0: another. */
static int method_fit(tg_str_t endpoint, tg_str_t method) {
    if (tg_method_bit(method) != 0 && tg_str_eq(endpoint, method)) {
        return 3;
    }
    if (tg_str_eq(endpoint, TG_STR("GET")) && tg_str_eq(method, TG_STR("HEAD"))) {
        return 2;
    }
    return tg_str_eq(endpoint, TG_STR("*"));
}

static void compare(const tg_proxy_t *p, const tg_endpoint_match_t *found, tg_str_t method, tg_str_t path) {
    const tg_api_endpoint_t *best = NULL;
    uint32_t methods = 0;
    for (size_t i = 0; i < p->n_endpoints; i++) {
        const tg_api_endpoint_t *e = &p->endpoints[i];
        if (!tg_path_pattern_matches(e->path, path)) {
            continue;
        }
        methods |= tg_method_bit(e->method);
        int fit = method_fit(e->method, method);
        int order = best != NULL ? paths_compare(e->path, best->path) : 1;
        if (fit > 0 && (order > 0 || (order == 0 && fit > method_fit(best->method, method)))) {
            best = e;
        }
    }
    require(found->endpoint == best);
    require(found->verdict == (best != NULL   ? TG_ENDPOINT_FOUND
                               : methods != 0 ? TG_ENDPOINT_NO_METHOD
                                              : TG_ENDPOINT_NO_PATH));
    require(best != NULL || found->methods == methods);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t text = tg_strn(data, size);
    tg_deployed_proxy_t p = {.id = 1};
    const tg_snapshot_t s = {.proxies = &p, .n_proxies = 1};
    tg_endpoints_t *endpoints;
    tg_endpoint_match_t found;
    tg_arena_t a;
    tg_arena_init(&a, 16u << 20);
    if (proxy_read(&text, &a, &p.proxy) && text.n > 0) {
        tg_str_t path = text;
        tg_str_t method = tg_str_take(&path, ' ');
        require(tg_endpoints_new(&s, &a, &endpoints) == TG_OK);
        if (path.n > 0 && path.p[0] == '/') {
            tg_endpoint_find(endpoints, &(tg_route_match_t){.proxy = &p}, method, path, &found);
            compare(&p.proxy, &found, method, path);
        }
    }
    tg_arena_release(&a);
    return 0;
}
