#include "gateway/ngx_http_tollgate_meters.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests.h"

enum { SETS = 16, NOW = 1774000000, MS = 1000 };

static const tg_limit_t minute = {.limit = 1000000, .interval_ms = 60000};

static ngx_http_tollgate_meters_t *meters;
static size_t size;

/* Meters in memory that children share. */
static int setup(void **state) {
    size = 64 + SETS * sizeof(ngx_http_tollgate_meter_set_t);
    char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return -1;
    meters = (void *)mem;
    ngx_http_tollgate_meters_init(meters, mem + 64, SETS);
    (void)state;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    return munmap(meters, size);
}

typedef struct {
    uint64_t half[2];
} name_t;

/* The nth name; names of equal `set` share one. */
static name_t name_of(uint64_t n, uint64_t set) {
    return (name_t){{n << 8 | 1, set << 60 | (uint32_t)(n * 2654435761u)}};
}

static tg_ms_t at(int64_t ms) {
    return (tg_ms_t)NOW * MS / 60000 * 60000 + ms;
}

static int take(name_t name, int64_t limit, tg_ms_t now) {
    int64_t retry;
    tg_limit_t l = {.limit = limit, .interval_ms = 60000};
    return ngx_http_tollgate_meters_take(meters, &name, &l, limit, now, &retry);
}

/* How many count: the smallest share that refuses no more. */
static int64_t count(name_t name, tg_ms_t now) {
    int64_t retry, low = 0, high = 1 << 26;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (ngx_http_tollgate_meters_check(meters, &name, &minute, middle + 1, now, &retry))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void takes_up_to_the_share_and_no_more(void **state) {
    name_t a = name_of(1, 3), b = name_of(2, 3);
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(take(a, 5, at(i)));
    assert_false(take(a, 5, at(10)));
    assert_false(take(a, 5, at(59999)));
    assert_int_equal(count(a, at(59999)), 5);
    assert_true(take(b, 5, at(10)));
    assert_true(take(a, 5, at(60000)));
}

static void says_when_one_may_come(void **state) {
    int64_t retry = -1;
    name_t a = name_of(1, 0);
    (void)state;
    tg_limit_t l = {.limit = 1, .interval_ms = 60000};
    assert_true(ngx_http_tollgate_meters_take(meters, &a, &l, 1, at(1000), &retry));
    assert_int_equal(retry, 0);
    assert_false(ngx_http_tollgate_meters_take(meters, &a, &l, 1, at(1000), &retry));
    assert_int_equal(retry, 59000);
}

static void looking_counts_nothing_and_adding_always_counts(void **state) {
    int64_t retry;
    name_t a = name_of(1, 0);
    tg_limit_t l = {.limit = 1, .interval_ms = 60000};
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(ngx_http_tollgate_meters_check(meters, &a, &l, 1, at(0), &retry));
    for (int i = 0; i < 3; i++)
        ngx_http_tollgate_meters_add(meters, &a, &l, at(0));
    assert_false(ngx_http_tollgate_meters_check(meters, &a, &l, 3, at(0), &retry));
    assert_true(ngx_http_tollgate_meters_check(meters, &a, &l, 4, at(0), &retry));
}

static void sliding_window_weighs_the_one_before(void **state) {
    int64_t retry;
    name_t a = name_of(1, 0);
    tg_limit_t l = {.limit = 10, .interval_ms = 60000, .sliding = true};
    (void)state;
    for (int i = 0; i < 10; i++)
        assert_true(ngx_http_tollgate_meters_take(meters, &a, &l, 10, at(0), &retry));
    assert_false(ngx_http_tollgate_meters_take(meters, &a, &l, 10, at(60000), &retry));
    for (int i = 0; i < 5; i++)
        assert_true(ngx_http_tollgate_meters_take(meters, &a, &l, 10, at(90000), &retry));
    assert_false(ngx_http_tollgate_meters_take(meters, &a, &l, 10, at(90000), &retry));
}

/* The window's number is kept in 32 bits: it must be told from those of other intervals and of long ago. */
static void old_counts_do_not_come_back(void **state) {
    static const int64_t later[] = {60000, 3600000, 86400000ll * 400};
    (void)state;
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        name_t a = name_of(i, 0);
        assert_true(take(a, 1, at(0)));
        assert_false(take(a, 1, at(0)));
        assert_true(take(a, 1, at(later[i])));
        assert_false(take(a, 1, at(later[i])));
    }
}

static void full_set_gives_up_the_meter_idle_longest(void **state) {
    (void)state;
    for (uint64_t i = 0; i < NGX_HTTP_TOLLGATE_METER_WAYS; i++)
        assert_true(take(name_of(i, 2), 1, at(1000 * (int64_t)i)));
    assert_false(take(name_of(0, 2), 1, at(20000)));
    assert_true(take(name_of(100, 2), 1, at(21000)));
    assert_false(take(name_of(0, 2), 1, at(21000)));
    assert_false(take(name_of(100, 2), 1, at(21000)));
    assert_int_equal(count(name_of(1, 2), at(21000)), 0);
    assert_int_equal(count(name_of(2, 2), at(21000)), 1);
}

/* What the meter before has left in a place is not the next one's. */
static void place_that_changes_hands_starts_empty(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        for (int k = 0; k < 3; k++)
            assert_true(take(name_of(i, 5), 3, at((int64_t)i)));
        assert_false(take(name_of(i, 5), 3, at((int64_t)i)));
    }
}

enum { CHILDREN = 6, ROUNDS = 30000, NAMES = 20 };

/* Names over two sets, in an order of each child's own. */
static void add_many(unsigned seed, uint64_t *done) {
    for (int i = 0; i < ROUNDS; i++) {
        seed = seed * 1103515245 + 12345;
        uint64_t n = (seed >> 16) % NAMES;
        name_t name = name_of(n, n % 4);
        ngx_http_tollgate_meters_add(meters, &name, &minute, at(0));
        done[n]++;
    }
}

static void processes_lose_no_count(void **state) {
    (void)state;
    uint64_t *done =
        mmap(NULL, CHILDREN * NAMES * sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child[CHILDREN];
    for (unsigned c = 0; c < CHILDREN; c++) {
        child[c] = fork();
        if (child[c] == 0) {
            add_many(c + 1, done + c * NAMES);
            _exit(0);
        }
    }
    for (unsigned c = 0; c < CHILDREN; c++)
        assert_int_equal(waitpid(child[c], NULL, 0), child[c]);
    for (uint64_t n = 0; n < NAMES; n++) {
        uint64_t sum = 0;
        for (unsigned c = 0; c < CHILDREN; c++)
            sum += done[c * NAMES + n];
        assert_int_equal(count(name_of(n, n % 4), at(0)), sum);
    }
    munmap(done, CHILDREN * NAMES * sizeof(*done));
}

static void *take_all(void *passed) {
    for (int i = 0; i < ROUNDS; i++)
        *(uint64_t *)passed += (uint64_t)take(name_of(7, 7), 5000, at(0));
    return NULL;
}

static void threads_pass_exactly_the_share(void **state) {
    pthread_t thread[4];
    uint64_t passed[4] = {0};
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, take_all, &passed[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(passed[0] + passed[1] + passed[2] + passed[3], 5000);
}

/* Children count known names and, in the same sets, ever new ones, so that places change hands while they are killed.
 */
static void add_for_ever(unsigned seed, uint64_t *done) {
    for (;;) {
        seed = seed * 1103515245 + 12345;
        uint64_t n = (seed >> 16) % 4;
        name_t name = name_of(n, 1);
        ngx_http_tollgate_meters_add(meters, &name, &minute, at(0));
        __atomic_fetch_add(&done[n], 1, __ATOMIC_SEQ_CST);
        if (seed % 16 == 0) {
            name = name_of(1000 + seed, 2);
            ngx_http_tollgate_meters_add(meters, &name, &minute, at(seed % 50000));
        }
    }
}

static void killed_at_any_moment_blocks_nobody_and_loses_nothing(void **state) {
    enum { KILLS = 60 };
    (void)state;
    uint64_t *done = mmap(NULL, 4 * sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    alarm(60);
    for (unsigned round = 0; round < KILLS; round++) {
        pid_t child[2];
        for (unsigned i = 0; i < 2; i++) {
            child[i] = fork();
            if (child[i] == 0)
                add_for_ever(round * 7919 + i, done);
        }
        usleep(3000 + round * 37);
        for (unsigned i = 0; i < 2; i++) {
            kill(child[i], SIGKILL);
            waitpid(child[i], NULL, 0);
        }
        assert_true(take(name_of(50000 + round, 2), 1, at(59000)));
        assert_false(take(name_of(50000 + round, 2), 1, at(59000)));
    }
    alarm(0);
    uint64_t sum = 0;
    for (uint64_t n = 0; n < 4; n++) {
        /* whoever was killed may have counted and not said so, once each */
        assert_in_range(count(name_of(n, 1), at(0)), done[n], done[n] + 2 * KILLS);
        sum += done[n];
    }
    assert_true(sum > 1000);
    munmap(done, 4 * sizeof(*done));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(takes_up_to_the_share_and_no_more),
        TEST(says_when_one_may_come),
        TEST(looking_counts_nothing_and_adding_always_counts),
        TEST(sliding_window_weighs_the_one_before),
        TEST(old_counts_do_not_come_back),
        TEST(full_set_gives_up_the_meter_idle_longest),
        TEST(place_that_changes_hands_starts_empty),
        TEST(processes_lose_no_count),
        TEST(threads_pass_exactly_the_share),
        TEST(killed_at_any_moment_blocks_nobody_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
