/* What moving asks of SQLite; see store/move.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/sqlite/config.h"
#include "store/sqlite/sqlite.h"
#include "store/sqlite/tokens.h"

#define SQL_MAX 2048

/* Of FILE-shm: every connection of every process holds a shared lock on it ("the dead man switch" of SQLite's unix
 * layer). */
#define SHM_IN_USE 128

static tg_sqlite_tokens_t *tokens_of(tg_move_end_t *end) {
    return (tg_sqlite_tokens_t *)end->tokens;
}

/* NOTFOUND: there is no request log yet, and !make. */
static tg_err_t database_of(tg_move_end_t *end, const tg_move_table_t *t, bool make, tg_sqlite_t **q) {
    *q = t->part == TG_MOVE_CONFIG     ? tg_sqlite_of(end->config)
         : t->part == TG_MOVE_REQUESTS ? &tokens_of(end)->log
                                       : &tokens_of(end)->q;
    return t->part == TG_MOVE_REQUESTS ? tg_requests_open(tokens_of(end), make) : TG_OK;
}

/* ---- who else has it open ---- */

static tg_err_t file_idle(tg_str_t dir, const char *name, tg_fault_t *fault) {
    char path[PATH_MAX];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SHM_IN_USE, .l_len = 1};
    snprintf(path, sizeof(path), "%.*s/%s-shm", TG_STR_ARGS(dir), name);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return TG_OK; /* nobody, or tg_sqlite_open will say why */
    }
    bool used = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return used ? tg_fault(fault, TG_ERR_CONFLICT, "store", "%s: process %ld has it open", name, (long)lock.l_pid)
                : TG_OK;
}

static tg_err_t idle(tg_str_t dir, tg_fault_t *fault) {
    tg_err_t err = file_idle(dir, "config.db", fault);
    return err == TG_OK ? file_idle(dir, "tokens.db", fault) : err;
}

/* ---- statements ---- */

static void columns_write(const tg_move_table_t *t, size_t n, const char *behind, tg_buf_t *sql) {
    for (size_t i = 0; i < n; i++) {
        tg_buf_putf(sql, "%s\"%s\"%s", i > 0 ? ", " : "", t->columns[TG_MOVE_SQLITE][i].name, behind);
    }
}

static void marks_write(size_t n, tg_buf_t *sql) {
    for (size_t i = 0; i < n; i++) {
        tg_buf_put(sql, i > 0 ? TG_STR(", ?") : TG_STR("?"));
    }
}

static void prepare(tg_query_t *s, tg_sqlite_t *q, tg_buf_t *sql) {
    sqlite3_stmt *st = NULL;
    tg_err_t err =
        sql->err != TG_OK ? TG_ERR_BUG : tg_sqlite_err(q, sqlite3_prepare_v2(q->db, sql->p, (int)sql->n, &st, NULL));
    tg_query_use(s, q, st);
    tg_query_fail(s, err);
}

static tg_err_t finished(tg_query_t *s) {
    tg_err_t err = tg_query_done(s);
    sqlite3_finalize(s->st);
    return err;
}

static void cell_bind(tg_query_t *s, const tg_cell_t *c, tg_cell_type_t type) {
    if (c->null) {
        tg_query_null(s);
    } else if (type == TG_CELL_TEXT) {
        tg_query_text(s, c->bytes);
    } else if (type == TG_CELL_BLOB) {
        tg_query_blob(s, c->bytes.p, c->bytes.n);
    } else {
        tg_query_int(s, c->number);
    }
}

static void cell_read(tg_query_t *s, int col, tg_cell_type_t type, tg_arena_t *arena, tg_cell_t *out) {
    *out = (tg_cell_t){.null = sqlite3_column_type(s->st, col) == SQLITE_NULL};
    out->is_bytes = type == TG_CELL_TEXT || type == TG_CELL_BLOB;
    if (out->null) {
        return;
    }
    if (out->is_bytes) {
        tg_query_col_text(s, col, arena, &out->bytes);
    } else {
        out->number = sqlite3_column_int64(s->st, col);
    }
}

/* ---- rows ---- */

static tg_err_t buckets(tg_move_end_t *end, tg_arena_t *arena, tg_bucket_t **out, size_t *n) {
    tg_bucket_t *list;
    tg_err_t err = tg_bucket_list(tokens_of(end), &list, n);
    if (err != TG_OK) {
        return err;
    }
    *out = tg_arena_array(arena, *n > 0 ? *n : 1, sizeof(**out));
    if (*out != NULL && *n > 0) {
        memcpy(*out, list, *n * sizeof(**out));
    }
    free(list);
    return *out != NULL ? TG_OK : TG_ERR_NOMEM;
}

static tg_err_t table_missing(tg_move_end_t *end, const tg_move_table_t *t, bool *missing) {
    bool used;
    *missing = false;
    tg_err_t err = t->is_bucket ? tg_bucket_used(tokens_of(end), t->bucket, &used) : TG_OK;
    if (err == TG_ERR_NOTFOUND) {
        *missing = true;
        err = TG_OK;
    }
    return err;
}

static void row_take(tg_query_t *s, const tg_move_table_t *t, size_t columns, tg_rows_t *rows) {
    tg_cell_t *row = tg_query_row(s, rows);
    for (size_t i = 0; i < columns && row != NULL; i++) {
        cell_read(s, (int)i, t->columns[TG_MOVE_SQLITE][i].type, rows->arena, &row[i]);
    }
}

/* has_scope NULL is of a release that did not tell; every reader takes it so. */
static void select_write(const tg_move_table_t *t, size_t columns, tg_buf_t *sql) {
    tg_buf_put(sql, TG_STR("SELECT "));
    for (size_t i = 0; i < columns; i++) {
        const char *name = t->columns[TG_MOVE_SQLITE][i].name;
        const bool guessed = t->is_bucket && strcmp(name, "has_scope") == 0;
        tg_buf_putf(sql, "%s%s\"%s\"%s", i > 0 ? ", " : "", guessed ? "ifnull(" : "", name,
                    guessed ? ", scope <> '')" : "");
    }
    tg_buf_putf(sql, " FROM %s", t->name);
}

static tg_err_t scan(tg_move_end_t *end, const tg_move_table_t *t, const tg_cell_t *after, size_t limit,
                     tg_arena_t *arena, tg_cell_t **cells, size_t *n) {
    char mem[SQL_MAX];
    tg_buf_t sql;
    tg_query_t s;
    tg_sqlite_t *q;
    tg_rows_t rows;
    bool missing = false;
    *n = 0;
    tg_err_t err = database_of(end, t, false, &q);
    err = err == TG_OK ? table_missing(end, t, &missing) : err;
    if (err != TG_OK || missing) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    select_write(t, t->n_columns, &sql);
    tg_buf_put(&sql, TG_STR(" WHERE ("));
    columns_write(t, t->n_key, "", &sql);
    tg_buf_put(&sql, TG_STR(") > ("));
    marks_write(t->n_key, &sql);
    tg_buf_put(&sql, TG_STR(") ORDER BY "));
    columns_write(t, t->n_key, "", &sql);
    tg_buf_put(&sql, TG_STR(" LIMIT ?"));
    prepare(&s, q, &sql);
    for (size_t i = 0; i < t->n_key; i++) {
        cell_bind(&s, &after[i], t->columns[TG_MOVE_SQLITE][i].type);
    }
    tg_query_int(&s, (int64_t)limit);
    tg_rows_init(&rows, arena, t->n_columns * sizeof(tg_cell_t));
    while (tg_query_step(&s)) {
        row_take(&s, t, t->n_columns, &rows);
    }
    *cells = (tg_cell_t *)(void *)rows.p;
    *n = rows.n;
    return finished(&s);
}

static tg_err_t last(tg_move_end_t *end, const tg_move_table_t *t, tg_arena_t *arena, tg_cell_t *key, bool *found) {
    char mem[SQL_MAX];
    tg_buf_t sql;
    tg_query_t s;
    tg_sqlite_t *q;
    bool missing = false;
    *found = false;
    tg_err_t err = database_of(end, t, false, &q);
    err = err == TG_OK ? table_missing(end, t, &missing) : err;
    if (err != TG_OK || missing) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    select_write(t, t->n_key, &sql);
    tg_buf_put(&sql, TG_STR(" ORDER BY "));
    columns_write(t, t->n_key, " DESC", &sql);
    tg_buf_put(&sql, TG_STR(" LIMIT 1"));
    prepare(&s, q, &sql);
    *found = tg_query_step(&s);
    for (size_t i = 0; i < t->n_key && *found; i++) {
        cell_read(&s, (int)i, t->columns[TG_MOVE_SQLITE][i].type, arena, &key[i]);
    }
    return finished(&s);
}

static void put_write(const tg_move_table_t *t, tg_buf_t *sql) {
    if (!t->update) {
        tg_buf_putf(sql, "INSERT INTO %s (", t->name);
        columns_write(t, t->n_columns, "", sql);
        tg_buf_put(sql, TG_STR(") VALUES ("));
        marks_write(t->n_columns, sql);
        tg_buf_putc(sql, ')');
        return;
    }
    const tg_move_column_t *c = t->columns[TG_MOVE_SQLITE]; /* one of the key, one that is set */
    tg_buf_putf(sql, "UPDATE %s SET \"%s\" = ?2 WHERE \"%s\" = ?1", t->name, c[1].name, c[0].name);
}

static tg_err_t rows_put(tg_sqlite_t *q, const tg_move_table_t *t, const tg_cell_t *cells, size_t n) {
    char mem[SQL_MAX];
    tg_buf_t sql;
    tg_query_t s;
    tg_err_t err = TG_OK;
    tg_buf_init_fixed(&sql, mem, sizeof(mem));
    put_write(t, &sql);
    prepare(&s, q, &sql);
    for (size_t row = 0; row < n && err == TG_OK; row++) {
        s.params = 0;
        for (size_t i = 0; i < t->n_columns; i++) {
            cell_bind(&s, &cells[row * t->n_columns + i], t->columns[TG_MOVE_SQLITE][i].type);
        }
        while (tg_query_step(&s)) {
        }
        err = tg_query_done(&s); /* resets it */
    }
    sqlite3_finalize(s.st);
    return err;
}

static tg_err_t put(tg_move_end_t *end, const tg_move_table_t *t, const tg_cell_t *cells, size_t n) {
    tg_sqlite_t *q;
    bool made;
    tg_err_t err = database_of(end, t, true, &q);
    if (err == TG_OK) {
        err = tg_sqlite_begin(q, q->busy_ms);
    }
    if (err != TG_OK) {
        return err;
    }
    err = t->is_bucket ? tg_bucket_ensure(tokens_of(end), t->bucket, &made) : TG_OK;
    if (err == TG_OK) {
        err = rows_put(q, t, cells, n);
    }
    if (err == TG_OK) {
        return tg_sqlite_commit(q);
    }
    tg_sqlite_rollback(q);
    return err;
}

/* ---- counters ---- */

static const char *counter_sql(const tg_move_table_t *t) {
    if (t->part == TG_MOVE_REQUESTS) {
        return "SELECT max(ifnull((SELECT max(last) FROM request_block), 0), ifnull((SELECT max(seq) FROM request), 0))"
               " WHERE ?1 IS NOT NULL";
    }
    if (strcmp(t->name, "revocation_client") == 0) {
        return "SELECT ifnull(max(client_no), 0) FROM revocation_client WHERE ?1 IS NOT NULL";
    }
    return "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = ?1), 0)";
}

static tg_err_t counter_get(tg_sqlite_t *q, const tg_move_table_t *t, int64_t *value) {
    tg_query_t s;
    *value = 0;
    tg_query_read(&s, q, counter_sql(t));
    tg_query_text(&s, tg_str(t->name));
    if (tg_query_step(&s)) {
        *value = sqlite3_column_int64(s.st, 0);
    }
    return tg_query_done(&s);
}

/* The log's last number stands in its newest block. */
static tg_err_t counter_write(tg_sqlite_t *q, const tg_move_table_t *t, int64_t value) {
    tg_query_t s;
    tg_err_t err;
    if (t->part == TG_MOVE_REQUESTS) {
        tg_query_write(&s, q,
                       "INSERT INTO request_block (block, environment_id, last, at_from, at_to)"
                       " VALUES (?1 / 1024, 0, ?1, 1, 0) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)");
        tg_query_int(&s, value);
        return tg_query_run(&s);
    }
    tg_query_write(&s, q, "DELETE FROM sqlite_sequence WHERE name = ?");
    tg_query_text(&s, tg_str(t->name));
    err = tg_query_run(&s);
    if (err != TG_OK) {
        return err;
    }
    tg_query_write(&s, q, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)");
    tg_query_text(&s, tg_str(t->name));
    tg_query_int(&s, value);
    return tg_query_run(&s);
}

static tg_err_t counter_raise(tg_sqlite_t *q, const tg_move_table_t *t, int64_t least, int64_t *value) {
    tg_err_t err = tg_sqlite_begin(q, q->busy_ms);
    if (err != TG_OK) {
        return err;
    }
    err = counter_get(q, t, value);
    if (err == TG_OK && *value < least && strcmp(t->name, "revocation_client") != 0) {
        err = counter_write(q, t, least);
        *value = least;
    }
    if (err == TG_OK) {
        return tg_sqlite_commit(q);
    }
    tg_sqlite_rollback(q);
    return err;
}

static tg_err_t count(tg_move_end_t *end, const tg_move_table_t *t, int64_t least, int64_t *value) {
    tg_sqlite_t *q;
    *value = 0;
    tg_err_t err = database_of(end, t, least > 0, &q);
    if (err != TG_OK) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    return least > 0 ? counter_raise(q, t, least, value) : counter_get(q, t, value);
}

/* ---- what is derived ---- */

static tg_err_t finish(tg_move_end_t *end) {
    tg_sqlite_t *q = &tokens_of(end)->log;
    tg_query_t s;
    tg_err_t err = tg_requests_open(tokens_of(end), false);
    if (err == TG_OK) {
        err = tg_sqlite_begin(q, q->busy_ms);
    }
    if (err != TG_OK) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    tg_query_write(
        &s, q,
        "INSERT INTO request_block (block, environment_id, last, at_from, at_to)"
        " SELECT seq / 1024, environment_id, max(seq), min(at), max(at) FROM request WHERE true GROUP BY 1, 2"
        " ON CONFLICT DO UPDATE SET last = max(last, excluded.last), at_from = min(at_from,"
        " excluded.at_from), at_to = max(at_to, excluded.at_to)");
    err = tg_query_run(&s);
    if (err == TG_OK) {
        return tg_sqlite_commit(q);
    }
    tg_sqlite_rollback(q);
    return err;
}

const tg_move_ops_t tg_sqlite_move = {
    .idle = idle,
    .buckets = buckets,
    .scan = scan,
    .last = last,
    .put = put,
    .count = count,
    .finish = finish,
};
