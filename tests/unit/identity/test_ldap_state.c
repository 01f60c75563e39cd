#include <ldap.h>

#include "../tests.h"
#include "identity/ldap/state.h"

#define NONE     TG_LDAP_NO_POLICY
#define AD(code) "80090308: LdapErr: DSID-0C090400, comment: AcceptSecurityContext error, data " code ", v1db1"

static void binds(void **state) {
    static const struct {
        int code, policy;
        const char *diagnostic;
        int verdict;
    } rows[] = {
        {LDAP_SUCCESS, NONE, "", TG_IDENTITY_OK},
        {LDAP_SUCCESS, PP_passwordExpired, "", TG_IDENTITY_OK}, /* a grace login */
        {LDAP_SUCCESS, PP_changeAfterReset, "", TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, NONE, "", TG_IDENTITY_PASSWORD},
        {LDAP_INVALID_CREDENTIALS, NONE, NULL, TG_IDENTITY_PASSWORD},
        {LDAP_INVALID_CREDENTIALS, PP_accountLocked, "", TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, PP_passwordExpired, "", TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("52e"), TG_IDENTITY_PASSWORD},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("525"), TG_IDENTITY_NOBODY},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("530"), TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("532"), TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("533"), TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("701"), TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("773"), TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("775"), TG_IDENTITY_DISABLED},
        {LDAP_INVALID_CREDENTIALS, NONE, AD("zzz"), TG_IDENTITY_PASSWORD},
        {LDAP_INAPPROPRIATE_AUTH, NONE, "", TG_IDENTITY_PASSWORD},
        {LDAP_NO_SUCH_OBJECT, NONE, "", TG_IDENTITY_NOBODY},
        {LDAP_INVALID_DN_SYNTAX, NONE, "", TG_IDENTITY_NOBODY},
        {LDAP_UNWILLING_TO_PERFORM, NONE, "", TG_IDENTITY_DISABLED},
        {LDAP_CONSTRAINT_VIOLATION, NONE, "", TG_IDENTITY_DISABLED},
        /* of these nothing is known of the user: never a yes, and never a no */
        {LDAP_BUSY, NONE, "", 0},
        {LDAP_UNAVAILABLE, NONE, "", 0},
        {LDAP_REFERRAL, NONE, "", 0},
        {LDAP_CONFIDENTIALITY_REQUIRED, NONE, "", 0},
        {LDAP_STRONG_AUTH_REQUIRED, NONE, "", 0},
        {LDAP_PROTOCOL_ERROR, NONE, "", 0},
        {LDAP_OTHER, NONE, AD("533"), 0},
        {LDAP_DECODING_ERROR, NONE, "", 0},
        {LDAP_SASL_BIND_IN_PROGRESS, NONE, "", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(tg_ldap_bind_verdict(rows[i].code, rows[i].policy, rows[i].diagnostic), rows[i].verdict);
    }
}

static void locks(void **state) {
    static const struct {
        const char *attribute, *value;
        bool locks;
    } rows[] = {
        {"userAccountControl", "512", false},
        {"userAccountControl", "514", true},
        {"useraccountcontrol", "66050", true},
        {"userAccountControl", "x", false},
        {"nsAccountLock", "TRUE", true},
        {"nsAccountLock", "true", true},
        {"nsAccountLock", "false", false},
        {"loginDisabled", "TRUE", true},
        {"pwdAccountLockedTime", "000001010000Z", true},
        {"pwdAccountLockedTime", "20261123120000Z", false}, /* for a while: the server itself says when binds fail */
        {"accountExpires", "0", false},
        {"accountExpires", "9223372036854775807", false},
        {"accountExpires", "116444736000000000", true},  /* 1970 */
        {"accountExpires", "116444746000000000", false}, /* 1000 s later: now + 1 */
        {"accountExpires", "116444745990000000", true},  /* now */
        {"accountExpires", "99999999999999999999", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool got = tg_ldap_value_locks(rows[i].attribute, tg_str(rows[i].value), 999);
        if (got != rows[i].locks) {
            fail_msg("%s: %s", rows[i].attribute, rows[i].value);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds),
        cmocka_unit_test(locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
