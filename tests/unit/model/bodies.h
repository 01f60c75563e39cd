/* Tables of JSON bodies: which are refused, where and why. Written with ' for ". */
#ifndef TG_TEST_BODIES_H
#define TG_TEST_BODIES_H

#include "alloc.h"
#include "model/credential.h"
#include "tests.h"

typedef struct {
    const char *body;
    const char *field; /* of the fault */
    const char *text;  /* a part of its text */
} refusal_t;

/* parses and, on success, writes what it read: NULL if refused. */
typedef json_t *(*body_fn)(const json_t *body, tg_arena_t *a, tg_fault_t *fault, tg_err_t *err);

static inline json_t *body_load(const char *text) {
    json_t *body = NULL;
    char *copy = strdup(text);
    for (char *p = copy; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    tg_fault_t fault = {.field = ""};
    if (tg_json_parse(tg_str(copy), 1 << 20, 16, &body, &fault)) {
        fail_msg("%s: %s", text, fault.text);
    }
    free(copy);
    return body;
}

static inline void refused(body_fn read, const refusal_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        tg_arena_t a;
        tg_fault_t fault = {.field = ""};
        tg_err_t err = TG_OK;
        json_t *body = body_load(rows[i].body);
        tg_arena_init(&a, 1 << 20);
        json_t *written = read(body, &a, &fault, &err);
        if (written != NULL || err != TG_ERR_INVALID || strcmp(fault.field, rows[i].field) != 0 ||
            strstr(fault.text, rows[i].text) == NULL) {
            fail_msg("%s\n  got %s, field '%s', text '%s'\n  wanted field '%s', text '%s'", rows[i].body,
                     tg_err_name(err), fault.field, fault.text, rows[i].field, rows[i].text);
        }
        json_decref(body);
        tg_arena_release(&a);
    }
}

/* What is written parses again and is written the same. Returns it. */
static inline json_t *round_trip(body_fn read, const char *text) {
    tg_arena_t a;
    tg_fault_t fault = {.field = ""};
    tg_err_t err = TG_OK;
    json_t *body = body_load(text);
    tg_arena_init(&a, 1 << 20);
    json_t *once = read(body, &a, &fault, &err);
    if (once == NULL) {
        fail_msg("%s\n  refused: %s: %s", text, fault.field, fault.text);
    }
    json_t *twice = read(once, &a, &fault, &err);
    if (twice == NULL || !json_equal(once, twice)) {
        fail_msg("%s\n  is not stable: %s: %s", text, fault.field, fault.text);
    }
    json_decref(twice);
    json_decref(body);
    tg_arena_release(&a);
    return once;
}

static inline void accepted(body_fn read, const char *const *bodies, size_t n) {
    for (size_t i = 0; i < n; i++) {
        json_decref(round_trip(read, bodies[i]));
    }
}

/* Every bound on the arena and every failing allocation gives TG_ERR_NOMEM, nothing else, until there is enough. */
static inline void survives_lack_of_memory(body_fn read, const char *text) {
    json_t *body = body_load(text);
    bool enough = false;
    for (size_t max = 0; !enough && max < 1 << 16; max += 16) {
        tg_arena_t a;
        tg_err_t err = TG_OK;
        tg_arena_init(&a, max);
        json_t *written = read(body, &a, NULL, &err);
        enough = written != NULL;
        assert_int_equal(err, enough ? TG_OK : TG_ERR_NOMEM);
        json_decref(written);
        tg_arena_release(&a);
    }
    assert_true(enough);
    for (long n = 0; n < 100; n++) {
        tg_arena_t a;
        tg_err_t err = TG_OK;
        tg_arena_init(&a, 1 << 20);
        alloc_fail_after(n);
        json_t *written = read(body, &a, NULL, &err);
        bool failed = alloc_failed();
        assert_true(failed || written != NULL);
        assert_true(err == TG_OK || err == TG_ERR_NOMEM);
        json_decref(written);
        tg_arena_release(&a);
        if (!failed) {
            break;
        }
    }
    json_decref(body);
}

/* Stands for what the master key makes of secret values. */
#define SEALED      "\x01\xffsealed"
#define SEALED_TEXT "Af9zZWFsZWQ"

static inline void entries_seal(tg_metadata_entry_t *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (list[i].secret) {
            list[i].sealed = TG_STR(SEALED);
            list[i].value = TG_STR_NONE;
        }
    }
}

#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

#endif
