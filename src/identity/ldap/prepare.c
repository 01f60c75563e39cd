#include <stdlib.h>

#include "identity/ldap/directory.h"
#include "identity/ldap/state.h"
#include "identity/ldap/text.h"

/* ---- texts as libldap wants them ---- */

static char *cstr(tg_ldap_t *d, tg_str_t s) {
    tg_str_t copy;
    return tg_arena_str(&d->arena, s, &copy) ? (char *)(uintptr_t)copy.p : NULL;
}

static char **cstrs(tg_ldap_t *d, const tg_str_t *list, size_t n) {
    char **out = tg_arena_array(&d->arena, n + 1, sizeof(char *));
    for (size_t i = 0; out != NULL && i < n; i++) {
        out[i] = cstr(d, list[i]);
        if (out[i] == NULL) {
            return NULL;
        }
    }
    return out;
}

static char **claim_sources(tg_ldap_t *d) {
    char **out = tg_arena_array(&d->arena, d->p->n_claims + 1, sizeof(char *));
    for (size_t i = 0; out != NULL && i < d->p->n_claims; i++) {
        out[i] = cstr(d, d->p->claims[i].source);
        if (out[i] == NULL) {
            return NULL;
        }
    }
    return out;
}

/* Servers refuse a list that names one twice. */
static void attribute_add(char **list, size_t *n, char *name) {
    for (size_t i = 0; i < *n; i++) {
        if (tg_str_eq_ci(tg_str(list[i]), tg_str(name))) {
            return;
        }
    }
    if (name[0] != '\0') {
        list[(*n)++] = name;
    }
}

static bool attributes_fill(tg_ldap_t *d) {
    size_t n = 0, most = d->p->n_claims + 16;
    char **list = tg_arena_array(&d->arena, most, sizeof(char *));
    if (list == NULL) {
        return false;
    }
    attribute_add(list, &n, d->name);
    attribute_add(list, &n, d->full_name);
    attribute_add(list, &n, d->email);
    for (size_t i = 0; i < d->p->n_claims; i++) {
        attribute_add(list, &n, d->claims[i]);
    }
    for (const char *const *lock = tg_ldap_lock_attributes; *lock != NULL; lock++) {
        attribute_add(list, &n, (char *)(uintptr_t)*lock);
    }
    d->attributes = list;
    return true;
}

static tg_err_t texts_make(tg_ldap_t *d) {
    const tg_ldap_provider_t *p = d->p;
    tg_str_t own = p->authentication == TG_LDAP_SIMPLE ? tg_ldap_expression_attribute(p->user_expression) : TG_STR_NONE;
    d->bind_dn = cstr(d, p->bind_dn);
    d->user_bases = cstrs(d, p->user_bases, p->n_user_bases);
    d->group_bases = cstrs(d, p->group_bases, p->n_group_bases);
    d->name = cstr(d, own.n > 0 ? own : p->user_name);
    d->full_name = cstr(d, p->full_name);
    d->email = cstr(d, p->email);
    d->claims = claim_sources(d);
    d->group_attributes[0] = cstr(d, p->group_name);
    bool made = d->bind_dn != NULL && d->user_bases != NULL && d->group_bases != NULL && d->name != NULL &&
                d->full_name != NULL && d->email != NULL && d->claims != NULL && d->group_attributes[0] != NULL;
    return made && attributes_fill(d) ? TG_OK : TG_ERR_NOMEM;
}

/* ---- a handle ---- */

tg_err_t tg_ldap_prepare(tg_ldap_t *d, tg_fault_t *fault) {
    const tg_ldap_provider_t *p = d->p;
    if (p->authentication == TG_LDAP_ADVANCED && p->bind_dn.n > 0 && p->bind_password.clear.n == 0) {
        return tg_fault(fault, TG_ERR_INVALID, "bindPassword", "is needed for bindDn");
    }
    tg_err_t err = tg_ldap_server_parse(&d->server, p, fault);
    return err ? err : texts_make(d);
}
