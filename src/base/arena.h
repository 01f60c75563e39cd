/*
 * An arena: many small allocations, one release. One per request or per parsed document. A bound keeps hostile
 * input from taking more than `max` bytes in all.
 */
#ifndef TG_BASE_ARENA_H
#define TG_BASE_ARENA_H

#include "base/err.h"
#include "base/str.h"

typedef struct tg_arena_block tg_arena_block_t;

typedef struct {
    tg_arena_block_t *blocks;
    size_t used; /* bytes handed out in all, each allocation rounded up to its alignment (16) */
    size_t max;
} tg_arena_t;

void tg_arena_init(tg_arena_t *a, size_t max);
/* Wipes and frees every block. */
void tg_arena_release(tg_arena_t *a);

/* Zeroed memory aligned for any type, or NULL at the bound or without memory. */
void *tg_arena_alloc(tg_arena_t *a, size_t n) TG_MUST_CHECK;
/* n * size with overflow check. */
void *tg_arena_array(tg_arena_t *a, size_t n, size_t size) TG_MUST_CHECK;
/* A copy with a NUL behind it (not counted in n). false: out of memory. */
bool tg_arena_str(tg_arena_t *a, tg_str_t s, tg_str_t *out) TG_MUST_CHECK;

#endif
