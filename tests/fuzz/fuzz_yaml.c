/* YAML documents: what is accepted stays within its bounds, and what is written of it is the same value again. */
#include <stdlib.h>

#include "yaml/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const tg_yaml_limits_t limits = {1 << 16, 16, 5000}, wider = {64 << 20, 16, 5000};
    json_t *value, *again;
    tg_yaml_lines_t *lines;
    tg_fault_t fault = {"", ""};
    tg_buf_t text;
    size_t line;
    tg_err_t err = tg_yaml_parse(tg_strn(data, size), &limits, &value, &lines, &line, &fault);
    if (err) {
        require(fault.text[0] != '\0' && value == NULL && lines == NULL);
        return 0;
    }
    tg_buf_init(&text, 64 << 20);
    require(tg_yaml_write(value, &text) == TG_OK);
    require(tg_yaml_parse(tg_buf_str(&text), &wider, &again, NULL, &line, NULL) == TG_OK);
    require(json_equal(value, again));
    tg_buf_release(&text);
    tg_yaml_lines_free(lines);
    json_decref(value);
    json_decref(again);
    return 0;
}
