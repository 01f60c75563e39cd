#include <stdio.h>
#include <stdlib.h>

#include "store/sqlite/tokens.h"

static const char letters[] = {[TG_BUCKET_HOUR] = 'h', [TG_BUCKET_DAY] = 'd', [TG_BUCKET_MONTH] = 'm'};

void tg_bucket_name(tg_bucket_t bucket, char out[TG_BUCKET_NAME_MAX]) {
    if (bucket.cls == TG_BUCKET_NEVER) {
        snprintf(out, TG_BUCKET_NAME_MAX, "token_n");
    } else {
        snprintf(out, TG_BUCKET_NAME_MAX, "token_%c_%u", letters[bucket.cls], (unsigned)bucket.index);
    }
}

static bool name_parse(const char *name, tg_bucket_t *out) {
    if (strcmp(name, "token_n") == 0) {
        *out = (tg_bucket_t){TG_BUCKET_NEVER, 0};
        return true;
    }
    for (size_t i = 0; i < sizeof(letters); i++) {
        uint64_t index;
        if (strncmp(name, "token_", 6) == 0 && name[6] == letters[i] && name[7] == '_' &&
            tg_str_to_u64(tg_str(name + 8), (1u << 24) - 1, &index)) {
            *out = (tg_bucket_t){(tg_bucket_class_t)i, (uint32_t)index};
            return true;
        }
    }
    return false;
}

/* $T is the table. The order of columns is the one that tokens_record.c reads and binds. */
#define COLUMNS                                                                                                        \
    "hash, refresh_hash, environment_id, client_kind, client_id, subject, scope, generation, epoch, issued_at, "       \
    "access_expires_at,"                                                                                               \
    " refresh_expires_at, refresh_left, refresh_used, family, ended_at, successor, successor_class, successor_index, " \
    "successor_used_at, predecessor, predecessor_class, predecessor_index, has_scope, user_generation"

static const char *const sql_of[TG_BUCKET_VERBS] = {
    [TG_BUCKET_PUT] = "INSERT INTO $T (" COLUMNS
                      ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
    [TG_BUCKET_FIND] = "SELECT " COLUMNS " FROM $T WHERE hash = ?",
    [TG_BUCKET_FIND_REFRESH] = "SELECT " COLUMNS " FROM $T WHERE refresh_hash = ?",
    [TG_BUCKET_STATE] =
        "SELECT environment_id, ended_at, successor IS NOT NULL, successor_used_at FROM $T WHERE hash = ?",
    [TG_BUCKET_END] = "UPDATE $T SET ended_at = ?1 WHERE hash = ?2",
    [TG_BUCKET_SUCCEED] =
        "UPDATE $T SET ended_at = ?1, successor = ?2, successor_class = ?3, successor_index = ?4 WHERE hash = ?5",
    [TG_BUCKET_HAND_ON] = "UPDATE $T SET ended_at = ?1, successor = ?2, successor_class = ?3, successor_index = ?4,"
                          " refresh_hash = NULL WHERE hash = ?5",
    [TG_BUCKET_USED] = "UPDATE $T SET successor_used_at = ?1 WHERE hash = ?2",
    [TG_BUCKET_FAMILY] = "UPDATE $T SET ended_at = ?1 WHERE family = ?2 AND refresh_hash IS NOT NULL AND ended_at = 0"
                         " RETURNING hash, environment_id",
};

/* ---- the cache of statements ---- */

static void entry_close(tg_bucket_statements_t *e) {
    for (size_t i = 0; i < TG_BUCKET_VERBS; i++) {
        sqlite3_finalize(e->st[i]);
    }
    *e = (tg_bucket_statements_t){.open = false};
}

static bool same(tg_bucket_t a, tg_bucket_t b) {
    return a.cls == b.cls && a.index == b.index;
}

/* The entry of this bucket; else a free one or the one that was not used for longest, emptied. */
static tg_bucket_statements_t *entry_of(tg_sqlite_tokens_t *t, tg_bucket_t bucket) {
    tg_bucket_statements_t *oldest = &t->buckets[0];
    for (size_t i = 0; i < TG_BUCKETS_OPEN; i++) {
        tg_bucket_statements_t *e = &t->buckets[i];
        if (e->open && same(e->bucket, bucket)) {
            e->used_at = ++t->tick;
            return e;
        }
        if (e->used_at < oldest->used_at) {
            oldest = e;
        }
    }
    entry_close(oldest);
    oldest->open = true;
    oldest->bucket = bucket;
    oldest->used_at = ++t->tick;
    return oldest;
}

void tg_bucket_forget(tg_sqlite_tokens_t *t, tg_bucket_t bucket) {
    for (size_t i = 0; i < TG_BUCKETS_OPEN; i++) {
        if (t->buckets[i].open && same(t->buckets[i].bucket, bucket)) {
            entry_close(&t->buckets[i]);
        }
    }
}

void tg_bucket_forget_all(tg_sqlite_tokens_t *t) {
    for (size_t i = 0; i < TG_BUCKETS_OPEN; i++) {
        entry_close(&t->buckets[i]);
    }
}

static tg_err_t table_exists(tg_sqlite_tokens_t *t, tg_bucket_t bucket, bool *exists) {
    char name[TG_BUCKET_NAME_MAX];
    tg_query_t s;
    tg_bucket_name(bucket, name);
    tg_query_read(&s, &t->q, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
    tg_query_text(&s, tg_str(name));
    *exists = tg_query_step(&s);
    return tg_query_done(&s);
}

/* SQLite tells a missing table as a plain error. */
static tg_err_t missing_or(tg_sqlite_tokens_t *t, tg_bucket_t bucket, tg_err_t err) {
    bool exists;
    if (err != TG_ERR_BUG) {
        return err;
    }
    tg_err_t looked = table_exists(t, bucket, &exists);
    if (looked != TG_OK) {
        return looked;
    }
    return exists ? err : TG_ERR_NOTFOUND;
}

static tg_err_t prepare(tg_sqlite_tokens_t *t, tg_bucket_t bucket, tg_bucket_verb_t verb, sqlite3_stmt **out) {
    char mem[1024], name[TG_BUCKET_NAME_MAX];
    tg_buf_t sql;
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    tg_bucket_name(bucket, name);
    tg_sqlite_table_sql(&sql, sql_of[verb], name);
    if (sql.err != TG_OK) {
        return TG_ERR_BUG;
    }
    return tg_sqlite_err(&t->q, sqlite3_prepare_v3(t->q.db, mem, -1, SQLITE_PREPARE_PERSISTENT, out, NULL));
}

void tg_bucket_query(tg_query_t *s, tg_sqlite_tokens_t *t, tg_bucket_t bucket, tg_bucket_verb_t verb) {
    tg_query_use(s, &t->q, NULL);
    if (bucket.cls > TG_BUCKET_NEVER) {
        s->err = TG_ERR_NOTFOUND;
        return;
    }
    tg_bucket_statements_t *e = entry_of(t, bucket);
    if (e->st[verb] == NULL) {
        s->err = prepare(t, bucket, verb, &e->st[verb]);
        if (s->err != TG_OK) {
            tg_bucket_forget(t, bucket);
            s->err = missing_or(t, bucket, s->err);
            return;
        }
    }
    s->st = e->st[verb];
}

tg_err_t tg_bucket_done(tg_query_t *s, tg_sqlite_tokens_t *t, tg_bucket_t bucket) {
    tg_err_t err = tg_query_done(s);
    if (err == TG_ERR_BUG && s->st != NULL) {
        tg_bucket_forget(t, bucket);
        err = missing_or(t, bucket, err);
    }
    return err;
}

/* ---- tables ---- */

tg_err_t tg_bucket_make(tg_sqlite_tokens_t *t, tg_bucket_t bucket) {
    char name[TG_BUCKET_NAME_MAX];
    tg_buf_t sql;
    tg_buf_init(&sql, 16384);
    tg_bucket_name(bucket, name);
    tg_sqlite_table_sql(&sql, tg_sqlite_tokens_bucket, name);
    tg_err_t err = sql.err;
    if (err == TG_OK) {
        t->made_table = true;
        err = tg_sqlite_err(&t->q, sqlite3_exec(t->q.db, sql.p, NULL, NULL, NULL));
    }
    tg_buf_release(&sql);
    return err;
}

tg_err_t tg_bucket_ensure(tg_sqlite_tokens_t *t, tg_bucket_t bucket, bool *made) {
    bool exists;
    tg_err_t err = table_exists(t, bucket, &exists);
    *made = err == TG_OK && !exists;
    return *made ? tg_bucket_make(t, bucket) : err;
}

tg_err_t tg_bucket_used(tg_sqlite_tokens_t *t, tg_bucket_t bucket, bool *used) {
    char name[TG_BUCKET_NAME_MAX], sql[64];
    sqlite3_stmt *st;
    tg_query_t s;
    tg_bucket_name(bucket, name);
    snprintf(sql, sizeof(sql), "SELECT 1 FROM %s LIMIT 1", name);
    *used = false;
    tg_err_t err = tg_sqlite_err(&t->q, sqlite3_prepare_v2(t->q.db, sql, -1, &st, NULL));
    if (err != TG_OK) {
        return missing_or(t, bucket, err);
    }
    tg_query_use(&s, &t->q, st);
    *used = tg_query_step(&s);
    err = tg_query_done(&s);
    sqlite3_finalize(st);
    return err;
}

tg_err_t tg_bucket_list(tg_sqlite_tokens_t *t, tg_bucket_t **out, size_t *n) {
    size_t cap = 0;
    tg_query_t s;
    *out = NULL;
    *n = 0;
    tg_query_read(&s, &t->q, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'token_*'");
    while (tg_query_step(&s)) {
        if (*n == cap) {
            cap = cap > 0 ? cap * 2 : 64;
            tg_bucket_t *grown = realloc(*out, cap * sizeof(tg_bucket_t));
            if (grown == NULL) {
                tg_query_fail(&s, TG_ERR_NOMEM);
                break;
            }
            *out = grown;
        }
        const char *name = (const char *)sqlite3_column_text(s.st, 0);
        if (name != NULL && name_parse(name, &(*out)[*n])) {
            ++*n;
        }
    }
    tg_err_t err = tg_query_done(&s);
    if (err != TG_OK) {
        free(*out);
        *out = NULL;
        *n = 0;
    }
    return err;
}
