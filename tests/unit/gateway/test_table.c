#include "gateway/ngx_http_tollgate_table.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests.h"

enum { ENTRY = 320, SETS = 64, NOW = 100000 };

static ngx_http_tollgate_table_t *table;

/* A fresh table in memory that children share. */
static int setup(void **state) {
    size_t size = sizeof(*table) + 64 + ngx_http_tollgate_table_bytes(SETS, ENTRY);
    char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return -1;
    table = (void *)mem;
    ngx_http_tollgate_table_init(table, mem + (sizeof(*table) + 63) / 64 * 64, SETS, ENTRY);
    (void)state;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    return munmap(table, sizeof(*table) + 64 + ngx_http_tollgate_table_bytes(SETS, ENTRY));
}

static int store_at(uint64_t hash, const char *key, const char *value, uint64_t mark, uint64_t until, uint64_t now) {
    return ngx_http_tollgate_table_store(table, hash, key, strlen(key), value, strlen(value), mark, until, now);
}

static int store(uint64_t hash, const char *key, const char *value, uint64_t mark) {
    return store_at(hash, key, value, mark, 0, NOW);
}

static const char *find_at(uint64_t hash, const char *key, uint64_t now) {
    static char value[ENTRY + 1];
    size_t n;
    if (!ngx_http_tollgate_table_find(table, hash, key, strlen(key), now, value, ENTRY, &n))
        return "-";
    value[n] = '\0';
    return value;
}

static const char *find(uint64_t hash, const char *key) {
    return find_at(hash, key, NOW);
}

static void finds_what_was_stored(void **state) {
    (void)state;
    assert_string_equal(find(7, "a"), "-");
    assert_true(store(7, "a", "one", 0));
    assert_string_equal(find(7, "a"), "one");
    assert_true(store(7, "a", "longer than one", 0));
    assert_string_equal(find(7, "a"), "longer than one");
    assert_int_equal(ngx_http_tollgate_table_used(table), 1);
}

static void compares_the_whole_key(void **state) {
    (void)state;
    assert_true(store(7, "abc", "1", 0));
    assert_string_equal(find(7, "ab"), "-");
    assert_string_equal(find(7, "abd"), "-");
    assert_true(store(7, "abd", "2", 0));
    assert_string_equal(find(7, "abc"), "1");
    assert_string_equal(find(7, "abd"), "2");
}

static void refuses_what_does_not_fit(void **state) {
    char big[600];
    size_t room = ENTRY - sizeof(ngx_http_tollgate_entry_t);
    (void)state;
    memset(big, 'x', sizeof(big));
    assert_true(ngx_http_tollgate_table_store(table, 1, "k", 1, big, room - 1, 0, 0, NOW));
    assert_false(ngx_http_tollgate_table_store(table, 1, "k", 1, big, room, 0, 0, NOW));
    assert_false(ngx_http_tollgate_table_store(table, 1, big, sizeof(big), "", 0, 0, 0, NOW));
    assert_int_equal(strlen(find(1, "k")), room - 1);
}

static void value_longer_than_the_caller_holds_is_a_miss(void **state) {
    char value[2];
    size_t n;
    (void)state;
    assert_true(store(1, "k", "123", 0));
    assert_false(ngx_http_tollgate_table_find(table, 1, "k", 1, NOW, value, sizeof(value), &n));
}

static void entries_end(void **state) {
    (void)state;
    assert_true(store_at(3, "n", "no", 0, NOW + 10, NOW));
    assert_string_equal(find_at(3, "n", NOW + 9), "no");
    assert_string_equal(find_at(3, "n", NOW + 10), "-");
}

static void change_that_the_feed_passed_hides_and_refuses_older_answers(void **state) {
    (void)state;
    assert_true(store(5, "client", "old", 10));
    ngx_http_tollgate_table_raise(table, 5, 11);
    assert_string_equal(find(5, "client"), "-");
    assert_false(store(5, "client", "old", 10));
    assert_string_equal(find(5, "client"), "-");
    assert_false(ngx_http_tollgate_table_admits(table, 5, 10));
    assert_true(ngx_http_tollgate_table_admits(table, 5, 11));
    assert_true(store(5, "client", "new", 11));
    ngx_http_tollgate_table_raise(table, 5, 10);
    assert_string_equal(find(5, "client"), "new");
}

static void answer_read_earlier_does_not_replace_a_later_one(void **state) {
    (void)state;
    assert_true(store(5, "client", "new", 12));
    assert_false(store(5, "client", "old", 11));
    assert_string_equal(find(5, "client"), "new");
}

static void lookup_in_flight_while_its_token_ends_does_not_fill(void **state) {
    (void)state;
    uint64_t ticket = ngx_http_tollgate_table_barrier(table, 9);
    ngx_http_tollgate_table_bump(table, 9);
    assert_false(store(9, "token", "lives", ticket));
    assert_string_equal(find(9, "token"), "-");
    assert_true(store(9, "token", "ended", ngx_http_tollgate_table_barrier(table, 9)));
    assert_string_equal(find(9, "token"), "ended");
}

static void floor_hides_every_set(void **state) {
    (void)state;
    for (uint64_t i = 0; i < SETS; i++)
        assert_true(store(i << 58 | i, "k", "v", 4));
    ngx_http_tollgate_table_raise_all(table, 5);
    for (uint64_t i = 0; i < SETS; i++) {
        assert_string_equal(find(i << 58 | i, "k"), "-");
        assert_false(ngx_http_tollgate_table_admits(table, i << 58 | i, 4));
        assert_false(store(i << 58 | i, "k", "v", 4));
        assert_true(store(i << 58 | i, "k", "v", 5));
    }
}

static void invalidation_above_a_floor_counts(void **state) {
    (void)state;
    ngx_http_tollgate_table_raise_all(table, 1000);
    uint64_t ticket = ngx_http_tollgate_table_barrier(table, 9);
    assert_true(store(9, "token", "lives", ticket));
    assert_string_equal(find(9, "token"), "lives");
    ngx_http_tollgate_table_bump(table, 9);
    assert_string_equal(find(9, "token"), "-");
    assert_false(store(9, "token", "lives", ticket));
}

static void full_set_gives_up_the_entry_unused_longest(void **state) {
    char key[2] = "a";
    (void)state;
    for (int i = 0; i < NGX_HTTP_TOLLGATE_WAYS; i++) {
        key[0] = (char)('a' + i);
        assert_true(store_at(7, key, "v", 0, 0, NOW + 1000 * (uint64_t)i));
    }
    /* "a" is the oldest, but in use */
    assert_string_equal(find_at(7, "a", NOW + 20000), "v");
    assert_true(store_at(7, "new", "v", 0, 0, NOW + 21000));
    assert_string_equal(find_at(7, "a", NOW + 21000), "v");
    assert_string_equal(find_at(7, "b", NOW + 21000), "-");
    assert_string_equal(find_at(7, "new", NOW + 21000), "v");
}

static void full_set_gives_up_an_ended_entry_first(void **state) {
    char key[2] = "a";
    (void)state;
    for (int i = 0; i < NGX_HTTP_TOLLGATE_WAYS; i++) {
        key[0] = (char)('a' + i);
        assert_true(store_at(7, key, "v", 0, i == 5 ? NOW + 1 : 0, NOW));
    }
    assert_true(store_at(7, "new", "v", 0, 0, NOW + 1));
    for (int i = 0; i < NGX_HTTP_TOLLGATE_WAYS; i++) {
        key[0] = (char)('a' + i);
        assert_string_equal(find_at(7, key, NOW + 1), i == 5 ? "-" : "v");
    }
}

static int is_pid(void *ctx, uint32_t pid) {
    return pid == (uint32_t) * (pid_t *)ctx;
}

static void killed_inside_the_lock_hangs_nobody(void **state) {
    (void)state;
    assert_true(store(7, "k", "v", 0));
    pid_t child = fork();
    if (child == 0) {
        ngx_http_tollgate_table_lock(ngx_http_tollgate_table_set(table, 7));
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);

    alarm(10);
    assert_string_equal(find(7, "k"), "-");
    assert_false(store(7, "k", "v", 0));
    ngx_http_tollgate_table_bump(table, 7);
    assert_true(store(7ull << 58, "other set", "v", 0));

    pid_t other = 1;
    assert_int_equal(ngx_http_tollgate_table_recover(table, is_pid, &other), 0);
    assert_string_equal(find(7, "k"), "-");
    assert_int_equal(ngx_http_tollgate_table_recover(table, is_pid, &child), 1);
    assert_string_equal(find(7, "k"), "-");
    assert_true(store(7, "k", "again", ngx_http_tollgate_table_barrier(table, 7)));
    assert_string_equal(find(7, "k"), "again");
    assert_string_equal(find(7ull << 58, "other set"), "v");
    alarm(0);
}

/* The value of a key is one byte, that of the key, over and over; a torn read would mix two. */
static void write_for_ever(unsigned seed) {
    char value[200];
    for (;;) {
        seed = seed * 1103515245 + 12345;
        unsigned char key = (unsigned char)(seed >> 16) % 40;
        memset(value, key, sizeof(value));
        uint64_t hash = (uint64_t)(key % 4) << 60 | 1;
        ngx_http_tollgate_table_store(table, hash, &key, 1, value, 100 + seed % 100,
                                      ngx_http_tollgate_table_barrier(table, hash), 0, NOW + seed % 100000);
        if (seed % 1000 == 0)
            ngx_http_tollgate_table_bump(table, hash);
    }
}

static void readers_never_see_a_torn_entry_while_writers_are_killed(void **state) {
    char value[ENTRY];
    size_t n, hits = 0, recovered = 0;
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        pid_t child[2];
        for (unsigned i = 0; i < 2; i++) {
            child[i] = fork();
            if (child[i] == 0)
                write_for_ever(round * 7919 + i);
        }
        for (unsigned i = 0; i < 20000; i++) {
            unsigned char key = (unsigned char)(i % 40);
            uint64_t hash = (uint64_t)(key % 4) << 60 | 1;
            if (!ngx_http_tollgate_table_find(table, hash, &key, 1, NOW, value, sizeof(value), &n))
                continue;
            hits++;
            assert_in_range(n, 100, 199);
            for (size_t j = 0; j < n; j++)
                assert_int_equal((unsigned char)value[j], key);
        }
        for (unsigned i = 0; i < 2; i++) {
            kill(child[i], SIGKILL);
            waitpid(child[i], NULL, 0);
            recovered += ngx_http_tollgate_table_recover(table, is_pid, &child[i]);
        }
    }
    assert_true(hits > 0);
    assert_true(recovered > 0);
    for (uint64_t i = 0; i < SETS; i++)
        assert_int_equal(table->sets[i].lock >> 32, 0);
}

static void siphash_is_the_published_one(void **state) {
    uint8_t key[16], data[15];
    (void)state;
    for (uint8_t i = 0; i < 16; i++)
        key[i] = i;
    for (uint8_t i = 0; i < 15; i++)
        data[i] = i;
    /* appendix A of the SipHash paper */
    assert_true(ngx_http_tollgate_siphash(key, data, 15) == 0xa129ca6149be45e5ull);
    assert_true(ngx_http_tollgate_siphash(key, data, 0) == 0x726fdb47dd0e0e31ull);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_stored),
        TEST(compares_the_whole_key),
        TEST(refuses_what_does_not_fit),
        TEST(value_longer_than_the_caller_holds_is_a_miss),
        TEST(entries_end),
        TEST(change_that_the_feed_passed_hides_and_refuses_older_answers),
        TEST(answer_read_earlier_does_not_replace_a_later_one),
        TEST(lookup_in_flight_while_its_token_ends_does_not_fill),
        TEST(floor_hides_every_set),
        TEST(invalidation_above_a_floor_counts),
        TEST(full_set_gives_up_the_entry_unused_longest),
        TEST(full_set_gives_up_an_ended_entry_first),
        TEST(killed_inside_the_lock_hangs_nobody),
        TEST(readers_never_see_a_torn_entry_while_writers_are_killed),
        TEST(siphash_is_the_published_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
