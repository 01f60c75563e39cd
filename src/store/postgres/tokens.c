#include "store/postgres/tokens.h"

#include <stdlib.h>

#include "store/postgres/postgres.h"
#include "store/write.h"

static void tokens_close(tg_token_store_t *s) {
    tg_postgres_tokens_t *t = (tg_postgres_tokens_t *)s;
    tg_pg_close(&t->q);
    free(t->buckets);
    free(t);
}

static const tg_token_ops_t ops = {
    .name = "postgresql",
    .close = tokens_close,
    .record_put = tg_single_put,
    .record_find = tg_postgres_record_find,
    .record_find_refresh = tg_postgres_record_find_refresh,
    .record_end = tg_single_end,
    .record_refresh = tg_single_refresh,
    .record_successor_used = tg_single_used,
    .family_end = tg_single_family,
    .epoch_raise = tg_single_epoch,
    .epoch_get = tg_postgres_epoch_get,
    .write_many = tg_postgres_write_many,
    .change_head = tg_postgres_token_change_head,
    .change_read = tg_postgres_token_change_read,
    .change_fd = tg_postgres_token_change_fd,
    .revocation_list = tg_postgres_revocation_list,
    .buckets_make = tg_postgres_buckets_make,
    .buckets_drop = tg_postgres_buckets_drop,
    .request_put = tg_postgres_request_put,
    .request_list = tg_postgres_request_list,
    .request_prune = tg_postgres_request_prune,
    .node_put = tg_postgres_node_put,
    .node_remove = tg_postgres_node_remove,
    .node_drain = tg_postgres_node_drain,
    .node_list = tg_postgres_node_list,
};

tg_err_t tg_postgres_tokens_open(tg_str_t uri, const tg_store_options_t *options, tg_token_store_t **out,
                                 tg_fault_t *fault) {
    const tg_pg_schema_t schema = {
        .name = "tollgate_tokens", .steps = tg_postgres_tokens_steps, .n = tg_postgres_tokens_steps_n};
    tg_postgres_tokens_t *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = tg_pg_open(&t->q, uri, &schema, options, fault);
    if (err != TG_OK) {
        free(t);
        return err;
    }
    t->base.ops = &ops;
    t->q.fault = &t->base.fault;
    *out = &t->base;
    return TG_OK;
}
