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

/* ---- groups ---- */

#define POLICY(more) ",\"policyName\":\"auth\",\"policy\":{\"policy\":{\"type\":\"policy-auth-jwt\"" more "}}"
#define GROUP(kind, id, key, more)                                                                                     \
    "{\"kind\":\"" kind "\",\"id\":" id ",\"projectId\":3,\"revision\":1,\"keyId\":" key                               \
    ",\"project\":\"p\",\"group\":{"                                                                                   \
    "\"name\":\"g" id "\"}" more "}"
#define SNAPSHOT(proxies, groups) HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[" proxies "],\"groups\":[" groups "]}"
/* Proxy 1 with key 101; policy groups have ids from 20, proxy groups from 30, and a key that is theirs plus 100. */
#define MEMBER(more)                                                                                                   \
    "{\"id\":1,\"projectId\":3,\"revision\":1,\"keyId\":101,\"project\":\"p\",\"proxy\":" PROXY more "}"
#define BOTH               ",\"groupIds\":[20,30]"
#define POLICY_GROUP(more) GROUP("POLICY_GROUP", "20", "120", more)
#define PROXY_GROUP(more)  GROUP("API_PROXY_GROUP", "30", "130", more)
#define ACL                ",\"managedFromThisPolicy\":false"
#define INACTIVE           ",\"active\":false"

static void parse(const char *document, tg_snapshot_t *s) {
    tg_fault_t fault = {.field = ""};
    if (tg_snapshot_parse(tg_str(document), s, &fault)) {
        fail_msg("%s\n  %s: %s", document, fault.field, fault.text);
    }
}

enum { OWN = 101, OF_POLICY_GROUP = 120, OF_PROXY_GROUP = 130 };

static const tg_cors_t *cors_of(const tg_snapshot_t *s, int64_t key_id) {
    const tg_application_t *application = tg_snapshot_application(s, key_id);
    assert_non_null(application);
    return application->cors;
}

/* Its own, else its policy group's, else its proxy group's. */
static void which_policy_and_key_count(void **state) {
    static const struct {
        const char *name, *document;
        int64_t key;
        bool open, environment; /* open: no policy; environment: whose settings count, else those of the key's owner */
    } rows[] = {
        {"none at all", SNAPSHOT(MEMBER(""), ""), OWN, true, false},
        {"own, in no group", SNAPSHOT(MEMBER(POLICY("")), ""), OWN, false, false},
        {"own before groups'", SNAPSHOT(MEMBER(BOTH POLICY("")), POLICY_GROUP(POLICY("")) "," PROXY_GROUP(POLICY(""))),
         OWN, false, false},
        {"policy group's", SNAPSHOT(MEMBER(BOTH), PROXY_GROUP(POLICY("")) "," POLICY_GROUP(POLICY(""))),
         OF_POLICY_GROUP, false, false},
        {"proxy group's", SNAPSHOT(MEMBER(BOTH), POLICY_GROUP("") "," PROXY_GROUP(POLICY(""))), OF_PROXY_GROUP, false,
         false},
        {"proxy group's, in no policy group",
         SNAPSHOT(MEMBER(",\"groupIds\":[30]"), POLICY_GROUP(POLICY("")) "," PROXY_GROUP(POLICY(""))), OF_PROXY_GROUP,
         false, false},
        {"groups without a policy", SNAPSHOT(MEMBER(BOTH), POLICY_GROUP("") "," PROXY_GROUP("")), OWN, true, false},
        {"policy group not deployed", SNAPSHOT(MEMBER(BOTH), PROXY_GROUP(POLICY(""))), OF_PROXY_GROUP, false, false},
        {"neither group deployed", SNAPSHOT(MEMBER(BOTH), GROUP("POLICY_GROUP", "21", "121", POLICY(""))), OWN, true,
         false},
        /* an inactive policy is a policy: it leaves the proxy open, and no other takes its place */
        {"own is inactive", SNAPSHOT(MEMBER(BOTH POLICY(INACTIVE)), POLICY_GROUP(POLICY(""))), OWN, false, false},
        {"policy group's is inactive",
         SNAPSHOT(MEMBER(BOTH), POLICY_GROUP(POLICY(INACTIVE)) "," PROXY_GROUP(POLICY(""))), OF_POLICY_GROUP, false,
         false},
        {"own in ACL mode", SNAPSHOT(MEMBER(BOTH POLICY(ACL)), POLICY_GROUP(POLICY(""))), OWN, false, true},
        {"policy group's in ACL mode", SNAPSHOT(MEMBER(BOTH), POLICY_GROUP(POLICY(ACL))), OF_POLICY_GROUP, false, true},
        {"own in ACL mode, inactive", SNAPSHOT(MEMBER(POLICY(ACL INACTIVE)), ""), OWN, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tg_snapshot_t s;
        parse(rows[i].document, &s);
        const tg_deployed_proxy_t *p = &s.proxies[0];
        const tg_application_t *owner = tg_snapshot_application(&s, p->key_id);
        const tg_cors_t *cors = rows[i].environment ? &s.environment.cors : cors_of(&s, rows[i].key);
        if (p->key_id != rows[i].key || (p->policy == NULL) != rows[i].open || p->cors != cors ||
            p->policy != owner->policy || (p->forwarded == &s.environment.forwarded) != rows[i].environment) {
            fail_msg("%s: key %lld, %s", rows[i].name, (long long)p->key_id, p->policy == NULL ? "open" : "a policy");
        }
        assert_true(rows[i].environment || p->forwarded == owner->forwarded);
        assert_int_equal(p->own_key_id, OWN);
        tg_snapshot_release(&s);
    }
}

/* Groups are found however many there are and in whatever order. */
static void each_proxy_finds_its_group(void **state) {
    enum { N = 99 };
    tg_buf_t text;
    tg_snapshot_t s;
    (void)state;
    tg_buf_init(&text, 1 << 20);
    tg_buf_put(&text, TG_STR(HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":["));
    for (int i = 0; i < N; i++) {
        tg_buf_putf(&text,
                    "%s{\"id\":%d,\"revision\":1,\"keyId\":%d,\"project\":\"p\",\"groupIds\":[%d],\"proxy\":" PROXY "}",
                    i > 0 ? "," : "", i + 1, 1000 + i, 5000 + i);
    }
    tg_buf_put(&text, TG_STR("],\"groups\":["));
    for (int i = 0; i < N; i++) {
        int which = i * 7 % N; /* 7 and N have no common divisor */
        tg_buf_putf(
            &text,
            "%s{\"kind\":\"API_PROXY_GROUP\",\"id\":%d,\"revision\":1,\"keyId\":%d,\"project\":\"p\",\"group\":{"
            "\"name\":\"g%d\"}" POLICY("") "}",
            i > 0 ? "," : "", 5000 + which, 9000 - which, which);
    }
    tg_buf_put(&text, TG_STR("]}"));
    assert_int_equal(text.err, TG_OK);
    tg_buf_putc(&text, '\0');
    parse(text.p, &s);
    assert_int_equal(s.n_applications, 2 * N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(s.proxies[i].key_id, 9000 - i);
        const tg_application_t *own = tg_snapshot_application(&s, 1000 + i);
        const tg_application_t *group = tg_snapshot_application(&s, 9000 - i);
        assert_true(own->kind == TG_OWNER_PROXY && own->id == i + 1 && own->policy == NULL);
        assert_true(group->kind == TG_OWNER_PROXY_GROUP && group->id == 5000 + i);
        assert_true(group->policy == s.proxies[i].policy);
    }
    assert_null(tg_snapshot_application(&s, 999));
    assert_null(tg_snapshot_application(&s, 9001));
    tg_snapshot_release(&s);
    tg_buf_release(&text);
}

static void access_lists_may_name_the_proxy_or_its_groups(void **state) {
    tg_snapshot_t s;
    (void)state;
    parse(SNAPSHOT(MEMBER(BOTH POLICY(ACL)), PROXY_GROUP("")), &s);
    assert_int_equal(s.proxies[0].n_targets, 3);
    assert_int_equal(s.proxies[0].targets[0], 1);
    assert_int_equal(s.proxies[0].targets[1], 20);
    assert_int_equal(s.proxies[0].targets[2], 30);
    tg_snapshot_release(&s);
    parse(SNAPSHOT(MEMBER(""), ""), &s);
    assert_int_equal(s.proxies[0].n_targets, 1);
    assert_int_equal(s.proxies[0].targets[0], 1);
    assert_int_equal(s.n_applications, 1);
    assert_true(tg_str_eq(s.applications[0].name, TG_STR("a")));
    assert_int_equal(s.applications[0].project_id, 3);
    tg_snapshot_release(&s);
}

static void with_groups_written_and_read_it_is_the_same(void **state) {
    tg_snapshot_t s;
    tg_snapshot_t again;
    tg_buf_t text;
    tg_buf_t text_again;
    (void)state;
    parse(SNAPSHOT(MEMBER(BOTH POLICY("")), POLICY_GROUP("") "," PROXY_GROUP(POLICY(ACL))), &s);
    tg_buf_init(&text, 1 << 20);
    tg_buf_init(&text_again, 1 << 20);
    assert_int_equal(tg_snapshot_write(&s, &text), TG_OK);
    assert_int_equal(tg_snapshot_parse(tg_buf_str(&text), &again, NULL), TG_OK);
    assert_int_equal(tg_snapshot_write(&again, &text_again), TG_OK);
    assert_true(tg_str_eq(tg_buf_str(&text), tg_buf_str(&text_again)));
    assert_int_equal(again.n_groups, 2);
    assert_int_equal(again.groups[0].kind, TG_OWNER_POLICY_GROUP);
    assert_null(again.groups[0].policy);
    assert_int_equal(again.groups[1].kind, TG_OWNER_PROXY_GROUP);
    assert_int_equal(again.groups[1].id, 30);
    assert_int_equal(again.groups[1].project_id, 3);
    assert_int_equal(again.groups[1].key_id, 130);
    assert_true(tg_str_eq(again.groups[1].group.project, TG_STR("p")));
    assert_false(again.groups[1].policy->managed_from_policy);
    tg_buf_release(&text);
    tg_buf_release(&text_again);
    tg_snapshot_release(&s);
    tg_snapshot_release(&again);
}

/* What a policy group lends a proxy stays the group's: the row of a deployment is the proxy's own. */
static void a_proxy_is_written_with_its_own_policy_and_key(void **state) {
    tg_snapshot_t s;
    (void)state;
    parse(SNAPSHOT(MEMBER(BOTH), POLICY_GROUP(POLICY(""))), &s);
    assert_int_equal(s.proxies[0].key_id, OF_POLICY_GROUP);
    json_t *row = tg_deployed_proxy_write(&s.proxies[0]);
    assert_int_equal(json_integer_value(json_object_get(row, "keyId")), OWN);
    assert_true(json_is_null(json_object_get(row, "policy")));
    assert_int_equal(json_array_size(json_object_get(row, "groupIds")), 2);

    tg_deployed_proxy_t alone;
    tg_arena_t a;
    tg_arena_init(&a, 1 << 16);
    assert_int_equal(tg_deployed_proxy_parse(row, &a, &alone, NULL), TG_OK);
    assert_null(alone.policy);
    assert_int_equal(alone.key_id, OWN);
    assert_int_equal(alone.n_targets, 1);
    assert_int_equal(alone.n_groups, 2);
    assert_true(alone.cors == &alone.proxy.cors);
    json_decref(row);
    tg_arena_release(&a);

    json_t *group = tg_deployed_group_write(&s.groups[0]);
    tg_deployed_group_t parsed;
    tg_arena_init(&a, 1 << 16);
    assert_int_equal(tg_deployed_group_parse(group, &a, &parsed, NULL), TG_OK);
    assert_int_equal(parsed.id, 20);
    assert_int_equal(parsed.policy->type, TG_TOKEN_JWT);
    json_decref(group);
    tg_arena_release(&a);
    tg_snapshot_release(&s);
}

/* A node starts from the last snapshot on its disk, which the release before may have written. */
static void documents_of_the_release_before(void **state) {
    tg_snapshot_t s;
    (void)state;
    parse(HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[" DEPLOYED POLICY("") "}]}", &s);
    assert_int_equal(s.n_groups, 0);
    assert_int_equal(s.n_applications, 1);
    assert_int_equal(s.proxies[0].project_id, 0);
    assert_int_equal(s.proxies[0].n_groups, 0);
    assert_int_equal(s.proxies[0].key_id, 1);
    assert_true(s.proxies[0].policy == s.proxies[0].own_policy && s.proxies[0].policy != NULL);
    assert_false(s.proxies[0].cors->enabled);
    assert_int_equal(s.environment.client_failures.limit, 20);
    tg_snapshot_release(&s);
}

/* ---- identity providers ---- */

#define PROVIDER(id, project, name)                                                                                    \
    "{\"id\":" id ",\"projectId\":" project ",\"version\":9,\"project\":\"p\",\"provider\":{\"name\":\"" name          \
    "\",\"type\":\"API\",\"url\":\"http://h/"                                                                          \
    "\",\"bodyType\":\"NONE\",\"headerList\":[{\"name\":\"X-Key\",\"secret\":true,"                                    \
    "\"value\":{\"sealed\":\"Af9z\"}}]}}"

static void providers_are_found_by_project_and_name(void **state) {
    tg_snapshot_t s, again;
    tg_buf_t text;
    (void)state;
    parse(HEAD ENVIRONMENT ",\"keys\":[],\"proxies\":[],\"identityProviders\":[" PROVIDER("5", "3", "crm") "," PROVIDER(
              "6", "4", "crm") "]}",
          &s);
    tg_buf_init(&text, 1 << 20);
    assert_int_equal(tg_snapshot_write(&s, &text), TG_OK);
    assert_int_equal(tg_snapshot_parse(tg_buf_str(&text), &again, NULL), TG_OK);
    const tg_snapshot_provider_t *p = tg_snapshot_provider(&again, 4, TG_STR("crm"));
    assert_int_equal(again.n_providers, 2);
    assert_int_equal(p->id, 6);
    assert_int_equal(p->version, 9);
    assert_true(tg_str_eq(p->provider.project, TG_STR("p")));
    assert_int_equal(p->provider.of.api.headers[0].kept.sealed.n, 3);
    assert_int_equal(tg_snapshot_provider(&again, 3, TG_STR("crm"))->id, 5);
    assert_null(tg_snapshot_provider(&again, 5, TG_STR("crm")));
    assert_null(tg_snapshot_provider(&again, 3, TG_STR("CRM")));
    tg_buf_release(&text);
    tg_snapshot_release(&again);
    tg_snapshot_release(&s);
}

static void refuses_with_place_and_reason(void **state) {
    static const struct {
        const char *document, *field, *text;
    } rows[] = {
        {"", "", "ends too early"},
        {"[]", "", "must be an object"},
        {HEAD ENVIRONMENT
         ",\"keys\":[],\"proxies\":[],\"identityProviders\":[" PROVIDER("0", "3", "SECRET_MANAGER") "]}",
         "identityProviders[0].provider.name", "must not be SECRET_MANAGER"},
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
        {SNAPSHOT(MEMBER(",\"groupIds\":[0]"), ""), "proxies[0].groupIds[0]", "must be a whole number from 1"},
        {SNAPSHOT(MEMBER(",\"groupIds\":[1,2,3]"), ""), "proxies[0].groupIds", "at most 2 elements"},
        {SNAPSHOT(MEMBER(",\"kind\":\"POLICY_GROUP\""), ""), "proxies[0].kind", "is not a known field"},
        {SNAPSHOT("", "7"), "groups[0]", "must be an object"},
        {SNAPSHOT("", "{}"), "groups[0].id", "is required"},
        {SNAPSHOT("", GROUP("API_PROXY", "1", "1", "")), "groups[0].kind", "must be one of API_PROXY_GROUP"},
        {SNAPSHOT("", POLICY_GROUP(",\"groupIds\":[1]")), "groups[0].groupIds", "is not a known field"},
        {SNAPSHOT("", POLICY_GROUP(",\"policy\":{}")), "groups[0].policyName", "is required"},
        {SNAPSHOT("", POLICY_GROUP(POLICY(",\"x\":1"))), "groups[0].policy.policy.x", "is not a known field"},
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
    static const tg_str_t document = TG_STR(SNAPSHOT(MEMBER(BOTH), POLICY_GROUP(POLICY("")) "," PROXY_GROUP("")));
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
        cmocka_unit_test(which_policy_and_key_count),
        cmocka_unit_test(each_proxy_finds_its_group),
        cmocka_unit_test(access_lists_may_name_the_proxy_or_its_groups),
        cmocka_unit_test(with_groups_written_and_read_it_is_the_same),
        cmocka_unit_test(a_proxy_is_written_with_its_own_policy_and_key),
        cmocka_unit_test(documents_of_the_release_before),
        cmocka_unit_test(providers_are_found_by_project_and_name),
        cmocka_unit_test(refuses_with_place_and_reason),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(a_thousand_proxies_parse_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
