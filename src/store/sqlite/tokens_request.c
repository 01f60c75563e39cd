#include "store/sqlite/sqlite.h"
#include "store/sqlite/tokens.h"

#define BLOCK        1024 /* numbers of a request_block; some statements say it as well */
#define PRUNE_BLOCKS 8    /* in one transaction */

/* ---- the file ---- */

tg_err_t tg_requests_open(tg_sqlite_tokens_t *t, bool create) {
    const tg_sqlite_schema_t schema = {
        .what = "requests",
        .application_id = 0x54477271, /* "TGrq" */
        .page_size = 4096,
        .pragmas = TG_CHECKPOINT_PRAGMA "PRAGMA mmap_size=268435456; PRAGMA secure_delete=FAST",
        .sync_normal = true,
        .steps = tg_sqlite_requests_steps,
        .n = tg_sqlite_requests_steps_n,
    };
    tg_store_options_t options = t->options;
    options.create = create;
    if (t->log_open) {
        return TG_OK;
    }
    t->base.fault = (tg_fault_t){.field = ""};
    tg_err_t err = tg_sqlite_open(&t->log, tg_str(t->dir), &schema, &options, &t->base.fault);
    if (err == TG_ERR_INVALID) {
        err = TG_ERR_UNAVAILABLE; /* of another release, or another program's: told in the fault */
    }
    if (err == TG_OK) {
        t->log.fault = &t->base.fault;
        t->log_open = true;
    }
    return err;
}

static tg_err_t log_begin(tg_sqlite_tokens_t *t) {
    return tg_sqlite_begin(&t->log, t->log.busy_ms);
}

static tg_err_t log_end(tg_sqlite_tokens_t *t, tg_err_t err) {
    if (err == TG_OK) {
        return tg_sqlite_commit(&t->log);
    }
    tg_sqlite_rollback(&t->log);
    return err;
}

/* ---- writing ---- */

static tg_err_t last_read(tg_sqlite_t *q, int64_t *seq) {
    tg_query_t s;
    *seq = 0;
    tg_query_read(&s, q, "SELECT max(last) FROM request_block WHERE block = (SELECT max(block) FROM request_block)");
    if (tg_query_step(&s)) {
        *seq = sqlite3_column_int64(s.st, 0);
    }
    return tg_query_done(&s);
}

static tg_err_t row_add(tg_sqlite_t *q, int64_t seq, const tg_request_row_t *r) {
    tg_query_t s;
    tg_query_write(&s, q,
                   "INSERT INTO request (seq, at, environment_id, project_id, status, duration_us, proxy, client_id,"
                   " user, error, reason, node, endpoint, address, grant_type)"
                   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    const int64_t numbers[] = {seq, r->at, r->environment_id, r->project_id, r->status, r->duration_us};
    const tg_str_t texts[] = {r->proxy, r->client_id, r->user,    r->error, r->reason,
                              r->node,  r->endpoint,  r->address, r->grant};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        tg_query_int(&s, numbers[i]);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tg_query_text(&s, texts[i]);
    }
    return tg_query_run(&s);
}

/* Notes in their block that rows of an environment up to `last` are there, of times within from and to. */
static tg_err_t block_note(tg_sqlite_t *q, int64_t last, int64_t environment_id, tg_ms_t from, tg_ms_t to) {
    tg_query_t s;
    tg_query_write(&s, q,
                   "INSERT INTO request_block (block, environment_id, last, at_from, at_to) VALUES (?, ?, ?, ?, ?)"
                   " ON CONFLICT (block, environment_id) DO UPDATE SET last = excluded.last, at_from = min(at_from, "
                   "excluded.at_from),"
                   " at_to = max(at_to, excluded.at_to)");
    tg_query_int(&s, last / BLOCK);
    tg_query_int(&s, environment_id);
    tg_query_int(&s, last);
    tg_query_int(&s, from);
    tg_query_int(&s, to);
    return tg_query_run(&s);
}

/* The rows from `seq` on that lie in one block and are of one environment; *n: how many of them. */
static tg_err_t block_add(tg_sqlite_t *q, int64_t seq, const tg_request_row_t *rows, size_t *n) {
    size_t room = (size_t)(BLOCK - seq % BLOCK);
    tg_ms_t from = rows[0].at, to = from;
    tg_err_t err = TG_OK;
    *n = *n < room ? *n : room;
    size_t i = 0;
    for (; i < *n && err == TG_OK && rows[i].environment_id == rows[0].environment_id; i++) {
        from = rows[i].at < from ? rows[i].at : from;
        to = rows[i].at > to ? rows[i].at : to;
        err = row_add(q, seq + (int64_t)i, &rows[i]);
    }
    *n = i;
    return err == TG_OK ? block_note(q, seq + (int64_t)i - 1, rows[0].environment_id, from, to) : err;
}

tg_err_t tg_sqlite_request_put(tg_token_store_t *store, const tg_request_row_t *rows, size_t n) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    int64_t last;
    if (n == 0) {
        return TG_OK;
    }
    tg_err_t err = tg_requests_open(t, true);
    if (err == TG_OK) {
        err = log_begin(t);
    }
    if (err != TG_OK) {
        return err;
    }
    err = last_read(&t->log, &last);
    for (size_t i = 0, added; i < n && err == TG_OK; i += added) {
        added = n - i;
        err = block_add(&t->log, last + 1 + (int64_t)i, &rows[i], &added);
    }
    return log_end(t, err);
}

/* ---- reading ---- */

#define COLUMNS                                                                                                        \
    "seq, at, environment_id, project_id, status, duration_us, proxy, client_id, user, error, reason, node, endpoint," \
    " address, grant_type"

/* A query whose open ends are closed. */
typedef struct {
    const tg_request_query_t *q;
    int64_t before_seq;
    tg_ms_t from, to;
} range_t;

static range_t range_of(const tg_request_query_t *q) {
    return (range_t){
        .q = q,
        .before_seq = q->before_seq > 0 ? q->before_seq : INT64_MAX,
        .from = q->from != 0 ? q->from : INT64_MIN,
        .to = q->to != 0 ? q->to : INT64_MAX,
    };
}

/* Opens the list of blocks in which there may be such rows, the newest first. */
static void blocks_find(tg_query_t *s, tg_sqlite_t *db, const range_t *range) {
    tg_query_read(s, db,
                  "SELECT DISTINCT block FROM request_block WHERE block <= ?1 AND at_to >= ?2 AND at_from < ?3"
                  " AND (?4 = 0 OR environment_id = ?4) ORDER BY block DESC");
    tg_query_int(s, range->before_seq / BLOCK);
    tg_query_int(s, range->from);
    tg_query_int(s, range->to);
    tg_query_int(s, range->q->environment_id);
}

static void rows_find(tg_query_t *s, tg_sqlite_t *db, int64_t block, const range_t *range, size_t limit) {
    const tg_request_query_t *q = range->q;
    const int64_t first = block * BLOCK, end = first + BLOCK;
    tg_query_read(s, db,
                  "SELECT " COLUMNS " FROM request WHERE seq >= ? AND seq < ? AND at >= ? AND at < ?"
                  " AND (?5 = 0 OR environment_id = ?5) AND (?6 = 0 OR project_id = ?6) AND status BETWEEN ?7 AND ?8"
                  " AND (?9 = '' OR proxy = ?9) AND (?10 = '' OR client_id = ?10)"
                  " AND (?11 = '' OR user = ?11) AND (?12 = '' OR error = ?12) ORDER BY seq DESC LIMIT ?13");
    tg_query_int(s, first);
    tg_query_int(s, end < range->before_seq ? end : range->before_seq);
    tg_query_int(s, range->from);
    tg_query_int(s, range->to);
    tg_query_int(s, q->environment_id);
    tg_query_int(s, q->project_id);
    tg_query_int(s, q->status_from != 0 ? q->status_from : INT32_MIN);
    tg_query_int(s, q->status_to != 0 ? q->status_to : INT32_MAX);
    tg_query_text(s, q->proxy);
    tg_query_text(s, q->client_id);
    tg_query_text(s, q->user);
    tg_query_text(s, q->error);
    tg_query_int(s, limit < BLOCK ? (int64_t)limit : BLOCK);
}

static void row_read(tg_query_t *s, tg_arena_t *arena, tg_request_row_t *r) {
    tg_str_t *const texts[] = {&r->proxy, &r->client_id, &r->user,    &r->error, &r->reason,
                               &r->node,  &r->endpoint,  &r->address, &r->grant};
    r->seq = sqlite3_column_int64(s->st, 0);
    r->at = sqlite3_column_int64(s->st, 1);
    r->environment_id = sqlite3_column_int64(s->st, 2);
    r->project_id = sqlite3_column_int64(s->st, 3);
    r->status = (int32_t)sqlite3_column_int64(s->st, 4);
    r->duration_us = sqlite3_column_int64(s->st, 5);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tg_query_col_text(s, 6 + (int)i, arena, texts[i]);
    }
}

static tg_err_t block_read(tg_sqlite_t *db, int64_t block, const range_t *range, tg_rows_t *rows) {
    tg_query_t s;
    rows_find(&s, db, block, range, range->q->limit - rows->n);
    while (tg_query_step(&s)) {
        tg_request_row_t *row = tg_query_row(&s, rows);
        if (row != NULL) {
            row_read(&s, rows->arena, row);
        }
    }
    return tg_query_done(&s);
}

static tg_err_t range_read(tg_sqlite_t *db, const tg_request_query_t *query, tg_rows_t *rows) {
    const range_t range = range_of(query);
    tg_query_t s;
    blocks_find(&s, db, &range);
    while (rows->n < query->limit && tg_query_step(&s)) {
        tg_query_fail(&s, block_read(db, sqlite3_column_int64(s.st, 0), &range, rows));
    }
    return tg_query_done(&s);
}

tg_err_t tg_sqlite_request_list(tg_token_store_t *store, const tg_request_query_t *query, tg_arena_t *arena,
                                tg_request_row_t **out, size_t *n) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_request_row_t));
    *out = NULL;
    *n = 0;
    tg_err_t err = tg_requests_open(t, false);
    if (err != TG_OK) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err; /* nothing was logged yet */
    }
    err = tg_sqlite_read_begin(&t->log);
    if (err == TG_OK) {
        err = range_read(&t->log, query, &rows);
        tg_sqlite_read_end(&t->log);
    }
    *out = (tg_request_row_t *)(void *)rows.p;
    *n = rows.n;
    return err;
}

/* ---- pruning ---- */

/* What is left to do. Blocks up to `block` are done. */
typedef struct {
    int64_t environment_id;
    tg_ms_t before;
    int64_t block;
    size_t limit;
    int64_t removed;
} prune_t;

/* Goes on to the next block; false: there is none. */
static tg_err_t block_next(tg_sqlite_t *q, prune_t *p, bool *found) {
    tg_query_t s;
    tg_query_read(&s, q,
                  "SELECT block FROM request_block WHERE block > ? AND environment_id = ? AND at_from < ?"
                  " ORDER BY block LIMIT 1");
    tg_query_int(&s, p->block);
    tg_query_int(&s, p->environment_id);
    tg_query_int(&s, p->before);
    *found = tg_query_step(&s);
    if (*found) {
        p->block = sqlite3_column_int64(s.st, 0);
    }
    return tg_query_done(&s);
}

static tg_err_t rows_remove(tg_sqlite_t *q, prune_t *p) {
    tg_query_t s;
    tg_query_write(&s, q,
                   "DELETE FROM request WHERE seq IN (SELECT seq FROM request WHERE seq >= ? AND seq < ?"
                   " AND environment_id = ? AND at < ? ORDER BY seq LIMIT ?)");
    tg_query_int(&s, p->block * BLOCK);
    tg_query_int(&s, p->block * BLOCK + BLOCK);
    tg_query_int(&s, p->environment_id);
    tg_query_int(&s, p->before);
    tg_query_int(&s, p->limit < BLOCK ? (int64_t)p->limit : BLOCK);
    tg_err_t err = tg_query_run(&s);
    int removed = err == TG_OK ? sqlite3_changes(q->db) : 0;
    p->limit -= (size_t)removed;
    p->removed += removed;
    return err;
}

/* Runs a statement about the rows of the environment in one block. */
static tg_err_t block_run(tg_sqlite_t *q, const prune_t *p, const char *sql) {
    tg_query_t s;
    tg_query_write(&s, q, sql);
    tg_query_int(&s, p->block);
    tg_query_int(&s, p->environment_id);
    return tg_query_run(&s);
}

/* What is known of the block becomes what is left in it. The newest block stays in any case: it keeps the last number.
 */
static tg_err_t block_prune(tg_sqlite_t *q, prune_t *p) {
    tg_err_t err = rows_remove(q, p);
    if (err == TG_OK) {
        err = block_run(q, p,
                        "UPDATE request_block SET at_from = ifnull((SELECT min(at) FROM request"
                        " WHERE seq >= ?1 * 1024 AND seq < ?1 * 1024 + 1024 AND environment_id = ?2), at_to + 1)"
                        " WHERE block = ?1 AND environment_id = ?2");
    }
    if (err == TG_OK) {
        err = block_run(q, p,
                        "DELETE FROM request_block WHERE block = ?1 AND environment_id = ?2 AND at_from > at_to"
                        " AND block < (SELECT max(block) FROM request_block)");
    }
    return err;
}

/* A few blocks in one transaction: writers that wait come in between. */
static tg_err_t chunk_prune(tg_sqlite_tokens_t *t, prune_t *p, bool *more) {
    tg_err_t err = log_begin(t);
    if (err != TG_OK) {
        return err;
    }
    *more = true;
    for (int i = 0; i < PRUNE_BLOCKS && err == TG_OK && *more; i++) {
        err = block_next(&t->log, p, more);
        if (err == TG_OK && *more) {
            err = block_prune(&t->log, p);
            *more = p->limit > 0;
        }
    }
    return log_end(t, err);
}

tg_err_t tg_sqlite_request_prune(tg_token_store_t *store, int64_t environment_id, tg_ms_t before, size_t limit,
                                 int64_t *pruned) {
    tg_sqlite_tokens_t *t = (tg_sqlite_tokens_t *)store;
    prune_t p = {.environment_id = environment_id, .before = before, .block = -1, .limit = limit};
    bool more = limit > 0;
    *pruned = 0;
    tg_err_t err = tg_requests_open(t, false);
    if (err != TG_OK) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    while (err == TG_OK && more) {
        err = chunk_prune(t, &p, &more);
        *pruned = err == TG_OK ? p.removed : *pruned;
    }
    return err;
}
