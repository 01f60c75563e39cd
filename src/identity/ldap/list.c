#include <stdlib.h>

#include "identity/ldap/directory.h"
#include "identity/ldap/text.h"

#define PAGE     200
#define PAGE_MAX (32 << 20) /* bytes of the users of one page */

/* One page of users, and then their groups: they are told when all of it has been read. */
typedef struct {
    tg_ldap_t *directory;
    tg_arena_t arena;
    size_t n;
    tg_ldap_found_t found[PAGE];
    tg_identity_answer_t answers[PAGE];
} page_t;

static tg_err_t page_entry(void *ctx, LDAP *ld, LDAPMessage *entry) {
    page_t *page = ctx;
    tg_ldap_found_t *f = &page->found[page->n];
    tg_ldap_t *d = page->directory;
    *f = (tg_ldap_found_t){.directory = d};
    tg_err_t err = tg_identity_gather(&f->gather, &d->base, &page->arena, d->p->n_claims, &page->answers[page->n]);
    if (!err) {
        err = tg_ldap_entry_read(f, TG_STR(""), ld, entry);
    }
    page->n += err == TG_OK && f->gather.answer->subject.n > 0; /* whose name may not be read is nobody */
    return err;
}

static tg_err_t page_read(page_t *page, const char *base, const char *filter, struct berval *cookie) {
    tg_ldap_t *d = page->directory;
    int64_t since = tg_identity_now(), deadline = tg_identity_deadline(&d->base);
    int code;
    const tg_ldap_search_t s = {.step = "search",
                                .base = base,
                                .scope = d->p->user_scope,
                                .filter = filter,
                                .attributes = d->attributes,
                                .most = PAGE,
                                .cookie = cookie,
                                .page = PAGE};
    tg_err_t err = tg_ldap_link_search(&d->service, &s, deadline, page_entry, page, &code);
    if (err || code != LDAP_SUCCESS) {
        return err ? err : tg_ldap_search_failed(d, "search", since, base, code);
    }
    tg_identity_step(&d->base, "search", true, since, "%zu users below %s", page->n, base);
    return TG_OK;
}

static tg_err_t page_tell(page_t *page, tg_identity_user_fn each, void *ctx) {
    tg_ldap_t *d = page->directory;
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < page->n; i++) {
        tg_ldap_found_t *f = &page->found[i];
        f->gather.answer->verdict = f->locked ? TG_IDENTITY_DISABLED : TG_IDENTITY_OK;
        err = tg_ldap_groups(d, &d->service, f->dn, tg_identity_deadline(&d->base), &f->gather);
        if (!err) {
            err = each(ctx, f->gather.answer);
        }
    }
    return err;
}

static tg_err_t list_below(page_t *page, const char *base, const char *filter, tg_identity_user_fn each, void *ctx) {
    struct berval cookie = {0};
    tg_err_t err;
    do {
        page->n = 0;
        tg_arena_init(&page->arena, PAGE_MAX);
        err = page_read(page, base, filter, &cookie);
        if (!err) {
            err = page_tell(page, each, ctx);
        }
        tg_arena_release(&page->arena);
    } while (!err && cookie.bv_len > 0);
    ber_memfree(cookie.bv_val);
    return err;
}

static tg_err_t list_all(page_t *page, tg_identity_user_fn each, void *ctx) {
    tg_ldap_t *d = page->directory;
    tg_buf_t filter;
    tg_buf_init(&filter, TG_LDAP_TEXT_MAX);
    tg_err_t err = tg_ldap_user_filter(d->p, TG_STR_NONE, &filter);
    for (size_t i = 0; !err && d->user_bases[i] != NULL; i++) {
        err = list_below(page, d->user_bases[i], filter.p, each, ctx);
    }
    tg_buf_release(&filter);
    return err;
}

tg_err_t tg_ldap_list(tg_identity_t *h, tg_identity_user_fn each, void *ctx) {
    tg_ldap_t *d = (tg_ldap_t *)h;
    page_t *page = calloc(1, sizeof(*page));
    if (page == NULL) {
        return TG_ERR_NOMEM;
    }
    page->directory = d;
    d->base.fault = (tg_fault_t){0};
    tg_ldap_link_begin(&d->service);
    tg_err_t err = tg_ldap_service(d, tg_identity_deadline(h));
    if (!err) {
        err = list_all(page, each, ctx);
    }
    free(page);
    return err;
}
