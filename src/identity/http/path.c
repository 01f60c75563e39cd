#include "identity/http/path.h"

#include "model/json_path.h"

typedef struct {
    const json_t **out;
    size_t max, n;
} found_t;

/* At most TG_JSON_PATH_STEPS_MAX deep, which the path's rule sees to. */
static void follow(const json_t *at, tg_str_t rest, found_t *found) { // NOLINT(misc-no-recursion)
    tg_json_step_t step;
    if (at == NULL) {
        return;
    }
    if (!tg_json_path_take(&rest, &step)) {
        if (rest.n == 0 && found->n < found->max) {
            found->out[found->n] = at;
        }
        found->n += rest.n == 0;
        return;
    }
    switch (step.kind) {
    case TG_STEP_NAME:
        follow(json_object_getn(at, step.name.p, step.name.n), rest, found);
        break;
    case TG_STEP_INDEX:
        follow(json_array_get(at, step.index), rest, found);
        break;
    case TG_STEP_EACH:
        for (size_t i = 0; i < json_array_size(at); i++) {
            follow(json_array_get(at, i), rest, found);
        }
        break;
    }
}

void tg_json_path_find(const json_t *doc, tg_str_t path, const json_t **out, size_t max, size_t *n) {
    found_t found = {.out = out, .max = max};
    if (path.n <= TG_JSON_PATH_MAX && tg_json_path_begin(&path)) {
        follow(doc, path, &found);
    }
    *n = found.n;
}

bool tg_json_path_is_list(tg_str_t path) {
    tg_json_step_t step;
    bool begun = tg_json_path_begin(&path);
    while (begun && tg_json_path_take(&path, &step)) {
        if (step.kind == TG_STEP_EACH) {
            return true;
        }
    }
    return false;
}
