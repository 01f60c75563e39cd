/*
 * One connection with a directory: opened when it is wanted, kept, and every wait bounded by a deadline.
 */
#ifndef TG_IDENTITY_LDAP_LINK_H
#define TG_IDENTITY_LDAP_LINK_H

#include <ldap.h>

#include "identity/ldap/wire.h"

/* Where and how; the same for all connections of a handle. */
typedef struct {
    char *url; /* ldap://host:port */
    char *host;
    int port;
    bool tls;       /* ldaps */
    bool start_tls; /* or after a word with the server */
    const tg_provider_tls_t *verify;
} tg_ldap_server_t;

/* Zeroed with handle and server: closed. */
typedef struct {
    tg_identity_t *handle;
    const tg_ldap_server_t *server;
    LDAP *ld;
    tg_ldap_wire_t wire;
    bool bound;  /* the caller's: as whom it wants to be */
    bool reused; /* was open before this question */
    bool lost;   /* the server has gone away in this question */
} tg_ldap_link_t;

/* Makes the address of `url` usable; INVALID with "url" in *fault. The strings are libldap's: tg_ldap_server_release.
 */
tg_err_t tg_ldap_server_parse(tg_ldap_server_t *s, const tg_ldap_provider_t *p, tg_fault_t *fault) TG_MUST_CHECK;
void tg_ldap_server_release(tg_ldap_server_t *s);

/* A question begins: drops a connection that its server has closed. */
void tg_ldap_link_begin(tg_ldap_link_t *l);
/* Opens it if it is not; tells "resolve", "connect", "tls". */
tg_err_t tg_ldap_link_open(tg_ldap_link_t *l, int64_t deadline) TG_MUST_CHECK;
void tg_ldap_link_close(tg_ldap_link_t *l);

/* The answer to a simple bind. */
typedef struct {
    int code;
    int policy_error;     /* TG_LDAP_NO_POLICY */
    char diagnostic[256]; /* the server's words: not for others */
} tg_ldap_bound_t;

/* Neither name nor password is empty: those are binds that prove nothing (RFC 4513 5.1.2). Not TG_OK: there is no
 * answer; told as the step "bind". */
tg_err_t tg_ldap_link_bind(tg_ldap_link_t *l, const char *dn, tg_str_t password, int64_t deadline,
                           tg_ldap_bound_t *out) TG_MUST_CHECK;

/* An entry; not TG_OK ends the search with that, and closes the connection. */
typedef tg_err_t (*tg_ldap_entry_fn)(void *ctx, LDAP *ld, LDAPMessage *entry);

typedef struct {
    const char *step;
    const char *base;
    tg_ldap_scope_t scope;
    const char *filter;
    char **attributes;
    int most;              /* entries; more are not asked for, and end the search: code LDAP_SIZELIMIT_EXCEEDED */
    struct berval *cookie; /* of the page to come, and then of the next; NULL: no pages */
    int page;
} tg_ldap_search_t;

/* *code: the result code. Not TG_OK: there is no result; told as the search's step. */
tg_err_t tg_ldap_link_search(tg_ldap_link_t *l, const tg_ldap_search_t *s, int64_t deadline, tg_ldap_entry_fn each,
                             void *ctx, int *code) TG_MUST_CHECK;

#endif
