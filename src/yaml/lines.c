#include "yaml/lines.h"

#include <stdlib.h>

tg_err_t tg_line_note(tg_yaml_lines_t *lines, const json_t *container, const char *name, size_t index, size_t line) {
    if (lines->n == lines->cap) {
        size_t cap = lines->cap ? 2 * lines->cap : 64;
        tg_line_t *list = realloc(lines->list, cap * sizeof(*list));
        if (!list)
            return TG_ERR_NOMEM;
        lines->list = list;
        lines->cap = cap;
    }
    lines->list[lines->n++] = (tg_line_t){container, name, (uint32_t)index, (uint32_t)line};
    return TG_OK;
}

void tg_yaml_lines_free(tg_yaml_lines_t *lines) {
    if (lines)
        free(lines->list);
    free(lines);
}

/* Looked up when something is wrong: a walk is quick enough. */
size_t tg_yaml_line_of_member(const tg_yaml_lines_t *lines, const json_t *container, const char *name, size_t index) {
    for (size_t i = 0; lines && i < lines->n; i++) {
        const tg_line_t *l = &lines->list[i];
        if (l->container == container && (name ? l->name && strcmp(l->name, name) == 0 : !l->name && l->index == index))
            return l->line;
    }
    return 0;
}

size_t tg_yaml_line_of(const tg_yaml_lines_t *lines, const json_t *container) {
    return tg_yaml_line_of_member(lines, container, NULL, TG_LINE_ITSELF);
}
