/* SQLite files: their schema versions, how they are made, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/migrate.h"
#include "store/store.h"

#define assert_ok(expr) assert_int_equal((expr), TG_OK)

typedef struct {
    char dir[64], uri[96], config[96], tokens[96];
    tg_fault_t fault;
} place_t;

static int setup(void **state) {
    place_t *p = calloc(1, sizeof(*p));
    snprintf(p->dir, sizeof(p->dir), "/tmp/tg-sqlite-XXXXXX");
    if (mkdtemp(p->dir) == NULL) {
        return -1;
    }
    snprintf(p->uri, sizeof(p->uri), "sqlite:%s", p->dir);
    snprintf(p->config, sizeof(p->config), "%s/config.db", p->dir);
    snprintf(p->tokens, sizeof(p->tokens), "%s/tokens.db", p->dir);
    *state = p;
    return 0;
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state) {
    place_t *p = *state;
    nftw(p->dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(p);
    return 0;
}

static tg_err_t config_open(place_t *p, bool create, tg_config_store_t **out) {
    p->fault = (tg_fault_t){.field = ""};
    return tg_config_store_open(tg_str(p->uri), &(tg_store_options_t){.create = create, .busy_ms = 5000}, out,
                                &p->fault);
}

static void sql(const char *path, const char *text) {
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s", message);
    }
    sqlite3_close(db);
}

static void sql_refused(const char *path, const char *text) {
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, text, NULL, NULL, &message), SQLITE_OK);
    assert_non_null(strstr(message, "append-only"));
    sqlite3_free(message);
    sqlite3_close(db);
}

static int64_t sql_number(const char *path, const char *text) {
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return number;
}

static char *file_read(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 4u << 20);
    *n = fread(text, 1, (4u << 20) - 1, f);
    fclose(f);
    return text;
}

/* ---- making ---- */

static void the_embedded_steps_end_at_the_version_of_the_header(void **state) {
    (void)state;
    assert_int_equal(tg_sqlite_config_steps[tg_sqlite_config_steps_n - 1].version, TG_SCHEMA_CONFIG);
    assert_int_equal(tg_sqlite_tokens_steps[tg_sqlite_tokens_steps_n - 1].version, TG_SCHEMA_TOKENS);
    assert_int_equal(tg_sqlite_requests_steps[tg_sqlite_requests_steps_n - 1].version, TG_SCHEMA_REQUESTS);
}

static void files_are_made_for_their_owner_alone(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    tg_token_store_t *t;
    struct stat st;
    snprintf(p->uri, sizeof(p->uri), "sqlite:%s/new", p->dir);
    umask(0);
    assert_ok(config_open(p, true, &s));
    assert_ok(tg_token_store_open(tg_str(p->uri), &(tg_store_options_t){.create = true}, &t, &p->fault));
    assert_ok(s->ops->begin(s, 100));
    assert_ok(s->ops->meta_put(s, TG_STR("k"), TG_STR("v")));
    assert_ok(s->ops->commit(s));
    char log[128];
    snprintf(log, sizeof(log), "%s/new/requests.db", p->dir);
    assert_int_equal(stat(log, &st), -1); /* only once there is something to log */
    assert_ok(t->ops->request_put(t, &(tg_request_row_t){.at = 1}, 1));
    static const char *const files[] = {
        "new",           "new/config.db",   "new/config.db-wal",   "new/config.db-shm",   "new/config.lock",
        "new/tokens.db", "new/requests.db", "new/requests.db-wal", "new/requests.db-shm", "new/requests.lock"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", p->dir, files[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
    }
    s->ops->close(s);
    t->ops->close(t);
    char wal[128];
    snprintf(wal, sizeof(wal), "%s/new/config.db", p->dir);
    assert_int_equal(sql_number(wal, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
}

typedef struct {
    place_t *p;
    tg_err_t err;
} opener_t;

static void *open_thread(void *arg) {
    opener_t *o = arg;
    tg_config_store_t *s;
    tg_fault_t fault = {.field = ""};
    o->err =
        tg_config_store_open(tg_str(o->p->uri), &(tg_store_options_t){.create = true, .busy_ms = 20000}, &s, &fault);
    if (o->err == TG_OK) {
        o->err = s->ops->begin(s, 20000);
        if (o->err == TG_OK) {
            s->ops->rollback(s);
        }
        s->ops->close(s);
    }
    return NULL;
}

static void many_may_make_it_at_once(void **state) {
    place_t *p = *state;
    pthread_t threads[8];
    opener_t openers[8];
    for (int round = 0; round < 5; round++) {
        snprintf(p->uri, sizeof(p->uri), "sqlite:%s/round%d", p->dir, round);
        for (size_t i = 0; i < 8; i++) {
            openers[i].p = p;
            assert_int_equal(pthread_create(&threads[i], NULL, open_thread, &openers[i]), 0);
        }
        for (size_t i = 0; i < 8; i++) {
            pthread_join(threads[i], NULL);
            assert_ok(openers[i].err);
        }
    }
}

static void an_empty_file_is_as_none(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    fclose(fopen(p->config, "wb"));
    assert_int_equal(config_open(p, false, &s), TG_ERR_NOTFOUND);
    assert_ok(config_open(p, true, &s));
    s->ops->close(s);
    assert_ok(config_open(p, false, &s));
    s->ops->close(s);
}

/* ---- refusing ---- */

static void a_newer_schema_is_refused_untouched(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    size_t n_before, n_after;
    assert_ok(config_open(p, true, &s));
    s->ops->close(s);
    char newer[80], told[32], known[32];
    snprintf(newer, sizeof(newer), "PRAGMA user_version=%d; CREATE TABLE of_tomorrow (a)", TG_SCHEMA_CONFIG + 1);
    snprintf(told, sizeof(told), "version %d", TG_SCHEMA_CONFIG + 1);
    snprintf(known, sizeof(known), "up to %d", TG_SCHEMA_CONFIG);
    sql(p->config, newer);
    char *before = file_read(p->config, &n_before);
    for (int create = 0; create < 2; create++) {
        assert_int_equal(config_open(p, create == 1, &s), TG_ERR_INVALID);
        assert_null(s);
        assert_non_null(strstr(p->fault.text, told));
        assert_non_null(strstr(p->fault.text, known));
    }
    char *after = file_read(p->config, &n_after);
    assert_int_equal(n_before, n_after);
    assert_memory_equal(before, after, n_before);
    free(before);
    free(after);
}

static void another_programs_database_is_refused_untouched(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    tg_token_store_t *t;
    sql(p->config, "CREATE TABLE theirs (a)");
    assert_int_equal(config_open(p, true, &s), TG_ERR_INVALID);
    assert_int_equal(sql_number(p->config, "SELECT count(*) FROM sqlite_schema"), 1);
    remove(p->config);
    assert_ok(config_open(p, true, &s));
    s->ops->close(s);
    assert_int_equal(rename(p->config, p->tokens), 0); /* ours, but the other one */
    assert_int_equal(tg_token_store_open(tg_str(p->uri), &(tg_store_options_t){.create = true}, &t, &p->fault),
                     TG_ERR_INVALID);
}

/* The log is no part of what tokens need: whatever lies in its place. */
static void a_request_log_of_another_release_is_unavailable(void **state) {
    place_t *p = *state;
    tg_token_store_t *t;
    tg_request_row_t *rows;
    tg_arena_t arena;
    char log[96];
    size_t n;
    int64_t pruned, epoch;
    snprintf(log, sizeof(log), "%s/requests.db", p->dir);
    sql(log, "PRAGMA application_id=1413968497; PRAGMA user_version=77; CREATE TABLE of_tomorrow (a)");
    tg_arena_init(&arena, 1u << 20);
    assert_ok(tg_token_store_open(tg_str(p->uri), &(tg_store_options_t){.create = true}, &t, &p->fault));
    assert_int_equal(t->ops->request_put(t, &(tg_request_row_t){.at = 1}, 1), TG_ERR_UNAVAILABLE);
    assert_non_null(strstr(t->fault.text, "requests.db has schema version 77"));
    t->fault = (tg_fault_t){.field = ""};
    assert_int_equal(t->ops->request_list(t, &(tg_request_query_t){.limit = 1}, &arena, &rows, &n), TG_ERR_UNAVAILABLE);
    assert_int_not_equal(t->fault.text[0], '\0');
    assert_int_equal(t->ops->request_prune(t, 1, 2, 3, &pruned), TG_ERR_UNAVAILABLE);
    assert_ok(t->ops->epoch_raise(t, 1, TG_CLIENT_APPLICATION, TG_STR("a"), TG_STR_NONE, &epoch));
    assert_int_equal(sql_number(log, "SELECT count(*) FROM sqlite_schema"), 1);
    remove(log);
    assert_ok(t->ops->request_put(t, &(tg_request_row_t){.at = 1}, 1)); /* the same handle goes on */
    assert_int_equal(sql_number(log, "PRAGMA user_version"), TG_SCHEMA_REQUESTS);
    t->ops->close(t);
    tg_arena_release(&arena);
}

/* A writer of the log that stands still holds nobody up who issues tokens. */
static void the_request_log_does_not_hold_up_tokens(void **state) {
    place_t *p = *state;
    tg_token_store_t *t;
    sqlite3 *db;
    char log[96];
    int64_t epoch;
    snprintf(log, sizeof(log), "%s/requests.db", p->dir);
    assert_ok(tg_token_store_open(tg_str(p->uri), &(tg_store_options_t){.create = true, .busy_ms = 50}, &t, &p->fault));
    assert_ok(t->ops->request_put(t, &(tg_request_row_t){.at = 1}, 1));
    assert_int_equal(sqlite3_open(log, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(t->ops->request_put(t, &(tg_request_row_t){.at = 2}, 1), TG_ERR_UNAVAILABLE);
    assert_int_not_equal(t->fault.text[0], '\0');
    assert_ok(t->ops->epoch_raise(t, 1, TG_CLIENT_APPLICATION, TG_STR("a"), TG_STR_NONE, &epoch));
    sqlite3_close(db);
    assert_ok(t->ops->request_put(t, &(tg_request_row_t){.at = 2}, 1));
    assert_int_equal(sql_number(log, "SELECT count(*) FROM request"), 2);
    t->ops->close(t);
}

static void what_is_no_database_is_unavailable(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    FILE *f = fopen(p->config, "wb");
    for (int i = 0; i < 1000; i++) {
        fputs("not a database\n", f);
    }
    fclose(f);
    assert_int_equal(config_open(p, true, &s), TG_ERR_UNAVAILABLE);
    assert_int_not_equal(p->fault.text[0], '\0');
}

static void bad_uris_are_told(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    tg_token_store_t *t;
    static const char *const bad[] = {"", "sqlite", "sqlite:", "oracle:x", "/var/lib", "SQLITE:/tmp/x", ":x"};
    for (size_t i = 0; i < 7; i++) {
        p->fault = (tg_fault_t){.field = ""};
        assert_int_equal(tg_config_store_open(tg_str(bad[i]), &(tg_store_options_t){.create = true}, &s, &p->fault),
                         TG_ERR_INVALID);
        assert_null(s);
        assert_non_null(strstr(p->fault.text, "sqlite:"));
        assert_int_equal(tg_token_store_open(tg_str(bad[i]), &(tg_store_options_t){.create = true}, &t, NULL),
                         TG_ERR_INVALID);
        assert_null(t);
    }
    char longest[5000];
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "sqlite:/", 8);
    assert_int_equal(
        tg_config_store_open(tg_strn(longest, sizeof(longest)), &(tg_store_options_t){.create = true}, &s, NULL),
        TG_ERR_INVALID);
    snprintf(p->uri, sizeof(p->uri), "sqlite:%s/none/deep", p->dir);
    assert_int_equal(config_open(p, true, &s), TG_ERR_UNAVAILABLE);
    assert_int_equal(config_open(p, false, &s), TG_ERR_NOTFOUND);
}

/* ---- upgrading ---- */

static void load(const char *path, const char *dump) {
    char where[512];
    size_t n;
    snprintf(where, sizeof(where), "%s/tests/unit/store/data/%s",
             getenv("TG_SOURCE") != NULL ? getenv("TG_SOURCE") : ".", dump);
    char *text = file_read(where, &n);
    sql(path, text);
    free(text);
}

/* Newest first. */
static void assert_chained(const tg_audit_t *rows, size_t n) {
    uint8_t before[TG_AUDIT_HASH_LEN] = {0}, hash[TG_AUDIT_HASH_LEN];
    for (size_t i = n; i-- > 0;) {
        assert_int_equal(rows[i].seq, n - i);
        assert_memory_equal(rows[i].previous, before, sizeof(before));
        assert_ok(tg_audit_hash(&rows[i], hash));
        assert_memory_equal(rows[i].hash, hash, sizeof(hash));
        memcpy(before, hash, sizeof(before));
    }
}

/* Rows of before the chain: with a gap, of several projects, with what an audit may hold. */
static void an_audit_log_of_before_is_chained(void **state) {
    static const char *const projects[] = {"", "shop", "shop", "", "a.b"};
    place_t *p = *state;
    tg_config_store_t *s;
    tg_arena_t arena;
    tg_audit_t *audit;
    size_t n;
    load(p->config, "config-v1.sql");
    sql(p->config, "DELETE FROM audit;"
                   "INSERT INTO audit VALUES (3, 5, 'admin', 'POST /apiops/projects/', '', '{\"name\":\"shop\"}'),"
                   "(4, 6, 'admin', 'DELETE /apiops/projects/shop/', '{\"name\":\"sh\u00f6p, 2:x\"}', ''),"
                   "(9, 7, '', 'PUT /apiops/projects/shop/apiProxies/x/', '{}', '{}'),"
                   "(10, 8, 'x', 'PUT /apiops/environments/shop/', '', ''),"
                   "(11, 9, 'x', 'PUT /apiops/projects/a.b', '', '')");
    tg_arena_init(&arena, 1u << 20);
    assert_ok(config_open(p, true, &s));
    assert_ok(s->ops->begin(s, 1000));
    assert_ok(s->ops->audit_append(s, &(tg_audit_t){.at = 10, .who = TG_STR("new")}));
    assert_ok(s->ops->commit(s));
    assert_ok(s->ops->audit_list(s, 0, 10, &arena, &audit, &n));
    assert_int_equal(n, 6);
    assert_chained(audit, n);
    for (size_t i = 0; i < 5; i++) {
        assert_true(tg_str_eq(audit[5 - i].project, tg_str(projects[i])));
    }
    s->ops->close(s);
    tg_arena_release(&arena);
}

static void the_audit_log_is_append_only(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    tg_arena_t arena;
    tg_audit_t *audit;
    size_t n;
    assert_ok(config_open(p, true, &s));
    for (int i = 0; i < 3; i++) {
        assert_ok(s->ops->begin(s, 1000));
        assert_ok(s->ops->audit_append(s, &(tg_audit_t){.at = i}));
        assert_ok(s->ops->commit(s));
    }
    sql_refused(p->config, "UPDATE audit SET who = 'x' WHERE seq = 2");
    sql_refused(p->config, "DELETE FROM audit WHERE seq = 3");
    sql_refused(p->config, "DELETE FROM audit");
    /* A row that is taken off the end leaves a gap all the same. */
    sql(p->config, "DROP TRIGGER audit_not_removed; DELETE FROM audit WHERE seq = 3");
    assert_ok(s->ops->begin(s, 1000));
    assert_ok(s->ops->audit_append(s, &(tg_audit_t){.at = 9}));
    assert_ok(s->ops->commit(s));
    tg_arena_init(&arena, 1u << 20);
    assert_ok(s->ops->audit_list(s, 0, 10, &arena, &audit, &n));
    assert_int_equal(n, 3);
    assert_int_equal(audit[0].seq, 4);
    assert_int_equal(audit[1].seq, 2);
    s->ops->close(s);
    tg_arena_release(&arena);
}

static void a_config_of_version_1_is_read(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    tg_arena_t arena;
    tg_resource_t r;
    tg_live_client_t live;
    tg_deployment_t *deployments;
    tg_audit_t *audit;
    tg_str_t *docs;
    tg_buf_t snapshot;
    tg_session_t session;
    size_t n;
    int64_t seq, environment, revision, version;
    tg_str_t client_id, details;
    uint8_t check[32];
    load(p->config, "config-v1.sql");
    /* an owner that is not there any more */
    sql(p->config, "INSERT INTO client VALUES (2, 1, 99, 'client-2', 1, 0, 5, 0, x'')");
    tg_arena_init(&arena, 1u << 20);
    tg_buf_init(&snapshot, 1000);
    assert_ok(config_open(p, true, &s));
    for (uint8_t i = 0; i < 32; i++) {
        check[i] = i;
    }
    assert_ok(tg_store_check_master(s, check));
    assert_ok(s->ops->resource_find(s, TG_RES_PROXY, 2, TG_STR("orders"), &arena, &r));
    assert_int_equal(r.id, 3);
    assert_ok(s->ops->client_live(s, 1, TG_CLIENT_APPLICATION, TG_STR("client-1"), &live, &seq));
    assert_true(live.generation == (0xfedcba9876543210u ^ 0x1111111111111111u));
    assert_int_equal(seq, 1);
    assert_int_equal(live.project_id, 2);
    assert_int_equal(live.version, 1);
    assert_ok(s->ops->client_details(s, 1, &arena, &client_id, &details, &version));
    assert_int_equal(details.n, 0);
    assert_int_equal(version, 1);
    assert_ok(s->ops->client_live(s, 1, TG_CLIENT_APPLICATION, TG_STR("client-2"), &live, &seq));
    assert_int_equal(live.project_id, 0);
    assert_ok(s->ops->signing_key_list(s, 1, &arena, &docs, &n));
    assert_int_equal(n, 1);
    assert_ok(s->ops->deployment_list(s, 1, &arena, &deployments, &n));
    assert_int_equal(n, 1);
    assert_int_equal(deployments[0].proxy_id, 3);
    assert_ok(s->ops->snapshot_get(s, TG_STR("production"), &environment, &revision, &snapshot));
    assert_int_equal(revision, 1);
    assert_ok(s->ops->session_find(s, (const uint8_t[32]){7}, 1774000000000, &session));
    assert_ok(s->ops->audit_list(s, 0, 10, &arena, &audit, &n));
    assert_int_equal(n, 1);
    assert_chained(audit, n);
    assert_int_equal(sql_number(p->config, "PRAGMA user_version"), TG_SCHEMA_CONFIG);
    assert_int_equal(sql_number(p->config, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
    /* what came with version 2 works on the rows of version 1 */
    assert_ok(s->ops->begin(s, 1000));
    assert_ok(s->ops->client_turn(s, 1, 1, 3));
    assert_ok(s->ops->client_secret_put(s, &(tg_client_secret_t){.key_id = 1, .environment_id = 1, .generation = 6}));
    assert_ok(s->ops->access_put(s, &(tg_access_entry_t){1, 3, TG_STR("{}")}));
    assert_ok(s->ops->commit(s));
    assert_ok(s->ops->client_live(s, 1, TG_CLIENT_APPLICATION, TG_STR("client-1"), &live, &seq));
    assert_true(live.generation == (6 ^ 3));
    assert_int_equal(live.version, 4);
    s->ops->close(s);
    tg_buf_release(&snapshot);
    tg_arena_release(&arena);
}

static void tokens_of_version_1_are_read(void **state) {
    place_t *p = *state;
    tg_token_store_t *s;
    tg_arena_t arena;
    tg_record_t r;
    tg_node_t *nodes;
    size_t n;
    int64_t epoch, seq;
    load(p->tokens, "tokens-v1.sql");
    sql(p->tokens, "UPDATE token_n SET scope = ''");
    tg_arena_init(&arena, 1u << 20);
    assert_ok(tg_token_store_open(tg_str(p->uri), &(tg_store_options_t){.create = true}, &s, &p->fault));
    assert_ok(s->ops->record_find(s, (const uint8_t[32]){1}, (tg_bucket_t){TG_BUCKET_HOUR, 492777}, &arena, &r));
    assert_true(r.has_successor);
    assert_int_equal(r.successor[0], 3);
    assert_int_equal(r.family[0], 9);
    assert_true(r.has_scope);
    assert_int_equal(r.user_generation, 0);
    assert_ok(s->ops->record_find_refresh(s, (const uint8_t[32]){4}, (tg_bucket_t){TG_BUCKET_DAY, 20540}, &arena, &r));
    assert_int_equal(r.hash[0], 3);
    assert_ok(s->ops->record_find(s, (const uint8_t[32]){5}, (tg_bucket_t){TG_BUCKET_NEVER, 0}, &arena, &r));
    assert_false(r.has_scope);
    assert_ok(s->ops->epoch_get(s, 1, TG_CLIENT_APPLICATION, TG_STR("client-1"), TG_STR("user"), &epoch));
    assert_int_equal(epoch, 1);
    assert_ok(s->ops->node_list(s, 1, 0, &arena, &nodes, &n));
    assert_int_equal(n, 1);
    assert_int_equal(nodes[0].workers[0].pid, 100);
    assert_int_equal(sql_number(p->tokens, "PRAGMA user_version"), TG_SCHEMA_TOKENS);
    /* what came with version 2 works on the tables of version 1 */
    tg_record_t successor = {.has_refresh = true,
                             .hash = {6},
                             .refresh_hash = {7},
                             .bucket = {TG_BUCKET_DAY, 20540},
                             .client_id = TG_STR("client-1"),
                             .has_scope = true,
                             .user_generation = 11,
                             .has_predecessor = true,
                             .predecessor = {3},
                             .predecessor_bucket = {TG_BUCKET_DAY, 20540}};
    assert_ok(
        s->ops->record_refresh(s, (const uint8_t[32]){4}, successor.bucket, &successor, 1774000000006, &arena, &r));
    assert_ok(s->ops->record_find(s, successor.hash, successor.bucket, &arena, &r));
    assert_true(r.has_scope);
    assert_int_equal(r.user_generation, 11);
    assert_true(r.has_predecessor);
    assert_memory_equal(r.predecessor, successor.predecessor, 32);
    assert_int_equal(r.predecessor_bucket.cls, TG_BUCKET_DAY);
    assert_int_equal(r.predecessor_bucket.index, 20540);
    assert_ok(s->ops->epoch_raise(s, 1, TG_CLIENT_APPLICATION, TG_STR("client-1"), TG_STR_NONE, &epoch));
    assert_true(epoch > 1); /* above the one that was there */
    assert_ok(s->ops->change_head(s, &seq));
    assert_int_equal(seq, epoch);
    s->ops->close(s);
    tg_arena_release(&arena);
}

static char *schema_of(const char *path) {
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    /* names of columns, with all that is said of them; the text of a table that was altered reads otherwise */
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT group_concat(line, char(10)) FROM (SELECT printf('%s %s %d %s %s %d %d',"
                           " m.name, c.name, c.cid, c.type, quote(c.dflt_value), c.\"notnull\", c.pk) AS line"
                           " FROM sqlite_schema AS m, pragma_table_info(m.name) AS c UNION ALL"
                           " SELECT printf('%s on %s', name, tbl_name) FROM sqlite_schema"
                           " WHERE type <> 'table' ORDER BY 1)",
                           -1, &st, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
    return text;
}

/* Upgraded and made anew are the same, tables of buckets as well. */
static void tokens_of_version_1_end_as_new_ones(void **state) {
    place_t *p = *state;
    tg_token_store_t *s;
    tg_record_t rows[] = {
        {.bucket = {TG_BUCKET_HOUR, 492777}}, {.bucket = {TG_BUCKET_DAY, 20540}}, {.bucket = {TG_BUCKET_NEVER, 0}}};
    const tg_record_t *list[] = {&rows[0], &rows[1], &rows[2]};
    tg_err_t results[3];
    load(p->tokens, "tokens-v1.sql");
    assert_int_equal(tg_token_store_open(tg_str(p->uri), &(tg_store_options_t){.create = false}, &s, &p->fault),
                     TG_ERR_INVALID); /* a gateway does not upgrade */
    assert_ok(tg_token_store_open(tg_str(p->uri), &(tg_store_options_t){.create = true}, &s, &p->fault));
    s->ops->close(s);
    char *upgraded = schema_of(p->tokens);
    assert_int_equal(remove(p->tokens), 0);
    assert_ok(tg_token_store_open(tg_str(p->uri), &(tg_store_options_t){.create = true}, &s, &p->fault));
    assert_ok(s->ops->record_put(s, list, 3, results));
    s->ops->close(s);
    char *made = schema_of(p->tokens);
    assert_non_null(strstr(made, "token_d_20540 user_generation"));
    assert_string_equal(upgraded, made);
    free(upgraded);
    free(made);
}

static void a_config_of_version_1_ends_as_a_new_one(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    load(p->config, "config-v1.sql");
    assert_int_equal(config_open(p, false, &s), TG_ERR_INVALID); /* a gateway does not upgrade */
    assert_ok(config_open(p, true, &s));
    s->ops->close(s);
    char *upgraded = schema_of(p->config);
    assert_int_equal(remove(p->config), 0);
    assert_ok(config_open(p, true, &s));
    s->ops->close(s);
    char *made = schema_of(p->config);
    assert_non_null(strstr(made, "client_access_removed on client_access"));
    assert_string_equal(upgraded, made);
    free(upgraded);
    free(made);
}

/* Steps of releases to come. */
static const tg_sqlite_step_t steps[] = {
    {1, "initial", "CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT); INSERT INTO a (y) VALUES ('one')", NULL},
    {2, "column", "ALTER TABLE a ADD COLUMN z INTEGER NOT NULL DEFAULT 7", NULL},
    {3, "table", "CREATE TABLE b AS SELECT * FROM a; DROP TABLE a", NULL},
};
static const tg_sqlite_step_t broken_steps[] = {
    {1, "initial", "CREATE TABLE a (x)", NULL},
    {2, "fine", "INSERT INTO a VALUES (1)", NULL},
    {3, "broken", "INSERT INTO a VALUES (2); INSERT INTO none VALUES (1)", NULL},
};
static const tg_sqlite_step_t broken_bucket_steps[] = {
    {1, "initial", "CREATE TABLE token_n (a); CREATE TABLE token_h_1 (a)", NULL},
    {2, "broken", "CREATE TABLE c (x)", "ALTER TABLE $T ADD COLUMN b; INSERT INTO none VALUES (1)"},
};
static const tg_sqlite_step_t dangling_steps[] = {
    {1, "initial",
     "CREATE TABLE p (x INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p (x)); INSERT INTO p VALUES (1); "
     "INSERT INTO c VALUES (1)",
     NULL},
    {2, "dangling", "DELETE FROM p", NULL},
};

static tg_err_t migrate(place_t *p, const tg_sqlite_step_t *list, size_t n) {
    const tg_sqlite_schema_t schema = {
        .what = "config", .application_id = 77, .page_size = 4096, .pragmas = "", .steps = list, .n = n};
    sqlite3 *db;
    p->fault = (tg_fault_t){.field = ""};
    assert_int_equal(sqlite3_open(p->config, &db), SQLITE_OK);
    tg_err_t err = tg_sqlite_migrate(db, &schema, &p->fault);
    assert_int_equal(sqlite3_get_autocommit(db), 1);
    sqlite3_close(db);
    return err;
}

static void an_older_schema_is_upgraded_step_by_step(void **state) {
    place_t *p = *state;
    assert_ok(migrate(p, steps, 1));
    assert_int_equal(sql_number(p->config, "PRAGMA user_version"), 1);
    sql(p->config, "INSERT INTO a (y) VALUES ('two')");
    assert_ok(migrate(p, steps, 3));
    assert_int_equal(sql_number(p->config, "PRAGMA user_version"), 3);
    assert_int_equal(sql_number(p->config, "PRAGMA application_id"), 77);
    assert_int_equal(sql_number(p->config, "SELECT count(*) FROM b WHERE z = 7"), 2);
    assert_ok(migrate(p, steps, 3)); /* again: nothing to do */
    assert_int_equal(migrate(p, steps, 2), TG_ERR_INVALID);
}

static void an_upgrade_that_fails_changes_nothing(void **state) {
    place_t *p = *state;
    assert_ok(migrate(p, broken_steps, 1));
    assert_int_equal(migrate(p, broken_steps, 3), TG_ERR_BUG);
    assert_int_not_equal(p->fault.text[0], '\0');
    assert_int_equal(sql_number(p->config, "PRAGMA user_version"), 1);
    assert_int_equal(sql_number(p->config, "SELECT count(*) FROM a"), 0);
    remove(p->config);
    assert_ok(migrate(p, broken_bucket_steps, 1));
    assert_int_equal(migrate(p, broken_bucket_steps, 2), TG_ERR_BUG);
    assert_int_equal(sql_number(p->config, "SELECT count(*) FROM pragma_table_info('token_n')"), 1);
    assert_int_equal(sql_number(p->config, "SELECT count(*) FROM sqlite_schema"), 2);
    remove(p->config);
    assert_ok(migrate(p, dangling_steps, 1));
    assert_int_equal(migrate(p, dangling_steps, 2), TG_ERR_BUG);
    assert_int_equal(sql_number(p->config, "SELECT count(*) FROM p"), 1);
    assert_int_equal(sql_number(p->config, "PRAGMA user_version"), 1);
}

static void a_gateway_makes_no_schema(void **state) {
    place_t *p = *state;
    tg_config_store_t *s;
    sql(p->config, "PRAGMA application_id=1413964646; CREATE TABLE a (x); PRAGMA user_version=0");
    assert_int_equal(config_open(p, false, &s), TG_ERR_NOTFOUND);
    assert_int_equal(sql_number(p->config, "SELECT count(*) FROM sqlite_schema"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_embedded_steps_end_at_the_version_of_the_header),
        TEST(files_are_made_for_their_owner_alone),
        TEST(many_may_make_it_at_once),
        TEST(an_empty_file_is_as_none),
        TEST(a_newer_schema_is_refused_untouched),
        TEST(another_programs_database_is_refused_untouched),
        TEST(a_request_log_of_another_release_is_unavailable),
        TEST(the_request_log_does_not_hold_up_tokens),
        TEST(what_is_no_database_is_unavailable),
        TEST(bad_uris_are_told),
        TEST(an_audit_log_of_before_is_chained),
        TEST(the_audit_log_is_append_only),
        TEST(a_config_of_version_1_is_read),
        TEST(a_config_of_version_1_ends_as_a_new_one),
        TEST(tokens_of_version_1_are_read),
        TEST(tokens_of_version_1_end_as_new_ones),
        TEST(an_older_schema_is_upgraded_step_by_step),
        TEST(an_upgrade_that_fails_changes_nothing),
        TEST(a_gateway_makes_no_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
