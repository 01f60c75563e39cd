/*
 * A handle of an LDAP provider, as its parts see it. Internal to the LDAP provider.
 */
#ifndef TG_IDENTITY_LDAP_DIRECTORY_H
#define TG_IDENTITY_LDAP_DIRECTORY_H

#include "identity/ldap/link.h"
#include "identity/parts.h"

typedef struct {
    tg_identity_t base; /* first: a tg_identity_t * is one of these */
    const tg_ldap_provider_t *p;
    tg_arena_t arena;        /* what is below, as libldap wants it */
    tg_ldap_server_t server; /* its strings are not of the arena */
    tg_ldap_link_t service;  /* bound as the service account */
    tg_ldap_link_t user;     /* bound as whoever asked last */
    char *bind_dn;
    char **user_bases, **group_bases;         /* end with NULL */
    char *name, *full_name, *email, **claims; /* attributes of users */
    char **attributes;                        /* all of them, and what locks accounts */
    char *group_attributes[2];
} tg_ldap_t;

/* What a search has found of a user. */
typedef struct {
    tg_ldap_t *directory;
    tg_identity_gather_t gather;
    size_t entries; /* the first of them counts */
    char *dn;       /* in the arena; NULL: no entry */
    bool locked;
} tg_ldap_found_t;

/* ---- prepare.c ---- */

tg_err_t tg_ldap_prepare(tg_ldap_t *d, tg_fault_t *fault) TG_MUST_CHECK;

/* ---- find.c ---- */

/* Reads an entry into *found; ctx of a search (tg_ldap_entry_fn). */
tg_err_t tg_ldap_entry_read(tg_ldap_found_t *found, tg_str_t asked, LDAP *ld, LDAPMessage *entry) TG_MUST_CHECK;
/* The user's entry, by the service account; tells "search". */
tg_err_t tg_ldap_find(tg_ldap_t *d, tg_str_t username, int64_t deadline, tg_ldap_found_t *found) TG_MUST_CHECK;
/* The entry `dn`, read by the user that has bound; it may not be readable. */
tg_err_t tg_ldap_read_own(tg_ldap_t *d, const char *dn, tg_str_t username, int64_t deadline,
                          tg_ldap_found_t *found) TG_MUST_CHECK;
/* Adds the roles of the user that has been found; tells "groups", with how many. */
tg_err_t tg_ldap_groups(tg_ldap_t *d, tg_ldap_link_t *l, const char *dn, int64_t deadline,
                        tg_identity_gather_t *gather) TG_MUST_CHECK;
/* What a result of a search says when it is no success. */
tg_err_t tg_ldap_search_failed(tg_ldap_t *d, const char *step, int64_t since, const char *base, int code) TG_MUST_CHECK;

/* ---- bind.c ---- */

/* The service connection, open and bound. */
tg_err_t tg_ldap_service(tg_ldap_t *d, int64_t deadline) TG_MUST_CHECK;
/* The user's connection, with the user's password; tells "bind". */
tg_err_t tg_ldap_user(tg_ldap_t *d, const char *dn, tg_str_t password, int64_t deadline,
                      tg_identity_verdict_t *verdict) TG_MUST_CHECK;

/* ---- list.c ---- */

tg_err_t tg_ldap_list(tg_identity_t *h, tg_identity_user_fn each, void *ctx) TG_MUST_CHECK;

#endif
