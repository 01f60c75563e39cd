/*
 * A path and, behind a '\n', a JSON document. A path that breaks the rule leads nowhere; one that keeps it, without
 * [*], leads to one value at most.
 */
#include <stdlib.h>

#include "identity/http/path.h"
#include "model/json_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const json_t *out[8];
    json_t *doc = NULL;
    size_t n;
    tg_str_t rest = tg_strn(data, size);
    tg_str_t path = tg_str_take(&rest, '\n');
    if (tg_json_parse(rest, 64 << 10, 32, &doc, NULL)) {
        return 0;
    }
    tg_json_path_find(doc, path, out, 8, &n);
    require(tg_json_path_rule(path, true) == NULL || n == 0 || path.n > 0);
    require(tg_json_path_rule(path, false) != NULL || n <= 1);
    require(tg_json_path_is_list(path) || n <= 1);
    for (size_t i = 0; i < n && i < 8; i++) {
        require(out[i] != NULL);
    }
    json_decref(doc);
    return 0;
}
