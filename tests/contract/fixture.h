/*
 * What the contract suite stands on: each test runs once for each backend of the registry, on a fresh place.
 */
#ifndef TG_TEST_CONTRACT_FIXTURE_H
#define TG_TEST_CONTRACT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "server.h"
#include "store/backend.h"
#include "store/store.h"

#define NOW ((tg_ms_t)1774000000000)

typedef struct {
    char dir[64];      /* of a backend in files */
    char database[32]; /* of one on a server */
    char uri[160];
    tg_config_store_t *config;
    tg_token_store_t *tokens;
    tg_arena_t arena;
} fixture_t;

static const tg_store_backend_t *backend;

static inline bool on_server(void) {
    return strcmp(backend->scheme, "postgresql") == 0;
}

static inline tg_config_store_t *config_open(const fixture_t *f, bool create, int busy_ms) {
    tg_config_store_t *s;
    tg_fault_t fault = {.field = ""};
    tg_err_t err =
        tg_config_store_open(tg_str(f->uri), &(tg_store_options_t){.create = create, .busy_ms = busy_ms}, &s, &fault);
    if (err != TG_OK) {
        print_message("%s\n", fault.text);
    }
    assert_int_equal(err, TG_OK);
    return s;
}

static inline tg_token_store_t *tokens_open(const fixture_t *f, bool create, int busy_ms) {
    tg_token_store_t *s;
    tg_fault_t fault = {.field = ""};
    tg_err_t err =
        tg_token_store_open(tg_str(f->uri), &(tg_store_options_t){.create = create, .busy_ms = busy_ms}, &s, &fault);
    if (err != TG_OK) {
        print_message("%s\n", fault.text);
    }
    assert_int_equal(err, TG_OK);
    return s;
}

static inline void place_make(fixture_t *f) {
    static int number;
    if (on_server()) {
        char sql[64];
        server_need();
        snprintf(f->database, sizeof(f->database), "contract_%d", ++number);
        snprintf(sql, sizeof(sql), "CREATE DATABASE %s", f->database);
        server_sql("postgres", sql);
        snprintf(f->uri, sizeof(f->uri), "%s://admin@127.0.0.1:%d/%s", backend->scheme, server.port, f->database);
    } else if (backend->durable) {
        snprintf(f->dir, sizeof(f->dir), "/tmp/tg-contract-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->uri, sizeof(f->uri), "%s:%s/store", backend->scheme, f->dir);
    } else {
        snprintf(f->uri, sizeof(f->uri), "%s:contract-%d", backend->scheme, ++number);
    }
}

static inline int entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void place_remove(const fixture_t *f) {
    if (f->database[0] != '\0') {
        char sql[64];
        snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", f->database);
        server_sql("postgres", sql);
    }
    if (f->dir[0] != '\0') {
        nftw(f->dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    }
}

static inline int fixture_setup(void **state) {
    fixture_t *f = calloc(1, sizeof(*f));
    place_make(f);
    f->config = config_open(f, true, 5000);
    f->tokens = tokens_open(f, true, 5000);
    tg_arena_init(&f->arena, 64u << 20);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    fixture_t *f = *state;
    tg_arena_release(&f->arena);
    f->config->ops->close(f->config);
    f->tokens->ops->close(f->tokens);
    place_remove(f);
    free(f);
    return 0;
}

#define CONTRACT(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

/* Runs the group for each backend; durable_only leaves out those that live in one process. */
#define CONTRACT_MAIN(tests, durable_only)                                                                             \
    int main(void) {                                                                                                   \
        size_t n_backends;                                                                                             \
        int failed = 0;                                                                                                \
        const tg_store_backend_t *const *all = tg_store_backends(&n_backends);                                         \
        for (size_t i = 0; i < n_backends; i++) {                                                                      \
            backend = all[i];                                                                                          \
            if (backend->durable || !(durable_only)) {                                                                 \
                failed += cmocka_run_group_tests_name(backend->scheme, tests, NULL, NULL);                             \
            }                                                                                                          \
        }                                                                                                              \
        return failed;                                                                                                 \
    }

#define assert_ok(expr) assert_int_equal((expr), TG_OK)
#define assert_text(s, expected)                                                                                       \
    do {                                                                                                               \
        tg_str_t text_is = (s);                                                                                        \
        tg_str_t text_should = tg_str(expected);                                                                       \
        assert_int_equal(text_is.n, text_should.n);                                                                    \
        assert_memory_equal(text_is.n > 0 ? text_is.p : "", text_should.p, text_is.n);                                 \
    } while (0)

/* ---- shorthands for the config store; each write is a transaction of its own ---- */

static inline void begin(tg_config_store_t *s) {
    assert_ok(s->ops->begin(s, 5000));
}
static inline void commit(tg_config_store_t *s) {
    assert_ok(s->ops->commit(s));
}

static inline int64_t make(tg_config_store_t *s, tg_resource_kind_t kind, int64_t parent, const char *name) {
    int64_t id;
    begin(s);
    assert_ok(s->ops->resource_create(s, kind, parent, tg_str(name), TG_STR("{}"), NOW, &id));
    commit(s);
    return id;
}

static inline tg_client_t client_of(int64_t owner, const char *client_id) {
    return (tg_client_t){
        .kind = TG_CLIENT_APPLICATION,
        .owner = owner,
        .client_id = tg_str(client_id),
        .enabled = true,
        .generation = 0xfedcba9876543210u,
        .secret_kind = TG_SECRET_FAST,
        .secret = TG_STR("0123456789abcdef0123456789abcdef"),
    };
}

#endif
