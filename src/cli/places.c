#include "cli/places.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tg_places_release(tg_places_t *p) {
    for (size_t i = 0; i < p->n; i++) {
        free(p->files[i].path);
        json_decref(p->files[i].root);
        tg_yaml_lines_free(p->files[i].lines);
    }
    free(p->files);
    for (size_t i = 0; i < p->n_moved; i++)
        free(p->moved[i].name);
    free(p->moved);
    *p = (tg_places_t){0};
}

tg_err_t tg_places_add(tg_places_t *p, const char *path, json_t *root, tg_yaml_lines_t *lines) {
    struct tg_places_file *files = realloc(p->files, (p->n + 1) * sizeof(*files));
    char *copy = strdup(path);
    if (files)
        p->files = files;
    if (!files || !copy) {
        free(copy);
        json_decref(root);
        tg_yaml_lines_free(lines);
        return TG_ERR_NOMEM;
    }
    struct tg_places_file *f = &p->files[p->n++];
    f->path = copy;
    f->root = root;
    f->lines = lines;
    return TG_OK;
}

static void place_write(const struct tg_places_file *f, size_t line, char out[TG_PLACE_TEXT]) {
    snprintf(out, TG_PLACE_TEXT, "%.500s:%zu", f->path, line);
}

void tg_places_of(const tg_places_t *p, const json_t *container, char out[TG_PLACE_TEXT]) {
    out[0] = '\0';
    for (size_t i = 0; i < p->n; i++) {
        size_t line = tg_yaml_line_of(p->files[i].lines, container);
        if (line > 0) {
            place_write(&p->files[i], line, out);
            return;
        }
    }
}

tg_err_t tg_places_move(tg_places_t *p, const json_t *container, const char *name, const json_t *from) {
    struct tg_places_moved *moved = realloc(p->moved, (p->n_moved + 1) * sizeof(*moved));
    char *copy = strdup(name);
    if (moved)
        p->moved = moved;
    if (!moved || !copy) {
        free(copy);
        return TG_ERR_NOMEM;
    }
    struct tg_places_moved *m = &p->moved[p->n_moved++];
    m->container = container;
    m->from = from;
    m->name = copy;
    return TG_OK;
}

static bool member_find(const tg_places_t *p, const json_t *container, const char *name, size_t index,
                        char out[TG_PLACE_TEXT]) {
    for (size_t i = 0; name && i < p->n_moved; i++)
        if (p->moved[i].container == container && strcmp(p->moved[i].name, name) == 0)
            container = p->moved[i].from;
    for (size_t i = 0; i < p->n; i++) {
        size_t line = tg_yaml_line_of_member(p->files[i].lines, container, name, index);
        if (line > 0) {
            place_write(&p->files[i], line, out);
            return true;
        }
    }
    return false;
}

void tg_places_of_member(const tg_places_t *p, const json_t *container, const char *name, size_t index,
                         char out[TG_PLACE_TEXT]) {
    if (!member_find(p, container, name, index, out))
        tg_places_of(p, container, out);
}

/* The next step of a path: a name, or an index (*name is ""). false: the path ends, or is none. */
static bool step_take(const char **path, char *name, size_t cap, size_t *index) {
    const char *p = *path;
    size_t n;
    *name = '\0';
    if (*p == '[') {
        char *end;
        *index = strtoul(p + 1, &end, 10);
        if (end == p + 1 || *end != ']')
            return false;
        *path = end + 1;
        return true;
    }
    p += *p == '.';
    for (n = 0; isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '-'; n++)
        ;
    if (n == 0 || n >= cap)
        return false;
    memcpy(name, p, n);
    name[n] = '\0';
    *path = p + n;
    return true;
}

void tg_places_of_path(const tg_places_t *p, const json_t *root, const char *path, char out[TG_PLACE_TEXT]) {
    char name[256], place[TG_PLACE_TEXT];
    size_t index = 0;
    tg_places_of(p, root, out);
    while (root && step_take(&path, name, sizeof(name), &index)) {
        const json_t *inner = *name ? json_object_get(root, name) : json_array_get(root, index);
        if (!inner)
            return;
        if (!member_find(p, root, *name ? name : NULL, index, place))
            tg_places_of(p, inner, place);
        if (*place)
            memcpy(out, place, sizeof(place));
        root = inner;
    }
}

void tg_places_folder(const tg_places_t *p, const json_t *container, char *out, size_t cap) {
    for (size_t i = 0; i < p->n; i++) {
        const char *slash = strrchr(p->files[i].path, '/');
        if (slash && tg_yaml_line_of(p->files[i].lines, container) > 0) {
            snprintf(out, cap, "%.*s", slash == p->files[i].path ? 1 : (int)(slash - p->files[i].path),
                     p->files[i].path);
            return;
        }
    }
    snprintf(out, cap, ".");
}
