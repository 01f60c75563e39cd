/* Where values stand. Internal to the yaml room. */
#ifndef TG_YAML_LINES_H
#define TG_YAML_LINES_H

#include "yaml/document.h"

typedef struct {
    const json_t *container;
    const char *name; /* a name of the container's; NULL: an element, or the container itself */
    uint32_t index;   /* of the element; TG_LINE_ITSELF */
    uint32_t line;
} tg_line_t;

#define TG_LINE_ITSELF UINT32_MAX

struct tg_yaml_lines {
    tg_line_t *list;
    size_t n, cap;
};

tg_err_t tg_line_note(tg_yaml_lines_t *lines, const json_t *container, const char *name, size_t index,
                      size_t line) TG_MUST_CHECK;

#endif
