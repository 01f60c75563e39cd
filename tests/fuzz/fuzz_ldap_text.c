/*
 * A user's name in a distinguished name and in a filter of LDAP: whatever its bytes are, it stays the one value that it
 * is. The bytes are also read as an expression, and as what a server says at a bind.
 */
#include <ldap.h>
#include <stdlib.h>

#include "base/b64.h"
#include "identity/ldap/state.h"
#include "identity/ldap/text.h"
#include "model/ldap_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void stays_one_name(tg_str_t name) {
    tg_buf_t out;
    LDAPDN dn = NULL;
    tg_buf_init(&out, 1 << 20);
    require(tg_ldap_user_dn(TG_STR("uid={{username}},ou=people"), name, &out) == TG_OK);
    require(strlen(out.p) + 1 == out.n && tg_dn_rule(tg_strn(out.p, out.n - 1)) == NULL);
    require(ldap_str2dn(out.p, &dn, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS);
    require(dn[0] != NULL && dn[1] != NULL && dn[2] == NULL && dn[0][1] == NULL && dn[1][1] == NULL);
    require(tg_str_eq(tg_strn(dn[0][0]->la_value.bv_val, dn[0][0]->la_value.bv_len), name));
    ldap_dnfree(dn);
    tg_buf_release(&out);
}

/* The one value of the filter that is not written by us. */
static void stays_one_assertion(tg_str_t name) {
    static const tg_ldap_provider_t p = {.user_class = {"c", 1}, .user_name = {"n", 1}};
    const tg_str_t front = TG_STR("(&(objectClass=c)(n="), back = TG_STR("))");
    tg_buf_t out;
    tg_buf_init(&out, 1 << 20);
    require(tg_ldap_user_filter(&p, name.p != NULL ? name : TG_STR(""), &out) == TG_OK);
    tg_str_t filter = tg_strn(out.p, out.n - 1);
    require(strlen(out.p) == filter.n && tg_filter_rule(filter) == NULL);
    require(tg_str_starts(filter, front) && tg_str_ends(filter, back));
    size_t at = front.n;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t byte = (uint8_t)filter.p[at];
        size_t n = 1, used = 1;
        require(strchr("()*", (char)byte) == NULL);
        if (byte == '\\') {
            require(tg_hex_decode(tg_strn(filter.p + at + 1, 2), &byte, 1, &n) == TG_OK && n == 1);
            used = 3;
        }
        require(byte == (uint8_t)name.p[i]);
        at += used;
    }
    require(at + back.n == filter.n);
    tg_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 4096) {
        return 0;
    }
    tg_str_t text = tg_strn(data, size);
    stays_one_name(text);
    stays_one_assertion(text);
    tg_str_t attribute = tg_ldap_expression_attribute(text);
    require(tg_dn_rule(text) != NULL || attribute.n == 0 || tg_is_attribute(attribute, false));
    char *said = malloc(size + 1);
    require(said != NULL);
    memcpy(said, data, size);
    said[size] = '\0';
    tg_identity_verdict_t v = tg_ldap_bind_verdict(LDAP_INVALID_CREDENTIALS, TG_LDAP_NO_POLICY, said);
    require(v == TG_IDENTITY_PASSWORD || v == TG_IDENTITY_DISABLED || v == TG_IDENTITY_NOBODY);
    for (const char *const *a = tg_ldap_lock_attributes; *a != NULL; a++) {
        (void)tg_ldap_value_locks(*a, text, 1000000000);
    }
    free(said);
    return 0;
}
