/*
 * What directories say of accounts: results of binds, and attributes that lock. Pure.
 */
#ifndef TG_IDENTITY_LDAP_STATE_H
#define TG_IDENTITY_LDAP_STATE_H

#include "identity/identity.h"

#define TG_LDAP_NO_POLICY (-1)

/* What the answer to a bind with a user's name and password means: its result code (RFC 4511 4.1.9), the error of its
 * password policy (draft-behera-ldap-password-policy 6.2; TG_LDAP_NO_POLICY: none) and its diagnostic message, where
 * Active Directory says which kind of invalid credentials it was. 0: it cannot be told. */
tg_identity_verdict_t tg_ldap_bind_verdict(int code, int policy_error, const char *diagnostic);

/* Attributes by which directories lock accounts; ends with NULL. */
extern const char *const tg_ldap_lock_attributes[];
/* Whether this value of one of them says that the account is locked or has ended. */
bool tg_ldap_value_locks(const char *attribute, tg_str_t value, int64_t now_s);

#endif
