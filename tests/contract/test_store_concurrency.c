/* Many writers at once, each with a handle of its own: they wait for each other and nothing is lost. */
#include "fixture.h"

#include <pthread.h>
#include <sys/wait.h>

#define WRITERS      4
#define BATCHES      25
#define BATCH        8
#define RACERS       8
#define TRANSACTIONS 25

static const tg_bucket_t hour = {TG_BUCKET_HOUR, 492777};

static tg_record_t record_of(unsigned writer, unsigned number) {
    tg_record_t r = {.has_refresh = true,
                     .bucket = hour,
                     .environment_id = 1,
                     .client_kind = TG_CLIENT_APPLICATION,
                     .client_id = TG_STR("a")};
    memcpy(r.hash, &number, sizeof(number));
    memcpy(r.hash + 8, &writer, sizeof(writer));
    memcpy(r.refresh_hash, r.hash, 32);
    r.refresh_hash[31] = 'r';
    return r;
}

/* ---- batches ---- */

typedef struct {
    const fixture_t *f;
    unsigned number;
    tg_err_t err;
    pthread_barrier_t *start;
    tg_record_t existing;
} worker_t;

static tg_err_t batches_put(tg_token_store_t *s, unsigned writer) {
    tg_err_t err = TG_OK;
    for (unsigned b = 0; b < BATCHES && err == TG_OK; b++) {
        tg_record_t rows[BATCH];
        const tg_record_t *list[BATCH];
        tg_err_t results[BATCH];
        for (unsigned i = 0; i < BATCH; i++) {
            rows[i] = record_of(writer, b * BATCH + i);
            list[i] = &rows[i];
        }
        err = s->ops->record_put(s, list, BATCH, results);
        for (unsigned i = 0; i < BATCH && err == TG_OK; i++) {
            err = results[i];
        }
    }
    return err;
}

static tg_err_t open_and_put(const fixture_t *f, unsigned writer) {
    tg_token_store_t *s;
    tg_err_t err = tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 30000}, &s, NULL);
    if (err == TG_OK) {
        err = batches_put(s, writer);
        s->ops->close(s);
    }
    return err;
}

static void *batch_thread(void *arg) {
    worker_t *w = arg;
    w->err = open_and_put(w->f, w->number);
    return NULL;
}

static void all_there(fixture_t *f) {
    for (unsigned w = 0; w < WRITERS; w++) {
        for (unsigned i = 0; i < BATCHES * BATCH; i++) {
            tg_record_t found, r = record_of(w, i);
            assert_ok(f->tokens->ops->record_find(f->tokens, r.hash, hour, &f->arena, &found));
        }
    }
}

static void threads_lose_nothing(void **state) {
    fixture_t *f = *state;
    pthread_t threads[WRITERS];
    worker_t workers[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        workers[i] = (worker_t){.f = f, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, batch_thread, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_ok(workers[i].err);
    }
    all_there(f);
}

static void processes_lose_nothing(void **state) {
    fixture_t *f = *state;
    if (!backend->durable) {
        skip();
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            _exit(-open_and_put(f, i));
        }
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    all_there(f);
}

/* ---- refresh ---- */

static void *refresh_thread(void *arg) {
    worker_t *w = arg;
    tg_arena_t arena;
    tg_arena_init(&arena, 65536);
    tg_token_store_t *s;
    tg_record_t r = record_of(0, 1), successor = record_of(1 + w->number, 1);
    w->err = tg_token_store_open(tg_str(w->f->uri), &(tg_store_options_t){.busy_ms = 30000}, &s, NULL);
    pthread_barrier_wait(w->start);
    if (w->err == TG_OK) {
        w->err = s->ops->record_refresh(s, r.refresh_hash, hour, &successor, NOW, &arena, &w->existing);
        s->ops->close(s);
    }
    tg_arena_release(&arena);
    return NULL;
}

static void a_refresh_raced_has_one_winner(void **state) {
    fixture_t *f = *state;
    pthread_t threads[RACERS];
    worker_t workers[RACERS];
    pthread_barrier_t start;
    tg_record_t found, r = record_of(0, 1);
    const tg_record_t *list[] = {&r};
    tg_err_t result;
    assert_ok(f->tokens->ops->record_put(f->tokens, list, 1, &result));
    pthread_barrier_init(&start, NULL, RACERS);
    for (unsigned i = 0; i < RACERS; i++) {
        workers[i] = (worker_t){.f = f, .number = i, .start = &start};
        assert_int_equal(pthread_create(&threads[i], NULL, refresh_thread, &workers[i]), 0);
    }
    unsigned winner = RACERS;
    for (unsigned i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        if (workers[i].err == TG_OK) {
            assert_int_equal(winner, RACERS);
            winner = i;
        }
    }
    pthread_barrier_destroy(&start);
    assert_int_not_equal(winner, RACERS);
    tg_record_t successor = record_of(1 + winner, 1);
    for (unsigned i = 0; i < RACERS; i++) {
        tg_record_t other = record_of(1 + i, 1);
        if (i != winner) {
            assert_int_equal(workers[i].err, TG_ERR_CONFLICT);
            assert_true(workers[i].existing.has_successor);
            assert_memory_equal(workers[i].existing.successor, successor.hash, 32);
        }
        assert_int_equal(f->tokens->ops->record_find(f->tokens, other.hash, hour, &f->arena, &found),
                         i == winner ? TG_OK : TG_ERR_NOTFOUND);
    }
}

/* ---- configuration and its feed ---- */

static tg_err_t count_one_up(tg_config_store_t *s, tg_arena_t *arena) {
    tg_str_t text;
    char next[24];
    uint64_t value = 0;
    tg_err_t err = s->ops->begin(s, 30000);
    if (err != TG_OK) {
        return err;
    }
    err = s->ops->meta_get(s, TG_STR("counter"), arena, &text);
    if (err == TG_OK && !tg_str_to_u64(text, 1000000, &value)) {
        err = TG_ERR_BUG;
    }
    if (err == TG_OK || err == TG_ERR_NOTFOUND) {
        snprintf(next, sizeof(next), "%llu", (unsigned long long)value + 1);
        err = s->ops->meta_put(s, TG_STR("counter"), tg_str(next));
    }
    if (err == TG_OK) {
        err = s->ops->change_append(s, TG_CHANGE_SNAPSHOT, 1, tg_str(next));
    }
    if (err != TG_OK) {
        s->ops->rollback(s);
        return err;
    }
    return s->ops->commit(s);
}

static void *count_thread(void *arg) {
    worker_t *w = arg;
    tg_config_store_t *s;
    tg_arena_t arena;
    tg_arena_init(&arena, 1u << 20);
    w->err = tg_config_store_open(tg_str(w->f->uri), &(tg_store_options_t){.busy_ms = 30000}, &s, NULL);
    if (w->err == TG_OK) {
        for (unsigned i = 0; i < TRANSACTIONS && w->err == TG_OK; i++) {
            w->err = count_one_up(s, &arena);
        }
        s->ops->close(s);
    }
    tg_arena_release(&arena);
    return NULL;
}

/* Polls as a gateway does: what it has read up to, it never has to read again. ref counts the commits: order of seq is
 * order of commits. */
static void feed_follow(fixture_t *f, int64_t until) {
    tg_config_store_t *s = config_open(f, false, 30000);
    int64_t position = 0;
    while (position < until) {
        tg_change_t *rows;
        size_t n;
        int64_t head;
        assert_ok(s->ops->change_head(s, &head));
        assert_true(head >= position);
        assert_ok(s->ops->change_read(s, position, 7, &f->arena, &rows, &n));
        assert_true(n > 0 || head == position);
        for (size_t i = 0; i < n; i++) {
            uint64_t ref;
            assert_int_equal(rows[i].seq, position + 1);
            assert_true(tg_str_to_u64(rows[i].ref, 1000000, &ref));
            assert_int_equal(ref, rows[i].seq);
            position = rows[i].seq;
        }
    }
    s->ops->close(s);
}

static void the_feed_is_in_commit_order_while_many_write(void **state) {
    fixture_t *f = *state;
    pthread_t threads[WRITERS];
    worker_t workers[WRITERS];
    tg_str_t text;
    for (unsigned i = 0; i < WRITERS; i++) {
        workers[i] = (worker_t){.f = f, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, count_thread, &workers[i]), 0);
    }
    feed_follow(f, WRITERS * TRANSACTIONS);
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_ok(workers[i].err);
    }
    assert_ok(f->config->ops->meta_get(f->config, TG_STR("counter"), &f->arena, &text));
    assert_text(text, "100");
}

static const struct CMUnitTest tests[] = {
    CONTRACT(threads_lose_nothing),
    CONTRACT(processes_lose_nothing),
    CONTRACT(a_refresh_raced_has_one_winner),
    CONTRACT(the_feed_is_in_commit_order_while_many_write),
};

CONTRACT_MAIN(tests, false)
