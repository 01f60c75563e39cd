#include <stdio.h>
#include <yaml.h>

#include "yaml/document.h"
#include "yaml/scalar.h"

static int bytes_take(void *arg, unsigned char *p, size_t n) {
    tg_buf_t *out = arg;
    tg_buf_put(out, tg_strn(p, n));
    return out->err == TG_OK;
}

static bool scalar_put(yaml_emitter_t *e, const char *text, size_t n, bool plain) {
    yaml_event_t event;
    bool lines = !plain && n > 0 && memchr(text, '\n', n) != NULL;
    yaml_scalar_style_t style = plain   ? YAML_PLAIN_SCALAR_STYLE
                                : lines ? YAML_LITERAL_SCALAR_STYLE
                                        : YAML_ANY_SCALAR_STYLE;
    bool quote = !plain && tg_scalar_needs_quotes(tg_strn(text, n));
    if (quote && !lines)
        style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)n, !quote, 1, style) &&
           yaml_emitter_emit(e, &event);
}

static bool value_put(yaml_emitter_t *e, const json_t *value);

static bool array_put(yaml_emitter_t *e, const json_t *array) {
    yaml_event_t event;
    size_t i;
    json_t *element;
    if (!yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE) ||
        !yaml_emitter_emit(e, &event))
        return false;
    json_array_foreach(array, i, element) {
        if (!value_put(e, element))
            return false;
    }
    return yaml_sequence_end_event_initialize(&event) && yaml_emitter_emit(e, &event);
}

static bool object_put(yaml_emitter_t *e, const json_t *object) {
    yaml_event_t event;
    const char *name;
    json_t *member;
    if (!yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE) ||
        !yaml_emitter_emit(e, &event))
        return false;
    json_object_foreach((json_t *)object, name, member) {
        if (!scalar_put(e, name, strlen(name), false) || !value_put(e, member))
            return false;
    }
    return yaml_mapping_end_event_initialize(&event) && yaml_emitter_emit(e, &event);
}

static bool number_put(yaml_emitter_t *e, const json_t *value) {
    char text[64];
    size_t n = json_dumpb(value, text, sizeof(text), JSON_ENCODE_ANY);
    return n <= sizeof(text) && scalar_put(e, text, n, true);
}

static bool value_put(yaml_emitter_t *e, const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_put(e, value);
    case JSON_ARRAY:
        return array_put(e, value);
    case JSON_STRING:
        return scalar_put(e, json_string_value(value), json_string_length(value), false);
    case JSON_TRUE:
        return scalar_put(e, "true", 4, true);
    case JSON_FALSE:
        return scalar_put(e, "false", 5, true);
    case JSON_NULL:
        return scalar_put(e, "null", 4, true);
    default:
        return number_put(e, value);
    }
}

static bool document_put(yaml_emitter_t *e, const json_t *value) {
    yaml_event_t event;
    return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) && yaml_emitter_emit(e, &event) &&
           yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) && yaml_emitter_emit(e, &event) &&
           value_put(e, value) && yaml_document_end_event_initialize(&event, 1) && yaml_emitter_emit(e, &event) &&
           yaml_stream_end_event_initialize(&event) && yaml_emitter_emit(e, &event);
}

tg_err_t tg_yaml_write(const json_t *value, tg_buf_t *out) {
    yaml_emitter_t e;
    if (!yaml_emitter_initialize(&e))
        return TG_ERR_NOMEM;
    yaml_emitter_set_output(&e, bytes_take, out);
    yaml_emitter_set_unicode(&e, 1);
    yaml_emitter_set_width(&e, -1);
    bool ok = document_put(&e, value) && yaml_emitter_flush(&e);
    yaml_emitter_delete(&e);
    return out->err ? out->err : ok ? TG_OK : TG_ERR_NOMEM;
}
