#include <ldap.h>
#include <stdlib.h>

#include "../guard.h"
#include "../tests.h"
#include "identity/ldap/text.h"

/* ---- names ---- */

static void dn_values(void **state) {
    static const struct {
        const char *value, *escaped;
    } rows[] = {
        {"anna", "anna"},
        {"Anna M\xc3\xbcller", "Anna M\xc3\xbcller"},
        {"a,ou=admins", "a\\2cou\\3dadmins"},
        {"a+uid=b", "a\\2buid\\3db"},
        {"\"a\"", "\\22a\\22"},
        {"a;b<c>d", "a\\3bb\\3cc\\3ed"},
        {"a\\2c", "a\\5c2c"},
        {"#0403", "\\230403"},
        {" a b ", "\\20a b\\20"},
        {" ", "\\20"},
        {"*()", "*()"},
        {"\t\x7f\n", "\\09\\7f\\0a"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_buf_t out;
        tg_buf_init(&out, 4096);
        guard_t g = guard_copy(rows[i].value, strlen(rows[i].value));
        tg_ldap_put_dn_value(&out, tg_strn(g.p, g.n));
        assert_str(tg_buf_str(&out), rows[i].escaped);
        guard_free(&g);
        tg_buf_release(&out);
    }
}

static void a_nul_is_escaped(void **state) {
    tg_buf_t out;
    (void)state;
    tg_buf_init(&out, 64);
    tg_ldap_put_dn_value(&out, TG_STR("a\0b"));
    tg_ldap_put_filter_value(&out, TG_STR("\0*"));
    assert_str(tg_buf_str(&out), "a\\00b\\00\\2a");
    tg_buf_release(&out);
}

/* libldap, which is what servers read names with, sees one value more and nothing else. */
static void a_name_stays_one_value(void **state) {
    static const char *const names[] = {
        "x,ou=admins,dc=example",
        "x+cn=admin",
        "\\",
        "x\\",
        "x\\,",
        "#616263",
        " lead",
        "trail ",
        "  ",
        "a=b",
        "<script>\";",
        "\"x,y\"",
        "x\ny=z",
        "{{username}}",
        "\xf0\x9f\x98\x80",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        tg_buf_t out;
        LDAPDN dn = NULL;
        tg_buf_init(&out, 4096);
        assert_int_equal(tg_ldap_user_dn(TG_STR("uid={{username}},ou=people,dc=org"), tg_str(names[i]), &out), TG_OK);
        assert_int_equal(ldap_str2dn(out.p, &dn, LDAP_DN_FORMAT_LDAPV3), LDAP_SUCCESS);
        assert_non_null(dn[2]);
        assert_null(dn[3]);
        assert_null(dn[0][1]);
        assert_string_equal(dn[0][0]->la_attr.bv_val, "uid");
        assert_bytes(tg_str(names[i]), dn[0][0]->la_value.bv_val, dn[0][0]->la_value.bv_len);
        ldap_dnfree(dn);
        tg_buf_release(&out);
    }
}

static void expressions(void **state) {
    tg_buf_t out;
    (void)state;
    tg_buf_init(&out, 256);
    assert_int_equal(tg_ldap_user_dn(TG_STR("uid={{username}},ou={{username}},dc=x"), TG_STR("a,b"), &out), TG_OK);
    static const char expected[] = "uid=a\\2cb,ou=a\\2cb,dc=x";
    assert_bytes(tg_buf_str(&out), expected, sizeof(expected)); /* with its NUL */
    tg_buf_release(&out);
}

static void attributes_of_expressions(void **state) {
    static const struct {
        const char *expression, *attribute;
    } rows[] = {
        {"uid={{username}},ou=people", "uid"},
        {"ou=x, cn={{username}}", "cn"},
        {"cn={{username}}+o=x,dc=y", "cn"},
        {"uid=ext-{{username}},dc=x", ""},
        {"uid={{username}}-x,dc=x", ""},
        {"{{username}}", ""},

        {"uid=x", ""},
        {"o=a\\,cn={{username}},dc=x", ""},
        {"o=a= cn ={{username}}", ""},
        {"o=x+2.5.4.3={{username}},y=z", "2.5.4.3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        guard_t g = guard_copy(rows[i].expression, strlen(rows[i].expression));
        assert_str(tg_ldap_expression_attribute(tg_strn(g.p, g.n)), rows[i].attribute);
        guard_free(&g);
    }
}

/* ---- filters ---- */

static const tg_ldap_provider_t provider = {
    .user_class = {"inetOrgPerson", 13},
    .user_name = {"uid", 3},
    .group_class = {"groupOfUniqueNames", 18},
    .group_member = {"uniqueMember", 12},
};

static void assert_filter(const tg_ldap_provider_t *p, tg_str_t name, const char *expected) {
    tg_buf_t out;
    tg_buf_init(&out, TG_LDAP_TEXT_MAX);
    assert_int_equal(tg_ldap_user_filter(p, name, &out), TG_OK);
    assert_bytes(tg_buf_str(&out), expected, strlen(expected) + 1);
    tg_buf_release(&out);
}

static void user_filters(void **state) {
    tg_ldap_provider_t p = provider;
    (void)state;
    assert_filter(&p, TG_STR("anna"), "(&(objectClass=inetOrgPerson)(uid=anna))");
    assert_filter(&p, TG_STR("*"), "(&(objectClass=inetOrgPerson)(uid=\\2a))");
    assert_filter(&p, TG_STR("a)(uid=*"), "(&(objectClass=inetOrgPerson)(uid=a\\29\\28uid\\3d\\2a))");
    assert_filter(&p, TG_STR("\\2a \xc3\xbc"), "(&(objectClass=inetOrgPerson)(uid=\\5c2a\\20\\c3\\bc))");
    assert_filter(&p, TG_STR(""), "(&(objectClass=inetOrgPerson)(uid=))");
    assert_filter(&p, TG_STR_NONE, "(&(objectClass=inetOrgPerson)(uid=*))");
    p.user_class = TG_STR("*");
    p.user_filter = TG_STR("(|(a=b)(c=d))");
    assert_filter(&p, TG_STR("x"), "(&(objectClass=*)(uid=x)(|(a=b)(c=d)))");
}

static void group_filters(void **state) {
    tg_buf_t out;
    (void)state;
    tg_buf_init(&out, TG_LDAP_TEXT_MAX);
    assert_int_equal(tg_ldap_group_filter(&provider, TG_STR("uid=a\\2cb,ou=x"), &out), TG_OK);
    assert_string_equal(out.p, "(&(objectClass=groupOfUniqueNames)(uniqueMember=uid\\3da\\5c2cb\\2cou\\3dx))");
    tg_buf_reset(&out);
    /* never all groups, whatever the name is */
    assert_int_equal(tg_ldap_group_filter(&provider, TG_STR_NONE, &out), TG_OK);
    assert_string_equal(out.p, "(&(objectClass=groupOfUniqueNames)(uniqueMember=))");
    tg_buf_release(&out);
}

static void too_long_is_a_limit(void **state) {
    char small[16];
    tg_buf_t out;
    (void)state;
    tg_buf_init_fixed(&out, small, sizeof(small));
    assert_int_equal(tg_ldap_user_filter(&provider, TG_STR("anna"), &out), TG_ERR_LIMIT);
    tg_buf_init_fixed(&out, small, sizeof(small));
    assert_int_equal(tg_ldap_user_dn(TG_STR("uid={{username}},dc=x"), TG_STR("annabella"), &out), TG_ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dn_values),
        cmocka_unit_test(a_nul_is_escaped),
        cmocka_unit_test(a_name_stays_one_value),
        cmocka_unit_test(expressions),
        cmocka_unit_test(attributes_of_expressions),
        cmocka_unit_test(user_filters),
        cmocka_unit_test(group_filters),
        cmocka_unit_test(too_long_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
