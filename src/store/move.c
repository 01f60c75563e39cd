#include "store/move.h"

#include <stdio.h>
#include <stdlib.h>

#include "keyring/keyring.h"
#include "store/backend.h"

#define ARENA_MAX ((size_t)2 << 30)
#define WAIT_MS   60000

/* Before all other keys of meta: what the move has begun is told by it, and a table goes on behind its last key. */
static const tg_str_t marker = {"!moving", sizeof("!moving") - 1};

/* The tables of a move: those of every store, and those of the source's buckets that are not past. */
typedef struct {
    tg_move_table_t *tables;
    size_t n;
} plan_t;

static const char *told(const tg_move_end_t *end, const tg_move_table_t *t) {
    return t->part == TG_MOVE_CONFIG ? end->config->fault.text : end->tokens->fault.text;
}

/* A failure of a backend in words. */
static tg_err_t fail(const tg_move_end_t *end, const tg_move_table_t *t, tg_err_t err, tg_fault_t *fault) {
    if (err == TG_ERR_UNAVAILABLE || err == TG_ERR_BUG) {
        return tg_fault(fault, err, "store", "%s: %s", t->name, told(end, t));
    }
    return err == TG_OK ? err : tg_fault(fault, err, "store", "%s: %s", t->name, tg_err_name(err));
}

/* ---- opening ---- */

static const tg_store_backend_t *backend_of(tg_str_t uri, tg_str_t *where) {
    size_t n;
    const tg_store_backend_t *const *all = tg_store_backends(&n);
    for (size_t i = 0; i < n; i++) {
        const char *const names[] = {all[i]->scheme, all[i]->alias};
        for (size_t k = 0; k < 2; k++) {
            const tg_str_t scheme = tg_str(names[k] != NULL ? names[k] : "");
            if (scheme.n > 0 && tg_str_starts(uri, scheme) && uri.n > scheme.n && uri.p[scheme.n] == ':') {
                *where = tg_strn(uri.p + scheme.n + 1, uri.n - scheme.n - 1);
                return all[i];
            }
        }
    }
    return NULL;
}

static tg_err_t backend_get(tg_str_t uri, const tg_store_backend_t **out, tg_str_t *where, tg_fault_t *fault) {
    *out = backend_of(uri, where);
    if (*out != NULL && (*out)->move != NULL && where->n > 0) {
        return TG_OK;
    }
    return tg_fault(fault, TG_ERR_INVALID, "store", "a store that can be moved is sqlite:DIR or postgresql://...");
}

tg_err_t tg_move_idle(tg_str_t uri, tg_fault_t *fault) {
    const tg_store_backend_t *backend;
    tg_str_t where;
    tg_err_t err = backend_get(uri, &backend, &where, fault);
    return err != TG_OK ? err : backend->move->idle(where, fault);
}

tg_err_t tg_move_open(tg_str_t uri, bool make, tg_move_end_t *out, tg_fault_t *fault) {
    const tg_store_options_t options = {.create = make, .busy_ms = WAIT_MS};
    const tg_store_backend_t *backend;
    tg_str_t where;
    *out = (tg_move_end_t){.ops = NULL};
    tg_err_t err = backend_get(uri, &backend, &where, fault);
    if (err != TG_OK) {
        return err;
    }
    out->ops = backend->move;
    err = backend->config_open(where, &options, &out->config, fault);
    if (err == TG_OK) {
        err = backend->tokens_open(where, &options, &out->tokens, fault);
    }
    if (err == TG_OK && !make) {
        err = tg_move_finished(out->config, fault);
    }
    if (err != TG_OK) {
        tg_move_close(out);
    }
    return err;
}

void tg_move_close(tg_move_end_t *end) {
    if (end->config != NULL) {
        end->config->ops->close(end->config);
    }
    if (end->tokens != NULL) {
        end->tokens->ops->close(end->tokens);
    }
    *end = (tg_move_end_t){.ops = NULL};
}

/* ---- the marker ---- */

/* "" : none. */
static tg_err_t marker_get(tg_config_store_t *s, tg_arena_t *arena, tg_str_t *from) {
    tg_err_t err = s->ops->meta_get(s, marker, arena, from);
    if (err == TG_ERR_NOTFOUND) {
        *from = TG_STR_NONE;
        return TG_OK;
    }
    return err;
}

static tg_err_t marker_put(tg_config_store_t *s, tg_str_t from) {
    tg_err_t err = s->ops->begin(s, WAIT_MS);
    if (err != TG_OK) {
        return err;
    }
    err = s->ops->meta_put(s, marker, from);
    if (err == TG_OK) {
        return s->ops->commit(s);
    }
    s->ops->rollback(s);
    return err;
}

tg_err_t tg_move_finished(tg_config_store_t *s, tg_fault_t *fault) {
    tg_arena_t arena;
    tg_str_t from;
    tg_arena_init(&arena, 65536);
    tg_err_t err = marker_get(s, &arena, &from);
    if (err == TG_OK && from.n > 0) {
        err = tg_fault(fault, TG_ERR_INVALID, "store",
                       "a migration into this store is not finished: run `tollgate migrate` from %.*s again",
                       TG_STR_ARGS(from));
    } else if (err != TG_OK) {
        err = tg_fault(fault, err, "store", "%s", s->fault.text);
    }
    tg_arena_release(&arena);
    return err;
}

/* ---- what is moved ---- */

static tg_err_t plan_buckets(tg_move_end_t *from, tg_ms_t now, tg_arena_t *arena, plan_t *plan) {
    tg_bucket_t *buckets;
    size_t n;
    tg_err_t err = from->ops->buckets(from, arena, &buckets, &n);
    if (err != TG_OK) {
        return err;
    }
    tg_move_table_t *grown = realloc(plan->tables, (plan->n + n) * sizeof(*grown));
    if (grown == NULL) {
        return TG_ERR_NOMEM;
    }
    plan->tables = grown;
    for (size_t i = 0; i < n; i++) {
        if (tg_bucket_end(buckets[i]) > now) {
            tg_move_bucket_table(buckets[i], &plan->tables[plan->n++]);
        }
    }
    return TG_OK;
}

static tg_err_t plan_make(tg_move_end_t *from, tg_ms_t now, plan_t *plan, tg_fault_t *fault) {
    tg_arena_t arena;
    tg_arena_init(&arena, 16u << 20);
    plan->tables = tg_move_tables(&plan->n);
    tg_err_t err = plan->tables != NULL ? plan_buckets(from, now, &arena, plan) : TG_ERR_NOMEM;
    tg_arena_release(&arena);
    return err == TG_OK ? err : tg_fault(fault, err, "store", "%s", from->tokens->fault.text);
}

static void tell(const tg_move_options_t *o, const char *doing, const plan_t *plan, size_t i, int64_t rows) {
    if (o->progress != NULL) {
        o->progress(o->arg, doing, plan->tables[i].name, i + 1, plan->n, rows);
    }
}

static void arena_empty(tg_arena_t *arena) {
    tg_arena_release(arena);
    tg_arena_init(arena, ARENA_MAX);
}

/* ---- keys ---- */

/* Before every key: numbers begin above it, and no text or hash that is a key is empty. */
static void key_first(const tg_move_table_t *t, tg_cell_t key[TG_MOVE_COLUMNS]) {
    for (size_t i = 0; i < t->n_key; i++) {
        const tg_cell_type_t type = t->columns[TG_MOVE_SQLITE][i].type;
        const bool bytes = type == TG_CELL_TEXT || type == TG_CELL_BLOB;
        key[i] = (tg_cell_t){.is_bytes = bytes, .number = INT64_MIN, .bytes = bytes ? TG_STR("") : TG_STR_NONE};
    }
}

static bool is_marker(const tg_move_table_t *t, const tg_cell_t *row) {
    return t->part == TG_MOVE_CONFIG && strcmp(t->name, "meta") == 0 && tg_str_eq(row[0].bytes, marker);
}

/* The keys of two rows (of the target and the source, say) beside each other. */
static void key_write(const tg_move_table_t *t, const tg_cell_t *row, tg_buf_t *out) {
    for (size_t i = 0; i < t->n_key; i++) {
        tg_buf_putf(out, "%s%s = ", i > 0 ? ", " : "", t->columns[TG_MOVE_SQLITE][i].name);
        if (row[i].is_bytes && t->columns[TG_MOVE_SQLITE][i].type == TG_CELL_TEXT) {
            tg_buf_put(out, row[i].bytes);
        } else if (row[i].is_bytes) {
            for (size_t k = 0; k < row[i].bytes.n && k < 32; k++) {
                tg_buf_putf(out, "%02x", (unsigned)(uint8_t)row[i].bytes.p[k]);
            }
        } else {
            tg_buf_putf(out, "%lld", (long long)row[i].number);
        }
    }
}

/* ---- copying ---- */

/* One batch behind *after (in `keys`, which the next batch may overwrite); *n 0: it was the last one. */
static tg_err_t batch_copy(tg_move_end_t *from, tg_move_end_t *to, const tg_move_table_t *t, tg_cell_t *after,
                           tg_arena_t *arena, size_t *n, tg_fault_t *fault) {
    tg_cell_t *cells;
    tg_err_t err = from->ops->scan(from, t, after, t->batch, arena, &cells, n);
    if (err != TG_OK || *n == 0) {
        return fail(from, t, err, fault);
    }
    const tg_cell_t *last = cells + (*n - 1) * t->n_columns;
    const size_t skip = is_marker(t, cells) ? 1 : 0; /* of an earlier move into the source */
    if (*n > skip) {
        err = to->ops->put(to, t, cells + skip * t->n_columns, *n - skip);
    }
    memcpy(after, last, t->n_key * sizeof(*after));
    return fail(to, t, err, fault);
}

static tg_err_t table_copy(tg_move_end_t *from, tg_move_end_t *to, const tg_move_options_t *o, const plan_t *plan,
                           size_t i, tg_fault_t *fault) {
    const tg_move_table_t *t = &plan->tables[i];
    tg_arena_t arenas[2]; /* a key lives until the batch behind it was read */
    tg_cell_t after[TG_MOVE_COLUMNS];
    int64_t rows = 0;
    size_t n = 1;
    bool found = false;
    tg_arena_init(&arenas[0], ARENA_MAX);
    tg_arena_init(&arenas[1], ARENA_MAX);
    key_first(t, after);
    tg_err_t err = t->update ? TG_OK : fail(to, t, to->ops->last(to, t, &arenas[1], after, &found), fault);
    for (int turn = 0; err == TG_OK && n > 0; turn = !turn) {
        arena_empty(&arenas[turn]);
        err = batch_copy(from, to, t, after, &arenas[turn], &n, fault);
        rows += (int64_t)n;
        tell(o, "copying", plan, i, rows);
    }
    tg_arena_release(&arenas[0]);
    tg_arena_release(&arenas[1]);
    return err;
}

/* Above what was ever given: ids are not used twice. A feed goes on one further still: who stood at its end starts
 * anew, too. */
static tg_err_t counter_copy(tg_move_end_t *from, tg_move_end_t *to, const tg_move_table_t *t, tg_fault_t *fault) {
    int64_t value = 0, now = 0;
    tg_err_t err = fail(from, t, from->ops->count(from, t, 0, &value), fault);
    if (err != TG_OK) {
        return err;
    }
    return fail(to, t, to->ops->count(to, t, t->n_columns == 0 ? value + 1 : value, &now), fault);
}

/* A target with anything in it is another store's, unless it says that it was begun from this source. */
static tg_err_t table_empty(tg_move_end_t *to, const tg_move_table_t *t, tg_fault_t *fault) {
    tg_arena_t arena;
    tg_cell_t key[TG_MOVE_COLUMNS];
    bool found = false;
    tg_arena_init(&arena, ARENA_MAX);
    tg_err_t err = fail(to, t, to->ops->last(to, t, &arena, key, &found), fault);
    if (err == TG_OK && found && !is_marker(t, key)) {
        err = tg_fault(fault, TG_ERR_CONFLICT, "store", "the target holds data already (%s)", t->name);
    }
    tg_arena_release(&arena);
    return err;
}

static tg_err_t target_empty(tg_move_end_t *to, tg_fault_t *fault) {
    plan_t plan;
    tg_err_t err = plan_make(to, INT64_MIN, &plan, fault);
    for (size_t i = 0; i < plan.n && err == TG_OK; i++) {
        if (plan.tables[i].n_columns > 0) {
            err = table_empty(to, &plan.tables[i], fault);
        }
    }
    free(plan.tables);
    return err;
}

static tg_err_t target_take(tg_move_end_t *to, const tg_move_options_t *o, tg_fault_t *fault) {
    tg_arena_t arena;
    tg_str_t begun;
    tg_arena_init(&arena, 65536);
    tg_err_t err = marker_get(to->config, &arena, &begun);
    if (err == TG_OK && begun.n > 0 && !tg_str_eq(begun, o->from)) {
        err = tg_fault(fault, TG_ERR_CONFLICT, "store", "a migration from %.*s into the target has begun",
                       TG_STR_ARGS(begun));
    } else if (err == TG_OK && begun.n == 0) {
        err = target_empty(to, fault);
        err = err == TG_OK ? marker_put(to->config, o->from) : err;
    }
    tg_arena_release(&arena);
    return err;
}

tg_err_t tg_move_copy(tg_move_end_t *from, tg_move_end_t *to, const tg_move_options_t *o, tg_fault_t *fault) {
    plan_t plan;
    tg_err_t err = target_take(to, o, fault);
    if (err != TG_OK) {
        return err;
    }
    err = plan_make(from, o->now, &plan, fault);
    for (size_t i = 0; i < plan.n && err == TG_OK; i++) {
        if (plan.tables[i].n_columns > 0) {
            err = table_copy(from, to, o, &plan, i, fault);
        }
        if (err == TG_OK && plan.tables[i].counted) {
            err = counter_copy(from, to, &plan.tables[i], fault);
        }
    }
    free(plan.tables);
    return err == TG_OK ? to->ops->finish(to) : err;
}

/* ---- comparing ---- */

static bool cell_eq(const tg_cell_t *a, const tg_cell_t *b) {
    if (a->null || b->null) {
        return a->null == b->null;
    }
    return a->is_bytes ? b->is_bytes && tg_str_eq(a->bytes, b->bytes) : !b->is_bytes && a->number == b->number;
}

/* As both backends order keys: numbers, and bytes by value. */
static int key_compare(const tg_move_table_t *t, const tg_cell_t *a, const tg_cell_t *b) {
    int order = 0;
    for (size_t i = 0; i < t->n_key && order == 0; i++) {
        const tg_str_t x = a[i].bytes, y = b[i].bytes;
        if (!a[i].is_bytes) {
            order = (a[i].number > b[i].number) - (a[i].number < b[i].number);
        } else {
            order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
            order = order != 0 ? order : (x.n > y.n) - (x.n < y.n);
        }
    }
    return order;
}

static bool row_eq(const tg_move_table_t *t, const tg_cell_t *a, const tg_cell_t *b) {
    for (size_t i = 0; i < t->n_columns; i++) {
        if (!cell_eq(&a[i], &b[i])) {
            return false;
        }
    }
    return true;
}

/* digest := SHA-256 of digest and row. `work` is emptied. */
static tg_err_t row_digest(const tg_move_table_t *t, const tg_cell_t *row, tg_buf_t *work, uint8_t digest[32]) {
    tg_buf_reset(work);
    tg_buf_put(work, tg_strn(digest, 32));
    for (size_t i = 0; i < t->n_columns; i++) {
        if (row[i].null) {
            tg_buf_putc(work, '-');
        } else if (row[i].is_bytes) {
            tg_buf_putf(work, "%zu:", row[i].bytes.n);
            tg_buf_put(work, row[i].bytes);
        } else {
            tg_buf_putf(work, "%lld", (long long)row[i].number);
        }
        tg_buf_putc(work, ',');
    }
    return work->err != TG_OK ? work->err : tg_sha256(tg_buf_str(work), digest);
}

static tg_err_t differ(const tg_move_table_t *t, const tg_cell_t *row, const char *how, tg_fault_t *fault) {
    char mem[160];
    tg_buf_t key;
    tg_buf_init_fixed(&key, mem, sizeof(mem));
    key_write(t, row, &key);
    return tg_fault(fault, TG_ERR_CONFLICT, "store", "%s: the row with %.*s %s", t->name, TG_STR_ARGS(tg_buf_str(&key)),
                    how);
}

/* The rows of one end, read one by one. */
typedef struct {
    tg_move_end_t *end;
    const tg_move_table_t *t;
    tg_arena_t arenas[2];
    int turn;
    tg_cell_t after[TG_MOVE_COLUMNS];
    tg_cell_t *cells;
    size_t n, at;
} reader_t;

static void reader_init(reader_t *r, tg_move_end_t *end, const tg_move_table_t *t) {
    *r = (reader_t){.end = end, .t = t};
    tg_arena_init(&r->arenas[0], ARENA_MAX);
    tg_arena_init(&r->arenas[1], ARENA_MAX);
    key_first(t, r->after);
}

static void reader_release(reader_t *r) {
    tg_arena_release(&r->arenas[0]);
    tg_arena_release(&r->arenas[1]);
}

/* *row NULL: there are no more. It lives until the next one is read. */
static tg_err_t reader_next(reader_t *r, const tg_cell_t **row, tg_fault_t *fault) {
    const tg_move_table_t *t = r->t;
    do {
        if (r->at == r->n) {
            r->turn = !r->turn;
            arena_empty(&r->arenas[r->turn]);
            tg_err_t err = r->end->ops->scan(r->end, t, r->after, t->batch, &r->arenas[r->turn], &r->cells, &r->n);
            r->at = 0;
            if (err != TG_OK || r->n == 0) {
                *row = NULL;
                return fail(r->end, t, err, fault);
            }
            memcpy(r->after, r->cells + (r->n - 1) * t->n_columns, t->n_key * sizeof(tg_cell_t));
        }
        *row = r->cells + r->at++ * t->n_columns;
    } while (is_marker(t, *row));
    return TG_OK;
}

static tg_err_t rows_compare(reader_t *from, reader_t *to, const tg_move_options_t *o, const plan_t *plan, size_t i,
                             tg_buf_t *work, tg_move_sum_t *sum, tg_fault_t *fault) {
    const tg_move_table_t *t = &plan->tables[i];
    const tg_cell_t *a, *b;
    for (;;) {
        tg_err_t err = reader_next(from, &a, fault);
        err = err == TG_OK ? reader_next(to, &b, fault) : err;
        if (err != TG_OK || (a == NULL && b == NULL)) {
            return err;
        }
        const int order = a == NULL ? 1 : b == NULL ? -1 : key_compare(t, a, b);
        if (order != 0) {
            return order > 0 ? differ(t, b, "is not in the source", fault)
                             : differ(t, a, "is not in the target", fault);
        }
        if (!row_eq(t, a, b)) {
            return differ(t, a, "differs", fault);
        }
        err = row_digest(t, a, work, sum->digest);
        if (err != TG_OK) {
            return err;
        }
        if (++sum->rows % 1000 == 0) {
            tell(o, "comparing", plan, i, sum->rows);
        }
    }
}

static tg_err_t table_verify(tg_move_end_t *from, tg_move_end_t *to, const tg_move_options_t *o, const plan_t *plan,
                             size_t i, tg_move_sum_t *sum, tg_fault_t *fault) {
    const tg_move_table_t *t = &plan->tables[i];
    reader_t source, target;
    tg_buf_t work;
    tell(o, "comparing", plan, i, 0);
    tg_buf_init(&work, 256u << 20);
    reader_init(&source, from, t);
    reader_init(&target, to, t);
    tg_err_t err = rows_compare(&source, &target, o, plan, i, &work, sum, fault);
    reader_release(&source);
    reader_release(&target);
    tg_buf_release(&work);
    return err;
}

static tg_err_t counter_verify(tg_move_end_t *from, tg_move_end_t *to, const tg_move_table_t *t, tg_fault_t *fault) {
    int64_t given = 0, there = 0;
    tg_err_t err = fail(from, t, from->ops->count(from, t, 0, &given), fault);
    err = err == TG_OK ? fail(to, t, to->ops->count(to, t, 0, &there), fault) : err;
    if (err == TG_OK && there < given) {
        err = tg_fault(fault, TG_ERR_CONFLICT, "store", "%s: its numbers go on at %lld, after %lld in the source",
                       t->name, (long long)there, (long long)given);
    }
    return err;
}

static tg_err_t plan_verify(tg_move_end_t *from, tg_move_end_t *to, const tg_move_options_t *o, const plan_t *plan,
                            tg_arena_t *arena, tg_move_sum_t *sums, size_t *n, tg_fault_t *fault) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; i < plan->n && err == TG_OK; i++) {
        const tg_move_table_t *t = &plan->tables[i];
        tg_str_t name;
        if (t->counted) {
            err = counter_verify(from, to, t, fault);
        }
        if (err != TG_OK || t->update || t->n_columns == 0) {
            continue;
        }
        err = table_verify(from, to, o, plan, i, &sums[*n], fault);
        if (err == TG_OK && !tg_arena_str(arena, tg_strn(t->name, strlen(t->name) + 1), &name)) {
            err = TG_ERR_NOMEM;
        }
        sums[*n].table = err == TG_OK ? name.p : "";
        ++*n;
    }
    return err;
}

tg_err_t tg_move_verify(tg_move_end_t *from, tg_move_end_t *to, const tg_move_options_t *o, tg_arena_t *arena,
                        tg_move_sum_t **sums, size_t *n, tg_fault_t *fault) {
    plan_t plan;
    *n = 0;
    tg_err_t err = plan_make(from, o->now, &plan, fault);
    *sums = err == TG_OK ? tg_arena_array(arena, plan.n, sizeof(**sums)) : NULL;
    if (err == TG_OK) {
        err = *sums != NULL ? plan_verify(from, to, o, &plan, arena, *sums, n, fault) : TG_ERR_NOMEM;
    }
    free(plan.tables);
    return err == TG_OK ? marker_put(to->config, TG_STR("")) : err;
}
