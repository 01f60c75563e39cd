#include "cli/references.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "cli/say.h"

#define SECRET_MAX 65536
#define PATH_TEXT  512

typedef struct {
    const tg_places_t *places;
    bool literals;
    char path[PATH_TEXT]; /* of what is looked at */
} walk_t;

/* Of a header or form field of an identity provider. */
static bool is_secret_value(const walk_t *w, const json_t *object, const char *name) {
    return strcmp(name, "value") == 0 && json_is_true(json_object_get(object, "secret")) &&
           (strstr(w->path, "headerList[") || strstr(w->path, "formList["));
}

static bool is_secret(const walk_t *w, const json_t *object, const char *name) {
    static const char *const names[] = {"password", "secretKey", "bindPassword", "clientKey"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return is_secret_value(w, object, name);
}

/* An application key's id is no secret, but comes from the same place. */
static bool takes_reference(const walk_t *w, const json_t *object, const char *name) {
    return is_secret(w, object, name) || strcmp(name, "publicKey") == 0;
}

static bool mentions_reference(const char *text) {
    return strstr(text, "${env:") || strstr(text, "${file:");
}

static tg_err_t refuse(const walk_t *w, const json_t *object, const char *name, const char *why) {
    char place[TG_PLACE_TEXT];
    tg_places_of_member(w->places, object, name, 0, place);
    tg_say("%s%s%s: %s", place, *place ? ": " : "", w->path, why);
    return TG_ERR_INVALID;
}

/* What stands between "${env:" and "}"; false: the text is another one. */
static bool body_take(const char *text, const char *prefix, char *out, size_t cap) {
    size_t before = strlen(prefix), n = strlen(text);
    if (strncmp(text, prefix, before) != 0 || n < before + 2 || text[n - 1] != '}' || n - before > cap)
        return false;
    snprintf(out, cap, "%.*s", (int)(n - before - 1), text + before);
    return true;
}

static tg_err_t from_environment(const walk_t *w, json_t *object, const char *name, const char *variable) {
    char why[PATH_TEXT];
    for (const char *p = variable; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            return refuse(w, object, name, "the name of the variable must be letters, digits and _");
    const char *value = getenv(variable);
    if (!value || !*value) {
        snprintf(why, sizeof(why), "the variable %.200s is not set", variable);
        return refuse(w, object, name, why);
    }
    return json_object_set_new(object, name, json_string(value)) == 0
               ? TG_OK
               : refuse(w, object, name, "the variable's value is not UTF-8");
}

static tg_err_t from_file(const walk_t *w, json_t *object, const char *name, const char *file) {
    char folder[PATH_MAX], path[2 * PATH_MAX], why[PATH_TEXT];
    tg_buf_t text;
    tg_places_folder(w->places, object, folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s%s%s", file[0] == '/' ? "" : folder, file[0] == '/' ? "" : "/", file);
    tg_buf_init(&text, SECRET_MAX);
    tg_err_t err = tg_file_read(path, &text);
    while (!err && text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    if (err || text.n == 0) {
        snprintf(why, sizeof(why), "%.400s %s", path, err ? "cannot be read" : "is empty");
        err = refuse(w, object, name, why);
    } else if (json_object_set_new(object, name, json_stringn(text.p, text.n)) != 0) {
        err = refuse(w, object, name, "the file is not UTF-8");
    }
    tg_buf_release(&text);
    return err;
}

static tg_err_t string_resolve(const walk_t *w, json_t *object, const char *name, const char *text) {
    char body[PATH_MAX];
    if (!takes_reference(w, object, name))
        return mentions_reference(text)
                   ? refuse(w, object, name, "a reference can only stand in a secret or a publicKey")
                   : TG_OK;
    if (body_take(text, "${env:", body, sizeof(body)))
        return from_environment(w, object, name, body);
    if (body_take(text, "${file:", body, sizeof(body)))
        return from_file(w, object, name, body);
    if (mentions_reference(text))
        return refuse(w, object, name, "the reference must be the whole value: ${env:NAME} or ${file:PATH}");
    if (is_secret(w, object, name) && !w->literals)
        return refuse(w, object, name, "a secret must not stand in a document; write ${env:NAME} or ${file:PATH}");
    return TG_OK;
}

static tg_err_t value_resolve(walk_t *w, json_t *value);

static tg_err_t object_resolve(walk_t *w, json_t *object) {
    const char *name;
    json_t *member;
    void *next;
    size_t n = strlen(w->path);
    json_object_foreach_safe(object, next, name, member) {
        snprintf(w->path + n, sizeof(w->path) - n, "%s%s", n ? "." : "", name);
        tg_err_t err = json_is_string(member) ? string_resolve(w, object, name, json_string_value(member))
                                              : value_resolve(w, member);
        w->path[n] = '\0';
        if (err)
            return err;
    }
    return TG_OK;
}

static tg_err_t element_resolve(walk_t *w, json_t *array, size_t i) {
    json_t *element = json_array_get(array, i);
    if (!json_is_string(element))
        return value_resolve(w, element);
    if (!mentions_reference(json_string_value(element)))
        return TG_OK;
    return refuse(w, array, NULL, "a reference can only stand in a secret or a publicKey");
}

static tg_err_t value_resolve(walk_t *w, json_t *value) {
    size_t n = strlen(w->path);
    if (json_is_object(value))
        return object_resolve(w, value);
    for (size_t i = 0; i < json_array_size(value); i++) {
        snprintf(w->path + n, sizeof(w->path) - n, "[%zu]", i);
        tg_err_t err = element_resolve(w, value, i);
        w->path[n] = '\0';
        if (err)
            return err;
    }
    return TG_OK;
}

tg_err_t tg_references_resolve(json_t *root, const tg_places_t *places, bool literals) {
    walk_t w = {.places = places, .literals = literals};
    return value_resolve(&w, root);
}
