/* Moving a store: nothing that a store keeps is forgotten, whatever a migration adds; and both directions. */
#include "records.h"

#include <sqlite3.h>

#include "store/move.h"

/* "table.column" of all that stands in the database, one a line. */
static void schema_read(const fixture_t *f, tg_buf_t *out) {
    if (on_server()) {
        char uri[256];
        snprintf(uri, sizeof(uri), "postgresql://admin@127.0.0.1:%d/%s", server.port, f->database);
        PGconn *c = PQconnectdb(uri);
        PGresult *r = PQexec(c, "SELECT table_schema || '.' || table_name || '.' || column_name FROM"
                                " information_schema.columns WHERE table_schema IN ('tollgate', 'tollgate_tokens')");
        for (int i = 0; i < PQntuples(r); i++) {
            tg_buf_putf(out, "%s\n", PQgetvalue(r, i, 0));
        }
        PQclear(r);
        PQfinish(c);
        return;
    }
    static const char *const files[] = {"config", "tokens", "requests"}, *const schemas[] = {"tollgate",
                                                                                             "tollgate_tokens",
                                                                                             "tollgate_tokens"};
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        sqlite3 *db;
        sqlite3_stmt *st;
        snprintf(path, sizeof(path), "%s/store/%s.db", f->dir, files[i]);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db,
                                            "SELECT t.name || '.' || c.name FROM sqlite_schema t,"
                                            " pragma_table_info(t.name) c WHERE t.type = 'table'",
                                            -1, &st, NULL),
                         SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW) {
            tg_buf_putf(out, "%s.%s\n", schemas[i], (const char *)sqlite3_column_text(st, 0));
        }
        sqlite3_finalize(st);
        sqlite3_close(db);
    }
}

/* What is made anew, or stands still while nothing runs, or is no data. */
static bool left_behind(const char *line) {
    static const char *const starts[] = {
        "tollgate.schema_version.",
        "tollgate_tokens.schema_version.",
        "tollgate.head.",
        "tollgate_tokens.head.",
        "tollgate.change_log.",
        "tollgate_tokens.change_log.",
        "tollgate_tokens.change_mark.",
        "tollgate_tokens.node.",
        "tollgate_tokens.request_head.",
        "tollgate_tokens.request_block.",
        "tollgate.sqlite_",
        "tollgate_tokens.sqlite_",
    };
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(line, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_moved(const tg_move_table_t *tables, size_t n, const char *line) {
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < tables[i].n_columns; k++) {
            char name[128];
            snprintf(name, sizeof(name), "%s.%s.%s", tables[i].part == TG_MOVE_CONFIG ? "tollgate" : "tollgate_tokens",
                     tables[i].name, tables[i].columns[on_server() ? TG_MOVE_POSTGRES : TG_MOVE_SQLITE][k].name);
            if (strcmp(name, line) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void every_column_is_moved(void **state) {
    fixture_t *f = *state;
    const tg_bucket_t buckets[] = {hour, day, month, never};
    size_t n, lines = 0;
    tg_buf_t schema;
    for (unsigned i = 0; i < 4; i++) {
        tg_record_t r = record_of(i, buckets[i]);
        assert_ok(put(f->tokens, &r));
    }
    assert_ok(f->tokens->ops->request_put(f->tokens, &(tg_request_row_t){.at = NOW}, 1));
    tg_move_table_t *tables = tg_move_tables(&n);
    assert_non_null(tables);
    tables = realloc(tables, (n + 4) * sizeof(*tables));
    assert_non_null(tables);
    for (size_t i = 0; i < 4; i++) {
        tg_move_bucket_table(buckets[i], &tables[n++]);
    }
    tg_buf_init(&schema, 1u << 20);
    schema_read(f, &schema);
    tg_buf_putc(&schema, '\0');
    assert_ok(schema.err);
    for (char *line = schema.p, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        lines++;
        if (!left_behind(line) && !is_moved(tables, n, line)) {
            print_error("%s is not in store/move_table.c\n", line);
            fail();
        }
    }
    assert_true(lines > 150);
    tg_buf_release(&schema);
    free(tables);
}

/* A place of the other backend. */
static void other_place(fixture_t *other) {
    size_t n;
    const tg_store_backend_t *const *all = tg_store_backends(&n), *was = backend;
    for (size_t i = 0; i < n; i++) {
        if (all[i]->durable && all[i] != was) {
            backend = all[i];
        }
    }
    place_make(other);
    backend = was;
}

static void fill(fixture_t *f) {
    tg_config_store_t *s = f->config;
    tg_client_t c = client_of(0, "app");
    int64_t project = make(s, TG_RES_PROJECT, 0, "a"), environment = make(s, TG_RES_ENVIRONMENT, 0, "e"),
            gone = make(s, TG_RES_PROJECT, 0, "gone");
    begin(s);
    assert_ok(s->ops->resource_delete(s, gone));
    c.owner = project;
    assert_ok(s->ops->client_create(s, &c, &c.key_id));
    assert_ok(s->ops->client_turn(s, c.key_id, environment, 77));
    assert_ok(s->ops->access_put(s, &(tg_access_entry_t){c.key_id, project, TG_STR("{}")}));
    assert_ok(s->ops->audit_append(s, &(tg_audit_t){.at = 1, .who = TG_STR("w")}));
    assert_ok(s->ops->change_append(s, TG_CHANGE_CLIENTS, 0, TG_STR("")));
    commit(s);
    tg_record_t r = record_of(1, never), bare = record_of(2, hour);
    bare.has_refresh = false;
    assert_ok(put(f->tokens, &r));
    assert_ok(put(f->tokens, &bare));
    for (uint8_t i = 0; i < 3; i++) {
        tg_write_t w = {.kind = TG_WRITE_REVOCATION,
                        .environment_id = 1,
                        .client_kind = TG_CLIENT_APPLICATION,
                        .client_id = TG_STR("app"),
                        .capacity = 1000,
                        .until = i == 0 ? 0 : NOW * 2,
                        .at = NOW};
        w.revocation[0] = i;
        assert_ok(f->tokens->ops->write_many(f->tokens, &w, 1, NULL));
        assert_ok(w.result);
    }
    assert_ok(f->tokens->ops->request_put(f->tokens, &(tg_request_row_t){.at = NOW, .user = TG_STR("u\xff")}, 1));
}

static void move(const char *from_uri, const char *to_uri, int64_t rows) {
    tg_move_end_t from, to;
    tg_fault_t fault = {.field = ""};
    tg_arena_t arena;
    tg_move_sum_t *sums;
    size_t n;
    int64_t found = 0;
    const tg_move_options_t options = {.from = tg_str(from_uri), .now = NOW};
    tg_arena_init(&arena, 1u << 20);
    assert_ok(tg_move_open(tg_str(from_uri), false, &from, &fault));
    assert_ok(tg_move_open(tg_str(to_uri), true, &to, &fault));
    assert_ok(tg_move_copy(&from, &to, &options, &fault));
    assert_ok(tg_move_copy(&from, &to, &options, &fault)); /* a second time there is nothing to do */
    tg_err_t err = tg_move_verify(&from, &to, &options, &arena, &sums, &n, &fault);
    if (err != TG_OK) {
        print_message("%s\n", fault.text);
    }
    assert_ok(err);
    for (size_t i = 0; i < n; i++) {
        found += sums[i].rows;
    }
    assert_int_equal(found, rows);
    assert_int_equal(tg_move_copy(&from, &to, &options, &fault), TG_ERR_CONFLICT); /* it is a store now */
    tg_move_close(&from);
    tg_move_close(&to);
    tg_arena_release(&arena);
}

static void a_moved_store_goes_on_where_it_was(void **state) {
    fixture_t *f = *state, other = {.config = NULL};
    int64_t was, is, id;
    tg_live_client_t live;
    fill(f);
    other_place(&other);
    move(f->uri, other.uri, 14);
    other.config = config_open(&other, false, 5000);
    other.tokens = tokens_open(&other, false, 5000);
    tg_arena_init(&other.arena, 1u << 20);
    assert_ok(f->config->ops->change_head(f->config, &was));
    assert_ok(other.config->ops->change_head(other.config, &is));
    assert_int_equal(is, was + 1); /* a reader of the old one starts anew */
    assert_ok(other.config->ops->client_live(other.config, 2, TG_CLIENT_APPLICATION, TG_STR("app"), &live, &is));
    assert_true(live.exists);
    id = make(other.config, TG_RES_PROJECT, 0, "new");
    assert_int_equal(id, 4); /* 3 was given before */
    begin(other.config);
    assert_ok(other.config->ops->audit_append(other.config, &(tg_audit_t){.at = 2}));
    commit(other.config);
    tg_audit_t *audit;
    size_t n;
    assert_ok(other.config->ops->audit_list(other.config, 0, 9, &other.arena, &audit, &n));
    assert_int_equal(n, 2);
    assert_memory_equal(audit[0].previous, audit[1].hash, TG_AUDIT_HASH_LEN);
    tg_record_t r = record_of(1, never), found = get(&other, r.hash, never);
    same(&found, &r);
    tg_write_t w = {.kind = TG_WRITE_REVOCATION,
                    .environment_id = 1,
                    .client_kind = TG_CLIENT_APPLICATION,
                    .client_id = TG_STR("app"),
                    .capacity = 30,
                    .until = 0,
                    .at = NOW,
                    .revocation = {9}};
    assert_ok(other.tokens->ops->write_many(other.tokens, &w, 1, NULL));
    assert_int_equal(w.result, TG_ERR_LIMIT); /* its three entries count */
    other.config->ops->close(other.config);
    other.tokens->ops->close(other.tokens);
    tg_arena_release(&other.arena);
    place_remove(&other);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(every_column_is_moved),
    CONTRACT(a_moved_store_goes_on_where_it_was),
};

CONTRACT_MAIN(tests, true)
