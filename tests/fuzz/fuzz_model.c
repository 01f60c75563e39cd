/* Bodies of the management API: what is accepted is written, parses again, and is written the same. */
#include <stdlib.h>

#include "model/identity_provider.h"
#include "model/model.h"
#include "model/token_management.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static json_t *read_policy(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_policy_t p;
    return tg_policy_parse(body, TG_STR("auth"), a, &p, fault) ? NULL : tg_policy_write(&p);
}

static json_t *read_proxy(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_proxy_t p;
    return tg_proxy_parse(body, TG_STR("shop"), a, &p, fault) ? NULL : tg_proxy_write(&p);
}

static json_t *read_environment(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_environment_t e;
    return tg_environment_parse(body, a, &e, fault) ? NULL : tg_environment_write(&e);
}

static json_t *read_group(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_group_t g;
    return tg_group_parse(body, TG_STR("shop"), a, &g, fault) ? NULL : tg_group_write(&g);
}

static json_t *read_cors(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_cors_t c;
    return tg_cors_parse(body, a, &c, fault) ? NULL : tg_cors_write(&c);
}

static json_t *read_limits(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_limits_t l;
    return tg_limits_parse(body, a, &l, fault) ? NULL : tg_limits_write(&l);
}

static json_t *read_signing_key(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_signing_key_t k;
    return tg_signing_key_parse(body, a, &k, fault) ? NULL : tg_signing_key_write(&k);
}

static json_t *read_token_management(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_token_management_t m;
    return tg_token_management_parse(body, a, &m, fault) ? NULL : tg_token_management_write(&m);
}

static json_t *read_provider(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_identity_provider_t p;
    return tg_identity_provider_parse(body, TG_STR("shop"), a, &p, fault) ? NULL : tg_identity_provider_write(&p);
}

static json_t *read_stored_provider(const json_t *body, tg_arena_t *a, tg_fault_t *fault) {
    tg_identity_provider_t p;
    return tg_identity_provider_read_stored(body, TG_STR("shop"), a, &p, fault) ? NULL : tg_identity_provider_write(&p);
}

typedef json_t *(*read_fn)(const json_t *body, tg_arena_t *a, tg_fault_t *fault);

static void round_trip(read_fn read, const json_t *body) {
    tg_arena_t a;
    tg_fault_t fault = {.field = ""};
    tg_arena_init(&a, 4 << 20);
    json_t *once = read(body, &a, &fault);
    if (once == NULL) {
        require(fault.text[0] != '\0');
        for (const char *c = fault.field; *c != '\0'; c++) {
            require(*c >= 0x20 && *c < 0x7f);
        }
    } else {
        json_t *twice = read(once, &a, NULL);
        require(twice != NULL && json_equal(once, twice));
        json_decref(twice);
    }
    json_decref(once);
    tg_arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *body;
    if (tg_json_parse(tg_strn(data, size), 1 << 16, 16, &body, NULL) == TG_OK) {
        round_trip(read_policy, body);
        round_trip(read_proxy, body);
        round_trip(read_environment, body);
        round_trip(read_group, body);
        round_trip(read_cors, body);
        round_trip(read_limits, body);
        round_trip(read_signing_key, body);
        round_trip(read_token_management, body);
        round_trip(read_provider, body);
        round_trip(read_stored_provider, body);
        json_decref(body);
    }
    return 0;
}
