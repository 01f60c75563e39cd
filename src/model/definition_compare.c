/* What a definition that is read anew changes. */
#include "model/definition.h"
#include "model/endpoint.h"

/* By key, the place in a list; json_t is the hash table of this room. */
static bool key_write(const tg_api_endpoint_t *e, char out[TG_ENDPOINT_KEY_MAX]) {
    tg_buf_t b;
    tg_buf_init_fixed(&b, out, TG_ENDPOINT_KEY_MAX);
    tg_api_endpoint_key_write(e->method, e->path, &b);
    tg_buf_putc(&b, '\0');
    return b.err == TG_OK;
}

static json_t *places_of(const tg_api_endpoint_t *list, size_t n) {
    char key[TG_ENDPOINT_KEY_MAX];
    json_t *places = json_object();
    for (size_t i = 0; places != NULL && i < n; i++) {
        if (!key_write(&list[i], key) || json_object_set_new(places, key, json_integer((json_int_t)i)) != 0) {
            json_decref(places);
            return NULL;
        }
    }
    return places;
}

static const tg_api_endpoint_t *find(const json_t *places, const tg_api_endpoint_t *list, const tg_api_endpoint_t *e) {
    char key[TG_ENDPOINT_KEY_MAX];
    const json_t *place = key_write(e, key) ? json_object_get(places, key) : NULL;
    return place != NULL ? &list[json_integer_value(place)] : NULL;
}

static bool name_is_kept(const tg_proxy_t *old, const json_t *fresh, const tg_definition_t *d, tg_str_t name) {
    const tg_api_endpoint_t *owner = tg_api_endpoint_named(old, name);
    return owner != NULL && find(fresh, d->endpoints, owner) != NULL;
}

static void endpoint_put(const tg_proxy_t *old, const json_t *there, const json_t *fresh, const tg_definition_t *d,
                         size_t i, tg_definition_changes_t *out) {
    tg_api_endpoint_t *e = &out->list[out->n++];
    const tg_api_endpoint_t *before = find(there, old->endpoints, &d->endpoints[i]);
    *e = d->endpoints[i];
    if (before == NULL) {
        e->name = name_is_kept(old, fresh, d, e->name) ? TG_STR_NONE : e->name;
        out->added[out->n_added++] = e;
        return;
    }
    *e = *before;
    e->description = d->endpoints[i].description;
    if (!tg_str_eq(e->description, before->description)) {
        out->changed[out->n_changed++] = e;
    }
}

tg_err_t tg_definition_compare(const tg_proxy_t *old, const tg_definition_t *d, tg_arena_t *a,
                               tg_definition_changes_t *out) {
    json_t *there = places_of(old->endpoints, old->n_endpoints);
    json_t *fresh = places_of(d->endpoints, d->n_endpoints);
    *out = (tg_definition_changes_t){.list = tg_arena_array(a, d->n_endpoints, sizeof(*out->list)),
                                     .added = tg_arena_array(a, d->n_endpoints, sizeof(*out->added)),
                                     .changed = tg_arena_array(a, d->n_endpoints, sizeof(*out->changed)),
                                     .removed = tg_arena_array(a, old->n_endpoints, sizeof(*out->removed))};
    bool enough = there != NULL && fresh != NULL && out->list != NULL && out->added != NULL && out->changed != NULL &&
                  out->removed != NULL;
    for (size_t i = 0; enough && i < d->n_endpoints; i++) {
        endpoint_put(old, there, fresh, d, i, out);
    }
    for (size_t i = 0; enough && i < old->n_endpoints; i++) {
        if (find(fresh, d->endpoints, &old->endpoints[i]) == NULL) {
            out->removed[out->n_removed++] = &old->endpoints[i];
        }
    }
    json_decref(there);
    json_decref(fresh);
    return enough ? TG_OK : TG_ERR_NOMEM;
}
