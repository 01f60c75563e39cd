/* Policies of endpoints in a snapshot: what the proxy is there, and what its application key gets tokens by. */
#include "model/snapshot.h"

#include "alloc.h"
#include "bodies.h"

#define EP(method, path)   "{'method':'" method "','path':'" path "'}"
#define POLICY(type, more) "'policy':{'type':'policy-auth-" type "'" more "}"
#define OWN(type, more)    "'policyName':'own','policy':{" POLICY(type, more) "},"
#define AT(method, path, pol)                                                                                          \
    "{'policyName':'p','policy':{'operationMetadata':{'targetScope':'ENDPOINT','targetEndpoint':'" path                \
    "','targetEndpointHTTPMethod':'" method "'}," pol "}}"
#define SNAPSHOT(own, policies)                                                                                        \
    "{'format':'tollgate-snapshot/1','environmentId':1,'revision':2,'madeAt':'2026-01-01','environment':{'name':'e'}," \
    "'keys':[],'proxies':[{'id':1,'projectId':3,'revision':1,'keyId':101,'project':'p'," own                           \
    "'groupIds':[20],'proxy':{'apiProxyName':'a','apiProxyCreationType':'EMPTY_API','clientRoute':{'relativePathList'" \
    ":"                                                                                                                \
    "['/a']},'routingInfo':{'routingAddressList':[{'address':'http://h'}]},'endpoints':[" EP("GET", "/a") "," EP(      \
        "GET", "/b/{x}") "," EP("*", "/c") "]},'endpointPolicies':[" policies "]}],'groups':[{'kind':'POLICY_GROUP',"  \
                                           "'id':20,'projectId':3,'revision':1,'keyId':120,'project':'p','group':{'"   \
                                           "name':'g'},'policyName':'g','policy':{" POLICY("oauth2", "") "}}]}"
#define ACL ",'managedFromThisPolicy':false"
#define OFF ",'active':false"

static tg_err_t parse(const char *text, tg_snapshot_t *s, tg_fault_t *fault) {
    char *copy = strdup(text);
    for (char *p = copy; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    tg_err_t err = tg_snapshot_parse(tg_str(copy), s, fault);
    free(copy);
    return err;
}

static void the_proxy_as_it_is_there(void **state) {
    tg_snapshot_t s;
    tg_fault_t fault = {.field = ""};
    (void)state;
    if (parse(SNAPSHOT("", AT("GET", "/b/{other}/", POLICY("jwt", "")) "," AT("*", "/c", POLICY("oauth2", ACL)) "," AT(
                               "GET", "/a", POLICY("oauth2", ACL OFF))),
              &s, &fault)) {
        fail_msg("%s: %s", fault.field, fault.text);
    }
    const tg_deployed_proxy_t *p = &s.proxies[0];
    const tg_endpoint_policy_t *e = p->endpoint_policies;
    assert_int_equal(p->n_endpoint_policies, 3);
    assert_int_equal(p->key_id, 120); /* elsewhere the group's policy counts */
    assert_ptr_equal(p->policy, s.groups[0].policy);
    assert_ptr_equal(e[0].endpoint, &p->proxy.endpoints[1]);
    assert_ptr_equal(e[1].endpoint, &p->proxy.endpoints[2]);
    assert_ptr_equal(e[2].endpoint, &p->proxy.endpoints[0]);
    for (size_t i = 0; i < 3; i++) {
        bool acl = i == 1;
        assert_ptr_equal(e[i].proxy->policy, &e[i].policy);
        assert_int_equal(e[i].proxy->key_id, 101);
        assert_int_equal(e[i].proxy->id, 1);
        assert_int_equal(e[i].proxy->n_targets, 2);
        assert_ptr_equal(e[i].proxy->cors, acl ? &s.environment.cors : &p->proxy.cors);
        assert_ptr_equal(e[i].proxy->forwarded, acl ? &s.environment.forwarded : &p->proxy.forwarded);
    }
    tg_snapshot_release(&s);
}

/* "o": of opaque tokens, "j": JWT, in capitals the proxy's own, "": none. */
static char sign(const tg_deployed_proxy_t *p, const tg_policy_t *policy) {
    char c = policy == NULL ? '-' : policy->type == TG_TOKEN_JWT ? 'j' : 'o';
    return policy != NULL && policy == p->own_policy ? (char)(c & ~0x20) : c;
}

static void what_its_key_gets_tokens_by(void **state) {
    static const struct {
        const char *document, *policies; /* policy, other, then by type: opaque, JWT; * if it issues */
    } rows[] = {
        {SNAPSHOT("", ""), "----"},
        {SNAPSHOT(OWN("oauth2", ""), ""), "O-O-*"},
        {SNAPSHOT(OWN("oauth2", ""), AT("GET", "/a", POLICY("jwt", ""))), "OjOj*"},
        {SNAPSHOT(OWN("jwt", ""), AT("GET", "/a", POLICY("oauth2", ""))), "JooJ*"},
        {SNAPSHOT(OWN("oauth2", ""), AT("GET", "/a", POLICY("oauth2", ""))), "O-O-*"},
        {SNAPSHOT(OWN("oauth2", ""), AT("GET", "/a", POLICY("jwt", ACL))), "O-O-*"},
        {SNAPSHOT(OWN("oauth2", ""), AT("GET", "/a", POLICY("jwt", OFF))), "O-O-*"},
        {SNAPSHOT("", AT("GET", "/a", POLICY("jwt", ""))), "j--j*"},
        {SNAPSHOT("", AT("GET", "/a", POLICY("jwt", "")) "," AT("*", "/c", POLICY("oauth2", ""))), "ojoj*"},
        {SNAPSHOT(OWN("oauth2", ACL), AT("GET", "/a", POLICY("jwt", ""))), "j--j*"},
        {SNAPSHOT(OWN("oauth2", OFF), AT("GET", "/a", POLICY("jwt", ""))), "j--j*"},
        {SNAPSHOT(OWN("oauth2", ACL), AT("GET", "/a", POLICY("jwt", ACL))), "O-O-"},
        {SNAPSHOT(OWN("jwt", OFF), ""), "J--J"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_snapshot_t s;
        assert_int_equal(parse(rows[i].document, &s, NULL), TG_OK);
        const tg_deployed_proxy_t *p = &s.proxies[0];
        const tg_application_t *a = tg_snapshot_application(&s, 101);
        char got[6] = {sign(p, a->policy),
                       sign(p, a->other),
                       sign(p, tg_application_policy(a, TG_TOKEN_OPAQUE)),
                       sign(p, tg_application_policy(a, TG_TOKEN_JWT)),
                       tg_application_issues(a) ? '*' : '\0',
                       '\0'};
        assert_string_equal(got, rows[i].policies);
        assert_ptr_equal(tg_snapshot_application(&s, 120)->policy, s.groups[0].policy);
        tg_snapshot_release(&s);
    }
}

static void refuses(void **state) {
    static const refusal_t rows[] = {
        {SNAPSHOT("", AT("GET", "/c", POLICY("jwt", ""))), "proxies[0].endpointPolicies[0]", "is of no endpoint"},
        {SNAPSHOT("", AT("GET", "/b", POLICY("jwt", ""))), "proxies[0].endpointPolicies[0]", "is of no endpoint"},
        {SNAPSHOT("", "{'policyName':'p','policy':{" POLICY("jwt", "") "}}"), "proxies[0].endpointPolicies[0]",
         "is of no endpoint"},
        {SNAPSHOT("", "{'policyName':'p'}"), "proxies[0].endpointPolicies[0].policy", "is required"},
        {SNAPSHOT("", "{'policy':{" POLICY("jwt", "") "}}"), "proxies[0].endpointPolicies[0].policyName",
         "is required"},
        {SNAPSHOT("'policyName':'own','policy':{'operationMetadata':{'targetScope':'ENDPOINT','targetEndpoint':'/a',"
                  "'targetEndpointHTTPMethod':'GET'}," POLICY("jwt", "") "},",
                  ""),
         "proxies[0].policy", "is one of an endpoint"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_snapshot_t s;
        tg_fault_t fault = {.field = ""};
        assert_int_equal(parse(rows[i].body, &s, &fault), TG_ERR_INVALID);
        assert_string_equal(fault.field, rows[i].field);
        assert_non_null(strstr(fault.text, rows[i].text));
    }
}

static void lack_of_memory(void **state) {
    bool enough = false;
    (void)state;
    for (long n = 0; !enough && n < 2000; n++) {
        tg_snapshot_t s;
        alloc_fail_after(n);
        tg_err_t err = parse(SNAPSHOT(OWN("oauth2", ""), AT("GET", "/a", POLICY("jwt", ""))), &s, NULL);
        enough = !alloc_failed();
        assert_true(err == TG_OK || (!enough && err == TG_ERR_NOMEM));
        if (!err) {
            tg_snapshot_release(&s);
        }
    }
    assert_true(enough);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_proxy_as_it_is_there),
                                       cmocka_unit_test(what_its_key_gets_tokens_by), cmocka_unit_test(refuses),
                                       cmocka_unit_test(lack_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
