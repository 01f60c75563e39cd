/*
 * TCP connections that are there within a time, names included.
 */
#ifndef TG_IDENTITY_LDAP_DIAL_H
#define TG_IDENTITY_LDAP_DIAL_H

#include "identity/identity.h"

/* A connected socket that does not block, in *fd: the caller closes it. Tells the steps "resolve" and "connect". */
tg_err_t tg_ldap_dial(tg_identity_t *h, const char *host, int port, int64_t deadline, int *fd) TG_MUST_CHECK;

#endif
