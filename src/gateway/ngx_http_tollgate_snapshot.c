
/* One snapshot: built in a thread, held by requests, freed in a thread. */

#include <stdlib.h>

#include "ngx_http_tollgate_state.h"


/* What hangs beside the parsed document: addresses, CIDRs, key tables. */
#define NGX_HTTP_TOLLGATE_SNAPSHOT_ARENA  (256u << 20)


static tg_err_t ngx_http_tollgate_snapshot_fill(
    ngx_http_tollgate_snapshot_t *s, ngx_http_tollgate_main_conf_t *mcf,
    ngx_http_tollgate_names_t *names, tg_fault_t *fault);
static tg_err_t ngx_http_tollgate_snapshot_keys(
    ngx_http_tollgate_snapshot_t *s, const tg_keyring_t *keyring,
    tg_fault_t *fault);
static tg_err_t ngx_http_tollgate_snapshot_unseal(
    ngx_http_tollgate_snapshot_t *s, const tg_keyring_t *keyring, size_t i,
    tg_fault_t *fault);
static tg_err_t ngx_http_tollgate_snapshot_proof(
    ngx_http_tollgate_snapshot_t *s);
static void ngx_http_tollgate_snapshot_cleanup(void *data);


static ngx_http_tollgate_snapshot_t  *ngx_http_tollgate_current;


tg_err_t
ngx_http_tollgate_snapshot_build(tg_str_t document,
    ngx_http_tollgate_main_conf_t *mcf, ngx_http_tollgate_names_t *names,
    ngx_http_tollgate_snapshot_t **out, tg_fault_t *fault)
{
    tg_err_t                       err;
    ngx_http_tollgate_snapshot_t  *s;

    s = calloc(1, sizeof(ngx_http_tollgate_snapshot_t));
    if (s == NULL) {
        return tg_fault(fault, TG_ERR_NOMEM, "", "no memory");
    }

    err = tg_snapshot_parse(document, &s->snapshot, fault);

    if (err != TG_OK) {
        free(s);
        return tg_fault(fault, err, "", "the snapshot cannot be read: %s",
                        tg_err_name(err));
    }

    tg_arena_init(&s->arena, NGX_HTTP_TOLLGATE_SNAPSHOT_ARENA);

    err = ngx_http_tollgate_snapshot_fill(s, mcf, names, fault);

    if (err != TG_OK) {
        ngx_http_tollgate_snapshot_free(s);
        return tg_fault(fault, err, "", "the snapshot cannot be loaded: %s",
                        tg_err_name(err));
    }

    s->refs = 1;
    *out = s;

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_snapshot_fill(ngx_http_tollgate_snapshot_t *s,
    ngx_http_tollgate_main_conf_t *mcf, ngx_http_tollgate_names_t *names,
    tg_fault_t *fault)
{
    tg_err_t  err;

    if (!tg_str_eq(s->snapshot.environment.name,
                   ngx_http_tollgate_str(mcf->environment)))
    {
        return tg_fault(fault, TG_ERR_INVALID, "environment.name",
                        "is that of another environment");
    }

    err = tg_router_new(&s->snapshot, &s->router);

    if (err != TG_OK) {
        return err;
    }

    err = tg_endpoints_new(&s->snapshot, &s->arena, &s->endpoints);

    if (err != TG_OK) {
        return err;
    }

    err = tg_trusted_parse(&s->snapshot.environment, &s->arena, &s->trusted,
                           &s->n_trusted);

    if (err != TG_OK) {
        return tg_fault(fault, err, "environment.trustedProxies",
                        "cannot be read");
    }

    err = ngx_http_tollgate_snapshot_keys(s, mcf->keyring, fault);

    if (err != TG_OK) {
        return err;
    }

    err = ngx_http_tollgate_snapshot_proof(s);

    if (err != TG_OK) {
        return err;
    }

    err = ngx_http_tollgate_names_resolve(names, s);

    if (err != TG_OK) {
        return err;
    }

    return ngx_http_tollgate_backends_build(s, &s->backends, fault);
}


/*
 * A key that does not decode makes the snapshot one that cannot be loaded: the
 * one before can sign and verify.
 */
static tg_err_t
ngx_http_tollgate_snapshot_keys(ngx_http_tollgate_snapshot_t *s,
    const tg_keyring_t *keyring, tg_fault_t *fault)
{
    size_t                   i, n;
    tg_ms_t                  now;
    tg_err_t                 err;
    tg_key_state_t           state;
    const tg_signing_key_t  *key;

    n = s->snapshot.n_keys;
    now = ngx_http_tollgate_clock_ms();

    s->public_keys = tg_arena_array(&s->arena, n + 1, sizeof(tg_key_t *));
    s->private_keys = tg_arena_array(&s->arena, n + 1, sizeof(tg_key_t *));

    if (s->public_keys == NULL || s->private_keys == NULL) {
        return TG_ERR_NOMEM;
    }

    for (i = 0; i < n; i++) {
        key = &s->snapshot.keys[i];
        state = tg_signing_key_state(s->snapshot.keys, n, i, now);

        if (state == TG_KEY_REVOKED) {
            continue;
        }

        err = tg_key_from_jwk(key->jwk, tg_alg_parse(key->alg),
                              &s->public_keys[i], fault);

        if (err != TG_OK) {
            return tg_fault(fault, err, "keys", "the public key \"%.*s\" "
                            "cannot be read", TG_STR_ARGS(key->kid));
        }

        if (state == TG_KEY_RETIRING) {
            continue;
        }

        err = ngx_http_tollgate_snapshot_unseal(s, keyring, i, fault);

        if (err != TG_OK) {
            return tg_fault(fault, err, "keys", "the signing key \"%.*s\" "
                            "cannot be unsealed", TG_STR_ARGS(key->kid));
        }
    }

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_snapshot_unseal(ngx_http_tollgate_snapshot_t *s,
    const tg_keyring_t *keyring, size_t i, tg_fault_t *fault)
{
    tg_err_t                 err;
    tg_buf_t                 context, der;
    const tg_signing_key_t  *key;

    key = &s->snapshot.keys[i];

    tg_buf_init(&context, 1024);
    tg_buf_init(&der, 16384);

    tg_buf_put(&context, TG_STR("signing-key/"));
    tg_buf_put(&context, s->snapshot.environment.name);
    tg_buf_putc(&context, '/');
    tg_buf_put(&context, key->kid);

    err = context.err;

    if (err == TG_OK) {
        err = tg_unseal(keyring, tg_buf_str(&context), key->sealed, &der);
    }

    if (err == TG_OK) {
        err = tg_key_from_der(tg_buf_str(&der), tg_alg_parse(key->alg),
                              &s->private_keys[i], fault);
    }

    /* the kid in our tokens has to be the one that verifiers find */

    if (err == TG_OK
        && !tg_str_eq(tg_key_kid(s->private_keys[i]), key->kid))
    {
        err = TG_ERR_INVALID;
    }

    tg_buf_release(&der);
    tg_buf_release(&context);

    return err;
}


static tg_err_t
ngx_http_tollgate_snapshot_proof(ngx_http_tollgate_snapshot_t *s)
{
    uint8_t   digest[TG_HASH_LEN];
    tg_err_t  err;
    tg_buf_t  b;

    tg_buf_init(&b, 65536);
    tg_buf_put(&b, s->snapshot.environment.name);
    tg_buf_putc(&b, '\0');
    tg_buf_put(&b, s->snapshot.environment.access_url);

    err = b.err;

    if (err == TG_OK) {
        err = tg_sha256(tg_buf_str(&b), digest);
    }

    tg_buf_release(&b);

    if (err != TG_OK) {
        return err;
    }

    ngx_memcpy(&s->proof, digest, sizeof(uint64_t));
    s->proof |= 1;    /* 0 stands for opaque tokens */

    return TG_OK;
}


void
ngx_http_tollgate_snapshot_free(ngx_http_tollgate_snapshot_t *s)
{
    size_t  i;

    if (s == NULL) {
        return;
    }

    ngx_http_tollgate_backends_free(s->backends);

    for (i = 0; i < s->snapshot.n_keys; i++) {
        if (s->public_keys) {
            tg_key_free(s->public_keys[i]);
        }

        if (s->private_keys) {
            tg_key_free(s->private_keys[i]);
        }
    }

    if (s->router) {
        tg_router_free(s->router);
    }

    tg_arena_release(&s->arena);
    tg_snapshot_release(&s->snapshot);
    free(s);
}


ngx_http_tollgate_snapshot_t *
ngx_http_tollgate_snapshot_current(void)
{
    return ngx_http_tollgate_current;
}


void
ngx_http_tollgate_snapshot_swap(ngx_http_tollgate_snapshot_t *s)
{
    ngx_http_tollgate_snapshot_t  *old;

    old = ngx_http_tollgate_current;
    ngx_http_tollgate_current = s;

    if (s) {
        ngx_http_tollgate_feed_bound(
            s->snapshot.environment.revocation_bound_ms);
        ngx_http_tollgate_request_log_keep(
            s->snapshot.environment.request_log,
            s->snapshot.environment.request_log_keep_days);
        ngx_http_tollgate_providers_keep(&s->snapshot);

        __atomic_store_n(&ngx_http_tollgate_slot->revision,
                         s->snapshot.revision, __ATOMIC_RELEASE);
    }

    if (old) {
        ngx_http_tollgate_snapshot_release(old);
    }
}


void
ngx_http_tollgate_snapshot_hold(ngx_http_tollgate_snapshot_t *s)
{
    s->refs++;
}


void
ngx_http_tollgate_snapshot_release(ngx_http_tollgate_snapshot_t *s)
{
    if (--s->refs == 0) {
        ngx_http_tollgate_loader_discard(s);
    }
}


ngx_http_tollgate_snapshot_t *
ngx_http_tollgate_snapshot_acquire(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    if (ngx_http_tollgate_current == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_tollgate_snapshot_cleanup;
    cln->data = ngx_http_tollgate_current;

    ngx_http_tollgate_snapshot_hold(ngx_http_tollgate_current);

    return ngx_http_tollgate_current;
}


static void
ngx_http_tollgate_snapshot_cleanup(void *data)
{
    ngx_http_tollgate_snapshot_release(data);
}


ngx_int_t
ngx_http_tollgate_snapshot_key(const ngx_http_tollgate_snapshot_t *s,
    tg_str_t kid, tg_ms_t now)
{
    size_t                   i;
    const tg_signing_key_t  *keys;

    keys = s->snapshot.keys;

    for (i = 0; i < s->snapshot.n_keys; i++) {

        if (s->public_keys[i] && tg_str_eq(keys[i].kid, kid)) {
            return tg_signing_key_state(keys, s->snapshot.n_keys, i, now)
                           == TG_KEY_REVOKED
                   ? -1 : (ngx_int_t) i;
        }
    }

    return -1;
}


const tg_key_t *
ngx_http_tollgate_snapshot_public_key(void *ctx, size_t i)
{
    ngx_http_tollgate_snapshot_t  *s;

    s = ctx;

    return s->public_keys[i];
}
