/*
 * Texts of LDAP that hold what strangers wrote: distinguished names (RFC 4514) and filters (RFC 4515). Pure.
 */
#ifndef TG_IDENTITY_LDAP_TEXT_H
#define TG_IDENTITY_LDAP_TEXT_H

#include "base/buf.h"
#include "model/identity_provider.h"

#define TG_LDAP_TEXT_MAX (32 << 10) /* bytes of a name or a filter with its NUL */

/* The value of an attribute in a name: whatever its bytes are, it stays that one value. */
void tg_ldap_put_dn_value(tg_buf_t *out, tg_str_t value);
/* The value of an assertion in a filter: it matches itself alone. */
void tg_ldap_put_filter_value(tg_buf_t *out, tg_str_t value);

/* The name that a user binds with: userConfigurationExpression with the name of the user. Each text is
 * NUL-terminated; the NUL counts. */
tg_err_t tg_ldap_user_dn(tg_str_t expression, tg_str_t username, tg_buf_t *out) TG_MUST_CHECK;
/* (&(objectClass=...)(uid=...)userFilter); all users: username has p == NULL. */
tg_err_t tg_ldap_user_filter(const tg_ldap_provider_t *p, tg_str_t username, tg_buf_t *out) TG_MUST_CHECK;
/* (&(objectClass=...)(uniqueMember=...)groupFilter) */
tg_err_t tg_ldap_group_filter(const tg_ldap_provider_t *p, tg_str_t member, tg_buf_t *out) TG_MUST_CHECK;

/* The attribute whose whole value is {{username}} in the expression, a name; "" if there is none, or a backslash makes
 * it hard to tell. */
tg_str_t tg_ldap_expression_attribute(tg_str_t expression);

#endif
