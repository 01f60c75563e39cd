#include "manager/doc_diff.h"

#define PATH_LONGEST 1024

typedef struct {
    tg_call_t *c;
    json_t *changes;
    tg_buf_t path;
    bool cut;
} diff_t;

static bool is_secret(const char *name) {
    static const char *const names[] = {"password", "secret", "secretKey", "privateKey", "clientSecret"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Replaces the values of secrets at any depth. */
static void mask(diff_t *d, json_t *v) {
    const char *key;
    json_t *member;
    size_t i;
    json_object_foreach(v, key, member) {
        if (!is_secret(key)) {
            mask(d, member);
        } else if (!json_is_null(member)) {
            tg_call_put_to(d->c, v, key, json_string("***"));
        }
    }
    json_array_foreach(v, i, member) {
        mask(d, member);
    }
}

static json_t *side(diff_t *d, const json_t *v, bool secret) {
    if (v == NULL || secret) {
        return v == NULL ? json_null() : json_string("***");
    }
    json_t *copy = json_deep_copy(v);
    mask(d, copy);
    return copy;
}

static void change_add(diff_t *d, const json_t *before, const json_t *after, bool secret) {
    if (json_array_size(d->changes) == TG_DIFF_MAX) {
        d->cut = true;
        return;
    }
    json_t *o = json_object();
    tg_call_put_to(d->c, o, "path", tg_text(tg_buf_str(&d->path)));
    tg_call_put_to(d->c, o, "before", side(d, before, secret));
    tg_call_put_to(d->c, o, "after", side(d, after, secret));
    tg_call_append_to(d->c, d->changes, o);
}

static void diff(diff_t *d, const json_t *before, const json_t *after, bool secret);

static void member_diff(diff_t *d, const char *name, const json_t *before, const json_t *after) {
    size_t n = d->path.n;
    tg_buf_putf(&d->path, "%s%s", n > 0 ? "." : "", name);
    diff(d, before, after, is_secret(name));
    d->path.n = n;
}

static void objects_diff(diff_t *d, const json_t *before, const json_t *after) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)before, key, value) {
        member_diff(d, key, value, json_object_get(after, key));
    }
    json_object_foreach((json_t *)(uintptr_t)after, key, value) {
        if (json_object_get(before, key) == NULL) {
            member_diff(d, key, NULL, value);
        }
    }
}

static void lists_diff(diff_t *d, const json_t *before, const json_t *after) {
    for (size_t i = 0; i < json_array_size(before); i++) {
        size_t n = d->path.n;
        tg_buf_putf(&d->path, "[%zu]", i);
        diff(d, json_array_get(before, i), json_array_get(after, i), false);
        d->path.n = n;
    }
}

static void diff(diff_t *d, const json_t *before, const json_t *after, bool secret) {
    if (before != NULL && after != NULL && json_equal(before, after)) {
        return;
    }
    if (!secret && json_is_object(before) && json_is_object(after)) {
        objects_diff(d, before, after);
    } else if (!secret && json_is_array(before) && json_is_array(after) &&
               json_array_size(before) == json_array_size(after)) {
        lists_diff(d, before, after);
    } else {
        change_add(d, before, after, secret);
    }
}

bool tg_doc_diff(tg_call_t *c, const json_t *before, const json_t *after, json_t *changes) {
    diff_t d = {.c = c, .changes = changes};
    tg_buf_init(&d.path, PATH_LONGEST);
    diff(&d, before, after, false);
    if (d.path.err) {
        c->failed = d.path.err;
    }
    tg_buf_release(&d.path);
    return !d.cut;
}
