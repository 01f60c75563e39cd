#include "cli/input.h"

#include "cli/references.h"
#include "cli/say.h"
#include "cli/secret.h"

const tg_yaml_limits_t tg_input_limits = {TG_INPUT_MAX, 32, 4000000};

tg_err_t tg_input_parse(const char *path, json_t **out, tg_yaml_lines_t **lines) {
    tg_buf_t text;
    tg_fault_t fault = {"", ""};
    size_t line = 0;
    tg_buf_init(&text, TG_INPUT_MAX);
    tg_err_t err = tg_input_read(path, &text);
    if (!err) {
        err = tg_yaml_parse(tg_buf_str(&text), &tg_input_limits, out, lines, &line, &fault);
        if (err && line)
            tg_say("%s:%zu: %s", path, line, fault.text);
        else if (err)
            tg_say("%s: %s", path, fault.text);
    }
    tg_buf_release(&text);
    return err;
}

tg_err_t tg_input_document(const char *path, json_t **out) {
    tg_places_t places = {0};
    tg_yaml_lines_t *lines = NULL;
    *out = NULL;
    tg_err_t err = tg_input_parse(path, out, &lines);
    if (!err)
        err = tg_places_add(&places, path, json_incref(*out), lines);
    if (!err && !json_is_object(*out)) {
        tg_say("%s: must be an object: name: value, ...", path);
        err = TG_ERR_INVALID;
    }
    if (!err)
        err = tg_references_resolve(*out, &places, true);
    tg_places_release(&places);
    if (err) {
        json_decref(*out);
        *out = NULL;
    }
    return err;
}
