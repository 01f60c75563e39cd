#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define BLOCK_MIN 4096
#define ALIGN     alignof(max_align_t)

struct tg_arena_block {
    tg_arena_block_t *next;
    size_t cap;  /* bytes behind the header */
    size_t used; /* of them */
    alignas(max_align_t) char bytes[];
};

void tg_arena_init(tg_arena_t *a, size_t max) {
    *a = (tg_arena_t){.max = max};
}

void tg_arena_release(tg_arena_t *a) {
    for (tg_arena_block_t *block = a->blocks; block != NULL;) {
        tg_arena_block_t *next = block->next;
        tg_wipe(block->bytes, block->used);
        free(block);
        block = next;
    }
    *a = (tg_arena_t){.max = a->max};
}

static tg_arena_block_t *add_block(tg_arena_t *a, size_t need) {
    size_t cap = need > BLOCK_MIN ? need : BLOCK_MIN;
    tg_arena_block_t *block = calloc(1, sizeof(*block) + cap);
    if (block == NULL) {
        return NULL;
    }
    block->cap = cap;
    /* A large request gets its own block behind the current one, whose room stays in use. */
    if (need > BLOCK_MIN && a->blocks != NULL) {
        block->next = a->blocks->next;
        a->blocks->next = block;
    } else {
        block->next = a->blocks;
        a->blocks = block;
    }
    return block;
}

void *tg_arena_alloc(tg_arena_t *a, size_t n) {
    if (n > SIZE_MAX / 2) {
        return NULL;
    }
    size_t size = n > 0 ? (n + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    if (size > a->max - a->used) {
        return NULL;
    }
    tg_arena_block_t *block = a->blocks;
    if (block == NULL || size > block->cap - block->used) {
        block = add_block(a, size);
    }
    if (block == NULL) {
        return NULL;
    }
    void *p = block->bytes + block->used;
    block->used += size;
    a->used += size;
    return p;
}

void *tg_arena_array(tg_arena_t *a, size_t n, size_t size) {
    size_t total;
    return __builtin_mul_overflow(n, size, &total) ? NULL : tg_arena_alloc(a, total);
}

bool tg_arena_str(tg_arena_t *a, tg_str_t s, tg_str_t *out) {
    if (s.n == SIZE_MAX) {
        return false;
    }
    char *p = tg_arena_alloc(a, s.n + 1);
    if (p == NULL) {
        return false;
    }
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    *out = tg_strn(p, s.n);
    return true;
}
