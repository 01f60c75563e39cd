#include "base/json.h"

void tg_json_init(size_t seed) {
    json_object_seed(seed);
}

/* Deepest nesting of brackets outside strings. Text that is not JSON may count wrongly, but not before the place where
 * the parser stops at it. */
static unsigned depth_of(tg_str_t text) {
    unsigned depth = 0;
    unsigned deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            }
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

/* Not jansson's own text: that quotes the input, which may hold a secret. */
static const char *reason(enum json_error_code code) {
    switch (code) {
    case json_error_duplicate_key:
        return "a name stands twice in an object";
    case json_error_invalid_utf8:
        return "not valid UTF-8";
    case json_error_premature_end_of_input:
        return "the text ends too early";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a NUL in a string";
    case json_error_numeric_overflow:
        return "a number is out of range";
    default:
        return "not valid JSON";
    }
}

tg_err_t tg_json_parse(tg_str_t text, size_t max_bytes, unsigned max_depth, json_t **out, tg_fault_t *fault) {
    if (text.n > max_bytes) {
        return tg_fault(fault, TG_ERR_LIMIT, "", "longer than %zu bytes", max_bytes);
    }
    if (depth_of(text) > max_depth) {
        return tg_fault(fault, TG_ERR_LIMIT, "", "nested deeper than %u", max_depth);
    }
    json_error_t error = {0}; /* jansson leaves it as it is where memory runs out */
    json_t *value = json_loadb(text.n > 0 ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL) {
        enum json_error_code code = json_error_code(&error);
        if (code == json_error_out_of_memory || error.text[0] == '\0') {
            return tg_fault(fault, TG_ERR_NOMEM, "", "out of memory");
        }
        return tg_fault(fault, TG_ERR_INVALID, "", "%s (line %d, column %d)", reason(code), error.line, error.column);
    }
    *out = value;
    return TG_OK;
}

static int append(const char *bytes, size_t n, void *data) {
    tg_buf_t *out = data;
    tg_buf_put(out, tg_strn(bytes, n));
    return out->err ? -1 : 0;
}

tg_err_t tg_json_write(const json_t *value, tg_buf_t *out) {
    if (out->err) {
        return out->err;
    }
    if (json_dump_callback(value, append, out, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) != 0 && !out->err) {
        out->err = value == NULL ? TG_ERR_BUG : TG_ERR_NOMEM;
    }
    return out->err;
}

tg_str_t tg_json_str(const json_t *object, const char *name) {
    const json_t *member = json_object_get(object, name);
    if (!json_is_string(member)) {
        return TG_STR_NONE;
    }
    return tg_strn(json_string_value(member), json_string_length(member));
}

bool tg_json_int(const json_t *object, const char *name, int64_t *out) {
    const json_t *member = json_object_get(object, name);
    if (!json_is_integer(member)) {
        return false;
    }
    *out = json_integer_value(member);
    return true;
}

bool tg_json_bool(const json_t *object, const char *name, bool fallback) {
    const json_t *member = json_object_get(object, name);
    return json_is_boolean(member) ? json_is_true(member) : fallback;
}
