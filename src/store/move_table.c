#include <stdio.h>
#include <stdlib.h>

#include "store/move.h"

/* A table as text: columns, the key first; each "name:st", s and t its types in SQLite and in PostgreSQL (a capital: it
 * may be NULL), or "name/other:st" where PostgreSQL calls it otherwise. A test holds them against the schemas. */
typedef struct {
    const char *name;
    tg_move_part_t part;
    size_t n_key;
    size_t batch;
    bool counted, update;
    const char *columns;
} description_t;

#define SMALL 1000
#define LARGE 20 /* rows with documents, of up to 8 MiB each */

static const description_t descriptions[] = {
    {"meta", TG_MOVE_CONFIG, 1, SMALL, false, false, "key:tx value:xx"},
    {"resource", TG_MOVE_CONFIG, 1, LARGE, true, false,
     "id:ii kind:ii parent:II name:tt version:ii created_at:ii updated_at:ii doc:tt"},
    {"client", TG_MOVE_CONFIG, 1, LARGE, true, false,
     "key_id:ii kind:ii owner:ii client_id:tx enabled:ib expires_at:ii generation:ii secret_kind:ii secret:xx"
     " project_id:ii version:ii details:tt"},
    {"client_turn", TG_MOVE_CONFIG, 2, SMALL, false, false, "key_id:ii environment_id:ii nonce:ii"},
    {"client_secret", TG_MOVE_CONFIG, 2, SMALL, false, false,
     "key_id:ii environment_id:ii generation:ii secret_kind:ii secret:xx"},
    {"client_access", TG_MOVE_CONFIG, 2, SMALL, false, false, "key_id:ii target:ii doc:tt"},
    {"client", TG_MOVE_CONFIG, 1, SMALL, false, true, "key_id:ii version:ii"}, /* the rows before raised it */
    {"signing_key", TG_MOVE_CONFIG, 1, LARGE, true, false, "id:ii environment_id:ii kid:tt doc:tt"},
    {"revision", TG_MOVE_CONFIG, 1, SMALL, false, false, "environment_id:ii last:ii"},
    {"deployment_history", TG_MOVE_CONFIG, 1, LARGE, true, false,
     "id:ii environment_id:ii proxy_id:ii revision:ii at:ii author:tt description:tt undeploy:ib doc:tt"},
    {"deployment", TG_MOVE_CONFIG, 2, SMALL, false, false, "environment_id:ii proxy_id:ii history_id:ii"},
    {"snapshot", TG_MOVE_CONFIG, 1, 1, false, false, "environment_id:ii revision:ii document:xx"},
    {"session", TG_MOVE_CONFIG, 1, SMALL, false, false, "token_hash:xx administrator:ii expires_at:ii access_token:ii"},
    {"audit", TG_MOVE_CONFIG, 1, LARGE, true, false,
     "seq:ii at:ii who:tt what:tt project:tt state_before:tt state_after:tt previous:xx hash:xx"},
    {"change_log", TG_MOVE_CONFIG, 0, 0, true, false, ""},
    {"epoch", TG_MOVE_TOKENS, 4, SMALL, false, false,
     "environment_id:ii client_kind:ii client_id:tx subject:tx epoch:ii"},
    {"revocation_environment", TG_MOVE_TOKENS, 1, SMALL, false, false, "environment_id:ii entries:ii"},
    {"revocation_client", TG_MOVE_TOKENS, 1, SMALL, true, false,
     "client_no:ii environment_id:ii client_kind:ii client_id:tx entries:ii"},
    {"revocation", TG_MOVE_TOKENS, 2, SMALL, false, false, "environment_id:ii id:xx until:ii client_no:ii"},
    {"revocation_environment", TG_MOVE_TOKENS, 1, SMALL, false, true, "environment_id:ii entries:ii"},
    {"revocation_client", TG_MOVE_TOKENS, 1, SMALL, false, true, "client_no:ii entries:ii"},
    {"change_log", TG_MOVE_TOKENS, 0, 0, true, false, ""},
    {"request", TG_MOVE_REQUESTS, 1, SMALL, true, false,
     "seq:ii at:ii environment_id:ii project_id:ii status:ii duration_us:ii proxy:tx client_id:tx user/user_name:tx"
     " error:tx reason:tx node:tx endpoint:tx address:tx grant_type:tx"},
};
#define N_DESCRIPTIONS (sizeof(descriptions) / sizeof(descriptions[0]))

static const char record_columns[] =
    "hash:xx refresh_hash:XX environment_id:ii client_kind:ii client_id:tx subject:tx scope:tx generation:ii epoch:ii"
    " issued_at:ii access_expires_at:ii refresh_expires_at:ii refresh_left:ii refresh_used:ii family:xx ended_at:ii"
    " successor:XX successor_class:ii successor_index:ii successor_used_at:ii predecessor:XX predecessor_class:ii"
    " predecessor_index:ii has_scope:ii user_generation:ii";

static void column_read(const char *text, size_t n, tg_move_table_t *t) {
    const char *colon = memchr(text, ':', n), *slash = memchr(text, '/', n);
    const char *end[TG_MOVE_DIALECTS] = {slash != NULL ? slash : colon, colon};
    const char *start[TG_MOVE_DIALECTS] = {text, slash != NULL ? slash + 1 : text};
    for (size_t d = 0; d < TG_MOVE_DIALECTS; d++) {
        tg_move_column_t *c = &t->columns[d][t->n_columns];
        snprintf(c->name, sizeof(c->name), "%.*s", (int)(end[d] - start[d]), start[d]);
        c->type = (tg_cell_type_t)(colon[1 + d] | 0x20);
    }
    t->n_columns++;
}

static void columns_read(const char *text, tg_move_table_t *t) {
    for (size_t n; *text != '\0'; text += n + (text[n] == ' ')) {
        n = strcspn(text, " ");
        column_read(text, n, t);
    }
}

tg_move_table_t *tg_move_tables(size_t *n) {
    tg_move_table_t *tables = calloc(N_DESCRIPTIONS, sizeof(*tables));
    *n = tables != NULL ? N_DESCRIPTIONS : 0;
    for (size_t i = 0; i < *n; i++) {
        const description_t *d = &descriptions[i];
        tables[i] = (tg_move_table_t){
            .part = d->part, .counted = d->counted, .update = d->update, .n_key = d->n_key, .batch = d->batch};
        snprintf(tables[i].name, sizeof(tables[i].name), "%s", d->name);
        columns_read(d->columns, &tables[i]);
    }
    return tables;
}

void tg_move_bucket_table(tg_bucket_t bucket, tg_move_table_t *out) {
    static const char letters[] = "hdmn";
    *out = (tg_move_table_t){.part = TG_MOVE_TOKENS, .is_bucket = true, .bucket = bucket, .n_key = 1, .batch = SMALL};
    if (bucket.cls == TG_BUCKET_NEVER) {
        snprintf(out->name, sizeof(out->name), "token_n");
    } else {
        snprintf(out->name, sizeof(out->name), "token_%c_%u", letters[bucket.cls], (unsigned)bucket.index);
    }
    columns_read(record_columns, out);
}
