
/* Parsed details of clients, a bounded cache of each worker. */

#include <stdlib.h>

#include "oauth/issue.h"
#include "oauth/secret_entry.h"
#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_DETAILS_BUCKETS  16384

/* The text, and what it is parsed into: an entry takes more than its JSON. */
#define NGX_HTTP_TOLLGATE_DETAILS_TEXT     (2 * TG_DETAILS_MAX)
#define NGX_HTTP_TOLLGATE_DETAILS_ARENA    (8 * TG_DETAILS_MAX)


static tg_err_t ngx_http_tollgate_details_fill(ngx_http_tollgate_details_t *d,
    tg_str_t text, tg_str_t environment, tg_fault_t *fault);
static tg_err_t ngx_http_tollgate_details_open(ngx_http_tollgate_details_t *d,
    tg_str_t client_id);
static void ngx_http_tollgate_details_free(ngx_http_tollgate_details_t *d);
static ngx_http_tollgate_details_t **ngx_http_tollgate_details_find(
    int64_t key_id);
static void ngx_http_tollgate_details_drop(ngx_http_tollgate_details_t *d);


/* those that may be found: by key, and by use, the last used first */
static ngx_http_tollgate_details_t  *ngx_http_tollgate_details_of[
                                          NGX_HTTP_TOLLGATE_DETAILS_BUCKETS];
static ngx_queue_t                   ngx_http_tollgate_details_used = {
    &ngx_http_tollgate_details_used, &ngx_http_tollgate_details_used
};
static size_t                        ngx_http_tollgate_details_size;


tg_err_t
ngx_http_tollgate_details_load(tg_config_store_t *store, tg_str_t environment,
    int64_t key_id, ngx_http_tollgate_details_t **out, tg_fault_t *fault)
{
    int64_t                       version;
    tg_err_t                      err;
    tg_str_t                      client_id, text;
    tg_arena_t                    arena;
    ngx_http_tollgate_details_t  *d;

    tg_arena_init(&arena, NGX_HTTP_TOLLGATE_DETAILS_TEXT);

    err = ngx_http_tollgate_timed(DETAILS,
            store->ops->client_details(store, key_id, &arena, &client_id,
                &text, &version));

    if (err != TG_OK) {
        tg_arena_release(&arena);
        return err;
    }

    d = calloc(1, sizeof(ngx_http_tollgate_details_t));

    if (d == NULL) {
        tg_arena_release(&arena);
        return TG_ERR_NOMEM;
    }

    d->key_id = key_id;
    d->version = version;
    d->refs = 1;

    tg_arena_init(&d->arena, NGX_HTTP_TOLLGATE_DETAILS_ARENA);

    err = ngx_http_tollgate_details_fill(d, text, environment, fault);

    if (err == TG_OK) {
        err = ngx_http_tollgate_details_open(d, client_id);
    }

    tg_arena_release(&arena);

    if (err != TG_OK) {
        ngx_http_tollgate_details_free(d);
        return err;
    }

    *out = d;

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_details_fill(ngx_http_tollgate_details_t *d, tg_str_t text,
    tg_str_t environment, tg_fault_t *fault)
{
    size_t         i;
    tg_err_t       err;
    tg_details_t  *details;

    details = &d->details;

    err = tg_details_parse(text, environment, &d->arena, details, fault);

    if (err != TG_OK) {
        return err;
    }

    if (details->n_ips) {
        d->addresses = tg_arena_array(&d->arena, details->n_ips,
                                      sizeof(tg_cidr_t));
        if (d->addresses == NULL) {
            return TG_ERR_NOMEM;
        }

        /* one that was left out would open the rest to everybody */

        for (i = 0; i < details->n_ips; i++) {
            err = tg_cidr_parse(details->ips[i], &d->addresses[i]);

            if (err != TG_OK) {
                return tg_fault(fault, err, "ipList", "cannot be read");
            }
        }

        d->n_addresses = details->n_ips;
    }

    tg_credential_policy_init(TG_TOKEN_OPAQUE, &details->token, &d->opaque);
    tg_credential_policy_init(TG_TOKEN_JWT, &details->token, &d->jwt);

    return TG_OK;
}


/*
 * Secret metadata rest sealed under the master key.  What does not open has
 * been changed or moved: the token goes without it.
 */

static tg_err_t
ngx_http_tollgate_details_open(ngx_http_tollgate_details_t *d,
    tg_str_t client_id)
{
    size_t                i, n;
    tg_err_t              err;
    tg_details_t         *details;
    tg_entry_owner_t      owner;
    tg_metadata_entry_t  *e;

    details = &d->details;

    ngx_memzero(&owner, sizeof(tg_entry_owner_t));
    owner.name = client_id;

    n = 0;

    for (i = 0; i < details->n_metadata; i++) {
        e = &details->metadata[i];

        err = e->secret ? tg_entry_open(ngx_http_tollgate_main->keyring,
                                        &owner, &d->arena, e)
                        : TG_OK;

        if (err == TG_ERR_INVALID) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "tollgate: the secret metadata \"%*s\" of \"%*s\" "
                          "cannot be opened, its tokens go without",
                          e->key.n, e->key.p, client_id.n, client_id.p);
            continue;
        }

        if (err != TG_OK) {
            return err;
        }

        details->metadata[n++] = *e;
    }

    details->n_metadata = n;
    d->size = sizeof(ngx_http_tollgate_details_t) + d->arena.used;

    return TG_OK;
}


static void
ngx_http_tollgate_details_free(ngx_http_tollgate_details_t *d)
{
    tg_arena_release(&d->arena);
    free(d);
}


void
ngx_http_tollgate_details_hold(ngx_http_tollgate_details_t *d)
{
    d->refs++;
}


void
ngx_http_tollgate_details_release(ngx_http_tollgate_details_t *d)
{
    if (--d->refs == 0) {
        ngx_http_tollgate_details_free(d);
    }
}


/* Where the pointer to it is, or would be. */
static ngx_http_tollgate_details_t **
ngx_http_tollgate_details_find(int64_t key_id)
{
    ngx_http_tollgate_details_t  **d;

    /* ids are given one after the other: they spread by themselves */

    d = &ngx_http_tollgate_details_of[(uint64_t) key_id
                                      % NGX_HTTP_TOLLGATE_DETAILS_BUCKETS];

    while (*d && (*d)->key_id != key_id) {
        d = &(*d)->next;
    }

    return d;
}


ngx_http_tollgate_details_t *
ngx_http_tollgate_details_get(int64_t key_id, int64_t version)
{
    ngx_http_tollgate_details_t  *d;

    d = *ngx_http_tollgate_details_find(key_id);

    if (d == NULL || d->version < version) {
        return NULL;
    }

    ngx_queue_remove(&d->queue);
    ngx_queue_insert_head(&ngx_http_tollgate_details_used, &d->queue);

    return d;
}


static void
ngx_http_tollgate_details_drop(ngx_http_tollgate_details_t *d)
{
    *ngx_http_tollgate_details_find(d->key_id) = d->next;
    d->next = NULL;

    ngx_queue_remove(&d->queue);
    ngx_http_tollgate_details_size -= d->size;

    ngx_http_tollgate_details_release(d);
}


void
ngx_http_tollgate_details_put(ngx_http_tollgate_details_t *d)
{
    ngx_queue_t                  *q;
    ngx_http_tollgate_details_t  *old, **place;

    old = *ngx_http_tollgate_details_find(d->key_id);

    if (old && old->version >= d->version) {
        return;
    }

    if (old) {
        ngx_http_tollgate_details_drop(old);
    }

    place = ngx_http_tollgate_details_find(d->key_id);
    d->next = *place;
    *place = d;

    ngx_queue_insert_head(&ngx_http_tollgate_details_used, &d->queue);
    ngx_http_tollgate_details_size += d->size;
    ngx_http_tollgate_details_hold(d);

    while (ngx_http_tollgate_details_size
           > ngx_http_tollgate_main->details_size)
    {
        q = ngx_queue_last(&ngx_http_tollgate_details_used);

        ngx_http_tollgate_details_drop(
            ngx_queue_data(q, ngx_http_tollgate_details_t, queue));
    }
}
