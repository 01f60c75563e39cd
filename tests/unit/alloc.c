#include "alloc.h"

#include <stddef.h>

static long remaining = -1; /* < 0: not counting */
static bool failed;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void alloc_fail_after(long n) {
    remaining = n;
    failed = false;
}

bool alloc_failed(void) {
    remaining = -1;
    return failed;
}

static bool fails_now(void) {
    if (remaining < 0) {
        return false;
    }
    if (remaining-- > 0) {
        return false;
    }
    failed = true;
    return true;
}

void *__wrap_malloc(size_t n) {
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size) {
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n) {
    return fails_now() ? NULL : __real_realloc(p, n);
}
