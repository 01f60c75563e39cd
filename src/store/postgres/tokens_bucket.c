#include <stdio.h>
#include <stdlib.h>

#include "store/postgres/tokens.h"

#define KNOWN_MAX 128 /* buckets whose statements stay prepared: all that can have living tokens at once */

static void name_of(tg_bucket_t bucket, char out[TG_BUCKET_NAME_MAX]) {
    static const char letters[] = {[TG_BUCKET_HOUR] = 'h', [TG_BUCKET_DAY] = 'd', [TG_BUCKET_MONTH] = 'm'};
    if (bucket.cls == TG_BUCKET_NEVER) {
        snprintf(out, TG_BUCKET_NAME_MAX, "token_n");
    } else {
        snprintf(out, TG_BUCKET_NAME_MAX, "token_%c_%u", letters[bucket.cls], (unsigned)bucket.index);
    }
}

/* ---- statements; $T is the table ---- */

/* The order is that of tokens_record.c. */
#define COLUMNS                                                                                                        \
    "environment_id, generation, user_generation, epoch, issued_at, access_expires_at, refresh_expires_at, ended_at, " \
    "successor_used_at, refresh_left, refresh_used, successor_index, predecessor_index, successor_class, "             \
    "predecessor_class, client_kind, has_scope, hash, refresh_hash, family, client_id, subject, scope, successor, "    \
    "predecessor"

#define INSERT                                                                                                         \
    "INSERT INTO $T (" COLUMNS ") SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[],"    \
    " $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::int8[], $13::int8[],"             \
    " $14::int8[], $15::int8[], $16::int8[], $17::int8[], $18::bytea[], $19::bytea[], $20::bytea[], $21::bytea[],"     \
    " $22::bytea[], $23::bytea[], $24::bytea[], $25::bytea[])"

static const char *const sql_of[TG_PG_VERBS] = {
    [TG_PG_PUT] = INSERT " ON CONFLICT DO NOTHING RETURNING hash",
    [TG_PG_PUT_NEW] = INSERT " RETURNING hash",
    [TG_PG_FIND] = "SELECT " COLUMNS " FROM $T WHERE hash = $1",
    [TG_PG_FIND_REFRESH] = "SELECT " COLUMNS " FROM $T WHERE refresh_hash = $1",
    [TG_PG_FIND_MANY] = "SELECT " COLUMNS " FROM $T WHERE refresh_hash = ANY ($1::bytea[])",
    [TG_PG_STATES] = "SELECT hash, environment_id, ended_at, successor IS NOT NULL, successor_used_at FROM $T"
                     " WHERE hash = ANY ($1::bytea[])",
    [TG_PG_END] = "UPDATE $T t SET ended_at = u.at FROM unnest($1::bytea[], $2::int8[]) u (hash, at)"
                  " WHERE t.hash = u.hash",
    [TG_PG_SUCCEED] =
        "UPDATE $T t SET ended_at = u.at, successor = u.successor, successor_class = u.cls, successor_index = u.index,"
        " refresh_hash = CASE WHEN u.hand_on = 0 THEN t.refresh_hash END"
        " FROM unnest($1::bytea[], $2::int8[], $3::bytea[], $4::int8[], $5::int8[], $6::int8[])"
        " u (hash, at, successor, cls, index, hand_on) WHERE t.hash = u.hash",
    [TG_PG_USED] = "UPDATE $T t SET successor_used_at = u.at FROM unnest($1::bytea[], $2::int8[]) u (hash, at)"
                   " WHERE t.hash = u.hash",
};

static void table_sql(tg_buf_t *out, const char *sql, const char *table) {
    for (const char *p = sql; *p != '\0'; p++) {
        if (p[0] == '$' && p[1] == 'T') {
            tg_buf_put(out, tg_str(table));
            p++;
        } else {
            tg_buf_putc(out, *p);
        }
    }
}

static tg_err_t prepare(tg_postgres_tokens_t *t, tg_bucket_t bucket, tg_pg_verb_t verb, const char *name) {
    char mem[2048], table[TG_BUCKET_NAME_MAX];
    tg_buf_t sql;
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    name_of(bucket, table);
    table_sql(&sql, sql_of[verb], table);
    tg_buf_putc(&sql, '\0');
    return sql.err != TG_OK ? TG_ERR_BUG : tg_pg_prepare(&t->q, name, mem);
}

void tg_pg_bucket_query(tg_pgquery_t *s, tg_postgres_tokens_t *t, size_t slot, tg_pg_verb_t verb) {
    tg_pg_bucket_t *b = &t->buckets[slot];
    char table[TG_BUCKET_NAME_MAX], name[48];
    name_of(b->bucket, table);
    snprintf(name, sizeof(name), "%s_%d", table, (int)verb);
    tg_pgquery_use(s, &t->q, name);
    if (t->q.conn == NULL || t->lives != t->q.lives) {
        s->err = tg_pg_tell(&t->q, TG_ERR_UNAVAILABLE, "the connection was lost");
    } else if ((b->prepared & 1u << verb) == 0) {
        s->err = prepare(t, b->bucket, verb, name);
        b->prepared |= s->err == TG_OK ? 1u << verb : 0;
    }
}

bool tg_pg_bucket_gone(const tg_postgres_tokens_t *t) {
    return strcmp(t->q.sqlstate, "42P01") == 0; /* undefined_table */
}

/* ---- which buckets there are ---- */

void tg_pg_buckets_forget(tg_postgres_tokens_t *t) {
    t->n_buckets = 0;
    if (t->q.conn != NULL && t->lives == t->q.lives) {
        if (tg_pg_exec(&t->q, "DEALLOCATE ALL") == TG_OK) {
            memset(t->q.statements, 0, sizeof(t->q.statements));
        } else if (t->q.conn != NULL) {
            (void)!tg_pg_give_up(&t->q, "statements could not be forgotten");
        }
    }
}

tg_err_t tg_pg_buckets_ready(tg_postgres_tokens_t *t) {
    tg_err_t err = tg_pg_ensure(&t->q);
    if (err == TG_OK && t->lives != t->q.lives) {
        t->lives = t->q.lives;
        t->n_buckets = 0;
    }
    if (err == TG_OK && t->n_buckets > KNOWN_MAX) {
        tg_pg_buckets_forget(t);
        err = tg_pg_ensure(&t->q);
    }
    t->q.sqlstate[0] = '\0';
    return err;
}

static tg_err_t note(tg_postgres_tokens_t *t, tg_bucket_t bucket, size_t *slot) {
    if (t->n_buckets == t->cap_buckets) {
        size_t cap = t->cap_buckets > 0 ? t->cap_buckets * 2 : KNOWN_MAX;
        tg_pg_bucket_t *grown = realloc(t->buckets, cap * sizeof(*grown));
        if (grown == NULL) {
            return TG_ERR_NOMEM;
        }
        t->buckets = grown;
        t->cap_buckets = cap;
    }
    *slot = t->n_buckets;
    t->buckets[t->n_buckets++] = (tg_pg_bucket_t){.bucket = bucket};
    return TG_OK;
}

static bool known(const tg_postgres_tokens_t *t, tg_bucket_t bucket, size_t *slot) {
    for (size_t i = t->n_buckets; i-- > 0;) {
        if (t->buckets[i].bucket.cls == bucket.cls && t->buckets[i].bucket.index == bucket.index) {
            *slot = i;
            return true;
        }
    }
    return false;
}

/* Asked for, because a statement on a missing table is an error that the server would log: anyone can invent buckets.
 */
static tg_err_t table_exists(tg_postgres_tokens_t *t, tg_bucket_t bucket, bool *exists) {
    char name[TG_BUCKET_NAME_MAX];
    tg_pgquery_t s;
    name_of(bucket, name);
    tg_pgquery_read(&s, &t->q, "SELECT to_regclass($1) IS NOT NULL");
    tg_pgquery_text(&s, tg_str(name));
    *exists = tg_pgquery_step(&s) && tg_pgquery_col_int(&s, 0) != 0;
    return tg_pgquery_done(&s);
}

tg_err_t tg_pg_bucket_find(tg_postgres_tokens_t *t, tg_bucket_t bucket, size_t *slot) {
    bool exists;
    if (bucket.cls > TG_BUCKET_NEVER) {
        return TG_ERR_NOTFOUND;
    }
    if (known(t, bucket, slot)) {
        return TG_OK;
    }
    tg_err_t err = table_exists(t, bucket, &exists);
    if (err == TG_OK) {
        err = exists ? note(t, bucket, slot) : TG_ERR_NOTFOUND;
    }
    return err;
}

/* ---- tables ---- */

/* IF NOT EXISTS alone lets two that make the same table at once fail. */
static tg_err_t table_make(tg_postgres_tokens_t *t, tg_bucket_t bucket) {
    char name[TG_BUCKET_NAME_MAX];
    tg_buf_t sql;
    tg_buf_init(&sql, 16384);
    name_of(bucket, name);
    table_sql(&sql, tg_postgres_tokens_bucket, name);
    tg_buf_putc(&sql, '\0');
    tg_err_t err = sql.err;
    if (err == TG_OK) {
        err = tg_pg_exec(&t->q, "BEGIN; SELECT pg_advisory_xact_lock(" TG_PG_LOCKS ", " TG_PG_LOCK_BUCKETS ")");
    }
    if (err == TG_OK) {
        err = tg_pg_become_owner(&t->q);
    }
    if (err == TG_OK) {
        err = tg_pg_exec(&t->q, sql.p);
    }
    if (err == TG_OK) {
        err = tg_pg_exec(&t->q, "COMMIT");
    }
    tg_buf_release(&sql);
    return err;
}

tg_err_t tg_pg_bucket_make(tg_postgres_tokens_t *t, tg_bucket_t bucket, size_t *slot) {
    tg_err_t err = tg_pg_bucket_find(t, bucket, slot);
    if (err != TG_ERR_NOTFOUND) {
        return err;
    }
    err = table_make(t, bucket);
    tg_pg_abandon(&t->q);
    return err == TG_OK ? note(t, bucket, slot) : err;
}
