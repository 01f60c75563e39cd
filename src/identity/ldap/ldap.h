/*
 * Users of an LDAP directory (RFC 4511) through libldap.
 *
 * A handle has up to two connections: of the service account, for searches (ADVANCED), and one that is bound anew as
 * each user whose password is asked for. Both stay open between questions; one that its server has closed meanwhile is
 * opened again, once and quietly. A server that stops in the middle of a word holds nobody longer than the time-out
 * (wire.h).
 */
#ifndef TG_IDENTITY_LDAP_LDAP_H
#define TG_IDENTITY_LDAP_LDAP_H

#include "identity/identity.h"

/* Once per process, before threads: libldap reads no files of the system's users and no environment. */
tg_err_t tg_identity_ldap_init(void) TG_MUST_CHECK;
tg_err_t tg_identity_ldap_open(const tg_identity_provider_t *p, tg_identity_t **out, tg_fault_t *fault) TG_MUST_CHECK;

#endif
