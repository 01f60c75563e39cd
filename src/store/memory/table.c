#include "store/memory/table.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef struct {
    _Alignas(max_align_t) atomic_size_t count;
    size_t size; /* of the row and its texts, to wipe it */
} header_t;

static header_t *header_of(void *row) {
    return (header_t *)row - 1;
}

static tg_str_t *text_of(const tg_row_type_t *type, const void *row, size_t i) {
    return (tg_str_t *)(void *)((char *)(uintptr_t)row + type->texts[i]);
}

void *tg_row_new(const tg_row_type_t *type, const void *from) {
    size_t size = type->size;
    for (size_t i = 0; i < type->n_texts; i++) {
        size += text_of(type, from, i)->n;
    }
    header_t *h = malloc(sizeof(*h) + size);
    if (h == NULL) {
        return NULL;
    }
    atomic_init(&h->count, 1);
    h->size = size;
    char *row = (char *)(h + 1), *end = row + type->size;
    memcpy(row, from, type->size);
    for (size_t i = 0; i < type->n_texts; i++) {
        tg_str_t *text = text_of(type, row, i);
        if (text->n > 0) {
            memcpy(end, text->p, text->n);
        }
        text->p = end;
        end += text->n;
    }
    return row;
}

void tg_row_hold(void *row) {
    atomic_fetch_add(&header_of(row)->count, 1);
}

void tg_row_drop(void *row) {
    header_t *h = header_of(row);
    if (atomic_fetch_sub(&h->count, 1) == 1) {
        tg_wipe(row, h->size);
        free(h);
    }
}

tg_err_t tg_row_give(const tg_row_type_t *type, const void *row, tg_arena_t *arena, void *out) {
    memcpy(out, row, type->size);
    for (size_t i = 0; i < type->n_texts; i++) {
        if (!tg_arena_str(arena, *text_of(type, row, i), text_of(type, out, i))) {
            return TG_ERR_NOMEM;
        }
    }
    return TG_OK;
}

tg_err_t tg_table_copy(tg_table_t *to, const tg_table_t *from) {
    *to = (tg_table_t){.type = from->type};
    if (from->n == 0) {
        return TG_OK;
    }
    to->rows = malloc(from->n * sizeof(void *));
    if (to->rows == NULL) {
        return TG_ERR_NOMEM;
    }
    to->n = to->cap = from->n;
    for (size_t i = 0; i < from->n; i++) {
        to->rows[i] = from->rows[i];
        tg_row_hold(to->rows[i]);
    }
    return TG_OK;
}

void tg_table_release(tg_table_t *t) {
    for (size_t i = 0; i < t->n; i++) {
        tg_row_drop(t->rows[i]);
    }
    free(t->rows);
    *t = (tg_table_t){.type = t->type};
}

static tg_err_t grow(tg_table_t *t) {
    if (t->n < t->cap) {
        return TG_OK;
    }
    size_t cap = t->cap > 0 ? t->cap * 2 : 8;
    void **rows = realloc(t->rows, cap * sizeof(void *));
    if (rows == NULL) {
        return TG_ERR_NOMEM;
    }
    t->rows = rows;
    t->cap = cap;
    return TG_OK;
}

tg_err_t tg_table_insert(tg_table_t *t, size_t i, const void *row) {
    tg_err_t err = grow(t);
    if (err != TG_OK) {
        return err;
    }
    void *copy = tg_row_new(t->type, row);
    if (copy == NULL) {
        return TG_ERR_NOMEM;
    }
    memmove(&t->rows[i + 1], &t->rows[i], (t->n++ - i) * sizeof(void *));
    t->rows[i] = copy;
    return TG_OK;
}

tg_err_t tg_table_add(tg_table_t *t, const void *row) {
    return tg_table_insert(t, t->n, row);
}

tg_err_t tg_table_set(tg_table_t *t, size_t i, const void *row) {
    void *copy = tg_row_new(t->type, row);
    if (copy == NULL) {
        return TG_ERR_NOMEM;
    }
    tg_row_drop(t->rows[i]);
    t->rows[i] = copy;
    return TG_OK;
}

void tg_table_cut(tg_table_t *t, size_t i, size_t n) {
    if (n == 0) {
        return;
    }
    for (size_t k = i; k < i + n; k++) {
        tg_row_drop(t->rows[k]);
    }
    t->n -= n;
    memmove(&t->rows[i], &t->rows[i + n], (t->n - i) * sizeof(void *));
}

void tg_table_remove(tg_table_t *t, size_t i) {
    tg_table_cut(t, i, 1);
}
