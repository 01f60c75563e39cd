#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define CELL_MAX     4096
#define COLUMN_LEAST 6 /* no column is cut to less */
#define GAP          2

/* ---- text ---- */

/* Marks that turn the direction of text or hide it. */
static bool is_mark(wchar_t c) {
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* The next character; its bytes, 0 at the end. *width is -1 for what must not be shown as it is. */
static size_t char_next(tg_str_t s, int *width) {
    wchar_t wide;
    mbstate_t state = {0};
    if (s.n == 0)
        return 0;
    size_t n = mbrtowc(&wide, s.p, s.n, &state);
    if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
        *width = -1;
        return 1;
    }
    *width = is_mark(wide) ? -1 : wcwidth(wide);
    return n;
}

void tg_text_put_safe(tg_buf_t *out, tg_str_t text) {
    int width;
    for (size_t n; (n = char_next(text, &width)) > 0; text = tg_strn(text.p + n, text.n - n))
        tg_buf_put(out, width < 0 ? TG_STR("?") : tg_strn(text.p, n));
}

size_t tg_text_width(tg_str_t text) {
    size_t total = 0;
    int width;
    for (size_t n; (n = char_next(text, &width)) > 0; text = tg_strn(text.p + n, text.n - n))
        total += width < 0 ? 1 : (size_t)width;
    return total;
}

/* The text in exactly `width` columns; the last column of a line is not filled up. */
static void text_put_fitted(tg_buf_t *out, tg_str_t text, size_t width, bool fill) {
    size_t used = 0, whole = tg_text_width(text), room = whole > width ? width - 1 : width;
    int w;
    for (size_t n; (n = char_next(text, &w)) > 0 && used + (size_t)w <= room; text = tg_strn(text.p + n, text.n - n)) {
        tg_buf_put(out, tg_strn(text.p, n));
        used += (size_t)w;
    }
    if (whole > width) {
        tg_buf_put(out, TG_STR("\xe2\x80\xa6"));
        used++;
    }
    for (; fill && used < width + GAP; used++)
        tg_buf_putc(out, ' ');
}

/* ---- cells ---- */

static void scalar_put(const json_t *value, tg_buf_t *out) {
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        tg_text_put_safe(out, tg_strn(json_string_value(value), json_string_length(value)));
        break;
    case JSON_INTEGER:
        tg_buf_putf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        tg_buf_putf(out, "%.15g", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        tg_buf_put(out, json_is_true(value) ? TG_STR("yes") : TG_STR("no"));
        break;
    case JSON_OBJECT:
    case JSON_ARRAY:
        tg_buf_putf(out, "(%zu)", json_is_array(value) ? json_array_size(value) : json_object_size(value));
        break;
    default:
        break;
    }
}

static void path_put(const json_t *value, tg_str_t path, tg_buf_t *out);

static void elements_put(const json_t *array, tg_str_t rest, tg_buf_t *out) {
    size_t i;
    json_t *element;
    json_array_foreach(array, i, element) {
        size_t before = out->n;
        if (out->n > 0 && !out->err)
            tg_buf_putc(out, ',');
        size_t comma = out->n;
        path_put(element, rest, out);
        if (out->n == comma && !out->err)
            out->n = before;
    }
}

static void path_put(const json_t *value, tg_str_t path, tg_buf_t *out) {
    char name[64];
    if (path.n == 0) {
        scalar_put(value, out);
        return;
    }
    tg_str_t rest = path, step = tg_str_take(&rest, '.');
    bool each = tg_str_ends(step, TG_STR("[]")), count = tg_str_ends(step, TG_STR("#"));
    snprintf(name, sizeof(name), "%.*s", (int)(step.n - (each ? 2 : 0) - (count ? 1 : 0)), step.p);
    const json_t *member = json_object_get(value, name);
    if (count)
        tg_buf_putf(out, "%zu", json_array_size(member));
    else if (each)
        elements_put(member, rest, out);
    else
        path_put(member, rest, out);
}

void tg_cell_write(const json_t *row, const char *path, tg_buf_t *out) {
    path_put(row, tg_str(path), out);
    if (out->n == 0)
        tg_buf_putc(out, '-');
}

/* ---- the table ---- */

typedef struct {
    char **cells; /* rows times columns */
    size_t rows, columns;
    size_t width[TG_COLUMNS_MAX];
} grid_t;

static char *cell_make(const json_t *row, const char *path) {
    char mem[CELL_MAX];
    tg_buf_t b;
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_cell_write(row, path, &b);
    return strndup(b.p, b.n);
}

static tg_err_t grid_fill(grid_t *g, const json_t *rows, const tg_column_t *columns, bool titles) {
    while (g->columns < TG_COLUMNS_MAX && columns[g->columns].title)
        g->columns++;
    g->rows = json_array_size(rows);
    g->cells = calloc(g->rows * g->columns + 1, sizeof(char *));
    if (!g->cells)
        return TG_ERR_NOMEM;
    for (size_t c = 0; c < g->columns; c++)
        g->width[c] = titles ? tg_text_width(tg_str(columns[c].title)) : 0;
    for (size_t i = 0; i < g->rows * g->columns; i++) {
        size_t c = i % g->columns, w;
        g->cells[i] = cell_make(json_array_get(rows, i / g->columns), columns[c].path);
        if (!g->cells[i])
            return TG_ERR_NOMEM;
        w = tg_text_width(tg_str(g->cells[i]));
        g->width[c] = w > g->width[c] ? w : g->width[c];
    }
    return TG_OK;
}

/* The widest column gives way first. */
static void grid_fit(grid_t *g, size_t width) {
    size_t total = (g->columns - 1) * GAP;
    for (size_t c = 0; c < g->columns; c++)
        total += g->width[c];
    while (width > 0 && total > width) {
        size_t widest = 0;
        for (size_t c = 1; c < g->columns; c++)
            if (g->width[c] > g->width[widest])
                widest = c;
        if (g->width[widest] <= COLUMN_LEAST)
            return;
        g->width[widest]--;
        total--;
    }
}

static void grid_release(grid_t *g) {
    for (size_t i = 0; g->cells && i < g->rows * g->columns; i++)
        free(g->cells[i]);
    free(g->cells);
}

tg_err_t tg_table_write(const json_t *rows, const tg_column_t *columns, size_t width, bool titles, tg_buf_t *out) {
    grid_t g = {0};
    tg_err_t err = grid_fill(&g, rows, columns, titles);
    if (!err)
        grid_fit(&g, width);
    for (size_t c = 0; !err && titles && c < g.columns; c++)
        text_put_fitted(out, tg_str(columns[c].title), g.width[c], c + 1 < g.columns);
    if (!err && titles)
        tg_buf_putc(out, '\n');
    for (size_t i = 0; !err && i < g.rows * g.columns; i++) {
        bool last = (i + 1) % g.columns == 0;
        text_put_fitted(out, tg_str(g.cells[i]), g.width[i % g.columns], !last);
        if (last)
            tg_buf_putc(out, '\n');
    }
    grid_release(&g);
    return err ? err : out->err;
}
