#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"
#include "cli/terminal.h"
#include "yaml/document.h"

#define TEXT_MAX ((size_t)512 << 20)

tg_err_t tg_output_parse(const tg_args_t *a, tg_output_t *out) {
    static const char *const names[] = {"table", "json", "yaml", "name"};
    const char *text = a->value[TG_FLAG_OUTPUT];
    *out = TG_OUTPUT_TABLE;
    for (int i = 0; text && i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (tg_output_t)i;
            return TG_OK;
        }
    if (!text)
        return TG_OK;
    tg_say("--output: must be table, json, yaml or name");
    return TG_ERR_INVALID;
}

static tg_err_t text_print(tg_buf_t *text, tg_err_t err) {
    if (err)
        tg_say("the answer does not fit into memory");
    else if (fwrite(text->p, 1, text->n, stdout) != text->n || fflush(stdout) != 0) {
        tg_say_errno("cannot write");
        err = TG_ERR_UNAVAILABLE;
    }
    tg_buf_release(text);
    return err;
}

static int bytes_put(const char *p, size_t n, void *arg) {
    tg_buf_t *out = arg;
    tg_buf_put(out, tg_strn(p, n));
    return out->err ? -1 : 0;
}

tg_err_t tg_output_value(tg_output_t format, const json_t *value) {
    tg_buf_t text;
    tg_err_t err = TG_OK;
    tg_buf_init(&text, TEXT_MAX);
    if (format == TG_OUTPUT_YAML) {
        err = tg_yaml_write(value, &text);
    } else {
        if (json_dump_callback(value, bytes_put, &text, JSON_INDENT(2) | JSON_ENCODE_ANY) != 0)
            err = TG_ERR_NOMEM;
        tg_buf_putc(&text, '\n');
    }
    return text_print(&text, err ? err : text.err);
}

tg_err_t tg_output_rows(tg_output_t format, const json_t *value, const json_t *rows, const tg_column_t *columns,
                        const char *name) {
    tg_buf_t text;
    tg_err_t err = TG_OK;
    if (format == TG_OUTPUT_JSON || format == TG_OUTPUT_YAML)
        return tg_output_value(format, value);
    tg_buf_init(&text, TEXT_MAX);
    if (format == TG_OUTPUT_TABLE)
        err = tg_table_write(rows, columns, tg_terminal_width(), true, &text);
    for (size_t i = 0; format == TG_OUTPUT_NAME && i < json_array_size(rows); i++) {
        char mem[4096];
        tg_buf_t cell;
        tg_buf_init_fixed(&cell, mem, sizeof(mem));
        tg_cell_write(json_array_get(rows, i), name, &cell);
        tg_buf_put(&text, tg_buf_str(&cell));
        tg_buf_putc(&text, '\n');
    }
    return text_print(&text, err ? err : text.err);
}

/* ---- one object ---- */

static void member_put(const char *prefix, const char *name, const json_t *value, size_t indent, tg_buf_t *out);

static void members_put(const char *prefix, const json_t *object, size_t indent, tg_buf_t *out) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        member_put(prefix, name, value, indent, out);
    }
}

/* A list of plain values is a line; one of objects is JSON. */
static void value_put(const json_t *value, tg_buf_t *out) {
    json_t *row = json_object();
    bool plain = json_is_array(value);
    size_t i;
    json_t *element;
    json_array_foreach(value, i, element) {
        plain = plain && !json_is_object(element) && !json_is_array(element);
    }
    if (json_is_array(value) && !plain) {
        char *text = json_dumps(value, JSON_COMPACT);
        tg_text_put_safe(out, tg_str(text ? text : ""));
        free(text);
    } else if (row && json_object_set(row, "v", (json_t *)value) == 0) {
        char mem[16384];
        tg_buf_t cell;
        tg_buf_init_fixed(&cell, mem, sizeof(mem));
        tg_cell_write(row, plain ? "v[]" : "v", &cell);
        tg_buf_put(out, tg_buf_str(&cell));
    }
    json_decref(row);
}

static void member_put(const char *prefix, const char *name, const json_t *value, size_t indent, tg_buf_t *out) {
    char path[512];
    snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", name);
    if (json_is_object(value) && json_object_size(value) > 0) {
        members_put(path, value, indent, out);
        return;
    }
    tg_text_put_safe(out, tg_str(path));
    for (size_t w = tg_text_width(tg_str(path)); w < indent; w++)
        tg_buf_putc(out, ' ');
    tg_buf_put(out, TG_STR("  "));
    value_put(value, out);
    tg_buf_putc(out, '\n');
}

static size_t longest(const char *prefix, const json_t *object) {
    const char *name;
    json_t *value;
    size_t n = 0;
    json_object_foreach((json_t *)object, name, value) {
        char path[512];
        snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", name);
        size_t here = json_is_object(value) && json_object_size(value) > 0 ? longest(path, value) : strlen(path);
        n = here > n ? here : n;
    }
    return n;
}

tg_err_t tg_output_object(const json_t *object) {
    tg_buf_t text;
    tg_buf_init(&text, TEXT_MAX);
    members_put("", object, longest("", object), &text);
    return text_print(&text, text.err);
}
