#include "identity/ldap/state.h"

#include <ldap.h>
#include <stdlib.h>
#include <strings.h>

/* ---- binds ---- */

/* "80090308: LdapErr: DSID-0C090400, comment: AcceptSecurityContext error, data 533, v1db1" */
static unsigned long active_directory_code(const char *diagnostic) {
    const char *at = diagnostic != NULL ? strstr(diagnostic, ", data ") : NULL;
    return at != NULL ? strtoul(at + 7, NULL, 16) : 0;
}

/* Microsoft's system error codes, as Active Directory gives them at a bind. */
static tg_identity_verdict_t active_directory_verdict(unsigned long code) {
    switch (code) {
    case 0x525: /* no such user */
        return TG_IDENTITY_NOBODY;
    case 0x530: /* not at this time */
    case 0x531: /* not at this workstation */
    case 0x532: /* password expired */
    case 0x533: /* account disabled */
    case 0x701: /* account expired */
    case 0x773: /* password must be changed */
    case 0x775: /* account locked */
        return TG_IDENTITY_DISABLED;
    default:
        return TG_IDENTITY_PASSWORD;
    }
}

static bool policy_ends(int error) {
    return error == PP_passwordExpired || error == PP_accountLocked || error == PP_changeAfterReset;
}

tg_identity_verdict_t tg_ldap_bind_verdict(int code, int policy_error, const char *diagnostic) {
    switch (code) {
    case LDAP_SUCCESS:
        return policy_error == PP_changeAfterReset ? TG_IDENTITY_DISABLED : TG_IDENTITY_OK;
    case LDAP_INVALID_CREDENTIALS:
        return policy_ends(policy_error) ? TG_IDENTITY_DISABLED
                                         : active_directory_verdict(active_directory_code(diagnostic));
    case LDAP_INAPPROPRIATE_AUTH: /* an entry without a password */
        return TG_IDENTITY_PASSWORD;
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INVALID_DN_SYNTAX:
        return TG_IDENTITY_NOBODY;
    case LDAP_UNWILLING_TO_PERFORM: /* 389 Directory Server: inactivated */
    case LDAP_CONSTRAINT_VIOLATION: /* the same: too many wrong passwords */
        return TG_IDENTITY_DISABLED;
    default:
        return (tg_identity_verdict_t)0;
    }
}

/* ---- attributes ---- */

const char *const tg_ldap_lock_attributes[] = {"userAccountControl", "accountExpires",       "nsAccountLock",
                                               "loginDisabled",      "pwdAccountLockedTime", NULL};

#define UAC_ACCOUNTDISABLE 0x2

static bool is_control_disabled(tg_str_t value) {
    uint64_t flags;
    return tg_str_to_u64(value, UINT32_MAX, &flags) && (flags & UAC_ACCOUNTDISABLE) != 0;
}

/* 100 ns since 1601; 0 and the greatest are never. */
static bool is_past_filetime(tg_str_t value, int64_t now_s) {
    uint64_t ticks;
    return tg_str_to_u64(value, INT64_MAX, &ticks) && ticks != 0 && ticks != INT64_MAX &&
           (int64_t)(ticks / 10000000) - 11644473600 <= now_s;
}

bool tg_ldap_value_locks(const char *attribute, tg_str_t value, int64_t now_s) {
    if (strcasecmp(attribute, "userAccountControl") == 0) {
        return is_control_disabled(value);
    }
    if (strcasecmp(attribute, "accountExpires") == 0) {
        return is_past_filetime(value, now_s);
    }
    if (strcasecmp(attribute, "pwdAccountLockedTime") == 0) {
        return tg_str_eq(value, TG_STR("000001010000Z")); /* until an administrator unlocks it */
    }
    return tg_str_eq_ci(value, TG_STR("true"));
}
