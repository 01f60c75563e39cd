/* The token request log: what is kept, in which order, what a query finds, and how it is pruned. */
#include "fixture.h"

#include <pthread.h>

#define SECOND 1000

/* A row whose values follow from its number; rows are a second apart. */
static tg_request_row_t row_of(int64_t number) {
    return (tg_request_row_t){
        .seq = 999, /* out only */
        .at = NOW + number * SECOND,
        .environment_id = 1,
        .project_id = 2,
        .node = TG_STR("node-1"),
        .endpoint = TG_STR("/auth/token"),
        .client_id = TG_STR("client-1"),
        .address = TG_STR("192.0.2.1"),
        .grant = TG_STR("client_credentials"),
        .status = 200,
        .duration_us = number,
    };
}

static void put(tg_token_store_t *s, const tg_request_row_t *row) {
    assert_ok(s->ops->request_put(s, row, 1));
}

/* Rows number from..to - 1, in one call. */
static void put_range(tg_token_store_t *s, int64_t from, int64_t to) {
    tg_request_row_t *rows = calloc((size_t)(to - from), sizeof(*rows));
    for (int64_t i = from; i < to; i++) {
        rows[i - from] = row_of(i);
    }
    assert_ok(s->ops->request_put(s, rows, (size_t)(to - from)));
    free(rows);
}

static size_t list(fixture_t *f, tg_request_query_t query, tg_request_row_t **rows) {
    size_t n = 77;
    query.limit = query.limit > 0 ? query.limit : 100000;
    assert_ok(f->tokens->ops->request_list(f->tokens, &query, &f->arena, rows, &n));
    return n;
}

/* The numbers (duration_us) of what is found must be these, from..to - 1, the newest first. */
static void found(fixture_t *f, tg_request_query_t query, int64_t from, int64_t to) {
    tg_request_row_t *rows;
    assert_int_equal(list(f, query, &rows), to - from);
    for (int64_t i = 0; i < to - from; i++) {
        assert_int_equal(rows[i].duration_us, to - 1 - i);
    }
}

static void nothing_is_listed_before_the_first_row(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = f->tokens, *reader = tokens_open(f, false, 1000);
    tg_request_row_t *rows;
    int64_t pruned = 9;
    size_t n = 9;
    assert_ok(s->ops->request_put(s, NULL, 0));
    assert_ok(s->ops->request_prune(s, 1, NOW, 10, &pruned));
    assert_int_equal(pruned, 0);
    assert_int_equal(list(f, (tg_request_query_t){0}, &rows), 0);
    assert_ok(reader->ops->request_list(reader, &(tg_request_query_t){.limit = 5}, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
    put_range(s, 0, 1); /* a handle that found none finds it once it is there */
    assert_ok(reader->ops->request_list(reader, &(tg_request_query_t){.limit = 5}, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    put_range(reader, 1, 2); /* and a gateway's makes it */
    found(f, (tg_request_query_t){0}, 0, 2);
    reader->ops->close(reader);
}

static void a_handle_that_makes_nothing_makes_the_log(void **state) {
    fixture_t *f = *state;
    tg_token_store_t *s = tokens_open(f, false, 1000);
    put_range(s, 0, 3);
    s->ops->close(s);
    found(f, (tg_request_query_t){0}, 0, 3);
}

static void a_row_comes_back_as_it_was(void **state) {
    fixture_t *f = *state;
    char longest[256];
    memset(longest, 'i', sizeof(longest));
    const tg_request_row_t full = {
        .at = NOW,
        .environment_id = INT64_MAX,
        .project_id = 5,
        .node = TG_STR("node-1"),
        .endpoint = TG_STR("/credential/jwt"),
        .client_id = tg_strn(longest, sizeof(longest)),
        .proxy = TG_STR("orders"),
        .user = tg_strn("\0\xff'\"; DROP", 10), /* as asked */
        .address = TG_STR("2001:db8::1"),
        .grant = TG_STR("password"),
        .status = 400,
        .error = TG_STR("invalid_grant"),
        .reason = TG_STR("wrong_secret"),
        .duration_us = 100123,
    };
    const tg_request_row_t empty = {.at = NOW + 1};
    tg_request_row_t *rows;
    put(f->tokens, &full);
    put(f->tokens, &empty);
    assert_int_equal(list(f, (tg_request_query_t){0}, &rows), 2);
    const tg_request_row_t *r = &rows[1];
    assert_int_equal(r->seq, 1);
    assert_int_equal(r->at, full.at);
    assert_int_equal(r->environment_id, full.environment_id);
    assert_int_equal(r->project_id, 5);
    assert_int_equal(r->status, 400);
    assert_int_equal(r->duration_us, 100123);
    const tg_str_t is[] = {r->node,    r->endpoint, r->client_id, r->proxy, r->user,
                           r->address, r->grant,    r->error,     r->reason};
    const tg_str_t should[] = {full.node,    full.endpoint, full.client_id, full.proxy, full.user,
                               full.address, full.grant,    full.error,     full.reason};
    for (size_t i = 0; i < 9; i++) {
        assert_true(tg_str_eq(is[i], should[i]));
    }
    assert_int_equal(rows[0].seq, 2);
    assert_int_equal(rows[0].at, NOW + 1);
    assert_int_equal(rows[0].status, 0);
    assert_int_equal(rows[0].user.n + rows[0].error.n + rows[0].node.n, 0);
}

static void the_newest_come_first_page_by_page(void **state) {
    fixture_t *f = *state;
    tg_request_row_t *rows;
    int64_t seq = 0, next = 2999;
    put_range(f->tokens, 0, 1);
    put_range(f->tokens, 1, 2500);
    put_range(f->tokens, 2500, 3000);
    found(f, (tg_request_query_t){.limit = 100000}, 0, 3000);
    found(f, (tg_request_query_t){.limit = 3}, 2997, 3000);
    for (size_t n = 700; n == 700;) {
        n = list(f, (tg_request_query_t){.limit = 700, .before_seq = seq}, &rows);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(rows[i].duration_us, next--);
            assert_true(seq == 0 || rows[i].seq < seq);
            seq = rows[i].seq;
        }
    }
    assert_int_equal(next, -1);
    size_t n = 7;
    assert_ok(f->tokens->ops->request_list(f->tokens, &(tg_request_query_t){.limit = 0}, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
}

static void a_span_of_time_is_found(void **state) {
    fixture_t *f = *state;
    put_range(f->tokens, 0, 5000);
    found(f, (tg_request_query_t){.from = NOW + 4000 * SECOND}, 4000, 5000);
    found(f, (tg_request_query_t){.to = NOW + 10 * SECOND}, 0, 10); /* not included */
    found(f, (tg_request_query_t){.from = NOW + 1000 * SECOND, .to = NOW + 3000 * SECOND}, 1000, 3000);
    found(f, (tg_request_query_t){.from = NOW + 1000 * SECOND, .to = NOW + 3000 * SECOND, .limit = 5}, 2995, 3000);
    found(f, (tg_request_query_t){.from = NOW + 7 * SECOND, .to = NOW + 7 * SECOND + 1}, 7, 8);
    found(f, (tg_request_query_t){.from = NOW + 5000 * SECOND}, 0, 0);
    found(f, (tg_request_query_t){.to = NOW}, 0, 0);
}

/* Nodes write in groups, and clocks are set back: rows of a span need not lie together. */
static void times_out_of_order_are_found(void **state) {
    fixture_t *f = *state;
    tg_request_row_t *rows;
    put_range(f->tokens, 0, 3000);
    put_range(f->tokens, 1000, 2000); /* the same hour again */
    assert_int_equal(list(f, (tg_request_query_t){.from = NOW + 1500 * SECOND, .to = NOW + 1600 * SECOND}, &rows), 200);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(rows[i].duration_us, 1599 - (int64_t)i % 100);
        assert_true(i == 0 || rows[i].seq < rows[i - 1].seq);
    }
}

/* ---- filters ---- */

/* Ten rows, each of them another in one point; the first is plain. */
static void put_variety(fixture_t *f) {
    tg_request_row_t rows[10];
    for (int64_t i = 0; i < 10; i++) {
        rows[i] = row_of(i);
    }
    rows[1].environment_id = 8;
    rows[2].project_id = 9;
    rows[3].proxy = TG_STR("orders");
    rows[4].client_id = TG_STR("client-2");
    rows[5].user = TG_STR("ann");
    rows[6].error = TG_STR("invalid_client");
    rows[7].status = 401;
    rows[8].status = 429;
    rows[9].status = 503;
    assert_ok(f->tokens->ops->request_put(f->tokens, rows, 10));
}

static void each_filter_finds_its_rows(void **state) {
    fixture_t *f = *state;
    put_variety(f);
    put_variety(f);
    const struct {
        tg_request_query_t query;
        size_t n;
    } cases[] = {
        {{0}, 20},
        {{.environment_id = 8}, 2},
        {{.environment_id = 1}, 18},
        {{.environment_id = 7}, 0},
        {{.project_id = 9}, 2},
        {{.project_id = 2}, 18},
        {{.proxy = TG_STR("orders")}, 2},
        {{.proxy = TG_STR("Orders")}, 0}, /* exact */
        {{.proxy = TG_STR("order")}, 0},
        {{.client_id = TG_STR("client-2")}, 2},
        {{.client_id = TG_STR("client-1")}, 18},
        {{.user = TG_STR("ann")}, 2},
        {{.user = TG_STR("%")}, 0},
        {{.error = TG_STR("invalid_client")}, 2},
        {{.status_from = 401}, 6},
        {{.status_to = 401}, 16},
        {{.status_from = 400, .status_to = 499}, 4},
        {{.status_from = 429, .status_to = 429}, 2},
        {{.status_from = 500, .status_to = 400}, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tg_request_row_t *rows;
        assert_int_equal(list(f, cases[i].query, &rows), cases[i].n);
        for (size_t k = 1; k < cases[i].n; k++) {
            assert_true(rows[k].seq < rows[k - 1].seq);
        }
    }
}

static void filters_work_together(void **state) {
    fixture_t *f = *state;
    put_variety(f);
    tg_request_row_t exact = row_of(10), *rows;
    exact.environment_id = 8;
    exact.project_id = 9;
    exact.proxy = TG_STR("orders");
    exact.client_id = TG_STR("client-2");
    exact.user = TG_STR("ann");
    exact.error = TG_STR("invalid_client");
    exact.status = 401;
    put(f->tokens, &exact);
    put_variety(f);
    const tg_request_query_t all = {
        .from = exact.at,
        .to = exact.at + 1,
        .environment_id = 8,
        .project_id = 9,
        .proxy = exact.proxy,
        .client_id = exact.client_id,
        .user = exact.user,
        .error = exact.error,
        .status_from = 401,
        .status_to = 401,
    };
    assert_int_equal(list(f, all, &rows), 1);
    assert_int_equal(rows[0].seq, 11);
    tg_request_query_t others[] = {all, all, all, all, all, all, all, all, all, all, all};
    others[0].from = exact.at + 1; /* one that it does not meet is enough */
    others[0].to = 0;
    others[1].to = exact.at;
    others[1].from = 0;
    others[2].environment_id = 1;
    others[3].project_id = 2;
    others[4].proxy = TG_STR("x");
    others[5].client_id = TG_STR("client-1");
    others[6].user = TG_STR("x");
    others[7].error = TG_STR("x");
    others[8].status_from = 402;
    others[9].status_to = 400;
    others[10].before_seq = 11;
    for (size_t i = 0; i < 11; i++) {
        assert_int_equal(list(f, others[i], &rows), 0);
    }
}

/* ---- pruning ---- */

static int64_t prune(fixture_t *f, int64_t environment_id, tg_ms_t before, size_t limit) {
    int64_t pruned = -1;
    assert_ok(f->tokens->ops->request_prune(f->tokens, environment_id, before, limit, &pruned));
    return pruned;
}

static void what_is_old_is_pruned_oldest_first(void **state) {
    fixture_t *f = *state;
    put_range(f->tokens, 0, 12000);
    assert_int_equal(prune(f, 1, NOW, 100), 0);
    assert_int_equal(prune(f, 1, NOW + 10000 * SECOND, 0), 0);
    assert_int_equal(prune(f, 1, NOW + 10000 * SECOND, 7), 7);
    found(f, (tg_request_query_t){0}, 7, 12000);
    assert_int_equal(prune(f, 1, NOW + 10 * SECOND, 1000), 3);
    found(f, (tg_request_query_t){.to = NOW + 20 * SECOND}, 10, 20);
    assert_int_equal(prune(f, 1, NOW + 10500 * SECOND, 1000000), 10490); /* more than a chunk */
    found(f, (tg_request_query_t){0}, 10500, 12000);
    found(f, (tg_request_query_t){.from = NOW + 10400 * SECOND, .to = NOW + 10600 * SECOND}, 10500, 10600);
    assert_int_equal(prune(f, 1, NOW + 10500 * SECOND, 1000000), 0);
    assert_int_equal(prune(f, 1, INT64_MAX, SIZE_MAX), 1500);
    found(f, (tg_request_query_t){0}, 0, 0);
}

static void each_environment_is_pruned_by_itself(void **state) {
    fixture_t *f = *state;
    tg_request_row_t rows[3000], *left;
    for (int64_t i = 0; i < 3000; i++) {
        rows[i] = row_of(i);
        rows[i].environment_id = 1 + i % 2;
    }
    assert_ok(f->tokens->ops->request_put(f->tokens, rows, 3000));
    assert_int_equal(prune(f, 3, INT64_MAX, 10000), 0);
    assert_int_equal(prune(f, 2, NOW + 2000 * SECOND, 10000), 1000);
    assert_int_equal(list(f, (tg_request_query_t){.environment_id = 1}, &left), 1500);
    assert_int_equal(list(f, (tg_request_query_t){.environment_id = 2}, &left), 500);
    assert_int_equal(left[499].at, NOW + 2001 * SECOND);
    assert_int_equal(list(f, (tg_request_query_t){.to = NOW + 2000 * SECOND}, &left), 1000);
    assert_int_equal(prune(f, 1, NOW + 1000 * SECOND, 10000), 500);
    assert_int_equal(prune(f, 2, INT64_MAX, 10000), 500);
    assert_int_equal(list(f, (tg_request_query_t){0}, &left), 1000);
}

/* A page that was shown before goes on where it was. */
static void numbers_are_never_used_twice(void **state) {
    fixture_t *f = *state;
    tg_request_row_t *rows;
    for (int64_t round = 0; round < 3; round++) {
        put_range(f->tokens, 0, 1023); /* ends with a block of numbers, or begins one */
        assert_int_equal(list(f, (tg_request_query_t){.limit = 1}, &rows), 1);
        assert_int_equal(rows[0].seq, 1023 * (round + 1));
        assert_int_equal(prune(f, 1, INT64_MAX, 100000), 1023);
    }
    f->tokens->ops->close(f->tokens);
    f->tokens = tokens_open(f, true, 1000);
    put_range(f->tokens, 0, 1);
    assert_int_equal(list(f, (tg_request_query_t){0}, &rows), 1);
    assert_true(!backend->durable || rows[0].seq == 3 * 1023 + 1);
}

/* ---- many at once, and beside other writes ---- */

#define WRITERS 4
#define GROUPS  20
#define GROUP   64

static void *group_thread(void *arg) {
    fixture_t *f = ((fixture_t **)arg)[0];
    int64_t writer = (int64_t)(intptr_t)((void **)arg)[1];
    tg_token_store_t *s;
    tg_request_row_t rows[GROUP];
    tg_err_t err = tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.busy_ms = 30000}, &s, NULL);
    for (int64_t g = 0; g < GROUPS && err == TG_OK; g++) {
        for (int64_t i = 0; i < GROUP; i++) {
            rows[i] = row_of(writer * GROUPS * GROUP + g * GROUP + i);
            rows[i].project_id = writer + 1;
        }
        err = s->ops->request_put(s, rows, GROUP);
    }
    if (s != NULL) {
        s->ops->close(s);
    }
    return (void *)(intptr_t)err;
}

/* They meet at the making of the log, too. Groups stay together. */
static void threads_lose_no_row(void **state) {
    fixture_t *f = *state;
    pthread_t threads[WRITERS];
    void *args[WRITERS][2];
    tg_request_row_t *rows;
    for (intptr_t i = 0; i < WRITERS; i++) {
        args[i][0] = f;
        args[i][1] = (void *)i;
        assert_int_equal(pthread_create(&threads[i], NULL, group_thread, args[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        void *err;
        pthread_join(threads[i], &err);
        assert_int_equal((intptr_t)err, TG_OK);
    }
    assert_int_equal(list(f, (tg_request_query_t){0}, &rows), WRITERS * GROUPS * GROUP);
    for (size_t i = 1; i < WRITERS * GROUPS * GROUP; i++) {
        assert_int_equal(rows[i].seq, rows[i - 1].seq - 1);
        assert_true(i % GROUP == 0 || rows[i].duration_us == rows[i - 1].duration_us - 1);
    }
    for (int64_t w = 0; w < WRITERS; w++) {
        assert_int_equal(list(f, (tg_request_query_t){.project_id = w + 1}, &rows), GROUPS * GROUP);
    }
}

static void a_failed_put_leaves_none_of_its_rows(void **state) {
    fixture_t *f = *state;
    tg_request_row_t rows[40], *left;
    for (int64_t i = 0; i < 40; i++) {
        rows[i] = row_of(1 + i);
    }
    put_range(f->tokens, 0, 1);
    for (long n = 0;; n++) {
        assert_true(n < 1000);
        alloc_fail_after(n);
        tg_err_t err = f->tokens->ops->request_put(f->tokens, rows, 40);
        if (!alloc_failed()) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
        assert_int_equal(list(f, (tg_request_query_t){0}, &left), 1);
    }
    assert_int_equal(list(f, (tg_request_query_t){0}, &left), 41);
    assert_int_equal(left[0].seq, 41);
    tg_arena_t small;
    size_t count;
    tg_arena_init(&small, 1);
    assert_int_equal(f->tokens->ops->request_list(f->tokens, &(tg_request_query_t){.limit = 5}, &small, &left, &count),
                     TG_ERR_NOMEM);
    tg_arena_release(&small);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(nothing_is_listed_before_the_first_row),
    CONTRACT(a_handle_that_makes_nothing_makes_the_log),
    CONTRACT(a_row_comes_back_as_it_was),
    CONTRACT(the_newest_come_first_page_by_page),
    CONTRACT(a_span_of_time_is_found),
    CONTRACT(times_out_of_order_are_found),
    CONTRACT(each_filter_finds_its_rows),
    CONTRACT(filters_work_together),
    CONTRACT(what_is_old_is_pruned_oldest_first),
    CONTRACT(each_environment_is_pruned_by_itself),
    CONTRACT(numbers_are_never_used_twice),
    CONTRACT(threads_lose_no_row),
    CONTRACT(a_failed_put_leaves_none_of_its_rows),
};

CONTRACT_MAIN(tests, false)
