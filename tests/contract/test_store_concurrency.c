/* Many writers at once, each with a handle of its own: they wait for each other and nothing is lost. */
#include "fixture.h"

#include <pthread.h>
#include <sys/mman.h>
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

/* ---- refresh, from other processes ---- */

/* What the racers of other processes tell. */
typedef struct {
    pthread_barrier_t start;
    tg_err_t err[RACERS];
    uint8_t successor[RACERS][32]; /* what CONFLICT named */
} shared_t;

static shared_t *shared_make(void) {
    shared_t *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t attr;
    assert_ptr_not_equal(m, MAP_FAILED);
    pthread_barrierattr_init(&attr);
    pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&m->start, &attr, RACERS);
    pthread_barrierattr_destroy(&attr);
    return m;
}

static void wait_for(unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

static void refresh_process(const fixture_t *f, shared_t *m, unsigned number) {
    tg_arena_t arena;
    tg_token_store_t *s;
    tg_record_t r = record_of(0, 1), successor = record_of(1 + number, 1), existing = {.has_successor = false};
    tg_arena_init(&arena, 65536);
    m->err[number] = tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 30000}, &s, NULL);
    pthread_barrier_wait(&m->start);
    if (m->err[number] == TG_OK) {
        m->err[number] = s->ops->record_refresh(s, r.refresh_hash, hour, &successor, NOW, &arena, &existing);
        memcpy(m->successor[number], existing.successor, 32);
        s->ops->close(s);
    }
    tg_arena_release(&arena);
}

static void a_refresh_raced_by_processes_has_one_winner(void **state) {
    fixture_t *f = *state;
    if (!backend->durable) {
        skip();
    }
    tg_record_t found, r = record_of(0, 1);
    const tg_record_t *list[] = {&r};
    tg_err_t result;
    assert_ok(f->tokens->ops->record_put(f->tokens, list, 1, &result));
    shared_t *m = shared_make();
    for (unsigned i = 0; i < RACERS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            refresh_process(f, m, i);
            _exit(0);
        }
    }
    wait_for(RACERS);
    assert_ok(f->tokens->ops->record_find(f->tokens, r.hash, hour, &f->arena, &found));
    unsigned winners = 0;
    for (unsigned i = 0; i < RACERS; i++) {
        tg_record_t mine = record_of(1 + i, 1);
        if (m->err[i] == TG_OK) {
            winners++;
            assert_memory_equal(found.successor, mine.hash, 32);
        } else {
            assert_int_equal(m->err[i], TG_ERR_CONFLICT);
            assert_memory_equal(m->successor[i], found.successor, 32);
        }
    }
    assert_int_equal(winners, 1);
    munmap(m, sizeof(*m));
}

/* ---- refresh without rotation: each is charged ---- */

#define CHARGES 12

/* One refresh, planned anew as often as another was faster. */
static tg_err_t charge(tg_token_store_t *s, const uint8_t refresh_hash[32], unsigned number, tg_arena_t *arena) {
    tg_record_t old, next = record_of(number, 2);
    tg_err_t err = s->ops->record_find_refresh(s, refresh_hash, hour, arena, &old);
    while (err == TG_OK) {
        memcpy(next.refresh_hash, refresh_hash, 32);
        next.has_predecessor = true;
        memcpy(next.predecessor, old.hash, 32);
        next.predecessor_bucket = hour;
        next.refresh_used = old.refresh_used + 1;
        err = s->ops->record_refresh(s, refresh_hash, hour, &next, NOW, arena, &old);
        if (err != TG_ERR_CONFLICT) {
            return err;
        }
        err = TG_OK; /* `old` is the one that lives now */
    }
    return err;
}

static tg_err_t open_and_charge(const fixture_t *f, unsigned writer) {
    tg_token_store_t *s;
    tg_arena_t arena;
    tg_record_t first = record_of(0, 2);
    tg_arena_init(&arena, 16u << 20);
    tg_err_t err = tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 30000}, &s, NULL);
    if (err == TG_OK) {
        for (unsigned i = 0; i < CHARGES && err == TG_OK; i++) {
            err = charge(s, first.refresh_hash, 1000 + writer * CHARGES + i, &arena);
        }
        s->ops->close(s);
    }
    tg_arena_release(&arena);
    return err;
}

static void *charge_thread(void *arg) {
    worker_t *w = arg;
    w->err = open_and_charge(w->f, w->number);
    return NULL;
}

static void each_refresh_without_rotation_is_charged(void **state) {
    fixture_t *f = *state;
    pthread_t threads[WRITERS];
    worker_t workers[WRITERS];
    tg_record_t found, first = record_of(0, 2);
    const tg_record_t *list[] = {&first};
    tg_err_t result;
    int64_t head;
    unsigned writers = WRITERS;
    assert_ok(f->tokens->ops->record_put(f->tokens, list, 1, &result));
    if (backend->durable) { /* as many processes, before there are threads */
        for (unsigned i = 0; i < WRITERS; i++) {
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) {
                _exit(-open_and_charge(f, WRITERS + i));
            }
        }
        writers += WRITERS;
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        workers[i] = (worker_t){.f = f, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, charge_thread, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_ok(workers[i].err);
    }
    wait_for(writers - WRITERS);
    assert_ok(f->tokens->ops->record_find_refresh(f->tokens, first.refresh_hash, hour, &f->arena, &found));
    assert_int_equal(found.refresh_used, writers * CHARGES);
    assert_int_equal(found.ended_at, 0);
    assert_ok(f->tokens->ops->change_head(f->tokens, &head));
    assert_int_equal(head, writers * CHARGES);
}

/* ---- the feed of token changes ---- */

#define ENDINGS 40

/* Batches that put a record and revoke an id, then end the record: three changes or more each, mixed with refusals. */
static tg_err_t open_and_end(const fixture_t *f, unsigned writer) {
    tg_token_store_t *s;
    tg_err_t err = tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 30000}, &s, NULL);
    if (err != TG_OK) {
        return err;
    }
    for (unsigned i = 0; i < ENDINGS && err == TG_OK; i++) {
        tg_record_t r = record_of(writer, 5000 + i);
        tg_write_t w[] = {{.kind = TG_WRITE_PUT, .record = &r},
                          {.kind = TG_WRITE_PUT, .record = &r},
                          {.kind = TG_WRITE_END, .bucket = hour, .at = NOW},
                          {.kind = TG_WRITE_END, .bucket = {TG_BUCKET_NEVER, 0}, .at = NOW},
                          {.kind = TG_WRITE_REVOCATION,
                           .environment_id = 1,
                           .client_kind = TG_CLIENT_APPLICATION,
                           .client_id = TG_STR("a"),
                           .capacity = 100000,
                           .at = NOW}};
        memcpy(w[2].hash, r.hash, 32);
        memcpy(w[4].revocation, r.hash, 16);
        err = s->ops->write_many(s, w, 5, NULL);
        if (err == TG_OK && (w[0].result != TG_OK || w[1].result != TG_ERR_CONFLICT || w[2].result != TG_OK ||
                             w[3].result != TG_ERR_NOTFOUND || w[4].result != TG_OK)) {
            err = TG_ERR_BUG;
        }
    }
    s->ops->close(s);
    return err;
}

static void *end_thread(void *arg) {
    worker_t *w = arg;
    w->err = open_and_end(w->f, w->number);
    return NULL;
}

/* What the feed tells is true already, and the list is as long as its position says. */
static void token_feed_follow(fixture_t *f, int64_t until) {
    tg_token_store_t *s = tokens_open(f, false, 30000);
    int64_t position = 0, at;
    while (position < until) {
        tg_token_change_t *rows;
        tg_revocation_t *list;
        size_t n, n_list;
        tg_arena_t arena;
        tg_arena_init(&arena, 1u << 20);
        assert_ok(s->ops->change_read(s, position, 7, &arena, &rows, &n));
        for (size_t i = 0; i < n; i++) {
            tg_record_t found;
            assert_int_equal(rows[i].seq, ++position);
            assert_int_equal(rows[i].kind, position % 2 == 1 ? TG_TOKEN_CHANGE_ENDED : TG_TOKEN_CHANGE_REVOCATION);
            if (rows[i].kind == TG_TOKEN_CHANGE_ENDED) {
                assert_ok(s->ops->record_find(s, (const uint8_t *)rows[i].id.p, hour, &arena, &found));
                assert_int_equal(found.ended_at, NOW);
            }
        }
        assert_ok(s->ops->revocation_list(s, 1, NOW, &arena, &list, &n_list, &at));
        assert_true(at >= position);
        assert_int_equal(n_list, at / 2);
        tg_arena_release(&arena);
    }
    s->ops->close(s);
}

static void the_token_feed_is_in_commit_order_while_many_write(void **state) {
    fixture_t *f = *state;
    pthread_t threads[WRITERS];
    worker_t workers[WRITERS];
    unsigned writers = WRITERS;
    if (backend->durable) {
        for (unsigned i = 0; i < WRITERS; i++) {
            pid_t pid = fork();
            assert_true(pid >= 0);
            if (pid == 0) {
                _exit(-open_and_end(f, WRITERS + i));
            }
        }
        writers += WRITERS;
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        workers[i] = (worker_t){.f = f, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, end_thread, &workers[i]), 0);
    }
    token_feed_follow(f, (int64_t)writers * ENDINGS * 2);
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_ok(workers[i].err);
    }
    wait_for(writers - WRITERS);
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
    CONTRACT(a_refresh_raced_by_processes_has_one_winner),
    CONTRACT(each_refresh_without_rotation_is_charged),
    CONTRACT(the_token_feed_is_in_commit_order_while_many_write),
    CONTRACT(the_feed_is_in_commit_order_while_many_write),
};

CONTRACT_MAIN(tests, false)
