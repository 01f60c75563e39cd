#include "manager/provider_handle.h"

static tg_err_t never(tg_call_t *c, const tg_fault_t *why) {
    return tg_fault(&c->fault, TG_ERR_CONFLICT, why->field, "%s", why->text);
}

static tg_err_t opened_use(tg_call_t *c, const tg_identity_provider_t *p, tg_provider_use_fn use, void *ctx) {
    tg_identity_t *handle = NULL;
    tg_fault_t why = {.field = ""};
    tg_err_t err = tg_identity_open(p, &handle, &why);
    if (err) {
        return err == TG_ERR_INVALID ? never(c, &why) : err;
    }
    err = use(c, handle, ctx);
    handle->ops->close(handle);
    return err;
}

/* Others go on with the store meanwhile. */
static tg_err_t without_store(tg_call_t *c, const tg_identity_provider_t *p, tg_provider_use_fn use, void *ctx) {
    void *handle = NULL;
    tg_pool_give(&c->m->configs, c->store);
    c->store = NULL;
    tg_err_t err = opened_use(c, p, use, ctx);
    tg_err_t taken = tg_pool_take(&c->m->configs, &handle);
    c->store = handle;
    return err ? err : taken;
}

tg_err_t tg_provider_use(tg_call_t *c, const tg_identity_provider_t *stored, tg_provider_use_fn use, void *ctx) {
    tg_identity_provider_t p;
    tg_fault_t why = {.field = ""};
    tg_err_t err = tg_provider_open(c, stored, &p, &why);
    if (err) {
        return err == TG_ERR_INVALID ? never(c, &why) : err;
    }
    if (atomic_fetch_add(&c->m->provider_calls, 1) >= TG_PROVIDER_CALLS_MAX) {
        err = tg_fault(&c->fault, TG_ERR_UNAVAILABLE, "", "%d calls ask identity providers already: try again",
                       TG_PROVIDER_CALLS_MAX);
    } else {
        err = without_store(c, &p, use, ctx);
    }
    atomic_fetch_sub(&c->m->provider_calls, 1);
    return err;
}
