/*
 * Paths into JSON documents, the part of RFC 9535 that names values: $ is the document, .name and ["any name"] a
 * member, [0] an element, [*] each element. Pure; used by those who check a path and by those who follow it.
 */
#ifndef TG_MODEL_JSON_PATH_H
#define TG_MODEL_JSON_PATH_H

#include "base/str.h"

#define TG_JSON_PATH_MAX       512
#define TG_JSON_PATH_STEPS_MAX 16
#define TG_JSON_PATH_INDEX_MAX 9999

typedef enum { TG_STEP_NAME = 1, TG_STEP_INDEX, TG_STEP_EACH } tg_json_step_kind_t;

typedef struct {
    tg_json_step_kind_t kind;
    tg_str_t name; /* a view into the path */
    size_t index;
} tg_json_step_t;

/* Takes the `$` off the front of a path; false: there is none. */
bool tg_json_path_begin(tg_str_t *path);
/* Takes one step off the front of what is left; false: nothing is left, or (rest->n > 0) it is no step. */
bool tg_json_path_take(tg_str_t *rest, tg_json_step_t *out);

/* NULL if it is a path, else the rule that it breaks. `each`: whether [*] may stand in it. */
const char *tg_json_path_rule(tg_str_t path, bool each);

#endif
