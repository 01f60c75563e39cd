/* A store on a server: it goes away, comes back, hangs, refuses. Each call ends, says what it is, and the handle goes
 * on. */
#include "records.h"

#include <poll.h>
#include <time.h>

#define BUSY_MS 300

static int64_t now_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The handles of a test that wants short waits. */
static void reopen(fixture_t *f, int busy_ms) {
    f->config->ops->close(f->config);
    f->tokens->ops->close(f->tokens);
    f->config = config_open(f, false, busy_ms);
    f->tokens = tokens_open(f, false, busy_ms);
}

/* Until a call is answered again: a handle tries at most every 100 ms. */
static void recover(fixture_t *f) {
    int64_t seq;
    tg_err_t config = TG_ERR_UNAVAILABLE, tokens = TG_ERR_UNAVAILABLE;
    for (int i = 0; i < 300 && (config != TG_OK || tokens != TG_OK); i++) {
        config = f->config->ops->change_head(f->config, &seq);
        tokens = f->tokens->ops->change_head(f->tokens, &seq);
        assert_true(config == TG_OK || config == TG_ERR_UNAVAILABLE);
        assert_true(tokens == TG_OK || tokens == TG_ERR_UNAVAILABLE);
        usleep(config == TG_OK && tokens == TG_OK ? 0 : 50000);
    }
    assert_ok(config);
    assert_ok(tokens);
}

static void restart(int signal) {
    server_signal_stop(signal);
    server_run();
}

/* ---- gone and back ---- */

static void a_handle_outlives_its_server(void **state) {
    fixture_t *f = *state;
    tg_record_t found, r = record_of(1, hour), more = record_of(2, hour), next = record_of(3, next_hour);
    reopen(f, BUSY_MS);
    int64_t project = make(f->config, TG_RES_PROJECT, 0, "a");
    assert_ok(put(f->tokens, &r));
    for (int round = 0; round < 2; round++) {
        server_signal_stop(round == 0 ? SIGINT : SIGQUIT);
        assert_int_equal(f->tokens->ops->record_find(f->tokens, r.hash, hour, &f->arena, &found), TG_ERR_UNAVAILABLE);
        assert_int_equal(put(f->tokens, &more), TG_ERR_UNAVAILABLE);
        assert_true(f->tokens->fault.text[0] != '\0');
        assert_int_equal(f->config->ops->begin(f->config, 100), TG_ERR_UNAVAILABLE);
        f->config->ops->rollback(f->config);
        server_run();
        recover(f);
        assert_ok(f->tokens->ops->record_find(f->tokens, r.hash, hour, &f->arena, &found));
        same(&found, &r);
    }
    tg_resource_t row;
    assert_ok(f->config->ops->resource_get(f->config, project, &f->arena, &row));
    assert_ok(put(f->tokens, &more));
    assert_ok(put(f->tokens, &next)); /* a bucket that is new, on the new connection */
    make(f->config, TG_RES_PROJECT, 0, "b");
}

static void a_transaction_ends_with_its_connection(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_str_t value;
    int64_t seq;
    begin(s);
    assert_ok(s->ops->meta_put(s, TG_STR("half"), TG_STR("1")));
    restart(SIGINT);
    assert_int_equal(s->ops->meta_put(s, TG_STR("more"), TG_STR("1")), TG_ERR_UNAVAILABLE);
    assert_int_equal(s->ops->meta_get(s, TG_STR("half"), &f->arena, &value), TG_ERR_UNAVAILABLE); /* not on a new one */
    assert_int_equal(s->ops->commit(s), TG_ERR_UNAVAILABLE);
    recover(f);
    assert_int_equal(s->ops->meta_get(s, TG_STR("half"), &f->arena, &value), TG_ERR_NOTFOUND);
    assert_ok(s->ops->read_begin(s));
    restart(SIGINT);
    assert_int_equal(s->ops->change_head(s, &seq), TG_ERR_UNAVAILABLE);
    assert_int_equal(s->ops->change_head(s, &seq), TG_ERR_UNAVAILABLE); /* half a view is none */
    s->ops->read_end(s);
    recover(f);
}

/* What was reported before the server was killed is there when it comes back. */
static void what_was_reported_outlives_the_server(void **state) {
    fixture_t *f = *state;
    for (unsigned round = 0; round < 3; round++) {
        unsigned n = 0;
        for (; n < 40; n++) {
            tg_record_t r = record_of(round * 100 + n, hour);
            assert_ok(put(f->tokens, &r));
            assert_ok(write_one(f, write_on(TG_WRITE_END, r.hash, hour, NOW)));
        }
        restart(SIGQUIT); /* at once, without a checkpoint */
        recover(f);
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(get(f, record_of(round * 100 + i, hour).hash, hour).ended_at, NOW);
        }
        assert_int_equal(change_head(f), (round + 1) * n);
    }
}

/* ---- silent ---- */

/* A backend process of the server stops: its connection stays open and says nothing. */
static void backends_signal(const fixture_t *f, int signal) {
    char uri[256], sql[160];
    snprintf(uri, sizeof(uri), "postgresql://admin@127.0.0.1:%d/postgres", server.port);
    snprintf(sql, sizeof(sql), "SELECT pid FROM pg_stat_activity WHERE datname = '%s'", f->database);
    PGconn *c = PQconnectdb(uri);
    PGresult *r = PQexec(c, sql);
    for (int i = 0; i < PQntuples(r); i++) {
        assert_int_equal(kill((pid_t)strtol(PQgetvalue(r, i, 0), NULL, 10), signal), 0);
    }
    assert_true(PQntuples(r) > 0);
    PQclear(r);
    PQfinish(c);
}

static void a_silent_server_costs_a_bounded_time(void **state) {
    fixture_t *f = *state;
    tg_record_t found, r = record_of(1, hour), more = record_of(2, hour);
    tg_str_t value;
    reopen(f, BUSY_MS);
    assert_ok(put(f->tokens, &r));
    backends_signal(f, SIGSTOP);
    const int64_t from = now_ms();
    assert_int_equal(f->tokens->ops->record_find(f->tokens, r.hash, hour, &f->arena, &found), TG_ERR_UNAVAILABLE);
    assert_int_equal(f->config->ops->meta_get(f->config, TG_STR("a"), &f->arena, &value), TG_ERR_UNAVAILABLE);
    assert_true(now_ms() - from >= 2 * BUSY_MS); /* it was waited for: this test does test something */
    assert_true(strstr(f->tokens->fault.text, "in time") != NULL);
    recover(f); /* on other connections, while the old ones are still silent */
    assert_ok(put(f->tokens, &more));
    assert_ok(f->tokens->ops->record_find(f->tokens, r.hash, hour, &f->arena, &found));
    backends_signal(f, SIGCONT);
}

/* A writer that stands still inside its transaction holds the lock; the server ends it. */
static void a_writer_that_stands_still_is_cut_off(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *still = config_open(f, false, 100), *other = config_open(f, false, 30000);
    begin(still);
    assert_ok(still->ops->meta_put(still, TG_STR("half"), TG_STR("1")));
    assert_ok(other->ops->begin(other, 30000));
    assert_ok(other->ops->commit(other));
    assert_int_equal(still->ops->commit(still), TG_ERR_UNAVAILABLE);
    still->ops->close(still);
    other->ops->close(other);
}

/* A drop does not wait for a reader, and no reader waits behind it. */
static void a_bucket_in_use_is_dropped_later(void **state) {
    fixture_t *f = *state;
    tg_record_t found, r = record_of(1, hour), past = record_of(2, (tg_bucket_t){TG_BUCKET_HOUR, 5});
    int64_t dropped;
    char uri[256];
    assert_ok(put(f->tokens, &r));
    assert_ok(put(f->tokens, &past));
    snprintf(uri, sizeof(uri), "postgresql://admin@127.0.0.1:%d/%s", server.port, f->database);
    PGconn *reader = PQconnectdb(uri);
    PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM tollgate_tokens.token_h_5"));
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, NOW, &dropped));
    assert_int_equal(dropped, 0);
    assert_ok(f->tokens->ops->record_find(f->tokens, past.hash, past.bucket, &f->arena, &found));
    PQclear(PQexec(reader, "COMMIT"));
    PQfinish(reader);
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, NOW, &dropped));
    assert_int_equal(dropped, 1);
    assert_ok(f->tokens->ops->record_find(f->tokens, r.hash, hour, &f->arena, &found));
}

/* One node at a time tidies up; when that one dies, another one does. */
static void one_node_tidies_up_and_another_when_it_dies(void **state) {
    fixture_t *f = *state;
    tg_record_t past = record_of(1, (tg_bucket_t){TG_BUCKET_HOUR, 5}), r = record_of(2, hour);
    int64_t n = -1;
    char uri[256];
    assert_ok(put(f->tokens, &past));
    assert_ok(put(f->tokens, &r));
    snprintf(uri, sizeof(uri), "postgresql://admin@127.0.0.1:%d/%s", server.port, f->database);
    PGconn *busy = PQconnectdb(uri); /* a node in the middle of it */
    PQclear(PQexec(busy, "SELECT pg_advisory_lock(5523271, 3)"));
    for (int i = 0; i < 3; i++) {
        assert_ok(f->tokens->ops->buckets_drop(f->tokens, NOW, &n));
        assert_int_equal(n, 0);
        assert_ok(f->tokens->ops->buckets_make(f->tokens, NOW, &n));
        assert_int_equal(n, 0);
    }
    PQfinish(busy);
    server_sql("postgres", "DO $$BEGIN WHILE EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')"
                           " LOOP PERFORM pg_sleep(0.01); END LOOP; END$$");
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, NOW, &n));
    assert_int_equal(n, 1);
    assert_ok(f->tokens->ops->buckets_make(f->tokens, NOW, &n));
    assert_int_equal(n, 1);
    tg_token_store_t *other = tokens_open(f, false, 5000); /* the turn was given back */
    past = record_of(3, (tg_bucket_t){TG_BUCKET_HOUR, 6});
    assert_ok(put(other, &past));
    assert_ok(other->ops->buckets_drop(other, NOW, &n));
    assert_int_equal(n, 1);
    other->ops->close(other);
}

static int64_t asked(const fixture_t *f, const char *sql) {
    char uri[256];
    snprintf(uri, sizeof(uri), "postgresql://admin@127.0.0.1:%d/%s", server.port, f->database);
    PGconn *c = PQconnectdb(uri);
    PGresult *r = PQexec(c, sql);
    assert_int_equal(PQntuples(r), 1);
    int64_t value = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    PQfinish(c);
    return value;
}

static void the_request_log_is_known_to_the_planner(void **state) {
    static const char known[] = "SELECT reltuples FROM pg_class WHERE oid = 'tollgate_tokens.request'::regclass";
    fixture_t *f = *state;
    int64_t dropped;
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, NOW, &dropped));
    assert_int_equal(asked(f, known), -1);
    assert_ok(f->tokens->ops->request_put(f->tokens, &(tg_request_row_t){.at = NOW}, 1));
    assert_ok(f->tokens->ops->buckets_drop(f->tokens, NOW, &dropped));
    assert_int_equal(asked(f, known), 1);
}

/* ---- woken ---- */

/* Readable within a time that no poll of ours would take. */
static bool hears(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return fd >= 0 && poll(&p, 1, 10000) == 1;
}

/* The first call listens: what was before it may have been missed. */
static int token_fd_quiet(tg_token_store_t *s) {
    bool told;
    int64_t seq;
    (void)!s->ops->change_fd(s, &told);
    assert_ok(s->ops->change_head(s, &seq));
    int fd = s->ops->change_fd(s, &told);
    assert_false(told);
    return fd;
}

static void a_change_of_tokens_wakes_who_waits(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *reader = tokens_open(f, false, 5000);
    tg_record_t r = record_of(1, hour);
    bool told;
    assert_true(reader->ops->change_fd(reader, &told) >= 0);
    assert_true(told);
    for (unsigned round = 0; round < 2; round++) {
        int fd = token_fd_quiet(reader);
        r = record_of(round, hour);
        assert_ok(put(f->tokens, &r)); /* nobody must hear of it */
        assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 100), 0);
        assert_ok(write_one(f, write_on(TG_WRITE_END, r.hash, hour, NOW)));
        assert_true(hears(fd));
        assert_true(reader->ops->change_fd(reader, &told) >= 0);
        assert_true(told);
        reader->ops->change_fd(reader, &told);
        assert_false(told); /* said once */
        restart(SIGINT);    /* and on the next connection too */
        recover(&(fixture_t){.config = f->config, .tokens = reader});
        recover(f);
        assert_true(reader->ops->change_fd(reader, &told) >= 0);
        assert_true(told);
    }
    reader->ops->close(reader);
}

static void a_change_of_the_configuration_wakes_who_waits(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *reader = config_open(f, false, 5000), *s = f->config;
    bool told;
    int64_t seq;
    assert_true(reader->ops->change_fd(reader, &told) >= 0);
    assert_ok(reader->ops->change_head(reader, &seq));
    int fd = reader->ops->change_fd(reader, &told);
    assert_false(told);
    begin(s);
    assert_ok(s->ops->change_append(s, TG_CHANGE_CLIENTS, 0, TG_STR("")));
    commit(s);
    assert_true(hears(fd));
    assert_ok(reader->ops->change_head(reader, &seq)); /* a call that hears of it does not swallow it */
    assert_int_equal(seq, 1);
    reader->ops->change_fd(reader, &told);
    assert_true(told);
    assert_ok(reader->ops->read_begin(reader));
    assert_int_equal(reader->ops->change_fd(reader, &told), -1); /* not inside a view */
    reader->ops->read_end(reader);
    reader->ops->close(reader);
}

/* ---- refusing ---- */

static tg_err_t open_as(const fixture_t *f, const char *role, bool create, tg_token_store_t **tokens,
                        tg_config_store_t **config, tg_fault_t *fault) {
    char uri[256];
    const tg_store_options_t options = {.create = create, .busy_ms = 1000};
    *fault = (tg_fault_t){.field = ""};
    snprintf(uri, sizeof(uri), "postgres://%s@127.0.0.1:%d/%s", role, server.port, f->database);
    tg_err_t err = tg_token_store_open(tg_str(uri), &options, tokens, fault);
    return err != TG_OK ? err : tg_config_store_open(tg_str(uri), &options, config, fault);
}

static void a_newer_database_is_refused_by_name(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *tokens;
    tg_config_store_t *config;
    tg_fault_t fault;
    server_sql(f->database, "UPDATE tollgate_tokens.schema_version SET version = 77");
    assert_int_equal(open_as(f, "admin", true, &tokens, &config, &fault), TG_ERR_INVALID);
    assert_non_null(strstr(fault.text, "tollgate_tokens has version 77, this release knows"));
    server_sql(f->database, "UPDATE tollgate_tokens.schema_version SET version = 0");
    assert_int_equal(open_as(f, "admin", false, &tokens, &config, &fault), TG_ERR_NOTFOUND);
    server_sql(f->database, "DROP TABLE tollgate_tokens.schema_version");
    assert_int_equal(open_as(f, "admin", true, &tokens, &config, &fault), TG_ERR_INVALID);
    assert_non_null(strstr(fault.text, "but not Tollgate's"));
}

static void many_that_open_a_new_database_make_it_once(void **state) {
    fixture_t *f = *state;
    fixture_t fresh = {.uri = ""};
    (void)f;
    place_make(&fresh);
    for (int i = 0; i < 6; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            tg_token_store_t *tokens;
            tg_config_store_t *config;
            tg_fault_t fault;
            tg_err_t err = open_as(&fresh, "admin", true, &tokens, &config, &fault);
            if (err != TG_OK) {
                fprintf(stderr, "%s\n", fault.text);
            }
            _exit(-err);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    place_remove(&fresh);
}

static void a_database_that_may_not_be_written_is_read(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *tokens;
    tg_config_store_t *config;
    tg_fault_t fault;
    tg_record_t found, r = record_of(1, hour), more = record_of(2, hour);
    int64_t dropped;
    assert_ok(put(f->tokens, &r));
    make(f->config, TG_RES_PROJECT, 0, "a");
    server_sql(f->database, "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA tollgate, tollgate_tokens TO reader;"
                            " GRANT SELECT ON ALL TABLES IN SCHEMA tollgate, tollgate_tokens TO reader");
    assert_ok(open_as(f, "reader", true, &tokens, &config, &fault));
    assert_ok(tokens->ops->record_find(tokens, r.hash, hour, &f->arena, &found));
    assert_int_equal(put(tokens, &more), TG_ERR_UNAVAILABLE);
    assert_non_null(strstr(tokens->fault.text, "permission denied"));
    more.bucket = never; /* nor does it make a table */
    assert_int_equal(put(tokens, &more), TG_ERR_UNAVAILABLE);
    assert_int_equal(config->ops->begin(config, 100), TG_ERR_UNAVAILABLE);
    assert_ok(tokens->ops->record_find(tokens, r.hash, hour, &f->arena, &found));
    assert_ok(tokens->ops->buckets_drop(tokens, 0, &dropped) == TG_ERR_UNAVAILABLE ? TG_OK : TG_ERR_BUG);
    tokens->ops->close(tokens);
    config->ops->close(config);
    server_sql(f->database, "DROP OWNED BY reader; DROP ROLE reader");
}

/* libpq shows what it could not read. */
static void a_password_is_in_no_message(void **state) {
    static const char *const uris[] = {"postgresql://u:s3cret@127.0.0.1:1/x", "postgresql://u:s3cret@[::1/x",
                                       "postgresql://u:s3cret@h:port/x?nonsense=1",
                                       "postgresql://h/x?password=s3cret&nonsense=1", "postgresq1://u:s3cret@h/x"};
    (void)state;
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        tg_token_store_t *s;
        tg_fault_t fault = {.field = ""};
        tg_buf_t shown;
        char mem[200];
        tg_buf_init_fixed(&shown, mem, sizeof(mem));
        tg_err_t err = tg_token_store_open(tg_str(uris[i]), &(tg_store_options_t){.busy_ms = 100}, &s, &fault);
        assert_int_equal(err, i == 0 ? TG_ERR_UNAVAILABLE : TG_ERR_INVALID);
        assert_true(fault.text[0] != '\0');
        assert_null(strstr(fault.text, "s3cret"));
        tg_store_uri_write(tg_str(uris[i]), &shown);
        tg_buf_putc(&shown, '\0');
        assert_null(strstr(mem, "s3cret"));
    }
}

/* Texts that the database cannot hold: nothing has such a name, and nothing can get it. */
static void what_is_no_text_is_not_found(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_resource_t r, *rows;
    tg_live_client_t live;
    size_t n;
    int64_t id, total, seq;
    const tg_str_t odd[] = {tg_strn("a\0b", 3), TG_STR("\xff\xfe"), TG_STR("\xc0\x80")};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s->ops->resource_find(s, TG_RES_PROJECT, 0, odd[i], &f->arena, &r), TG_ERR_NOTFOUND);
        assert_ok(s->ops->resource_list(s, &(tg_resource_query_t){.kind = TG_RES_PROJECT, .q = odd[i]}, &f->arena,
                                        &rows, &n, &total));
        assert_true(n == 0 && total == 0);
        assert_ok(s->ops->client_live(s, 1, TG_CLIENT_APPLICATION, odd[i], &live, &seq));
        assert_false(live.exists);
        begin(s);
        assert_int_equal(s->ops->resource_create(s, TG_RES_PROJECT, 0, odd[i], TG_STR("{}"), NOW, &id), TG_ERR_INVALID);
        s->ops->rollback(s);
        tg_record_t record = record_of((unsigned)i, hour); /* what clients send may be any bytes */
        record.subject = record.client_id = odd[i];
        assert_ok(put(f->tokens, &record));
        tg_record_t found = get(f, record.hash, hour);
        same(&found, &record);
    }
}

/* ---- batches ---- */

/* Writes that name one record by either of its hashes follow each other, in whatever order they come. */
static void one_record_by_two_names_in_one_batch(void **state) {
    fixture_t *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        tg_record_t a = record_of(10 * i + 1, hour), b = successor_of(&a, 10 * i + 2, day),
                    c = successor_of(&b, 10 * i + 3, day), plain = record_of(10 * i + 4, hour);
        assert_ok(put(f->tokens, &a));
        assert_ok(put(f->tokens, &plain));
        tg_write_t w[] = {write_on(TG_WRITE_END, i == 0 ? a.hash : plain.hash, hour, NOW),
                          write_refresh(&a, &b, NOW + 1),
                          write_on(TG_WRITE_USED, a.hash, hour, NOW + 2),
                          write_refresh(&b, &c, NOW + 3),
                          write_on(TG_WRITE_END, b.hash, day, NOW + 4),
                          write_on(TG_WRITE_END, c.hash, day, NOW + 5)};
        const tg_err_t ended = i == 0 ? TG_ERR_NOTFOUND : TG_OK;
        const tg_err_t expected[] = {TG_OK, ended, ended, ended, ended, ended};
        assert_ok(f->tokens->ops->write_many(f->tokens, w, 6, &f->arena));
        for (size_t k = 0; k < 6; k++) {
            assert_int_equal(w[k].result, expected[k]);
        }
        assert_int_equal(get(f, a.hash, hour).ended_at, i == 0 ? NOW : NOW + 1);
        if (i == 1) {
            assert_int_equal(get(f, a.hash, hour).successor_used_at, NOW + 2);
            assert_int_equal(get(f, b.hash, day).ended_at, NOW + 3);
            assert_int_equal(get(f, c.hash, day).ended_at, NOW + 5);
        }
    }
}

/* Another node has dropped what this one knows. */
static void a_batch_goes_on_when_its_tables_have_gone(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *other = tokens_open(f, false, 5000);
    tg_record_t a = record_of(1, hour), b = record_of(2, hour), c = record_of(3, day);
    int64_t dropped;
    assert_ok(put(f->tokens, &a));
    assert_ok(write_one(f, write_on(TG_WRITE_END, a.hash, hour, NOW)));
    assert_ok(other->ops->buckets_drop(other, tg_bucket_end(hour), &dropped));
    assert_int_equal(dropped, 1);
    tg_write_t w[] = {write_on(TG_WRITE_END, a.hash, hour, NOW), write_put(&b), write_put(&c)};
    assert_ok(f->tokens->ops->write_many(f->tokens, w, 3, &f->arena));
    assert_int_equal(w[0].result, TG_ERR_NOTFOUND);
    assert_ok(w[1].result);
    assert_ok(w[2].result);
    assert_int_equal(get(f, b.hash, hour).ended_at, 0);
    other->ops->close(other);
}

/* ---- upgrading ---- */

/* A database as this step of the schema left it. */
static void config_of_step_1(const fixture_t *f) {
    char path[512];
    size_t size = 0;
    char *step = NULL, *sql;
    snprintf(path, sizeof(path), "%s/migrations/postgres/config/0001_initial.sql",
             getenv("TG_SOURCE") != NULL ? getenv("TG_SOURCE") : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(getdelim(&step, &size, '\0', file) > 0);
    fclose(file);
    assert_true(asprintf(&sql,
                         "CREATE SCHEMA tollgate; SET search_path = tollgate;"
                         "CREATE TABLE schema_version (version int NOT NULL); INSERT INTO schema_version VALUES (1);%s",
                         step) > 0);
    server_sql(f->database, sql);
    free(step);
    free(sql);
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
    fixture_t *f = *state, old = {.uri = ""};
    tg_audit_t *audit;
    size_t n;
    place_make(&old);
    config_of_step_1(&old);
    server_sql(old.database,
               "INSERT INTO tollgate.audit OVERRIDING SYSTEM VALUE VALUES"
               "(3, 5, 'admin', 'POST /apiops/projects/', '', '{\"name\":\"shop\"}'),"
               "(4, 6, 'admin', 'DELETE /apiops/projects/shop/', '{\"name\":\"sh\u00f6p, \\\\ 2:x\"}', ''),"
               "(9, 7, '', 'PUT /apiops/projects/shop/apiProxies/x/', '{}', '{}'),"
               "(10, 8, 'x', 'PUT /apiops/environments/shop/', '', ''),"
               "(11, 9, 'x', 'PUT /apiops/projects/a.b', '', '')");
    tg_config_store_t *s = config_open(&old, true, 5000);
    begin(s);
    assert_ok(s->ops->audit_append(s, &(tg_audit_t){.at = 10, .who = TG_STR("new")}));
    commit(s);
    assert_ok(s->ops->audit_list(s, 0, 10, &f->arena, &audit, &n));
    assert_int_equal(n, 6);
    assert_chained(audit, n);
    for (size_t i = 0; i < 5; i++) {
        assert_text(audit[5 - i].project, projects[i]);
    }
    s->ops->close(s);
    place_remove(&old);
}

static void server_refuses(const char *database, const char *sql) {
    char uri[256];
    snprintf(uri, sizeof(uri), "postgresql://admin@127.0.0.1:%d/%s", server.port, database);
    PGconn *c = PQconnectdb(uri);
    PGresult *r = PQexec(c, sql);
    assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
    assert_non_null(strstr(PQerrorMessage(c), "append-only"));
    PQclear(r);
    PQfinish(c);
}

static void the_audit_log_is_append_only(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_audit_t *audit;
    size_t n;
    begin(s);
    for (int i = 0; i < 3; i++) {
        assert_ok(s->ops->audit_append(s, &(tg_audit_t){.at = i}));
    }
    commit(s);
    server_refuses(f->database, "UPDATE tollgate.audit SET who = 'x' WHERE seq = 2");
    server_refuses(f->database, "DELETE FROM tollgate.audit WHERE seq = 3");
    server_refuses(f->database, "TRUNCATE tollgate.audit");
    /* A row that is taken off the end leaves a gap all the same. */
    server_sql(f->database,
               "DROP TRIGGER audit_not_changed ON tollgate.audit; DELETE FROM tollgate.audit WHERE seq = 3");
    begin(s);
    assert_ok(s->ops->audit_append(s, &(tg_audit_t){.at = 9}));
    commit(s);
    assert_ok(s->ops->audit_list(s, 0, 10, &f->arena, &audit, &n));
    assert_int_equal(n, 3);
    assert_int_equal(audit[0].seq, 4);
    assert_int_equal(audit[1].seq, 2);
    assert_memory_equal(audit[0].previous, audit[1].hash, TG_AUDIT_HASH_LEN);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(a_handle_outlives_its_server),
    CONTRACT(a_transaction_ends_with_its_connection),
    CONTRACT(what_was_reported_outlives_the_server),
    CONTRACT(a_silent_server_costs_a_bounded_time),
    CONTRACT(a_writer_that_stands_still_is_cut_off),
    CONTRACT(a_bucket_in_use_is_dropped_later),
    CONTRACT(one_node_tidies_up_and_another_when_it_dies),
    CONTRACT(the_request_log_is_known_to_the_planner),
    CONTRACT(a_change_of_tokens_wakes_who_waits),
    CONTRACT(a_change_of_the_configuration_wakes_who_waits),
    CONTRACT(a_newer_database_is_refused_by_name),
    CONTRACT(many_that_open_a_new_database_make_it_once),
    CONTRACT(a_database_that_may_not_be_written_is_read),
    CONTRACT(a_password_is_in_no_message),
    CONTRACT(what_is_no_text_is_not_found),
    CONTRACT(one_record_by_two_names_in_one_batch),
    CONTRACT(a_batch_goes_on_when_its_tables_have_gone),
    CONTRACT(an_audit_log_of_before_is_chained),
    CONTRACT(the_audit_log_is_append_only),
};

int main(void) {
    size_t n;
    const tg_store_backend_t *const *all = tg_store_backends(&n);
    for (size_t i = 0; i < n; i++) {
        backend = all[i];
        if (on_server()) {
            return cmocka_run_group_tests_name(backend->scheme, tests, NULL, NULL);
        }
    }
    return 1;
}
