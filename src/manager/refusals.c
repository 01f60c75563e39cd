#include "manager/refusals.h"

#include "manager/call.h"

#define WAIT_MS 500 /* for a long write of somebody else */

void tg_refusals_init(tg_refusals_t *r) {
    memset(r, 0, sizeof(*r));
    pthread_mutex_init(&r->lock, NULL);
    for (size_t i = 0; i < TG_REFUSALS; i++) {
        r->sorts[i].rows = TG_REFUSAL_ROWS;
    }
}

void tg_refusals_release(tg_refusals_t *r) {
    pthread_mutex_destroy(&r->lock);
}

/* Whether a row may be written, and how many were left out before it. */
static bool row_take(tg_refusals_t *r, tg_refusal_t sort, tg_ms_t now, int64_t *omitted) {
    pthread_mutex_lock(&r->lock);
    int64_t more = (now - r->sorts[sort].filled_at) / TG_REFUSAL_EVERY_MS;
    if (more > 0) {
        int64_t rows = more < TG_REFUSAL_ROWS ? r->sorts[sort].rows + more : TG_REFUSAL_ROWS;
        r->sorts[sort].rows = rows < TG_REFUSAL_ROWS ? rows : TG_REFUSAL_ROWS;
        r->sorts[sort].filled_at = now;
    }
    bool taken = r->sorts[sort].rows > 0;
    *omitted = r->sorts[sort].omitted;
    if (taken) {
        r->sorts[sort].rows--;
        r->sorts[sort].omitted = 0;
    } else {
        r->sorts[sort].omitted++;
    }
    pthread_mutex_unlock(&r->lock);
    return taken;
}

static void row_lost(tg_refusals_t *r, tg_refusal_t sort, int64_t omitted) {
    pthread_mutex_lock(&r->lock);
    r->sorts[sort].omitted += omitted + 1;
    pthread_mutex_unlock(&r->lock);
}

static json_t *refused(const tg_call_t *c, int64_t omitted) {
    return json_pack("{s:{s:s%, s:i, s:I}}", "refused", "address", c->address.p ? c->address.p : "", c->address.n,
                     "status", c->status != 0 ? c->status : 404, "omitted", (json_int_t)omitted);
}

void tg_refusal_audit(tg_call_t *c) {
    int64_t omitted;
    if (c->refusal == TG_REFUSAL_NONE) {
        return;
    }
    if (!row_take(&c->m->refusals, c->refusal, c->now, &omitted)) {
        atomic_fetch_add(&c->m->metrics.refusals_omitted, 1);
        return;
    }
    const tg_fault_t fault = c->fault;
    tg_err_t err = tg_call_begin_within(c, WAIT_MS);
    json_decref(c->before);
    json_decref(c->after);
    c->before = NULL;
    c->after = refused(c, omitted);
    if (!err) {
        err = c->after == NULL ? TG_ERR_NOMEM : tg_call_audit_path(c);
    }
    if (!err) {
        err = tg_call_end(c);
    }
    tg_call_rollback(c);
    if (err) {
        row_lost(&c->m->refusals, c->refusal, omitted);
    }
    c->fault = fault;
}
