/*
 * Tables of rows that never change: a row is copied in whole, counted, and shared by the versions of a table that hold
 * it. A new version is an array of pointers, so that a transaction works on its own and a reader keeps the one it began
 * with.
 */
#ifndef TG_STORE_MEMORY_TABLE_H
#define TG_STORE_MEMORY_TABLE_H

#include "base/arena.h"

#define TG_ROW_TEXTS 9

/* How to copy a row: its size, and where its texts are. */
typedef struct {
    size_t size;
    size_t n_texts;
    size_t texts[TG_ROW_TEXTS]; /* offsets of tg_str_t */
} tg_row_type_t;

typedef struct {
    const tg_row_type_t *type;
    void **rows; /* in the order that they were added in, or were put into */
    size_t n, cap;
} tg_table_t;

/* A counted copy with count 1; NULL: out of memory. */
void *tg_row_new(const tg_row_type_t *type, const void *from);
void tg_row_hold(void *row);
void tg_row_drop(void *row);
/* A copy whose texts are in the arena. */
tg_err_t tg_row_give(const tg_row_type_t *type, const void *row, tg_arena_t *arena, void *out) TG_MUST_CHECK;

tg_err_t tg_table_copy(tg_table_t *to, const tg_table_t *from) TG_MUST_CHECK;
void tg_table_release(tg_table_t *t);
/* All of these copy *row in. */
tg_err_t tg_table_add(tg_table_t *t, const void *row) TG_MUST_CHECK;
/* As row i; those from there on move up. */
tg_err_t tg_table_insert(tg_table_t *t, size_t i, const void *row) TG_MUST_CHECK;
tg_err_t tg_table_set(tg_table_t *t, size_t i, const void *row) TG_MUST_CHECK;
void tg_table_remove(tg_table_t *t, size_t i);
/* Removes n rows from i on. */
void tg_table_cut(tg_table_t *t, size_t i, size_t n);

#endif
