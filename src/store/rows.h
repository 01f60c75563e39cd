/*
 * A list of rows that grows inside an arena, for the calls that give out several. Backends only.
 */
#ifndef TG_STORE_ROWS_H
#define TG_STORE_ROWS_H

#include "base/arena.h"

typedef struct {
    tg_arena_t *arena;
    size_t size; /* of one row */
    char *p;
    size_t n, cap;
} tg_rows_t;

static inline void tg_rows_init(tg_rows_t *rows, tg_arena_t *arena, size_t size) {
    *rows = (tg_rows_t){.arena = arena, .size = size};
}

/* Zeroed room for one more row, or NULL: out of memory. Rows given out before may have moved. */
static inline void *tg_rows_add(tg_rows_t *rows) {
    if (rows->n == rows->cap) {
        size_t cap = rows->cap > 0 ? rows->cap * 2 : 8;
        char *p = tg_arena_array(rows->arena, cap, rows->size);
        if (p == NULL) {
            return NULL;
        }
        if (rows->n > 0) {
            memcpy(p, rows->p, rows->n * rows->size);
        }
        rows->p = p;
        rows->cap = cap;
    }
    return rows->p + rows->n++ * rows->size;
}

#endif
