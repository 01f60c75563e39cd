/*
 * TLS on a connection of libldap (Debian's is built on GnuTLS).
 */
#ifndef TG_IDENTITY_LDAP_TLS_H
#define TG_IDENTITY_LDAP_TLS_H

#include <ldap.h>

#include "identity/identity.h"

/* Hands shake; the certificate must be one of `host`, signed by an authority of `t`, unless t->verify is off. TLS 1.2
 * at least. Tells the step "tls". The wire below gives up at the deadline. */
tg_err_t tg_ldap_tls(tg_identity_t *h, LDAP *ld, const tg_provider_tls_t *t, const char *host,
                     int64_t deadline) TG_MUST_CHECK;

#endif
