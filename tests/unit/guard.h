/*
 * Input that ends right before a page that cannot be read, so that one byte of reading too far crashes the test.
 */
#ifndef TG_TEST_GUARD_H
#define TG_TEST_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
    char *p; /* the copy; n bytes, then the guard page */
    size_t n;
    void *map;
    size_t map_len;
} guard_t;

static inline guard_t guard_copy(const void *bytes, size_t n) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t data = (n + page - 1) / page * page;
    guard_t g = {.n = n, .map_len = data + page};
    g.map = mmap(NULL, g.map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.map == MAP_FAILED || mprotect((char *)g.map + data, page, PROT_NONE) != 0) {
        abort();
    }
    g.p = (char *)g.map + data - n;
    if (n > 0) {
        memcpy(g.p, bytes, n);
    }
    return g;
}

static inline void guard_free(guard_t *g) {
    munmap(g->map, g->map_len);
    g->p = NULL;
}

#endif
