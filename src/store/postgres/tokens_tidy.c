/*
 * What one node at a time does for all: drops buckets that are past, and removes early revocations and rows of the feed
 * that have done their work. Never a row of a token record.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/postgres/tokens.h"

#define CHUNK       250 /* entries of the list: some milliseconds, in which no other writer of the feed comes in */
#define PRUNE_CHUNK 4096
#define KEEP_MS     TG_HOUR_MS
#define MARK_MS     (60 * TG_SECOND_MS) /* at most one mark in this time */

/* How long a drop waits for those who look into the table: others who come meanwhile wait behind it. */
#define DROP_WAIT "100ms"

static tg_pg_t *db(tg_postgres_tokens_t *t) {
    return &t->q;
}

/* The number that a statement of ours gives; 0 without a row. */
static tg_err_t number(tg_pgquery_t *s, int64_t *out) {
    *out = tg_pgquery_step(s) ? tg_pgquery_col_int(s, 0) : 0;
    return tg_pgquery_done(s);
}

/* ---- buckets ---- */

/* TG_BUCKET_NEVER, and so never past, for a name that is none of ours. */
static tg_bucket_t bucket_of(tg_str_t name) {
    static const char *const prefixes[] = {"token_h_", "token_d_", "token_m_"};
    for (size_t i = 0; i < 3; i++) {
        uint64_t index;
        if (tg_str_starts(name, tg_str(prefixes[i])) &&
            tg_str_to_u64(tg_strn(name.p + 8, name.n - 8), 1u << 24, &index)) {
            return (tg_bucket_t){(tg_bucket_class_t)i, (uint32_t)index};
        }
    }
    return (tg_bucket_t){TG_BUCKET_NEVER, 0};
}

/* Tables that hold something, or have held it, and have none behind them. */
static const char last_sql[] =
    "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace"
    " AND c.relkind = 'r' AND c.relname ~ '^token_[hdm]_[0-9]+$' AND pg_relation_size(c.oid) > 0"
    " AND NOT EXISTS (SELECT FROM pg_class b WHERE b.relnamespace = c.relnamespace"
    " AND b.relname = left(c.relname, 8) || (substr(c.relname, 9)::bigint + 1))";

static tg_err_t tables_make(tg_postgres_tokens_t *t, tg_ms_t now, int64_t *made) {
    tg_pgquery_t s;
    size_t slot;
    tg_err_t err = TG_OK;
    tg_pgquery_read(&s, db(t), last_sql);
    while (err == TG_OK && tg_pgquery_step(&s)) {
        const tg_bucket_t bucket = bucket_of(tg_pgquery_col(&s, 0)), next = tg_bucket_next(bucket);
        if (tg_bucket_end(bucket) > now && next.cls != TG_BUCKET_NEVER) {
            err = tg_pg_bucket_make(t, next, &slot);
            *made += err == TG_OK;
        }
    }
    tg_err_t read = tg_pgquery_done(&s);
    return err != TG_OK ? err : read;
}

/* A table that is in use stays until the next time. */
static tg_err_t drop(tg_postgres_tokens_t *t, tg_str_t name, int64_t *dropped) {
    char sql[160];
    snprintf(sql, sizeof(sql), "BEGIN; SET LOCAL lock_timeout = '" DROP_WAIT "'; DROP TABLE IF EXISTS %.*s; COMMIT",
             TG_STR_ARGS(name));
    db(t)->sqlstate[0] = '\0';
    tg_err_t err = tg_pg_exec(db(t), sql);
    bool in_use = err != TG_OK && strcmp(db(t)->sqlstate, "55P03") == 0;
    tg_pg_abandon(db(t));
    *dropped += err == TG_OK;
    return in_use ? TG_OK : err;
}

static tg_err_t tables_drop(tg_postgres_tokens_t *t, tg_ms_t now, int64_t *dropped) {
    tg_pgquery_t s;
    tg_err_t err = TG_OK;
    tg_pgquery_read(&s, db(t),
                    "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
                    " AND relkind = 'r' AND relname ~ '^token_[hdm]_[0-9]+$'");
    while (err == TG_OK && tg_pgquery_step(&s)) {
        const tg_str_t name = tg_pgquery_col(&s, 0);
        if (tg_bucket_end(bucket_of(name)) <= now) {
            err = drop(t, name, dropped);
        }
    }
    tg_err_t read = tg_pgquery_done(&s);
    return err != TG_OK ? err : read;
}

/* ---- early revocations ---- */

/* The next environment after `after` with an entry that is past; 0: none. */
static tg_err_t environment_next(tg_postgres_tokens_t *t, int64_t after, tg_ms_t now, int64_t *environment_id) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, db(t),
                    "SELECT e.environment_id FROM revocation_environment e WHERE e.environment_id > $1 AND EXISTS"
                    " (SELECT 1 FROM revocation r WHERE r.environment_id = e.environment_id AND r.until <= $2)"
                    " ORDER BY e.environment_id LIMIT 1");
    tg_pgquery_int(&s, after);
    tg_pgquery_int(&s, now);
    return number(&s, environment_id);
}

/* Under the feed's lock: other writers of the list hold it as well. */
static tg_err_t chunk_remove(tg_postgres_tokens_t *t, int64_t environment_id, tg_ms_t now, int64_t *removed) {
    tg_pgquery_t s;
    tg_err_t err = tg_pg_begin(db(t), db(t)->busy_ms);
    if (err != TG_OK) {
        return err;
    }
    tg_pgquery_write(&s, db(t), "SELECT revocation_tidy($1, $2, $3)");
    tg_pgquery_int(&s, environment_id);
    tg_pgquery_int(&s, now);
    tg_pgquery_int(&s, CHUNK);
    err = number(&s, removed);
    if (err == TG_OK) {
        return tg_pg_commit(db(t));
    }
    tg_pg_rollback(db(t));
    return err;
}

static tg_err_t revocations_tidy(tg_postgres_tokens_t *t, tg_ms_t now) {
    int64_t environment_id = 0;
    tg_err_t err = environment_next(t, INT64_MIN, now, &environment_id);
    while (err == TG_OK && environment_id != 0) {
        int64_t removed = CHUNK;
        while (err == TG_OK && removed == CHUNK) {
            err = chunk_remove(t, environment_id, now, &removed);
        }
        err = err == TG_OK ? environment_next(t, environment_id, now, &environment_id) : err;
    }
    return err;
}

/* ---- the feed, by marks: rows carry no time, and those of one writer's clock would not be in order ---- */

static tg_err_t marks(tg_postgres_tokens_t *t, const char *sql, tg_ms_t from, tg_ms_t to, int64_t *out) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, db(t), sql);
    tg_pgquery_int(&s, from);
    tg_pgquery_int(&s, to);
    return number(&s, out);
}

static tg_err_t chunk_prune(tg_postgres_tokens_t *t, int64_t keep_after, int64_t *removed) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, db(t),
                    "DELETE FROM change_log WHERE seq <= least($1, (SELECT min(seq) FROM change_log) + $2 - 1)");
    tg_pgquery_int(&s, keep_after);
    tg_pgquery_int(&s, PRUNE_CHUNK);
    while (tg_pgquery_step(&s)) {
    }
    *removed = tg_pgquery_affected(&s);
    return tg_pgquery_done(&s);
}

/* Notes where the feed is now and forgets the marks that have done their work. */
static tg_err_t mark_set(tg_postgres_tokens_t *t, int64_t pruned, tg_ms_t now) {
    tg_pgquery_t s;
    tg_pgquery_read(
        &s, db(t),
        "WITH gone AS (DELETE FROM change_mark WHERE seq <= $1)"
        " INSERT INTO change_mark (seq, at) SELECT seq, $2 FROM head WHERE seq > $1 ON CONFLICT DO NOTHING");
    tg_pgquery_int(&s, pruned);
    tg_pgquery_int(&s, now);
    return tg_pgquery_run(&s);
}

static tg_err_t feed_tidy(tg_postgres_tokens_t *t, tg_ms_t now) {
    int64_t keep_after, fresh = 0, removed = PRUNE_CHUNK;
    tg_err_t err =
        marks(t, "SELECT max(seq) FROM change_mark WHERE at BETWEEN $1 AND $2", INT64_MIN, now - KEEP_MS, &keep_after);
    while (err == TG_OK && keep_after > 0 && removed == PRUNE_CHUNK) {
        err = chunk_prune(t, keep_after, &removed);
    }
    if (err == TG_OK) {
        err = marks(t, "SELECT count(*) FROM change_mark WHERE at BETWEEN $1 AND $2", now - MARK_MS, now, &fresh);
    }
    return err == TG_OK && (fresh == 0 || keep_after > 0) ? mark_set(t, keep_after, now) : err;
}

/* ---- the request log ---- */

/* Which index a list takes follows from what the server knows of the rows; until it looks by itself that is nothing. */
static tg_err_t log_look(tg_postgres_tokens_t *t) {
    tg_pgquery_t s;
    int64_t unknown;
    tg_pgquery_read(&s, db(t),
                    "SELECT count(*) FROM pg_class WHERE oid = 'request'::regclass AND reltuples < 0"
                    " AND pg_relation_size(oid) > 0");
    tg_err_t err = number(&s, &unknown);
    return err == TG_OK && unknown > 0 ? tg_pg_exec(db(t), "ANALYZE request") : err;
}

/* ---- one node at a time ---- */

static tg_err_t turn_take(tg_postgres_tokens_t *t, bool *ours) {
    tg_pgquery_t s;
    int64_t got = 0;
    tg_pgquery_read(&s, db(t), "SELECT pg_try_advisory_lock(" TG_PG_LOCKS ", " TG_PG_LOCK_TIDY ")");
    tg_err_t err = number(&s, &got);
    *ours = got != 0;
    return err;
}

static void turn_give(tg_postgres_tokens_t *t) {
    tg_pgquery_t s;
    if (db(t)->conn == NULL) {
        return; /* the lock went with the connection */
    }
    tg_pgquery_read(&s, db(t), "SELECT pg_advisory_unlock(" TG_PG_LOCKS ", " TG_PG_LOCK_TIDY ")");
    if (tg_pgquery_run(&s) != TG_OK && db(t)->conn != NULL) {
        (void)!tg_pg_give_up(db(t), "the turn to tidy up could not be given back");
    }
}

/* *ours: it is this node's turn, until turn_give. */
static tg_err_t turn_begin(tg_postgres_tokens_t *t, bool *ours) {
    *ours = false;
    tg_err_t err = tg_pg_buckets_ready(t);
    return err == TG_OK ? turn_take(t, ours) : err;
}

static tg_err_t turn_end(tg_postgres_tokens_t *t, tg_err_t err) {
    tg_fault_t kept = t->base.fault;
    turn_give(t);
    t->base.fault = kept;
    return err;
}

tg_err_t tg_postgres_buckets_make(tg_token_store_t *store, tg_ms_t now, int64_t *made) {
    tg_postgres_tokens_t *t = (tg_postgres_tokens_t *)store;
    bool ours;
    *made = 0;
    tg_err_t err = turn_begin(t, &ours);
    return err == TG_OK && ours ? turn_end(t, tables_make(t, now, made)) : err;
}

tg_err_t tg_postgres_buckets_drop(tg_token_store_t *store, tg_ms_t now, int64_t *dropped) {
    tg_postgres_tokens_t *t = (tg_postgres_tokens_t *)store;
    bool ours;
    *dropped = 0;
    tg_err_t err = turn_begin(t, &ours);
    if (err != TG_OK || !ours) {
        return err;
    }
    err = tables_drop(t, now, dropped);
    if (err == TG_OK) {
        err = revocations_tidy(t, now);
    }
    if (err == TG_OK) {
        err = feed_tidy(t, now);
    }
    if (err == TG_OK) {
        err = log_look(t);
    }
    if (*dropped > 0) {
        tg_fault_t kept = store->fault;
        tg_pg_buckets_forget(t);
        store->fault = kept;
    }
    return turn_end(t, err);
}
