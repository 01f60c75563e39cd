#include <stdlib.h>

#include "store/postgres/batch.h"
#include "store/write.h"

#define HASH_LEN 32
#define ATTEMPTS 4

static tg_str_t hash_str(const uint8_t hash[HASH_LEN]) {
    return tg_strn(hash, HASH_LEN);
}

/* ---- waves ---- */

static bool names_record(const tg_write_t *w) {
    return w->kind == TG_WRITE_END || w->kind == TG_WRITE_USED || w->kind == TG_WRITE_REFRESH;
}

static bool has_record(const tg_write_t *w) {
    return w->kind == TG_WRITE_PUT || w->kind == TG_WRITE_REFRESH;
}

/* false: another write of the wave names one of its hashes. */
static bool keys_add(tg_pg_batch_t *b, size_t i) {
    const tg_write_t *w = &b->writes[i];
    bool alone = !names_record(w) || tg_pg_key_add(b, w->hash, i);
    if (alone && has_record(w)) {
        alone = tg_pg_key_add(b, w->record->hash, i) &&
                (!w->record->has_refresh || tg_pg_key_add(b, w->record->refresh_hash, i));
    }
    return alone;
}

/* Where the wave that begins at `from` ends. A family is a wave by itself: it may name any record. */
static size_t wave_end(tg_pg_batch_t *b, size_t from) {
    size_t to = from;
    tg_pg_keys_clear(b);
    while (to < b->n && b->writes[to].kind != TG_WRITE_FAMILY && keys_add(b, to)) {
        to++;
    }
    return to > from ? to : from + 1;
}

/* ---- what a wave must know ---- */

static tg_err_t reads_of_part(tg_pg_batch_t *b, size_t part, size_t from, size_t to) {
    tg_pg_queued_t *refresh = NULL, *states = NULL;
    for (size_t i = from; i < to; i++) {
        const tg_write_t *w = &b->writes[i];
        const tg_pg_job_t *job = &b->jobs[i];
        bool here = names_record(w) && job->source == part,
             new_here = w->kind == TG_WRITE_REFRESH && job->target == part;
        bool state = (here && w->kind != TG_WRITE_REFRESH) || new_here;
        bool find = (here && w->kind == TG_WRITE_REFRESH) || (new_here && w->record->has_refresh);
        refresh = find && refresh == NULL ? tg_pg_queue_part(b, part, TG_PG_FIND_MANY, 1) : refresh;
        states = state && states == NULL ? tg_pg_queue_part(b, part, TG_PG_STATES, 1) : states;
        if ((find && refresh == NULL) || (state && states == NULL)) {
            return TG_ERR_NOMEM;
        }
        if (state) {
            tg_pg_array_blob(&states->arrays[0], hash_str(new_here ? w->record->hash : w->hash));
        }
        if (here && w->kind == TG_WRITE_REFRESH) {
            tg_pg_array_blob(&refresh->arrays[0], hash_str(w->hash));
        }
        if (new_here && w->record->has_refresh && memcmp(w->record->refresh_hash, w->hash, HASH_LEN) != 0) {
            tg_pg_array_blob(&refresh->arrays[0], hash_str(w->record->refresh_hash));
        }
    }
    return TG_OK;
}

static const char revocations_sql[] =
    "SELECT outcome FROM revocations_put($1::int8[], $2::int8[], $3::bytea[], $4::bytea[], $5::int8[], $6::int8[],"
    " $7::int8[], $8::int8[]) WITH ORDINALITY r (outcome, ord) ORDER BY ord";

static void revocation_bind(tg_pg_array_t a[8], const tg_write_t *w) {
    tg_pg_array_int(&a[0], w->environment_id);
    tg_pg_array_int(&a[1], w->client_kind);
    tg_pg_array_blob(&a[2], w->client_id);
    tg_pg_array_blob(&a[3], tg_strn(w->revocation, TG_REVOCATION_LEN));
    tg_pg_array_int(&a[4], tg_write_until(w));
    tg_pg_array_int(&a[5], w->at);
    tg_pg_array_int(&a[6], w->capacity);
    tg_pg_array_int(&a[7], tg_write_client_capacity(w));
}

/* Revocations have nothing to do with records: those of a wave are put together, and once. */
static tg_err_t revocations_queue(tg_pg_batch_t *b, size_t from, size_t to) {
    tg_pg_queued_t *e = NULL;
    for (size_t i = from; i < to; i++) {
        if (b->writes[i].kind != TG_WRITE_REVOCATION || b->jobs[i].tried) {
            continue;
        }
        if (e == NULL) {
            e = tg_pg_queue(b, revocations_sql, 8);
            if (e == NULL) {
                return TG_ERR_NOMEM;
            }
            for (size_t k = 0; k < 8; k++) {
                e->arrays[k].type = k == 2 || k == 3 ? TG_PG_BYTEA : TG_PG_INT8;
            }
            e->part = b->n_parts + from; /* tells the result where they begin */
        }
        revocation_bind(e->arrays, &b->writes[i]);
    }
    return TG_OK;
}

/* ---- what comes back ---- */

static tg_err_t found_take(tg_pg_batch_t *b, tg_pg_queued_t *e) {
    while (tg_pgquery_step(&e->q)) {
        const tg_str_t key = tg_pgquery_col(&e->q, 18);
        size_t i = key.n == HASH_LEN ? tg_pg_key_find(b, (const uint8_t *)key.p) : SIZE_MAX;
        if (i == SIZE_MAX) {
            return TG_ERR_BUG;
        }
        if (memcmp(key.p, b->writes[i].hash, HASH_LEN) != 0 || b->jobs[i].source != e->part) {
            b->jobs[i].taken = true;
            continue;
        }
        b->jobs[i].old = tg_arena_alloc(b->arena, sizeof(tg_record_t));
        if (b->jobs[i].old == NULL) {
            return TG_ERR_NOMEM;
        }
        tg_pg_record_read(&e->q, b->parts[e->part].bucket, b->arena, b->jobs[i].old);
    }
    return e->q.err;
}

static tg_err_t states_take(tg_pg_batch_t *b, tg_pg_queued_t *e) {
    while (tg_pgquery_step(&e->q)) {
        const tg_str_t key = tg_pgquery_col(&e->q, 0);
        size_t i = key.n == HASH_LEN ? tg_pg_key_find(b, (const uint8_t *)key.p) : SIZE_MAX;
        if (i == SIZE_MAX) {
            return TG_ERR_BUG;
        }
        tg_pg_job_t *job = &b->jobs[i];
        if (b->writes[i].kind == TG_WRITE_REFRESH) {
            job->taken = true;
            continue;
        }
        job->found = true;
        job->environment_id = tg_pgquery_col_int(&e->q, 1);
        job->ended_at = tg_pgquery_col_int(&e->q, 2);
        job->has_successor = tg_pgquery_col_int(&e->q, 3) != 0;
        job->successor_used_at = tg_pgquery_col_int(&e->q, 4);
    }
    return e->q.err;
}

static tg_err_t revocations_take(tg_pg_batch_t *b, tg_pg_queued_t *e) {
    size_t i = e->part - b->n_parts;
    while (tg_pgquery_step(&e->q)) {
        while (i < b->n && (b->writes[i].kind != TG_WRITE_REVOCATION || b->jobs[i].tried)) {
            i++;
        }
        if (i == b->n) {
            return TG_ERR_BUG;
        }
        b->jobs[i].tried = true;
        b->jobs[i].outcome = tg_pgquery_col_int(&e->q, 0);
    }
    return e->q.err;
}

static tg_err_t put_take(tg_pg_batch_t *b, tg_pg_queued_t *e) {
    while (tg_pgquery_step(&e->q)) {
        const tg_str_t key = tg_pgquery_col(&e->q, 0);
        size_t i = key.n == HASH_LEN ? tg_pg_key_find(b, (const uint8_t *)key.p) : SIZE_MAX;
        if (i == SIZE_MAX) {
            return TG_ERR_BUG;
        }
        b->writes[i].result = TG_OK;
    }
    return e->q.err;
}

static const char lock_sql[] = "SELECT seq FROM head FOR UPDATE";

static tg_err_t take(tg_pg_batch_t *b, tg_pg_queued_t *e) {
    if (e->part == TG_PG_NO_PART) {
        if (e->verb == TG_PG_VERBS && tg_pgquery_step(&e->q)) { /* the lock */
            b->head = b->seq = tg_pgquery_col_int(&e->q, 0);
        }
        return e->q.err;
    }
    if (e->part >= b->n_parts) {
        return revocations_take(b, e);
    }
    switch (e->verb) {
    case TG_PG_FIND_MANY:
        return found_take(b, e);
    case TG_PG_STATES:
        return states_take(b, e);
    case TG_PG_PUT:
        return put_take(b, e);
    default:
        return e->q.err;
    }
}

static tg_err_t wave_read(tg_pg_batch_t *b, size_t from, size_t to) {
    bool asks = false;
    for (size_t i = from; i < to; i++) {
        asks |= names_record(&b->writes[i]) || b->writes[i].kind == TG_WRITE_REVOCATION ||
                b->writes[i].kind == TG_WRITE_EPOCH;
        b->jobs[i].old = NULL;
        b->jobs[i].found = b->jobs[i].taken = false;
    }
    tg_err_t err = revocations_queue(b, from, to);
    for (size_t p = 0; p < b->n_parts && err == TG_OK; p++) {
        if (b->parts[p].slot != SIZE_MAX) {
            err = reads_of_part(b, p, from, to);
        }
    }
    return err == TG_OK && asks ? tg_pg_flush(b, take) : err;
}

/* ---- decisions, in order ---- */

static void ended_change(tg_pg_batch_t *b, int64_t environment_id, const uint8_t hash[HASH_LEN]) {
    const tg_token_change_t row = {
        .kind = TG_TOKEN_CHANGE_ENDED, .environment_id = environment_id, .id = hash_str(hash)};
    tg_pg_change_add(b, &row);
}

static void put_decide(tg_write_t *w, tg_pg_job_t *job) {
    job->action = TG_PG_DO_PUT;
    job->epoch = w->epoch_from != NULL ? w->epoch_from->epoch : w->record->epoch;
    w->result = TG_ERR_CONFLICT; /* until its hash comes back */
}

static void end_decide(tg_pg_batch_t *b, tg_write_t *w, tg_pg_job_t *job) {
    if (!job->found) {
        w->result = TG_ERR_NOTFOUND;
    } else if (job->ended_at == 0) {
        job->action = TG_PG_DO_END;
        ended_change(b, job->environment_id, w->hash);
    }
}

static void used_decide(tg_write_t *w, tg_pg_job_t *job) {
    if (!job->found || !job->has_successor) {
        w->result = TG_ERR_NOTFOUND;
    } else if (job->successor_used_at == 0) {
        job->action = TG_PG_DO_USED;
    }
}

static void refresh_decide(tg_pg_batch_t *b, tg_write_t *w, tg_pg_job_t *job) {
    tg_record_t *old = job->old;
    if (old == NULL || (old->ended_at != 0 && !old->has_successor)) {
        w->result = TG_ERR_NOTFOUND;
    } else if (old->ended_at != 0 || !tg_record_precedes(old, w->record)) {
        w->result = TG_ERR_CONFLICT;
        w->existing = old;
    } else if (job->taken || (tg_record_hands_on(old, w->record) && !tg_bucket_eq(w->record->bucket, old->bucket))) {
        w->result = TG_ERR_BUG; /* CONFLICT would promise that there is a tombstone */
    } else {
        job->action = TG_PG_DO_SUCCEED;
        job->epoch = w->record->epoch;
        ended_change(b, old->environment_id, old->hash);
    }
}

static void epoch_decide(tg_pg_batch_t *b, tg_write_t *w) {
    uint8_t id[8];
    tg_epoch_id_put(tg_epoch_id(w->client_kind, w->client_id, w->subject), id);
    const tg_token_change_t row = {
        .kind = TG_TOKEN_CHANGE_EPOCH, .environment_id = w->environment_id, .id = tg_strn(id, sizeof(id))};
    w->epoch = tg_pg_change_add(b, &row);
    tg_pg_array_int(&b->epochs[0], w->environment_id);
    tg_pg_array_int(&b->epochs[1], w->client_kind);
    tg_pg_array_blob(&b->epochs[2], w->client_id);
    tg_pg_array_blob(&b->epochs[3], w->subject);
    tg_pg_array_int(&b->epochs[4], w->epoch);
}

static void revocation_decide(tg_pg_batch_t *b, tg_write_t *w, const tg_pg_job_t *job) {
    if (job->outcome == 2) {
        w->result = TG_ERR_LIMIT;
    } else if (job->outcome == 1) {
        const tg_token_change_t row = {.kind = TG_TOKEN_CHANGE_REVOCATION,
                                       .environment_id = w->environment_id,
                                       .id = tg_strn(w->revocation, TG_REVOCATION_LEN),
                                       .until = w->until};
        tg_pg_change_add(b, &row);
    }
}

static void decide(tg_pg_batch_t *b, size_t i) {
    tg_write_t *w = &b->writes[i];
    tg_pg_job_t *job = &b->jobs[i];
    switch (w->kind) {
    case TG_WRITE_PUT:
        put_decide(w, job);
        break;
    case TG_WRITE_END:
        end_decide(b, w, job);
        break;
    case TG_WRITE_USED:
        used_decide(w, job);
        break;
    case TG_WRITE_REFRESH:
        refresh_decide(b, w, job);
        break;
    case TG_WRITE_EPOCH:
        epoch_decide(b, w);
        break;
    case TG_WRITE_REVOCATION:
        revocation_decide(b, w, job);
        break;
    case TG_WRITE_FAMILY:
        break;
    }
}

/* Two writes can name one record by its two hashes: the wave then ends before the second. */
static void wave_decide(tg_pg_batch_t *b, size_t from, size_t *to) {
    for (size_t i = from; i < *to; i++) {
        const tg_record_t *old = b->jobs[i].old;
        if (old != NULL && !tg_pg_key_add(b, old->hash, i)) {
            size_t other = tg_pg_key_find(b, old->hash);
            if (other < i) {
                *to = i;
                return;
            }
            *to = other < *to ? other : *to;
        }
        decide(b, i);
    }
}

/* ---- changes ---- */

/* An UPDATE of records by their hashes: those of a part with this action. */
static tg_err_t updates_queue(tg_pg_batch_t *b, size_t part, size_t from, size_t to, tg_pg_action_t action,
                              tg_pg_verb_t verb) {
    tg_pg_queued_t *e = NULL;
    for (size_t i = from; i < to; i++) {
        const tg_write_t *w = &b->writes[i];
        if (b->jobs[i].action != action || b->jobs[i].source != part) {
            continue;
        }
        if (e == NULL) {
            e = tg_pg_queue_part(b, part, verb, action == TG_PG_DO_SUCCEED ? 6 : 2);
            if (e == NULL) {
                return TG_ERR_NOMEM;
            }
            for (size_t k = 1; k < e->n_arrays; k++) {
                e->arrays[k].type = k == 2 ? TG_PG_BYTEA : TG_PG_INT8;
            }
        }
        tg_pg_array_blob(&e->arrays[0], hash_str(action == TG_PG_DO_SUCCEED ? b->jobs[i].old->hash : w->hash));
        tg_pg_array_int(&e->arrays[1], w->at);
        if (action == TG_PG_DO_SUCCEED) {
            tg_pg_array_blob(&e->arrays[2], hash_str(w->record->hash));
            tg_pg_array_int(&e->arrays[3], w->record->bucket.cls);
            tg_pg_array_int(&e->arrays[4], w->record->bucket.index);
            tg_pg_array_int(&e->arrays[5], tg_record_hands_on(b->jobs[i].old, w->record));
        }
    }
    return TG_OK;
}

static tg_err_t inserts_queue(tg_pg_batch_t *b, size_t part, size_t from, size_t to, tg_pg_action_t action,
                              tg_pg_verb_t verb) {
    tg_pg_queued_t *e = NULL;
    for (size_t i = from; i < to; i++) {
        if (b->jobs[i].action != action || b->jobs[i].target != part) {
            continue;
        }
        if (e == NULL) {
            e = tg_pg_queue_part(b, part, verb, TG_PG_RECORD_ARRAYS);
            if (e == NULL) {
                return TG_ERR_NOMEM;
            }
            tg_pg_record_arrays(e->arrays);
        }
        tg_pg_record_add(e->arrays, b->writes[i].record, b->jobs[i].epoch);
    }
    return TG_OK;
}

/* A refresh hash that is handed on is let go of before the successor takes it. */
static tg_err_t wave_write(tg_pg_batch_t *b, size_t from, size_t to) {
    tg_err_t err = TG_OK;
    for (size_t p = 0; p < b->n_parts && err == TG_OK; p++) {
        err = updates_queue(b, p, from, to, TG_PG_DO_END, TG_PG_END);
        err = err == TG_OK ? updates_queue(b, p, from, to, TG_PG_DO_USED, TG_PG_USED) : err;
        err = err == TG_OK ? updates_queue(b, p, from, to, TG_PG_DO_SUCCEED, TG_PG_SUCCEED) : err;
        err = err == TG_OK ? inserts_queue(b, p, from, to, TG_PG_DO_SUCCEED, TG_PG_PUT_NEW) : err;
        err = err == TG_OK ? inserts_queue(b, p, from, to, TG_PG_DO_PUT, TG_PG_PUT) : err;
    }
    return err;
}

/* ---- families ---- */

static tg_err_t family_run(tg_pg_batch_t *b, tg_write_t *w) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, &b->t->q, "SELECT environment_id, hash FROM family_end($1, $2)");
    tg_pgquery_blob(&s, w->family, TG_FAMILY_LEN);
    tg_pgquery_int(&s, w->at);
    while (tg_pgquery_step(&s)) {
        const tg_str_t hash = tg_pgquery_col(&s, 1);
        if (hash.n != HASH_LEN) {
            tg_pgquery_fail(&s, TG_ERR_BUG);
            break;
        }
        ended_change(b, tg_pgquery_col_int(&s, 0), (const uint8_t *)hash.p);
        w->ended++;
    }
    return tg_pgquery_done(&s);
}

/* ---- a batch ---- */

/* The feed's lock, for all but new records: from here to the commit no other writer of the feed is there. */
static tg_err_t begin_queue(tg_pg_batch_t *b) {
    bool only_new = true;
    for (size_t i = 0; i < b->n; i++) {
        only_new &= b->writes[i].kind == TG_WRITE_PUT;
    }
    if (tg_pg_queue(b, "BEGIN ISOLATION LEVEL READ COMMITTED", 0) == NULL) {
        return TG_ERR_NOMEM;
    }
    if (!only_new) {
        tg_pg_queued_t *e = tg_pg_queue(b, lock_sql, 0);
        if (e == NULL) {
            return TG_ERR_NOMEM;
        }
        e->verb = TG_PG_VERBS;
    }
    return TG_OK;
}

static tg_err_t arrays_queue(tg_pg_batch_t *b, const char *sql, tg_pg_array_t arrays[5]) {
    tg_pg_queued_t *e = arrays[0].n > 0 ? tg_pg_queue(b, sql, 0) : NULL;
    for (size_t i = 0; i < 5 && e != NULL; i++) {
        tg_pgquery_array(&e->q, &arrays[i]);
    }
    return arrays[0].n > 0 && e == NULL ? TG_ERR_NOMEM : TG_OK;
}

static tg_err_t commit_queue(tg_pg_batch_t *b) {
    tg_err_t err =
        arrays_queue(b,
                     "INSERT INTO epoch SELECT DISTINCT ON (e, k, c, s) * FROM unnest($1::int8[], $2::int8[],"
                     " $3::bytea[], $4::bytea[], $5::int8[]) u (e, k, c, s, seq) ORDER BY e, k, c, s, seq DESC"
                     " ON CONFLICT (environment_id, client_kind, client_id, subject)"
                     " DO UPDATE SET epoch = excluded.epoch",
                     b->epochs);
    if (err == TG_OK) {
        err = arrays_queue(b,
                           "INSERT INTO change_log (seq, kind, environment_id, id, until) SELECT * FROM"
                           " unnest($1::int8[], $2::int8[], $3::int8[], $4::bytea[], $5::int8[])",
                           b->changes);
    }
    if (err == TG_OK && b->seq != b->head) {
        tg_pg_queued_t *e = tg_pg_queue(b, "UPDATE head SET seq = $1 RETURNING pg_notify('tollgate_tokens', '')", 0);
        if (e == NULL) {
            return TG_ERR_NOMEM;
        }
        tg_pgquery_int(&e->q, b->seq);
    }
    if (err == TG_OK && tg_pg_queue(b, "COMMIT", 0) == NULL) {
        err = TG_ERR_NOMEM;
    }
    return err;
}

static tg_err_t wave_run(tg_pg_batch_t *b, size_t from, size_t *to) {
    if (b->writes[from].kind == TG_WRITE_FAMILY) {
        *to = from + 1;
        tg_err_t err = tg_pg_flush(b, take);
        return err == TG_OK ? family_run(b, &b->writes[from]) : err;
    }
    *to = wave_end(b, from);
    tg_err_t err = wave_read(b, from, *to);
    if (err == TG_OK) {
        wave_decide(b, from, to);
        err = wave_write(b, from, *to);
    }
    return err;
}

static tg_err_t batch_run(tg_pg_batch_t *b) {
    tg_err_t err = begin_queue(b);
    for (size_t from = 0, to; from < b->n && err == TG_OK; from = to) {
        err = wave_run(b, from, &to);
        if (err == TG_OK && to < b->n) {
            err = tg_pg_flush(b, take); /* the next wave may read what this one writes; its keys are still there */
        }
    }
    err = err == TG_OK ? commit_queue(b) : err;
    return err == TG_OK ? tg_pg_flush(b, take) : err;
}

/* A table has gone, a hash was taken between look and write, or a deadlock: nothing is written, and it may go well when
 * looked at anew. */
static bool again(tg_postgres_tokens_t *t, tg_err_t err) {
    static const char *const states[] = {"42P01", "23505", "40P01", "40001"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (err != TG_OK && t->q.conn != NULL && strcmp(t->q.sqlstate, states[i]) == 0) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_postgres_write_many(tg_token_store_t *store, tg_write_t *writes, size_t n, tg_arena_t *arena) {
    tg_postgres_tokens_t *t = (tg_postgres_tokens_t *)store;
    tg_err_t err = TG_OK;
    bool more = n > 0;
    for (int i = 0; i < ATTEMPTS && more; i++) {
        tg_pg_batch_t b;
        err = tg_pg_buckets_ready(t);
        if (err != TG_OK) {
            break;
        }
        err = tg_pg_batch_init(&b, t, writes, n, arena);
        if (err == TG_OK) {
            err = batch_run(&b);
        }
        tg_pg_batch_release(&b);
        more = again(t, err);
        tg_pg_abandon(&t->q);
        if (more) {
            tg_pg_buckets_forget(t);
        }
    }
    if (err != TG_OK) {
        tg_writes_failed(writes, n, err == TG_ERR_CONFLICT ? TG_ERR_BUG : err);
        return err == TG_ERR_CONFLICT ? TG_ERR_BUG : err;
    }
    return TG_OK;
}
