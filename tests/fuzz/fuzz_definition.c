/*
 * API definitions in JSON and YAML: endpoints that are read from one are endpoints that a proxy can have, all together;
 * and the same definition read again changes nothing.
 */
#include <stdlib.h>

#include "model/definition.h"
#include "model/endpoint.h"
#include "yaml/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA (16u << 20)

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void is_a_list_of_endpoints(const tg_definition_t *d) {
    tg_arena_t a;
    for (size_t i = 0; i < d->n_endpoints; i++) {
        tg_api_endpoint_t e;
        json_t *written = tg_api_endpoint_write(&d->endpoints[i]);
        tg_arena_init(&a, ARENA);
        require(written != NULL && tg_api_endpoint_parse(written, &a, &e, NULL) == TG_OK);
        require(tg_str_eq(e.path, d->endpoints[i].path) && tg_str_eq(e.method, d->endpoints[i].method));
        json_decref(written);
        tg_arena_release(&a);
    }
}

static void changes_nothing(const tg_definition_t *d) {
    tg_proxy_t p = {.endpoints = d->endpoints, .n_endpoints = d->n_endpoints};
    tg_definition_changes_t c;
    tg_arena_t a;
    tg_arena_init(&a, ARENA);
    require(tg_api_endpoints_name(&p, &a, NULL) == TG_OK);
    require(tg_definition_compare(&p, d, &a, &c) == TG_OK);
    require(c.n == d->n_endpoints && c.n_added + c.n_changed + c.n_removed == 0);
    tg_arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const tg_yaml_limits_t limits = {.max_bytes = TG_DEFINITION_MAX, .max_depth = 64, .max_nodes = 100000};
    json_t *doc = NULL;
    size_t line = 0;
    tg_fault_t fault = {.field = ""};
    tg_definition_t d;
    tg_arena_t a;
    if (tg_yaml_parse(tg_strn(data, size), &limits, &doc, NULL, &line, &fault)) {
        return 0;
    }
    tg_arena_init(&a, ARENA);
    if (tg_definition_parse(doc, &a, &d, &fault) == TG_OK) {
        is_a_list_of_endpoints(&d);
        changes_nothing(&d);
    }
    tg_arena_release(&a);
    json_decref(doc);
    return 0;
}
