/* What moving asks of PostgreSQL; see store/move.h. */
#include <stdio.h>

#include "store/postgres/config.h"
#include "store/postgres/postgres.h"
#include "store/postgres/tokens.h"

#define SQL_MAX 4096
#define IDLE_MS 5000

static tg_postgres_tokens_t *tokens_of(tg_move_end_t *end) {
    return (tg_postgres_tokens_t *)end->tokens;
}

static tg_pg_t *database_of(tg_move_end_t *end, const tg_move_table_t *t) {
    return t->part == TG_MOVE_CONFIG ? tg_pg_of(end->config) : &tokens_of(end)->q;
}

static bool is_bytes(tg_cell_type_t type) {
    return type == TG_CELL_TEXT || type == TG_CELL_BLOB;
}

/* ---- who else has it open ---- */

static tg_err_t others(tg_pg_t *q, int64_t *n) {
    tg_pgquery_t s;
    tg_pgquery_read(&s, q,
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND application_name = current_setting('application_name')");
    *n = tg_pgquery_step(&s) ? tg_pgquery_col_int(&s, 0) : 0;
    return tg_pgquery_done(&s);
}

static tg_err_t idle(tg_str_t where, tg_fault_t *fault) {
    const tg_store_options_t options = {.busy_ms = IDLE_MS};
    tg_pg_t q;
    int64_t n = 0;
    const tg_pg_schema_t schema = {
        .name = "tollgate", .steps = tg_postgres_config_steps, .n = tg_postgres_config_steps_n};
    tg_fault_t missing = {.field = ""};
    tg_err_t err = tg_pg_open(&q, where, &schema, &options, &missing);
    if (err != TG_OK) {
        return err == TG_ERR_NOTFOUND ? TG_OK : tg_fault(fault, err, "store", "%s", missing.text);
    }
    q.fault = fault;
    err = others(&q, &n);
    tg_pg_close(&q);
    if (err == TG_OK && n > 0) {
        err = tg_fault(fault, TG_ERR_CONFLICT, "store", "%lld connections of Tollgate to it are open", (long long)n);
    }
    return err;
}

/* ---- statements ---- */

static void columns_write(const tg_move_table_t *t, size_t n, const char *behind, tg_buf_t *sql) {
    for (size_t i = 0; i < n; i++) {
        tg_buf_putf(sql, "%s\"%s\"%s", i > 0 ? ", " : "", t->columns[TG_MOVE_POSTGRES][i].name, behind);
    }
}

/* The nameless statement: made for one use. */
static void prepare(tg_pgquery_t *s, tg_pg_t *q, tg_buf_t *sql) {
    tg_buf_putc(sql, '\0');
    tg_err_t err = tg_pg_ensure(q);
    if (err == TG_OK) {
        err = sql->err != TG_OK ? TG_ERR_BUG : tg_pg_prepare(q, "", sql->p);
    }
    tg_pgquery_use(s, q, "");
    tg_pgquery_fail(s, err);
}

static void cell_bind(tg_pgquery_t *s, const tg_cell_t *c, tg_cell_type_t type) {
    if (type == TG_CELL_TEXT) {
        tg_pgquery_text(s, c->bytes);
    } else if (type == TG_CELL_BLOB) {
        tg_pgquery_blob(s, c->bytes.p, c->bytes.n);
    } else {
        tg_pgquery_int(s, c->number);
    }
}

static void cell_read(tg_pgquery_t *s, int col, tg_cell_type_t type, tg_arena_t *arena, tg_cell_t *out) {
    *out = (tg_cell_t){.null = tg_pgquery_col_null(s, col), .is_bytes = is_bytes(type)};
    if (out->null) {
        return;
    }
    if (out->is_bytes) {
        tg_pgquery_col_text(s, col, arena, &out->bytes);
    } else {
        out->number = tg_pgquery_col_int(s, col);
    }
}

/* ---- rows ---- */

static tg_err_t buckets(tg_move_end_t *end, tg_arena_t *arena, tg_bucket_t **out, size_t *n) {
    tg_pgquery_t s;
    tg_rows_t rows;
    tg_rows_init(&rows, arena, sizeof(tg_bucket_t));
    tg_pgquery_read(&s, &tokens_of(end)->q,
                    "SELECT position(substr(relname, 7, 1) in 'hdmn')::bigint - 1,"
                    " coalesce(nullif(substr(relname, 9), ''), '0')::bigint FROM pg_class"
                    " WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
                    " AND relname ~ '^token_(n|[hdm]_[0-9]{1,8})$' ORDER BY 1, 2");
    while (tg_pgquery_step(&s)) {
        tg_bucket_t *bucket = tg_pgquery_row(&s, &rows);
        if (bucket != NULL) {
            *bucket = (tg_bucket_t){(tg_bucket_class_t)tg_pgquery_col_int(&s, 0), (uint32_t)tg_pgquery_col_int(&s, 1)};
        }
    }
    *out = (tg_bucket_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&s);
}

static tg_err_t table_missing(tg_move_end_t *end, const tg_move_table_t *t, bool *missing) {
    size_t slot;
    *missing = false;
    if (!t->is_bucket) {
        return TG_OK;
    }
    tg_err_t err = tg_pg_buckets_ready(tokens_of(end));
    if (err == TG_OK) {
        err = tg_pg_bucket_find(tokens_of(end), t->bucket, &slot);
    }
    if (err == TG_ERR_NOTFOUND) {
        *missing = true;
        err = TG_OK;
    }
    return err;
}

static void row_take(tg_pgquery_t *s, const tg_move_table_t *t, tg_rows_t *rows) {
    tg_cell_t *row = tg_pgquery_row(s, rows);
    for (size_t i = 0; i < t->n_columns && row != NULL; i++) {
        cell_read(s, (int)i, t->columns[TG_MOVE_POSTGRES][i].type, rows->arena, &row[i]);
    }
}

static void scan_write(const tg_move_table_t *t, tg_buf_t *sql) {
    tg_buf_put(sql, TG_STR("SELECT "));
    columns_write(t, t->n_columns, "", sql);
    tg_buf_putf(sql, " FROM %s WHERE (", t->name);
    columns_write(t, t->n_key, "", sql);
    tg_buf_put(sql, TG_STR(") > ("));
    for (size_t i = 0; i < t->n_key; i++) {
        tg_buf_putf(sql, "%s$%zu", i > 0 ? ", " : "", i + 1);
    }
    tg_buf_put(sql, TG_STR(") ORDER BY "));
    columns_write(t, t->n_key, "", sql);
    tg_buf_putf(sql, " LIMIT $%zu", t->n_key + 1);
}

static tg_err_t scan(tg_move_end_t *end, const tg_move_table_t *t, const tg_cell_t *after, size_t limit,
                     tg_arena_t *arena, tg_cell_t **cells, size_t *n) {
    char mem[SQL_MAX];
    tg_buf_t sql;
    tg_pgquery_t s;
    tg_rows_t rows;
    bool missing;
    *n = 0;
    tg_err_t err = table_missing(end, t, &missing);
    if (err != TG_OK || missing) {
        return err;
    }
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    scan_write(t, &sql);
    prepare(&s, database_of(end, t), &sql);
    for (size_t i = 0; i < t->n_key; i++) {
        cell_bind(&s, &after[i], t->columns[TG_MOVE_POSTGRES][i].type);
    }
    tg_pgquery_int(&s, (int64_t)limit);
    tg_rows_init(&rows, arena, t->n_columns * sizeof(tg_cell_t));
    while (tg_pgquery_step(&s)) {
        row_take(&s, t, &rows);
    }
    *cells = (tg_cell_t *)(void *)rows.p;
    *n = rows.n;
    return tg_pgquery_done(&s);
}

static tg_err_t last(tg_move_end_t *end, const tg_move_table_t *t, tg_arena_t *arena, tg_cell_t *key, bool *found) {
    char mem[SQL_MAX];
    tg_buf_t sql;
    tg_pgquery_t s;
    bool missing;
    *found = false;
    tg_err_t err = table_missing(end, t, &missing);
    if (err != TG_OK || missing) {
        return err;
    }
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    tg_buf_put(&sql, TG_STR("SELECT "));
    columns_write(t, t->n_key, "", &sql);
    tg_buf_putf(&sql, " FROM %s ORDER BY ", t->name);
    columns_write(t, t->n_key, " DESC", &sql);
    tg_buf_put(&sql, TG_STR(" LIMIT 1"));
    prepare(&s, database_of(end, t), &sql);
    *found = tg_pgquery_step(&s);
    for (size_t i = 0; i < t->n_key && *found; i++) {
        cell_read(&s, (int)i, t->columns[TG_MOVE_POSTGRES][i].type, arena, &key[i]);
    }
    return tg_pgquery_done(&s);
}

/* From one array a column. */
static void rows_from(const tg_move_table_t *t, tg_buf_t *sql) {
    tg_buf_put(sql, TG_STR(" FROM unnest("));
    for (size_t i = 0; i < t->n_columns; i++) {
        tg_buf_putf(sql, "%s$%zu::%s[]", i > 0 ? ", " : "", i + 1,
                    is_bytes(t->columns[TG_MOVE_POSTGRES][i].type) ? "bytea" : "int8");
    }
    tg_buf_put(sql, TG_STR(") u ("));
    for (size_t i = 0; i < t->n_columns; i++) {
        tg_buf_putf(sql, "%sc%zu", i > 0 ? ", " : "", i);
    }
    tg_buf_putc(sql, ')');
}

static void put_write(const tg_move_table_t *t, tg_buf_t *sql) {
    const tg_move_column_t *c = t->columns[TG_MOVE_POSTGRES];
    if (t->update) { /* one column of the key, one that is set */
        tg_buf_putf(sql, "UPDATE %s t SET \"%s\" = u.c1", t->name, c[1].name);
        rows_from(t, sql);
        tg_buf_putf(sql, " WHERE t.\"%s\" = u.c0", c[0].name);
        return;
    }
    tg_buf_putf(sql, "INSERT INTO %s (", t->name);
    columns_write(t, t->n_columns, "", sql);
    tg_buf_put(sql, TG_STR(") OVERRIDING SYSTEM VALUE SELECT "));
    for (size_t i = 0; i < t->n_columns; i++) {
        const bool text = c[i].type == TG_CELL_TEXT;
        tg_buf_putf(sql, "%s%sc%zu%s", i > 0 ? ", " : "", text ? "convert_from(" : "", i,
                    text                        ? ", 'UTF8')"
                    : c[i].type == TG_CELL_BOOL ? " <> 0"
                                                : "");
    }
    rows_from(t, sql);
}

static void cell_add(tg_pg_array_t *a, const tg_cell_t *c) {
    if (c->null) {
        tg_pg_array_null(a);
    } else if (a->type == TG_PG_BYTEA) {
        tg_pg_array_blob(a, c->bytes);
    } else {
        tg_pg_array_int(a, c->number);
    }
}

static tg_err_t rows_put(tg_pg_t *q, const tg_move_table_t *t, const tg_cell_t *cells, size_t n) {
    char mem[SQL_MAX];
    tg_buf_t sql;
    tg_pgquery_t s;
    tg_pg_array_t arrays[TG_MOVE_COLUMNS];
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    put_write(t, &sql);
    prepare(&s, q, &sql);
    for (size_t i = 0; i < t->n_columns; i++) {
        tg_pg_array_init(&arrays[i], is_bytes(t->columns[TG_MOVE_POSTGRES][i].type) ? TG_PG_BYTEA : TG_PG_INT8);
        for (size_t row = 0; row < n; row++) {
            cell_add(&arrays[i], &cells[row * t->n_columns + i]);
        }
        tg_pgquery_array(&s, &arrays[i]);
    }
    tg_err_t err = tg_pgquery_run(&s);
    for (size_t i = 0; i < t->n_columns; i++) {
        tg_pg_array_release(&arrays[i]);
    }
    return err;
}

static tg_err_t bucket_ready(tg_move_end_t *end, const tg_move_table_t *t) {
    size_t slot;
    tg_err_t err = tg_pg_buckets_ready(tokens_of(end));
    return err == TG_OK ? tg_pg_bucket_make(tokens_of(end), t->bucket, &slot) : err;
}

static tg_err_t end_write(tg_pg_t *q, tg_err_t err) {
    if (err == TG_OK) {
        return tg_pg_commit(q);
    }
    tg_pg_rollback(q);
    return err;
}

static tg_err_t put(tg_move_end_t *end, const tg_move_table_t *t, const tg_cell_t *cells, size_t n) {
    tg_pg_t *q = database_of(end, t);
    tg_err_t err = t->is_bucket ? bucket_ready(end, t) : TG_OK;
    if (err == TG_OK) {
        err = tg_pg_begin(q, q->busy_ms);
    }
    return err == TG_OK ? end_write(q, rows_put(q, t, cells, n)) : err;
}

/* ---- counters ---- */

#define HEAD(table, column)                                                                                            \
    { "SELECT " column " FROM " table, "UPDATE " table " SET " column " = $1 WHERE " column " < $1" }

/* Those that stand in a row, read and raised; the others are sequences. */
static const char *const *head_sql(const tg_move_table_t *t) {
    static const char *const feed[] = HEAD("head", "seq"), *const audit[] = HEAD("head", "audit"),
                             *const request[] = HEAD("request_head", "seq");
    return t->part == TG_MOVE_REQUESTS          ? request
           : strcmp(t->name, "change_log") == 0 ? feed
           : strcmp(t->name, "audit") == 0      ? audit
                                                : NULL;
}

static void sequence_write(const tg_move_table_t *t, const char *before, const char *behind, tg_buf_t *sql) {
    tg_buf_putf(sql, "%spg_get_serial_sequence('%s', '%s')::regclass%s", before, t->name,
                t->columns[TG_MOVE_POSTGRES][0].name, behind);
}

/* Numbers of it may be used again: what counts is the last one that is. SQLite needs no more, and this server's
 * sequence must only be behind the rows. */
static bool may_reuse(const tg_move_table_t *t) {
    return strcmp(t->name, "revocation_client") == 0;
}

static tg_err_t counter_get(tg_pg_t *q, const tg_move_table_t *t, int64_t *value) {
    char mem[256];
    tg_buf_t sql;
    tg_pgquery_t s;
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    if (may_reuse(t)) {
        tg_buf_put(&sql, TG_STR("SELECT coalesce(max(client_no), 0) FROM revocation_client"));
    } else if (head_sql(t) != NULL) {
        tg_buf_put(&sql, tg_str(head_sql(t)[0]));
    } else {
        sequence_write(t, "SELECT coalesce(pg_sequence_last_value(", "), 0)", &sql);
    }
    prepare(&s, q, &sql);
    *value = tg_pgquery_step(&s) ? tg_pgquery_col_int(&s, 0) : 0;
    return tg_pgquery_done(&s);
}

static tg_err_t counter_set(tg_pg_t *q, const tg_move_table_t *t, int64_t value) {
    char mem[256];
    tg_buf_t sql;
    tg_pgquery_t s;
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    if (head_sql(t) != NULL) {
        tg_buf_put(&sql, tg_str(head_sql(t)[1]));
    } else {
        sequence_write(t, "SELECT setval(", ", $1)", &sql);
    }
    prepare(&s, q, &sql);
    tg_pgquery_int(&s, value);
    return tg_pgquery_run(&s);
}

static tg_err_t count(tg_move_end_t *end, const tg_move_table_t *t, int64_t least, int64_t *value) {
    tg_pg_t *q = database_of(end, t);
    *value = 0;
    tg_err_t err = counter_get(q, t, value);
    if (err != TG_OK || least == 0 || (*value >= least && !may_reuse(t))) {
        return err;
    }
    *value = least;
    err = tg_pg_begin(q, q->busy_ms);
    return err == TG_OK ? end_write(q, counter_set(q, t, least)) : err;
}

/* Statistics for who plans before the server looks by itself. */
static tg_err_t finish(tg_move_end_t *end) {
    tg_err_t err = tg_pg_ensure(&tokens_of(end)->q);
    return err == TG_OK ? tg_pg_exec(&tokens_of(end)->q, "ANALYZE request, revocation") : err;
}

const tg_move_ops_t tg_postgres_move = {
    .idle = idle,
    .buckets = buckets,
    .scan = scan,
    .last = last,
    .put = put,
    .count = count,
    .finish = finish,
};
