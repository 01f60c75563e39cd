#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/json.h"
#include "yaml/lines.h"
#include "yaml/scalar.h"

#define ANCHORS_MAX 256
#define NAME_MAX    1024 /* bytes of a name in a mapping, and of an anchor */

typedef struct {
    char *name;
    json_t *value; /* a reference; NULL while it is being read */
    size_t nodes;
} anchor_t;

typedef struct {
    yaml_parser_t parser;
    const tg_yaml_limits_t *limits;
    tg_yaml_lines_t *lines;
    anchor_t anchors[ANCHORS_MAX];
    size_t n_anchors;
    size_t nodes;
    unsigned depth;
    size_t line; /* of the failure */
    tg_fault_t *fault;
} reader_t;

static tg_err_t value_read(reader_t *r, yaml_event_t *event, json_t **out);

static tg_err_t refuse(reader_t *r, const yaml_event_t *event, tg_err_t err, const char *fmt, ...) TG_PRINTF(4, 5);
static tg_err_t refuse(reader_t *r, const yaml_event_t *event, tg_err_t err, const char *fmt, ...) {
    char text[sizeof(r->fault->text)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    r->line = event->start_mark.line + 1;
    return tg_fault(r->fault, err, "", "%s", text);
}

static tg_err_t out_of_memory(reader_t *r) {
    return tg_fault(r->fault, TG_ERR_NOMEM, "", "out of memory");
}

/* The reader's words hold none of the text. */
static tg_err_t event_next(reader_t *r, yaml_event_t *event) {
    if (yaml_parser_parse(&r->parser, event))
        return TG_OK;
    if (r->parser.error == YAML_MEMORY_ERROR)
        return out_of_memory(r);
    r->line = r->parser.problem_mark.line + 1;
    return tg_fault(r->fault, TG_ERR_INVALID, "", "not valid YAML: %s",
                    r->parser.problem ? r->parser.problem : "cannot be read");
}

static tg_err_t node_count(reader_t *r, const yaml_event_t *event, size_t n) {
    if (n > r->limits->max_nodes - r->nodes)
        return refuse(r, event, TG_ERR_LIMIT, "more than %zu values, aliases written out", r->limits->max_nodes);
    r->nodes += n;
    return TG_OK;
}

/* ---- anchors ---- */

static anchor_t *anchor_find(reader_t *r, const char *name) {
    for (size_t i = r->n_anchors; i-- > 0;)
        if (strcmp(r->anchors[i].name, name) == 0)
            return &r->anchors[i];
    return NULL;
}

/* *index: of the anchor, -1 if the value has none. */
static tg_err_t anchor_open(reader_t *r, const yaml_event_t *event, const yaml_char_t *name, int *index) {
    *index = -1;
    if (!name)
        return TG_OK;
    if (r->n_anchors == ANCHORS_MAX || strlen((const char *)name) > NAME_MAX)
        return refuse(r, event, TG_ERR_LIMIT, "more than %d anchors, or a name of more than %d bytes", ANCHORS_MAX,
                      NAME_MAX);
    char *copy = strdup((const char *)name);
    if (!copy)
        return out_of_memory(r);
    *index = (int)r->n_anchors;
    r->anchors[r->n_anchors++] = (anchor_t){.name = copy, .nodes = r->nodes};
    return TG_OK;
}

static void anchor_close(reader_t *r, int index, json_t *value) {
    if (index < 0)
        return;
    r->anchors[index].value = json_incref(value);
    r->anchors[index].nodes = r->nodes - r->anchors[index].nodes + 1;
}

static unsigned height_of(const json_t *value) {
    const char *name;
    json_t *inner;
    size_t i;
    unsigned height = 0, h;
    json_array_foreach(value, i, inner) {
        h = height_of(inner);
        height = h > height ? h : height;
    }
    json_object_foreach((json_t *)value, name, inner) {
        h = height_of(inner);
        height = h > height ? h : height;
    }
    return height + (json_is_array(value) || json_is_object(value));
}

static tg_err_t alias_read(reader_t *r, const yaml_event_t *event, json_t **out) {
    const anchor_t *a = anchor_find(r, (const char *)event->data.alias.anchor);
    if (!a)
        return refuse(r, event, TG_ERR_INVALID, "an alias of an anchor that is not there");
    if (!a->value)
        return refuse(r, event, TG_ERR_INVALID, "an alias inside its own anchor");
    if (r->depth + height_of(a->value) > r->limits->max_depth)
        return refuse(r, event, TG_ERR_LIMIT, "nested deeper than %u", r->limits->max_depth);
    tg_err_t err = node_count(r, event, a->nodes);
    if (err)
        return err;
    *out = json_deep_copy(a->value);
    return *out ? TG_OK : out_of_memory(r);
}

/* ---- values ---- */

static tg_err_t scalar_read(reader_t *r, const yaml_event_t *event, json_t **out) {
    int anchor;
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    tg_err_t err = anchor_open(r, event, event->data.scalar.anchor, &anchor);
    if (err)
        return err;
    r->line = event->start_mark.line + 1;
    err = tg_scalar_read(tg_strn(event->data.scalar.value, event->data.scalar.length), quoted, out, r->fault);
    if (!err)
        anchor_close(r, anchor, *out);
    return err;
}

static tg_err_t elements_read(reader_t *r, json_t *array) {
    for (;;) {
        yaml_event_t event;
        json_t *value = NULL;
        tg_err_t err = event_next(r, &event);
        if (err)
            return err;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        size_t line = event.start_mark.line + 1;
        if (!end)
            err = value_read(r, &event, &value);
        yaml_event_delete(&event);
        if (end || err)
            return err;
        if (json_array_append_new(array, value) != 0)
            return out_of_memory(r);
        if (tg_line_note(r->lines, array, NULL, json_array_size(array) - 1, line))
            return out_of_memory(r);
    }
}

/* The name of a member; *name has room for NAME_MAX bytes and a NUL. */
static tg_err_t name_read(reader_t *r, const yaml_event_t *event, const json_t *object, char *name) {
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.anchor)
        return refuse(r, event, TG_ERR_INVALID, "a name must be a plain string");
    tg_str_t text = tg_strn(event->data.scalar.value, event->data.scalar.length);
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && tg_str_eq(text, TG_STR("<<")))
        return refuse(r, event, TG_ERR_INVALID, "a merge key (<<) is not read; write the members out");
    if (event->data.scalar.tag || (text.n == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE))
        return refuse(r, event, TG_ERR_INVALID, "a name must be a plain string");
    if (text.n > NAME_MAX || !tg_str_is_utf8(text))
        return refuse(r, event, TG_ERR_INVALID, "a name must be UTF-8 without a NUL, of at most %d bytes", NAME_MAX);
    memcpy(name, text.p, text.n);
    name[text.n] = '\0';
    if (json_object_get(object, name))
        return refuse(r, event, TG_ERR_INVALID, "\"%.64s\" stands twice", name);
    return node_count(r, event, 1);
}

static tg_err_t member_add(reader_t *r, json_t *object, const char *name, json_t *value, size_t line) {
    if (json_object_set_new(object, name, value) != 0)
        return out_of_memory(r);
    const char *kept = json_object_iter_key(json_object_iter_at(object, name));
    return tg_line_note(r->lines, object, kept, 0, line) ? out_of_memory(r) : TG_OK;
}

static tg_err_t member_read(reader_t *r, const yaml_event_t *first, json_t *object) {
    char name[NAME_MAX + 1];
    yaml_event_t event;
    json_t *value = NULL;
    size_t line = first->start_mark.line + 1;
    tg_err_t err = name_read(r, first, object, name);
    if (!err)
        err = event_next(r, &event);
    if (err)
        return err;
    err = value_read(r, &event, &value);
    yaml_event_delete(&event);
    return err ? err : member_add(r, object, name, value, line);
}

static tg_err_t members_read(reader_t *r, json_t *object) {
    for (;;) {
        yaml_event_t event;
        tg_err_t err = event_next(r, &event);
        if (err)
            return err;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end)
            err = member_read(r, &event, object);
        yaml_event_delete(&event);
        if (end || err)
            return err;
    }
}

static tg_err_t container_read(reader_t *r, const yaml_event_t *event, const yaml_char_t *name, json_t *made,
                               tg_err_t (*fill)(reader_t *, json_t *), json_t **out) {
    int anchor = -1;
    tg_err_t err = made ? TG_OK : out_of_memory(r);
    if (!err && r->depth >= r->limits->max_depth)
        err = refuse(r, event, TG_ERR_LIMIT, "nested deeper than %u", r->limits->max_depth);
    if (!err)
        err = anchor_open(r, event, name, &anchor);
    if (!err && tg_line_note(r->lines, made, NULL, TG_LINE_ITSELF, event->start_mark.line + 1))
        err = out_of_memory(r);
    r->depth++;
    if (!err)
        err = fill(r, made);
    r->depth--;
    if (err) {
        json_decref(made);
        return err;
    }
    anchor_close(r, anchor, made);
    *out = made;
    return TG_OK;
}

static const yaml_char_t *tag_of(const yaml_event_t *event) {
    return event->type == YAML_SCALAR_EVENT           ? event->data.scalar.tag
           : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.tag
           : event->type == YAML_MAPPING_START_EVENT  ? event->data.mapping_start.tag
                                                      : NULL;
}

static tg_err_t value_read(reader_t *r, yaml_event_t *event, json_t **out) {
    if (tag_of(event))
        return refuse(r, event, TG_ERR_INVALID, "a tag (!) is not read");
    if (event->type == YAML_ALIAS_EVENT)
        return alias_read(r, event, out);
    tg_err_t err = node_count(r, event, 1);
    if (err)
        return err;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return scalar_read(r, event, out);
    case YAML_SEQUENCE_START_EVENT:
        return container_read(r, event, event->data.sequence_start.anchor, json_array(), elements_read, out);
    case YAML_MAPPING_START_EVENT:
        return container_read(r, event, event->data.mapping_start.anchor, json_object(), members_read, out);
    default:
        return refuse(r, event, TG_ERR_BUG, "an event out of place");
    }
}

/* ---- the stream ---- */

/* The events around the one document; *out is NULL if there is none. */
static tg_err_t stream_read(reader_t *r, json_t **out) {
    for (size_t documents = 0;;) {
        yaml_event_t event;
        tg_err_t err = event_next(r, &event);
        if (err)
            return err;
        bool end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
            err = refuse(r, &event, TG_ERR_INVALID, "a second document; one file holds one");
        else if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT &&
                 event.type != YAML_DOCUMENT_END_EVENT && !end)
            err = value_read(r, &event, out);
        yaml_event_delete(&event);
        if (err || end)
            return err;
    }
}

static tg_err_t text_read(reader_t *r, tg_str_t text, json_t **out) {
    if (!yaml_parser_initialize(&r->parser))
        return out_of_memory(r);
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text.p, text.n);
    tg_err_t err = stream_read(r, out);
    yaml_parser_delete(&r->parser);
    for (size_t i = 0; i < r->n_anchors; i++) {
        free(r->anchors[i].name);
        json_decref(r->anchors[i].value);
    }
    if (!err && !*out)
        *out = json_null();
    if (err) {
        json_decref(*out);
        *out = NULL;
    }
    return err;
}

static tg_err_t yaml_read(tg_str_t text, const tg_yaml_limits_t *limits, json_t **out, tg_yaml_lines_t **lines,
                          size_t *line, tg_fault_t *fault) {
    reader_t *r = calloc(1, sizeof(*r));
    tg_yaml_lines_t *noted = calloc(1, sizeof(*noted));
    tg_err_t err = TG_ERR_NOMEM;
    if (r && noted) {
        r->limits = limits;
        r->lines = noted;
        r->fault = fault;
        err = text_read(r, text, out);
        *line = err ? r->line : 0;
    }
    free(r);
    if (err || !lines) {
        tg_yaml_lines_free(noted);
        noted = NULL;
    }
    if (lines)
        *lines = noted;
    return err;
}

/* ---- JSON ---- */

static bool looks_like_json(tg_str_t text) {
    size_t i = 0;
    while (i < text.n && strchr(" \t\r\n", text.p[i]) && text.p[i])
        i++;
    return i < text.n && (text.p[i] == '{' || text.p[i] == '[');
}

/* What is JSON means what JSON says; the lines come from reading it as YAML, which works for nearly all of it. */
static bool json_read(tg_str_t text, const tg_yaml_limits_t *limits, json_t **out, tg_yaml_lines_t **lines) {
    json_t *strict = NULL, *same = NULL;
    tg_yaml_lines_t *noted = NULL;
    size_t line;
    if (tg_json_parse(text, limits->max_bytes, limits->max_depth, &strict, NULL))
        return false;
    tg_err_t err = yaml_read(text, limits, &same, &noted, &line, NULL);
    if (err == TG_ERR_LIMIT) {
        json_decref(strict);
        return false;
    }
    bool agree = !err && json_equal(strict, same);
    *out = agree ? same : strict;
    json_decref(agree ? strict : same);
    if (!agree) {
        tg_yaml_lines_free(noted);
        noted = NULL;
    }
    if (lines)
        *lines = noted;
    else
        tg_yaml_lines_free(noted);
    return true;
}

tg_err_t tg_yaml_parse(tg_str_t text, const tg_yaml_limits_t *limits, json_t **out, tg_yaml_lines_t **lines,
                       size_t *line, tg_fault_t *fault) {
    *out = NULL;
    *line = 0;
    if (lines)
        *lines = NULL;
    if (text.n > limits->max_bytes)
        return tg_fault(fault, TG_ERR_LIMIT, "", "longer than %zu bytes", limits->max_bytes);
    if (looks_like_json(text) && json_read(text, limits, out, lines))
        return TG_OK;
    return yaml_read(text, limits, out, lines, line, fault);
}
