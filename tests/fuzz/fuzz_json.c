/* JSON texts: what is accepted can be written, and what was written is the same value and the same bytes again. */
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *value;
    json_t *again;
    tg_fault_t fault = {"", ""};
    tg_buf_t first;
    tg_buf_t second;
    tg_err_t err = tg_json_parse(tg_strn(data, size), 1 << 16, 16, &value, &fault);
    if (err) {
        require(fault.text[0] != '\0');
        return 0;
    }
    tg_buf_init(&first, 1 << 20);
    tg_buf_init(&second, 1 << 20);
    require(tg_json_write(value, &first) == TG_OK);
    require(tg_json_parse(tg_buf_str(&first), 1 << 20, 16, &again, NULL) == TG_OK);
    require(json_equal(value, again));
    require(tg_json_write(again, &second) == TG_OK);
    require(tg_str_eq(tg_buf_str(&first), tg_buf_str(&second)));
    tg_buf_release(&first);
    tg_buf_release(&second);
    json_decref(value);
    json_decref(again);
    return 0;
}
