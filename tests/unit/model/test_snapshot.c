#include "model/snapshot.h"

#include <time.h>

#include "alloc.h"
#include "tests.h"

/* Every third is open, the others have a policy of one type or the other. */
static void fill_proxy(tg_arena_t *a, size_t i, tg_deployed_proxy_t *d) {
    char text[1024];
    snprintf(text, sizeof(text),
             "{\"apiProxyName\":\"api-%zu\",\"apiProxyCreationType\":\"REVERSE_PROXY\",\"clientRoute\":{"
             "\"relativePathList\":[\"/api/%zu\"]},\"routingInfo\":{\"routingAddressList\":[{\"address\":"
             "\"http://10.0.0.1:%zu\"}]}}",
             i, i, i + 1);
    json_t *body = json_loads(text, 0, NULL);
    assert_int_equal(tg_proxy_parse(body, TG_STR("shop"), a, &d->proxy, NULL), TG_OK);
    json_decref(body);
    d->id = (int64_t)i + 1;
    d->revision = 17;
    d->project_id = 8;
    d->own_key_id = (int64_t)i + 100;
    if (i % 3 == 0) {
        return;
    }
    snprintf(text, sizeof(text), "{\"policy\":{\"type\":\"%s\",\"addUserToHeader\":true}}",
             i % 3 == 1 ? "policy-auth-jwt" : "policy-auth-oauth2");
    json_t *policy = json_loads(text, 0, NULL);
    d->own_policy = tg_arena_alloc(a, sizeof(*d->own_policy));
    assert_int_equal(tg_policy_parse(policy, TG_STR("auth"), a, d->own_policy, NULL), TG_OK);
    json_decref(policy);
}

static void fill(tg_snapshot_t *s, size_t n) {
    static const tg_str_t trusted = TG_STR("10.0.0.0/8");
    *s = (tg_snapshot_t){.environment_id = 3, .revision = 17, .made_at = 1767225600123, .n_proxies = n, .n_keys = 1};
    tg_arena_init(&s->arena, 64 << 20);
    s->environment = (tg_environment_t){.name = TG_STR("production"),
                                        .jwks_max_age_s = 300,
                                        .forwarded.header = TG_STR("X-Forwarded-For"),
                                        .request_log_keep_days = 30,
                                        .revocation_bound_ms = 1000};
    s->environment.trusted_proxies = tg_arena_alloc(&s->arena, sizeof(tg_str_t));
    s->environment.trusted_proxies[0] = trusted;
    s->environment.n_trusted_proxies = 1;
    s->keys = tg_arena_alloc(&s->arena, sizeof(*s->keys));
    s->keys[0] = (tg_signing_key_t){.kid = TG_STR("k1"),
                                    .alg = TG_STR("RS256"),
                                    .created_at = 1,
                                    .activate_at = 2,
                                    .jwk = TG_STR("{\"kty\":\"RSA\"}"),
                                    .sealed = TG_STR("\x01\x02\xff")};
    s->token_management = (tg_token_management_t){.mismatch = TG_MISMATCH_LENIENT,
                                                  .names = {[TG_FIELD_SCOPE] = {TG_STR("roles"), false}}};
    s->proxies = tg_arena_array(&s->arena, n, sizeof(*s->proxies));
    for (size_t i = 0; i < n; i++) {
        fill_proxy(&s->arena, i, &s->proxies[i]);
    }
}

static void written_and_read_it_is_the_same(void **state) {
    tg_snapshot_t s;
    tg_snapshot_t again;
    tg_buf_t text;
    tg_buf_t text_again;
    tg_fault_t fault = {.field = ""};
    (void)state;
    fill(&s, 4);
    tg_buf_init(&text, TG_SNAPSHOT_MAX);
    tg_buf_init(&text_again, TG_SNAPSHOT_MAX);
    assert_int_equal(tg_snapshot_write(&s, &text), TG_OK);
    if (tg_snapshot_parse(tg_buf_str(&text), &again, &fault)) {
        fail_msg("%s: %s", fault.field, fault.text);
    }
    assert_int_equal(again.environment_id, 3);
    assert_int_equal(again.revision, 17);
    assert_int_equal(again.made_at, 1767225600123);
    assert_true(tg_str_eq(again.environment.name, TG_STR("production")));
    assert_int_equal(again.token_management.mismatch, TG_MISMATCH_LENIENT);
    assert_true(tg_str_eq(tg_response_name(&again.token_management, TG_FIELD_SCOPE), TG_STR("roles")));
    assert_int_equal(again.n_keys, 1);
    assert_true(tg_str_eq(again.keys[0].sealed, TG_STR("\x01\x02\xff")));
    assert_int_equal(again.n_proxies, 4);
    assert_null(again.proxies[0].policy);
    assert_int_equal(again.proxies[1].policy->type, TG_TOKEN_JWT);
    assert_true(tg_str_eq(again.proxies[1].policy->name, TG_STR("auth")));
    assert_int_equal(again.proxies[2].policy->type, TG_TOKEN_OPAQUE);
    assert_true(tg_str_eq(again.proxies[3].proxy.project, TG_STR("shop")));
    assert_int_equal(again.proxies[3].key_id, 103);
    assert_int_equal(again.proxies[3].own_key_id, 103);
    assert_int_equal(again.proxies[3].project_id, 8);
    assert_int_equal(again.n_groups, 0);
    assert_int_equal(again.proxies[3].revision, 17);
    assert_int_equal(tg_snapshot_write(&again, &text_again), TG_OK);
    assert_true(tg_str_eq(tg_buf_str(&text), tg_buf_str(&text_again)));
    tg_buf_release(&text);
    tg_buf_release(&text_again);
    tg_snapshot_release(&s);
    tg_snapshot_release(&again);
}

static void empty_environment_is_fine(void **state) {
    tg_snapshot_t s;
    tg_buf_t text;
    tg_snapshot_t again;
    (void)state;
    fill(&s, 0);
    s.n_keys = 0;
    tg_buf_init(&text, 4096);
    assert_int_equal(tg_snapshot_write(&s, &text), TG_OK);
    assert_int_equal(tg_snapshot_parse(tg_buf_str(&text), &again, NULL), TG_OK);
    assert_int_equal(again.n_proxies, 0);
    tg_snapshot_release(&again);
    tg_snapshot_release(&s);
    tg_buf_release(&text);
}

#define ENVIRONMENT "\"environment\":{\"name\":\"e\"}"
#define HEAD        "{\"format\":\"tollgate-snapshot/1\",\"environmentId\":1,\"revision\":2,\"madeAt\":\"2026-01-01\","
#define PROXY                                                                                                          \
    "{\"apiProxyName\":\"a\",\"apiProxyCreationType\":\"REVERSE_PROXY\",\"clientRoute\":{\"relativePathList\":[\"/"    \
    "a\"]},\"routingInfo\":{\"routingAddressList\":[{\"address\":\"http://h\"}]}}"
#define DEPLOYED "{\"id\":1,\"revision\":1,\"keyId\":1,\"project\":\"p\",\"proxy\":" PROXY

/* As an older release wrote it. */
static void without_token_management_it_has_the_defaults(void **state) {
    static const tg_token_management_t defaults;
    tg_snapshot_t s;
    (void)state;
    assert_int_equal(tg_snapshot_parse(TG_STR(HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[]}"), &s, NULL), TG_OK);
    assert_memory_equal(&s.token_management, &defaults, sizeof(defaults));
    tg_snapshot_release(&s);
}

static void refuses_with_place_and_reason(void **state) {
    static const struct {
        const char *document, *field, *text;
    } rows[] = {
        {"", "", "ends too early"},
        {"[]", "", "must be an object"},
        {"{\"format\":\"tollgate-snapshot/2\",\"more\":1}", "format", "is not tollgate-snapshot/1"},
        {"{\"format\":7}", "format", "must be a string"},
        {"{}", "format", "is required"},
        {HEAD ENVIRONMENT ",\"keys\":[]}", "proxies", "is required"},
        {HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[],\"secrets\":[]}", "secrets", "is not a known field"},
        {HEAD "\"environment\":{},\"keys\":[],\"proxies\":[]}", "environment.name", "is required"},
        {HEAD ENVIRONMENT ",\"tokenManagement\":{\"fieldNames\":{\"scope\":\"error\"}},\"keys\":[],\"proxies\":[]}",
         "tokenManagement.fieldNames.scope", "means something else"},
        {HEAD ENVIRONMENT ",\"keys\":[{}],\"proxies\":[]}", "keys[0].kid", "is required"},
        {HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[7]}", "proxies[0]", "must be an object"},
        {HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[" DEPLOYED ",\"id\":-1}]}", "", "twice"},
        {HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[" DEPLOYED "}," DEPLOYED
                          ",\"policy\":{\"policy\":{\"type\":\"x\"}},\"policyName\":\"a\"}]}",
         "proxies[1].policy.policy.type", "must be one of"},
        {HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[" DEPLOYED ",\"policy\":{\"policy\":{\"type\":\"policy-auth-jwt\""
                          "}}}]}",
         "proxies[0].policyName", "is required"},
        {HEAD ENVIRONMENT
         ",\"keys\":[],\"proxies\":[{\"id\":1,\"revision\":1,\"keyId\":1,\"project\":\"p\",\"proxy\":{\"clientRoute\":{"
         "\"relativePathList\":[\"x\"]}}}]}",
         "proxies[0].proxy.clientRoute.relativePathList[0]", "must begin with '/'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tg_snapshot_t s;
        tg_fault_t fault = {.field = ""};
        assert_int_equal(tg_snapshot_parse(tg_str(rows[i].document), &s, &fault), TG_ERR_INVALID);
        if (strcmp(fault.field, rows[i].field) != 0 || strstr(fault.text, rows[i].text) == NULL) {
            fail_msg("%s\n  got field '%s', text '%s'", rows[i].document, fault.field, fault.text);
        }
        assert_null(s.arena.blocks);
        assert_int_equal(s.n_proxies, 0);
    }
}

static void survives_lack_of_memory(void **state) {
    static const tg_str_t document = TG_STR(HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[" DEPLOYED "}]}");
    (void)state;
    for (long n = 0;; n++) {
        tg_snapshot_t s;
        alloc_fail_after(n);
        tg_err_t err = tg_snapshot_parse(document, &s, NULL);
        if (!alloc_failed()) {
            assert_int_equal(err, TG_OK);
            tg_snapshot_release(&s);
            break;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
        assert_null(s.arena.blocks);
    }
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A gateway starts and a deploy is live within a second; this is the part of it that grows with the proxies. The bound
 * is loose enough for sanitizers and valgrind, the figure is for people. */
static void a_thousand_proxies_parse_quickly(void **state) {
    tg_snapshot_t s;
    tg_buf_t text;
    (void)state;
    fill(&s, 1000);
    tg_buf_init(&text, TG_SNAPSHOT_MAX);
    double start = seconds();
    assert_int_equal(tg_snapshot_write(&s, &text), TG_OK);
    double written = seconds();
    tg_snapshot_release(&s);
    assert_int_equal(tg_snapshot_parse(tg_buf_str(&text), &s, NULL), TG_OK);
    double parsed = seconds();
    print_message("1000 proxies: %zu bytes, written in %.1f ms, parsed in %.1f ms\n", text.n, (written - start) * 1e3,
                  (parsed - written) * 1e3);
    assert_int_equal(s.n_proxies, 1000);
    assert_true(parsed - written < 2);
    tg_snapshot_release(&s);
    tg_buf_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read_it_is_the_same),
        cmocka_unit_test(empty_environment_is_fine),
        cmocka_unit_test(without_token_management_it_has_the_defaults),
        cmocka_unit_test(refuses_with_place_and_reason),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(a_thousand_proxies_parse_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
