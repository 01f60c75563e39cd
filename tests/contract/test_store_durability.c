/* Backends that outlive the process: what was reported is there after kill -9, and a store that cannot write says so.
 */
#include "fixture.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define BATCH  16
#define NOBODY 65534

static const tg_bucket_t hour = {TG_BUCKET_HOUR, 492777};

static tg_record_t record_of(uint32_t batch, uint32_t number) {
    tg_record_t r = {
        .bucket = hour, .environment_id = 1, .client_kind = TG_CLIENT_APPLICATION, .client_id = TG_STR("a")};
    memcpy(r.hash, &batch, sizeof(batch));
    memcpy(r.hash + 8, &number, sizeof(number));
    return r;
}

static tg_err_t batch_put(tg_token_store_t *s, uint32_t batch) {
    tg_record_t rows[BATCH];
    const tg_record_t *list[BATCH];
    tg_err_t results[BATCH];
    for (uint32_t i = 0; i < BATCH; i++) {
        rows[i] = record_of(batch, i);
        list[i] = &rows[i];
    }
    return s->ops->record_put(s, list, BATCH, results);
}

/* How many records of a batch are there. */
static unsigned batch_count(fixture_t *f, tg_token_store_t *s, uint32_t batch) {
    unsigned n = 0;
    for (uint32_t i = 0; i < BATCH; i++) {
        tg_record_t found, r = record_of(batch, i);
        tg_err_t err = s->ops->record_find(s, r.hash, hour, &f->arena, &found);
        assert_true(err == TG_OK || err == TG_ERR_NOTFOUND);
        n += err == TG_OK;
    }
    return n;
}

/* ---- kill -9 ---- */

/* Runs `work` in a child that reports each committed number on a pipe; kills it after a while; returns how many were
 * reported. */
static uint32_t killed_while(fixture_t *f, void (*work)(fixture_t *f, int report), unsigned after_us) {
    int report[2];
    uint32_t last = 0, number;
    assert_int_equal(pipe(report), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        work(f, report[1]);
        _exit(1);
    }
    close(report[1]);
    assert_int_equal(read(report[0], &number, sizeof(number)), sizeof(number)); /* it has begun */
    last = number;
    usleep(after_us);
    kill(pid, SIGKILL);
    while (read(report[0], &number, sizeof(number)) == sizeof(number)) {
        assert_int_equal(number, last + 1);
        last = number;
    }
    close(report[0]);
    waitpid(pid, NULL, 0);
    if (on_server()) {
        server_settle(f->database);
    }
    return last;
}

static void put_batches(fixture_t *f, int report) {
    tg_token_store_t *s;
    if (tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 5000}, &s, NULL) != TG_OK) {
        return;
    }
    for (uint32_t n = 1; batch_put(s, n) == TG_OK && write(report, &n, sizeof(n)) == sizeof(n); n++) {
    }
}

static void what_was_reported_outlives_a_kill(void **state) {
    fixture_t *f = *state;
    static const unsigned delays[] = {1000, 7000, 20000, 45000, 90000};
    f->tokens->ops->close(f->tokens); /* the last handle of all: recovery is complete */
    for (size_t i = 0; i < 5; i++) {
        uint32_t last = killed_while(f, put_batches, delays[i]);
        f->tokens = tokens_open(f, false, 5000);
        for (uint32_t n = 1; n <= last; n++) {
            assert_int_equal(batch_count(f, f->tokens, n), BATCH);
        }
        unsigned torn = batch_count(f, f->tokens, last + 1);
        assert_true(torn == 0 || torn == BATCH); /* committed, not reported: whole or not at all */
        assert_int_equal(batch_count(f, f->tokens, last + 2), 0);
        int64_t dropped;
        assert_ok(f->tokens->ops->buckets_drop(f->tokens, tg_bucket_end(hour), &dropped));
        f->tokens->ops->close(f->tokens);
    }
    f->tokens = tokens_open(f, false, 5000);
}

/* ---- kill -9 in the middle of batches of all kinds ---- */

#define KINDS 5

/* Number n of a chain: refreshes n - 1, so that each batch ends what the one before has made. */
static tg_err_t mixed_write(tg_token_store_t *s, uint32_t n) {
    tg_arena_t arena;
    tg_record_t old = record_of(n - 1, 0), successor = record_of(n, 0), single = record_of(n, 1);
    const tg_str_t client = TG_STR("a");
    old.has_refresh = successor.has_refresh = true;
    memcpy(old.refresh_hash, old.hash, 32);
    memcpy(successor.refresh_hash, successor.hash, 32);
    tg_write_t w[KINDS] = {
        {.kind = n == 1 ? TG_WRITE_PUT : TG_WRITE_REFRESH, .record = &successor, .bucket = hour, .at = NOW},
        {.kind = TG_WRITE_PUT, .record = &single},
        {.kind = TG_WRITE_END, .bucket = hour, .at = NOW},
        {.kind = TG_WRITE_EPOCH, .environment_id = 1, .client_kind = TG_CLIENT_APPLICATION, .client_id = client},
        {.kind = TG_WRITE_REVOCATION,
         .environment_id = 1,
         .client_kind = TG_CLIENT_APPLICATION,
         .client_id = client,
         .until = NOW + 1000,
         .capacity = 1000000,
         .at = NOW},
    };
    memcpy(w[0].hash, old.refresh_hash, 32);
    memcpy(w[2].hash, single.hash, 32);
    memcpy(w[4].revocation, &n, sizeof(n));
    tg_arena_init(&arena, 65536);
    tg_err_t err = s->ops->write_many(s, w, KINDS, &arena);
    for (size_t i = 0; i < KINDS && err == TG_OK; i++) {
        err = w[i].result;
    }
    tg_arena_release(&arena);
    return err;
}

static void write_mixed(fixture_t *f, int report) {
    tg_token_store_t *s;
    if (tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 5000}, &s, NULL) != TG_OK) {
        return;
    }
    for (uint32_t n = 1; mixed_write(s, n) == TG_OK && write(report, &n, sizeof(n)) == sizeof(n); n++) {
    }
}

/* All of a chain of n batches, and of its feed: an end, an epoch and a revocation each, a refresh from the second on.
 */
static void chain_check(fixture_t *f, uint32_t n) {
    tg_token_store_t *s = f->tokens;
    tg_record_t found;
    tg_token_change_t *rows;
    tg_revocation_t *list;
    size_t n_rows, n_list;
    int64_t seq, epoch;
    for (uint32_t i = 1; i <= n; i++) {
        tg_record_t link = record_of(i, 0), single = record_of(i, 1), next = record_of(i + 1, 0);
        assert_ok(s->ops->record_find(s, link.hash, hour, &f->arena, &found));
        assert_int_equal(found.has_successor, i < n);
        if (i < n) {
            assert_memory_equal(found.successor, next.hash, 32);
        }
        assert_ok(s->ops->record_find(s, single.hash, hour, &f->arena, &found));
        assert_int_equal(found.ended_at, NOW);
    }
    assert_int_equal(s->ops->record_find(s, record_of(n + 1, 1).hash, hour, &f->arena, &found), TG_ERR_NOTFOUND);
    assert_ok(s->ops->revocation_list(s, 1, NOW, &f->arena, &list, &n_list, &seq));
    assert_int_equal(n_list, n);
    assert_int_equal(seq, n == 0 ? 0 : 4 * (int64_t)n - 1);
    assert_ok(s->ops->change_read(s, 0, 4 * (size_t)n + 1, &f->arena, &rows, &n_rows));
    assert_int_equal(n_rows, seq);
    for (size_t i = 0; i < n_rows; i++) {
        assert_int_equal(rows[i].seq, i + 1);
    }
    assert_ok(s->ops->epoch_get(s, 1, TG_CLIENT_APPLICATION, TG_STR("a"), TG_STR_NONE, &epoch));
    assert_int_equal(epoch, n == 0 ? 0 : seq - 1);
}

static void mixed_batches_outlive_a_kill_as_a_whole(void **state) {
    fixture_t *f = *state;
    uint32_t last = killed_while(f, write_mixed, 40000);
    tg_record_t found;
    tg_err_t more = f->tokens->ops->record_find(f->tokens, record_of(last + 1, 0).hash, hour, &f->arena, &found);
    chain_check(f, last + (more == TG_OK)); /* the one that was committed and not reported as well */
    f->tokens->ops->close(f->tokens);
    f->tokens = tokens_open(f, false, 5000);
    chain_check(f, last + (more == TG_OK));
}

static void put_configuration(fixture_t *f, int report) {
    tg_config_store_t *s;
    if (tg_config_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 5000}, &s, NULL) != TG_OK) {
        return;
    }
    for (uint32_t n = 1;; n++) {
        char name[32];
        int64_t id;
        snprintf(name, sizeof(name), "p%u", n);
        if (s->ops->begin(s, 5000) != TG_OK ||
            s->ops->resource_create(s, TG_RES_PROJECT, 0, tg_str(name), TG_STR("{}"), NOW, &id) != TG_OK ||
            s->ops->change_append(s, TG_CHANGE_SNAPSHOT, 0, tg_str(name)) != TG_OK || s->ops->commit(s) != TG_OK ||
            write(report, &n, sizeof(n)) != sizeof(n)) {
            return;
        }
    }
}

static void configuration_outlives_a_kill_as_a_whole(void **state) {
    fixture_t *f = *state;
    uint32_t last = killed_while(f, put_configuration, 30000);
    tg_config_store_t *s = f->config;
    tg_resource_t *rows;
    size_t n;
    int64_t total, head;
    assert_ok(s->ops->resource_list(s, &(tg_resource_query_t){.kind = TG_RES_PROJECT}, &f->arena, &rows, &n, &total));
    assert_ok(s->ops->change_head(s, &head));
    assert_true(total == last || total == last + 1);
    assert_int_equal(head, total);
    begin(s); /* the lock of the killed writer is free */
    commit(s);
}

static void die_inside_a_transaction(fixture_t *f, int report) {
    tg_config_store_t *s;
    uint32_t one = 1;
    if (tg_config_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 5000}, &s, NULL) == TG_OK &&
        s->ops->begin(s, 1000) == TG_OK && s->ops->meta_put(s, TG_STR("half"), TG_STR("1")) == TG_OK &&
        write(report, &one, sizeof(one)) == sizeof(one)) {
        pause();
    }
}

static void a_killed_transaction_leaves_nothing(void **state) {
    fixture_t *f = *state;
    tg_str_t value;
    killed_while(f, die_inside_a_transaction, 1000);
    assert_int_equal(f->config->ops->meta_get(f->config, TG_STR("half"), &f->arena, &value), TG_ERR_NOTFOUND);
    assert_ok(f->config->ops->begin(f->config, 0));
    commit(f->config);
}

/* ---- two planes ---- */

static void a_reader_goes_on_while_another_process_writes(void **state) {
    fixture_t *f = *state;
    int report[2];
    assert_int_equal(pipe(report), 0);
    pid_t pid = fork();
    if (pid == 0) {
        put_configuration(f, report[1]);
        _exit(1);
    }
    close(report[1]);
    tg_config_store_t *gateway = config_open(f, false, 5000);
    int64_t head = 0, before = 0;
    while (head < 50) {
        tg_live_client_t live;
        int64_t seq;
        assert_ok(gateway->ops->change_head(gateway, &head));
        assert_true(head >= before);
        assert_ok(gateway->ops->client_live(gateway, 1, TG_CLIENT_APPLICATION, TG_STR("a"), &live, &seq));
        assert_true(seq >= head);
        before = head;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(report[0]);
    gateway->ops->close(gateway);
}

static void content_is_there_after_everyone_closed(void **state) {
    fixture_t *f = *state;
    tg_resource_t r;
    int64_t id = make(f->config, TG_RES_PROJECT, 0, "shop");
    assert_ok(batch_put(f->tokens, 1));
    f->config->ops->close(f->config);
    f->tokens->ops->close(f->tokens);
    f->config = config_open(f, false, 1000);
    f->tokens = tokens_open(f, false, 1000);
    assert_ok(f->config->ops->resource_get(f->config, id, &f->arena, &r));
    assert_int_equal(batch_count(f, f->tokens, 1), BATCH);
}

/* ---- a store that cannot write ---- */

/* A test whose child changes its own rights or limits: asserts inside end the child with a message. */
static void in_child(fixture_t *f, void (*work)(fixture_t *f)) {
    pid_t pid = fork();
    int status;
    assert_true(pid >= 0);
    if (pid == 0) {
        work(f);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(status, 0);
}

#define CHILD(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static tg_err_t project_make(tg_config_store_t *s, const char *name) {
    int64_t id;
    tg_err_t err = s->ops->begin(s, 100);
    if (err == TG_OK) {
        err = s->ops->resource_create(s, TG_RES_PROJECT, 0, tg_str(name), TG_STR("{}"), NOW, &id);
        if (err == TG_OK) {
            err = s->ops->commit(s);
        } else {
            s->ops->rollback(s);
        }
    }
    return err;
}

static int mode_take(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)type, (void)ftw;
    return chmod(path, st->st_mode & 07555);
}

static int owner_set(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return chown(path, NOBODY, NOBODY);
}

static void work_read_only(fixture_t *f) {
    tg_config_store_t *before, *after;
    tg_token_store_t *tokens;
    tg_resource_t r;
    tg_request_row_t *requests;
    size_t n;
    const tg_store_options_t existing = {.busy_ms = 100};
    CHILD(geteuid() != 0 || (setgid(NOBODY) == 0 && setuid(NOBODY) == 0));
    CHILD(tg_config_store_open(tg_str(f->uri), &existing, &before, NULL) == TG_OK);
    CHILD(tg_token_store_open(tg_str(f->uri), &existing, &tokens, NULL) == TG_OK);
    CHILD(before->ops->resource_find(before, TG_RES_PROJECT, 0, TG_STR("shop"), &f->arena, &r) == TG_OK);
    CHILD(nftw(f->dir, mode_take, 16, FTW_PHYS | FTW_DEPTH) == 0);
    /* reads go on, also on look-ups that have not been made before; what needs writing says so */
    CHILD(before->ops->resource_find(before, TG_RES_PROJECT, 0, TG_STR("shop"), &f->arena, &r) == TG_OK);
    CHILD(before->ops->resource_find(before, TG_RES_PROJECT, 0, TG_STR("none"), &f->arena, &r) == TG_ERR_NOTFOUND);
    CHILD(batch_count(f, tokens, 1) == BATCH);
    CHILD(project_make(before, "late") == TG_ERR_UNAVAILABLE);
    CHILD(before->fault.text[0] != '\0');
    CHILD(batch_put(tokens, 2) == TG_ERR_UNAVAILABLE);
    CHILD(tokens->ops->request_list(tokens, &(tg_request_query_t){.limit = 5}, &f->arena, &requests, &n) == TG_OK);
    CHILD(n == 0);
    CHILD(tokens->ops->request_put(tokens, &(tg_request_row_t){.at = NOW}, 1) == TG_ERR_UNAVAILABLE);
    CHILD(tokens->fault.text[0] != '\0');
    CHILD(tg_config_store_open(tg_str(f->uri), &existing, &after, NULL) == TG_OK);
    CHILD(after->ops->resource_find(after, TG_RES_PROJECT, 0, TG_STR("shop"), &f->arena, &r) == TG_OK);
    CHILD(project_make(after, "late") == TG_ERR_UNAVAILABLE);
    CHILD(after->ops->resource_find(after, TG_RES_PROJECT, 0, TG_STR("late"), &f->arena, &r) == TG_ERR_NOTFOUND);
    after->ops->close(after);
    before->ops->close(before);
    tokens->ops->close(tokens);
}

static void files_only(void) {
    if (on_server()) {
        skip(); /* its files are not ours; see test_store_server.c */
    }
}

static void a_read_only_directory_is_read(void **state) {
    fixture_t *f = *state;
    files_only();
    assert_ok(project_make(f->config, "shop"));
    assert_ok(batch_put(f->tokens, 1));
    f->config->ops->close(f->config);
    f->tokens->ops->close(f->tokens);
    if (geteuid() == 0) {
        assert_int_equal(nftw(f->dir, owner_set, 16, FTW_PHYS), 0);
    }
    in_child(f, work_read_only);
    char store[96];
    snprintf(store, sizeof(store), "%s/store", f->dir);
    chmod(f->dir, 0700);
    chmod(store, 0700);
    fixture_t fresh = {.uri = ""};
    place_make(&fresh);
    f->config = config_open(&fresh, true, 1000);
    f->tokens = tokens_open(&fresh, true, 1000);
    place_remove(&fresh);
}

/* Writes until the disk is full, then checks that all that was reported is there and nothing else. */
static void fill_and_check(fixture_t *f, void (*make_room)(void)) {
    tg_token_store_t *s;
    uint32_t last = 0;
    tg_err_t err = TG_OK;
    CHILD(tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.create = true, .busy_ms = 100}, &s, NULL) ==
          TG_OK);
    while (err == TG_OK && last < 100000) {
        err = batch_put(s, last + 1);
        last += err == TG_OK;
    }
    CHILD(err == TG_ERR_UNAVAILABLE);
    CHILD(last > 0);
    CHILD(s->fault.text[0] != '\0');
    CHILD(batch_put(s, last + 1) == TG_ERR_UNAVAILABLE);
    for (uint32_t n = 1; n <= last; n++) {
        CHILD(batch_count(f, s, n) == BATCH);
    }
    CHILD(batch_count(f, s, last + 1) == 0);
    make_room();
    CHILD(batch_put(s, last + 1) == TG_OK); /* and it recovers by itself */
    CHILD(batch_count(f, s, last + 1) == BATCH);
    s->ops->close(s);
    CHILD(tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 100}, &s, NULL) == TG_OK);
    for (uint32_t n = 1; n <= last + 1; n++) {
        CHILD(batch_count(f, s, n) == BATCH);
    }
    s->ops->close(s);
}

static void limit_lift(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void work_file_limit(fixture_t *f) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 1u << 20;
    CHILD(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signal(SIGXFSZ, SIG_IGN);
    fill_and_check(f, limit_lift);
}

static void a_file_that_may_not_grow_is_unavailable(void **state) {
    files_only();
    in_child(*state, work_file_limit);
}

static char full_disk[96];

static void disk_grow(void) {
    CHILD(mount("tmpfs", full_disk, "tmpfs", MS_REMOUNT, "size=64m") == 0);
}

static void work_full_disk(fixture_t *f) {
    snprintf(full_disk, sizeof(full_disk), "%s/full", f->dir);
    if (unshare(CLONE_NEWNS) != 0 || mkdir(full_disk, 0700) != 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", full_disk, "tmpfs", 0, "size=2m") != 0) {
        _exit(77);
    }
    snprintf(f->uri, sizeof(f->uri), "%s:%s", backend->scheme, full_disk);
    fill_and_check(f, disk_grow);
}

static void a_full_disk_is_unavailable(void **state) {
    files_only();
    if (geteuid() != 0) {
        skip(); /* needs a small file system of its own */
    }
    in_child(*state, work_full_disk);
}

static void work_full_config(fixture_t *f) {
    struct rlimit limit;
    tg_config_store_t *s;
    tg_resource_t r;
    size_t n = 4u << 20;
    char *big = malloc(n);
    int64_t environment;
    CHILD(big != NULL);
    memset(big, 'x', n);
    CHILD(tg_config_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 100}, &s, NULL) == TG_OK);
    CHILD(s->ops->begin(s, 100) == TG_OK);
    CHILD(s->ops->resource_create(s, TG_RES_ENVIRONMENT, 0, TG_STR("e"), TG_STR("{}"), NOW, &environment) == TG_OK);
    CHILD(s->ops->commit(s) == TG_OK);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 1u << 20;
    CHILD(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    signal(SIGXFSZ, SIG_IGN);
    CHILD(s->ops->begin(s, 100) == TG_OK);
    CHILD(s->ops->meta_put(s, TG_STR("half"), TG_STR("1")) == TG_OK);
    tg_err_t err = s->ops->snapshot_put(s, environment, 1, tg_strn(big, n));
    if (err == TG_OK) {
        err = s->ops->commit(s);
    } else {
        s->ops->rollback(s);
    }
    CHILD(err == TG_ERR_UNAVAILABLE);
    tg_str_t value;
    CHILD(s->ops->meta_get(s, TG_STR("half"), &f->arena, &value) == TG_ERR_NOTFOUND);
    CHILD(s->ops->resource_get(s, environment, &f->arena, &r) == TG_OK);
    CHILD(s->ops->begin(s, 0) == TG_OK); /* the lock was given back */
    CHILD(s->ops->meta_put(s, TG_STR("small"), TG_STR("1")) == TG_OK);
    CHILD(s->ops->commit(s) == TG_OK);
    s->ops->close(s);
    free(big);
}

static void a_transaction_that_does_not_fit_leaves_nothing(void **state) {
    files_only();
    in_child(*state, work_full_config);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(what_was_reported_outlives_a_kill),
    CONTRACT(mixed_batches_outlive_a_kill_as_a_whole),
    CONTRACT(configuration_outlives_a_kill_as_a_whole),
    CONTRACT(a_killed_transaction_leaves_nothing),
    CONTRACT(a_reader_goes_on_while_another_process_writes),
    CONTRACT(content_is_there_after_everyone_closed),
    CONTRACT(a_read_only_directory_is_read),
    CONTRACT(a_file_that_may_not_grow_is_unavailable),
    CONTRACT(a_full_disk_is_unavailable),
    CONTRACT(a_transaction_that_does_not_fit_leaves_nothing),
};

CONTRACT_MAIN(tests, true)
