#include "store/sqlite/tokens.h"

#include <stdlib.h>

#include "store/sqlite/sqlite.h"
#include "store/write.h"

static void tokens_close(tg_token_store_t *s) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)s;
    tg_bucket_forget_all(t);
    tg_sqlite_close(&t->q);
    if (t->log_open) {
        tg_sqlite_close(&t->log);
    }
    free(t);
}

tg_err_t tg_tokens_begin(tg_sqlite_tokens_t *t) {
    t->made_table = false;
    return tg_sqlite_begin(&t->q, t->q.busy_ms);
}

tg_err_t tg_tokens_end(tg_sqlite_tokens_t *t, tg_err_t err) {
    if (err == TG_OK) {
        err = tg_sqlite_commit(&t->q);
    } else {
        tg_sqlite_rollback(&t->q);
    }
    if (err != TG_OK && t->made_table) {
        tg_bucket_forget_all(t);
    }
    return err;
}

static const tg_token_ops_t ops = {
    .name = "sqlite",
    .close = tokens_close,
    .record_put = tg_single_put,
    .record_find = tg_sqlite_record_find,
    .record_find_refresh = tg_sqlite_record_find_refresh,
    .record_end = tg_single_end,
    .record_refresh = tg_single_refresh,
    .record_successor_used = tg_single_used,
    .family_end = tg_single_family,
    .epoch_raise = tg_single_epoch,
    .epoch_get = tg_sqlite_epoch_get,
    .write_many = tg_sqlite_write_many,
    .change_head = tg_sqlite_token_change_head,
    .change_read = tg_sqlite_token_change_read,
    .revocation_list = tg_sqlite_revocation_list,
    .buckets_make = tg_sqlite_buckets_make,
    .buckets_drop = tg_sqlite_buckets_drop,
    .request_put = tg_sqlite_request_put,
    .request_list = tg_sqlite_request_list,
    .request_prune = tg_sqlite_request_prune,
    .node_put = tg_sqlite_node_put,
    .node_remove = tg_sqlite_node_remove,
    .node_drain = tg_sqlite_node_drain,
    .node_list = tg_sqlite_node_list,
};

tg_err_t tg_sqlite_tokens_open(tg_str_t dir, const tg_store_options_t *options, tg_token_store_t **out,
                               tg_fault_t *fault) {
    const tg_sqlite_schema_t schema = {
        .what = "tokens",
        .application_id = 0x5447746b, /* "TGtk" */
        .page_size = 4096,
        /* mmap: each commit of another handle empties this one's page cache, so that look-ups would copy every page
         * again. secure_delete (on by default in Debian) would overwrite a whole partition when it is dropped; there
         * are only hashes. */
        .pragmas =
            TG_CHECKPOINT_PRAGMA "PRAGMA mmap_size=2147418112; PRAGMA cache_size=-16384; PRAGMA secure_delete=OFF",
        .steps = tg_sqlite_tokens_steps,
        .n = tg_sqlite_tokens_steps_n,
    };
    tg_sqlite_tokens_t *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = tg_sqlite_open(&t->q, dir, &schema, options, fault);
    if (err != TG_OK) {
        free(t);
        return err;
    }
    t->base.ops = &ops;
    t->options = *options;
    memcpy(t->dir, dir.p, dir.n); /* it was opened: so it is not too long */
    t->q.fault = &t->base.fault;
    *out = &t->base;
    return TG_OK;
}
