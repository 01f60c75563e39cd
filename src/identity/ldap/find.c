#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "identity/ldap/directory.h"
#include "identity/ldap/state.h"
#include "identity/ldap/text.h"

#define GROUPS_MAX 1024 /* of one user below one base */

static tg_str_t view(const struct berval *v) {
    return tg_strn(v->bv_val, v->bv_len);
}

/* ---- an entry ---- */

/* Values that are text, at most `cap`; their memory is *held, for ldap_value_free_len. */
static size_t texts_read(LDAP *ld, LDAPMessage *entry, const char *attribute, struct berval ***held, tg_str_t *out,
                         size_t cap) {
    size_t n = 0;
    *held = attribute[0] != '\0' ? ldap_get_values_len(ld, entry, attribute) : NULL;
    for (size_t i = 0; *held != NULL && (*held)[i] != NULL && n < cap; i++) {
        if ((*held)[i]->bv_len > 0 && tg_str_is_utf8(view((*held)[i]))) {
            out[n++] = view((*held)[i]);
        }
    }
    return n;
}

static void texts_free(struct berval **held) {
    if (held != NULL) {
        ldap_value_free_len(held);
    }
}

static tg_err_t first_text(tg_ldap_found_t *f, LDAP *ld, LDAPMessage *entry, const char *attribute, tg_str_t *out) {
    struct berval **held;
    tg_str_t value;
    tg_err_t err = TG_OK;
    if (texts_read(ld, entry, attribute, &held, &value, 1) > 0) {
        err = tg_identity_text(&f->gather, value, TG_IDENTITY_TEXT_MAX, out);
    }
    texts_free(held);
    return err;
}

/* Which of several names: the one that the entry is called by, so that one entry is always one user. */
static tg_str_t name_choose(const char *dn, const char *attribute, const tg_str_t *names, size_t n) {
    tg_str_t chosen = names[0];
    LDAPDN parsed = NULL;
    if (n == 1 || ldap_str2dn(dn, &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS) {
        return chosen;
    }
    for (LDAPAVA **ava = parsed != NULL ? parsed[0] : NULL; ava != NULL && *ava != NULL; ava++) {
        for (size_t i = 0; i < n; i++) {
            if (tg_str_eq_ci(view(&(*ava)->la_attr), tg_str(attribute)) &&
                tg_str_eq_ci(view(&(*ava)->la_value), names[i])) {
                chosen = names[i];
            }
        }
    }
    ldap_dnfree(parsed);
    return chosen;
}

static tg_err_t name_read(tg_ldap_found_t *f, tg_str_t asked, LDAP *ld, LDAPMessage *entry) {
    struct berval **held;
    tg_str_t names[TG_IDENTITY_VALUES_MAX];
    const char *attribute = f->directory->name;
    size_t n = texts_read(ld, entry, attribute, &held, names, TG_IDENTITY_VALUES_MAX);
    tg_str_t name = n > 0 ? name_choose(f->dn, attribute, names, n) : TG_STR_NONE;
    tg_err_t err = tg_identity_subject(&f->gather, name, asked);
    texts_free(held);
    return err;
}

static tg_err_t claims_read(tg_ldap_found_t *f, LDAP *ld, LDAPMessage *entry) {
    tg_str_t values[TG_IDENTITY_VALUES_MAX + 1]; /* one more: too many are seen */
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < f->directory->p->n_claims; i++) {
        struct berval **held;
        size_t n = texts_read(ld, entry, f->directory->claims[i], &held, values, TG_IDENTITY_VALUES_MAX + 1);
        err = tg_identity_claim_texts(&f->gather, &f->directory->p->claims[i], values, n);
        texts_free(held);
    }
    return err;
}

static bool locks_read(LDAP *ld, LDAPMessage *entry) {
    bool locked = false;
    for (const char *const *a = tg_ldap_lock_attributes; *a != NULL && !locked; a++) {
        struct berval **held;
        tg_str_t value;
        locked = texts_read(ld, entry, *a, &held, &value, 1) > 0 && tg_ldap_value_locks(*a, value, time(NULL));
        texts_free(held);
    }
    return locked;
}

static tg_err_t dn_read(tg_ldap_found_t *f, LDAP *ld, LDAPMessage *entry) {
    char *dn = ldap_get_dn(ld, entry);
    tg_str_t copy = TG_STR_NONE;
    bool made = dn != NULL && tg_arena_str(f->gather.arena, tg_str(dn), &copy);
    ldap_memfree(dn);
    f->dn = (char *)(uintptr_t)copy.p;
    return made ? TG_OK : TG_ERR_NOMEM;
}

tg_err_t tg_ldap_entry_read(tg_ldap_found_t *f, tg_str_t asked, LDAP *ld, LDAPMessage *entry) {
    const tg_ldap_t *d = f->directory;
    tg_err_t err = dn_read(f, ld, entry);
    f->locked = locks_read(ld, entry);
    if (!err) {
        err = name_read(f, asked, ld, entry);
    }
    if (!err) {
        err = first_text(f, ld, entry, d->full_name, &f->gather.answer->full_name);
    }
    if (!err) {
        err = first_text(f, ld, entry, d->email, &f->gather.answer->email);
    }
    return err ? err : claims_read(f, ld, entry);
}

/* ---- a user ---- */

typedef struct {
    tg_ldap_found_t *found;
    tg_str_t asked;
} user_ctx_t;

static tg_err_t user_entry(void *ctx, LDAP *ld, LDAPMessage *entry) {
    user_ctx_t *u = ctx;
    return u->found->entries++ == 0 ? tg_ldap_entry_read(u->found, u->asked, ld, entry) : TG_OK;
}

tg_err_t tg_ldap_search_failed(tg_ldap_t *d, const char *step, int64_t since, const char *base, int code) {
    if (code == LDAP_SIZELIMIT_EXCEEDED || code == LDAP_ADMINLIMIT_EXCEEDED) {
        return tg_identity_fail(&d->base, TG_ERR_LIMIT, step, since, "%s: more entries than may be read", base);
    }
    if (code == LDAP_NO_SUCH_OBJECT) {
        return tg_identity_fail(&d->base, TG_ERR_UNAVAILABLE, step, since,
                                "%s: there is no such base, or it may not be searched", base);
    }
    return tg_identity_fail(&d->base, TG_ERR_UNAVAILABLE, step, since, "%s: %s", base, ldap_err2string(code));
}

static tg_err_t find_below(tg_ldap_t *d, const char *base, const char *filter, int64_t deadline, user_ctx_t *ctx) {
    int64_t since = tg_identity_now();
    int code;
    const tg_ldap_search_t s = {.step = "search",
                                .base = base,
                                .scope = d->p->user_scope,
                                .filter = filter,
                                .attributes = d->attributes,
                                .most = 2};
    tg_err_t err = tg_ldap_link_search(&d->service, &s, deadline, user_entry, ctx, &code);
    if (err || code == LDAP_SUCCESS || (code == LDAP_SIZELIMIT_EXCEEDED && ctx->found->entries > 1)) {
        return err;
    }
    return tg_ldap_search_failed(d, "search", since, base, code);
}

tg_err_t tg_ldap_find(tg_ldap_t *d, tg_str_t username, int64_t deadline, tg_ldap_found_t *f) {
    int64_t since = tg_identity_now();
    user_ctx_t ctx = {.found = f, .asked = username};
    tg_buf_t filter;
    tg_buf_init(&filter, TG_LDAP_TEXT_MAX);
    tg_err_t err = tg_ldap_user_filter(d->p, username, &filter);
    for (size_t i = 0; !err && f->entries == 0 && d->user_bases[i] != NULL; i++) {
        err = find_below(d, d->user_bases[i], filter.p, deadline, &ctx);
    }
    tg_buf_release(&filter);
    if (!err) {
        tg_identity_step(&d->base, "search", f->entries == 1, since, "%s",
                         f->entries == 0  ? "no entry"
                         : f->entries > 1 ? "several entries"
                                          : f->dn);
    }
    return err;
}

tg_err_t tg_ldap_read_own(tg_ldap_t *d, const char *dn, tg_str_t username, int64_t deadline, tg_ldap_found_t *f) {
    int64_t since = tg_identity_now();
    user_ctx_t ctx = {.found = f, .asked = username};
    int code;
    const tg_ldap_search_t s = {.step = "search",
                                .base = dn,
                                .scope = TG_LDAP_BASE,
                                .filter = "(objectClass=*)",
                                .attributes = d->attributes,
                                .most = 1};
    tg_err_t err = tg_ldap_link_search(&d->user, &s, deadline, user_entry, &ctx, &code);
    if (err) {
        return err;
    }
    bool hidden =
        f->entries == 0 && (code == LDAP_SUCCESS || code == LDAP_NO_SUCH_OBJECT || code == LDAP_INSUFFICIENT_ACCESS);
    if (code != LDAP_SUCCESS && !hidden) {
        return tg_ldap_search_failed(d, "search", since, dn, code);
    }
    tg_identity_step(&d->base, "search", true, since, "%s", hidden ? "the user may not read the own entry" : f->dn);
    return hidden ? tg_identity_subject(&f->gather, username, username) : TG_OK;
}

/* ---- groups ---- */

static tg_err_t group_entry(void *ctx, LDAP *ld, LDAPMessage *entry) {
    tg_identity_gather_t *g = ctx;
    const tg_ldap_t *d = (const tg_ldap_t *)g->handle;
    struct berval **held = ldap_get_values_len(ld, entry, d->group_attributes[0]);
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && held != NULL && held[i] != NULL; i++) {
        err = tg_identity_role(g, view(held[i]));
    }
    texts_free(held);
    return err;
}

static tg_err_t groups_below(tg_ldap_t *d, tg_ldap_link_t *l, const char *base, const char *filter, int64_t deadline,
                             tg_identity_gather_t *g) {
    int64_t since = tg_identity_now();
    int code;
    const tg_ldap_search_t s = {.step = "groups",
                                .base = base,
                                .scope = d->p->group_scope,
                                .filter = filter,
                                .attributes = d->group_attributes,
                                .most = GROUPS_MAX};
    tg_err_t err = tg_ldap_link_search(l, &s, deadline, group_entry, g, &code);
    return err || code == LDAP_SUCCESS ? err : tg_ldap_search_failed(d, "groups", since, base, code);
}

tg_err_t tg_ldap_groups(tg_ldap_t *d, tg_ldap_link_t *l, const char *dn, int64_t deadline, tg_identity_gather_t *g) {
    int64_t since = tg_identity_now();
    tg_buf_t filter;
    if (d->group_bases[0] == NULL) {
        return TG_OK;
    }
    tg_buf_init(&filter, TG_LDAP_TEXT_MAX);
    tg_err_t err = tg_ldap_group_filter(d->p, d->p->member_by_login ? g->answer->subject : tg_str(dn), &filter);
    for (size_t i = 0; !err && d->group_bases[i] != NULL; i++) {
        err = groups_below(d, l, d->group_bases[i], filter.p, deadline, g);
    }
    tg_buf_release(&filter);
    if (!err) {
        tg_identity_step(&d->base, "groups", true, since, "%zu", g->answer->n_roles);
    }
    return err;
}
