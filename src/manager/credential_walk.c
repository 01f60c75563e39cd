#include "manager/credential_walk.h"

#define BATCH       20000
#define BATCH_ARENA ((size_t)1 << 30)

typedef struct {
    int64_t project_id;
    tg_str_t text;
    tg_credential_fn each;
    void *ctx;
} walk_t;

static tg_err_t batch_walk(tg_call_t *c, const walk_t *w, int64_t offset, size_t *n) {
    tg_resource_query_t query = {.kind = TG_RES_CREDENTIAL, .parent = w->project_id, .offset = offset, .limit = BATCH};
    tg_resource_t *rows = NULL;
    int64_t total = 0;
    tg_arena_t call = c->arena; /* what one takes is not kept: there may be 100,000 */
    tg_arena_init(&c->arena, BATCH_ARENA);
    tg_err_t err = c->store->ops->resource_list(c->store, &query, &c->arena, &rows, n, &total);
    for (size_t i = 0; !err && i < *n; i++) {
        if (w->text.n == 0 || memmem(rows[i].doc.p, rows[i].doc.n, w->text.p, w->text.n) != NULL) {
            err = w->each(c, &rows[i], w->ctx);
        }
    }
    tg_arena_release(&c->arena);
    c->arena = call;
    return err;
}

tg_err_t tg_credentials_walk(tg_call_t *c, int64_t project_id, const char *text, tg_credential_fn each, void *ctx) {
    const walk_t w = {project_id, tg_str(text), each, ctx};
    size_t n = BATCH;
    tg_err_t err = TG_OK;
    for (int64_t offset = 0; !err && n == BATCH; offset += BATCH) {
        err = batch_walk(c, &w, offset, &n);
    }
    return err;
}
