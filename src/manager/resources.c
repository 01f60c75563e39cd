#include "manager/resources.h"

#include "manager/bodies.h"

tg_err_t tg_resource_need(tg_call_t *c, tg_resource_kind_t kind, int64_t parent, const char *what, tg_str_t name,
                          tg_resource_t *out) {
    tg_err_t err = c->store->ops->resource_find(c->store, kind, parent, name, &c->arena, out);
    if (err == TG_ERR_NOTFOUND) {
        return tg_fault(&c->fault, err, "", "there is no %s \"%.*s\"", what, TG_STR_ARGS(name));
    }
    return err;
}

tg_err_t tg_project_need(tg_call_t *c, tg_resource_t *project) {
    return tg_resource_need(c, TG_RES_PROJECT, 0, "project", c->params[0], project);
}

tg_err_t tg_environment_need(tg_call_t *c, tg_str_t name, tg_resource_t *environment) {
    return tg_resource_need(c, TG_RES_ENVIRONMENT, 0, "environment", name, environment);
}

tg_err_t tg_resource_add(tg_call_t *c, tg_resource_kind_t kind, int64_t parent, const char *what, tg_str_t name,
                         tg_str_t doc, int64_t *id) {
    tg_err_t err = c->store->ops->resource_create(c->store, kind, parent, name, doc, c->now, id);
    if (err == TG_ERR_CONFLICT) {
        return tg_fault(&c->fault, err, "", "%s \"%.*s\" exists already", what, TG_STR_ARGS(name));
    }
    c->etag = 1;
    return err;
}

static tg_err_t changed_meanwhile(tg_call_t *c, tg_str_t name) {
    return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "\"%.*s\" changed meanwhile: read it again", TG_STR_ARGS(name));
}

tg_err_t tg_resource_match(tg_call_t *c, const tg_resource_t *row) {
    return c->if_match != 0 && c->if_match != row->version ? changed_meanwhile(c, row->name) : TG_OK;
}

tg_err_t tg_resource_change(tg_call_t *c, const tg_resource_t *row, tg_str_t doc) {
    tg_err_t err = tg_resource_match(c, row);
    if (err) {
        return err;
    }
    err = c->store->ops->resource_replace(c->store, row->id, row->version, doc, c->now, &c->etag);
    return err == TG_ERR_CONFLICT ? changed_meanwhile(c, row->name) : err;
}

tg_err_t tg_resource_page(tg_call_t *c, tg_resource_kind_t kind, int64_t parent,
                          json_t *(*show)(tg_call_t *c, const tg_resource_t *row)) {
    return tg_resource_page_if(c, kind, parent, show, NULL);
}

/* The page of those that fit, out of all. */
static void rows_narrow(const tg_call_t *c, const tg_paging_t *page, tg_resource_fits_fn fits, tg_resource_t *rows,
                        size_t *n, int64_t *total) {
    size_t kept = 0;
    *total = 0;
    for (size_t i = 0; i < *n; i++) {
        if (fits(c, &rows[i]) && (*total)++ >= page->offset && kept < (size_t)page->size) {
            rows[kept++] = rows[i];
        }
    }
    *n = kept;
}

tg_err_t tg_resource_page_if(tg_call_t *c, tg_resource_kind_t kind, int64_t parent,
                             json_t *(*show)(tg_call_t *c, const tg_resource_t *row), tg_resource_fits_fn fits) {
    tg_paging_t page = tg_paging(c);
    tg_resource_query_t query = {.kind = kind,
                                 .parent = parent,
                                 .q = page.q,
                                 .descending = page.descending,
                                 .offset = fits != NULL ? 0 : page.offset,
                                 .limit = fits != NULL ? 0 : page.size};
    tg_resource_t *rows = NULL;
    size_t n = 0;
    int64_t total = 0;
    tg_err_t err = c->store->ops->resource_list(c->store, &query, &c->arena, &rows, &n, &total);
    if (err) {
        return err;
    }
    if (fits != NULL) {
        rows_narrow(c, &page, fits, rows, &n, &total);
    }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        tg_call_append_to(c, list, show(c, &rows[i]));
    }
    tg_paging_put(c, &page, list, total);
    return TG_OK;
}

tg_err_t tg_resource_all(tg_call_t *c, tg_resource_kind_t kind, int64_t parent, tg_resource_t **rows, size_t *n) {
    tg_resource_query_t query = {.kind = kind, .parent = parent, .limit = INT32_MAX};
    int64_t total = 0;
    return c->store->ops->resource_list(c->store, &query, &c->arena, rows, n, &total);
}

json_t *tg_resource_doc(const tg_resource_t *row) {
    json_t *doc = NULL;
    return tg_doc_parse(row->doc, &doc) == TG_OK ? doc : NULL;
}

void tg_resource_metadata_put(tg_call_t *c, const tg_resource_t *row) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "id", json_integer(row->id));
    tg_call_put_to(c, o, "version", json_integer(row->version));
    tg_call_put_to(c, o, "createdAt", tg_time(row->created_at));
    tg_call_put_to(c, o, "updatedAt", tg_time(row->updated_at));
    tg_call_put(c, "metadata", o);
    c->etag = row->version;
}
