/*
 * The bytes of a connection below libldap and its TLS: a layer for its sockets that gives up at a moment, whatever is
 * being read or written and however slowly it comes. libldap's own time-outs end between messages alone, and its
 * handshake has none that works (2.5: it turns in circles).
 */
#ifndef TG_IDENTITY_LDAP_WIRE_H
#define TG_IDENTITY_LDAP_WIRE_H

#include <ldap.h>

#include "identity/identity.h"

typedef struct {
    int fd;
    int64_t deadline; /* of the question that is being asked; 0: nothing waits */
} tg_ldap_wire_t;

/* libldap on a connected socket: it belongs to *out from then on, and is closed with it; *w must outlive that. An LDAP
 * result code; on failure the socket is closed. */
int tg_ldap_wire_adopt(tg_ldap_wire_t *w, int fd, const char *url, LDAP **out) TG_MUST_CHECK;

#endif
