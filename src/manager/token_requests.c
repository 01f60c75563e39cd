/* /tokenRequests/: what came to the token endpoints and what became of it, newest first. Never a secret or a token. */
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/queries.h"
#include "manager/resources.h"

/* The id of what the query names; 0: it names none. A project without a role is as one that is not there. */
static tg_err_t id_take(tg_call_t *c, const char *name, tg_resource_kind_t kind, int64_t *out) {
    tg_resource_t row;
    tg_str_t text;
    if (!tg_call_query(c, name, &text)) {
        return TG_OK;
    }
    tg_err_t err = c->store->ops->resource_find(c->store, kind, 0, text, &c->arena, &row);
    if (!err && kind == TG_RES_PROJECT && !tg_permission_sees(c, row.id)) {
        err = TG_ERR_NOTFOUND;
    }
    if (err == TG_ERR_NOTFOUND) {
        return tg_fault(&c->fault, TG_ERR_INVALID, name, "there is no %s \"%.*s\"", name, TG_STR_ARGS(text));
    }
    *out = err ? 0 : row.id;
    return err;
}

static tg_err_t query_take(tg_call_t *c, tg_request_query_t *q) {
    *q = (tg_request_query_t){.proxy = tg_param_text(c, "proxy"),
                              .user = tg_param_text(c, "user"),
                              .client_id = tg_param_text(c, "clientId"),
                              .error = tg_param_text(c, "error"),
                              .status_from = (int32_t)tg_param_number(c, "statusFrom", 0),
                              .status_to = (int32_t)tg_param_number(c, "statusTo", 0),
                              .from = tg_param_moment(c, "from"),
                              .to = tg_param_moment(c, "to"),
                              .before_seq = tg_param_number(c, "before", 0),
                              .limit = (size_t)tg_param_number(c, "pageSize", TG_PAGE_SIZE_DEFAULT)};
    tg_err_t err = id_take(c, "environment", TG_RES_ENVIRONMENT, &q->environment_id);
    return err ? err : id_take(c, "project", TG_RES_PROJECT, &q->project_id);
}

/* ---- rows ---- */

typedef struct {
    tg_resource_t *environments, *projects;
    size_t n_environments, n_projects;
} names_t;

/* null: it is gone, or was never known. */
static json_t *name_of(const tg_resource_t *rows, size_t n, int64_t id) {
    for (size_t i = 0; i < n; i++) {
        if (rows[i].id == id) {
            return tg_text(rows[i].name);
        }
    }
    return json_null();
}

static json_t *row_show(tg_call_t *c, const names_t *names, const tg_request_row_t *row) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "id", json_integer(row->seq));
    tg_call_put_to(c, o, "at", tg_time(row->at));
    tg_call_put_to(c, o, "environmentName", name_of(names->environments, names->n_environments, row->environment_id));
    tg_call_put_to(c, o, "projectName", name_of(names->projects, names->n_projects, row->project_id));
    tg_call_put_to(c, o, "nodeId", tg_text(row->node));
    tg_call_put_to(c, o, "endpoint", tg_text(row->endpoint));
    tg_call_put_to(c, o, "clientId", tg_text_or_null(row->client_id));
    tg_call_put_to(c, o, "proxyName", tg_text_or_null(row->proxy));
    tg_call_put_to(c, o, "user", tg_text_or_null(row->user));
    tg_call_put_to(c, o, "address", tg_text(row->address));
    tg_call_put_to(c, o, "grantType", tg_text_or_null(row->grant));
    tg_call_put_to(c, o, "status", json_integer(row->status));
    tg_call_put_to(c, o, "error", tg_text_or_null(row->error));
    tg_call_put_to(c, o, "reason", tg_text_or_null(row->reason));
    tg_call_put_to(c, o, "durationMicros", json_integer(row->duration_us));
    return o;
}

static tg_err_t rows_read(tg_call_t *c, const tg_request_query_t *q, tg_request_row_t **rows, size_t *n) {
    void *handle = NULL;
    tg_err_t err = tg_pool_take(&c->m->tokens, &handle);
    if (!err) {
        tg_token_store_t *store = handle;
        err = store->ops->request_list(store, q, &c->arena, rows, n);
    }
    tg_pool_give(&c->m->tokens, handle);
    return err;
}

static tg_err_t names_read(tg_call_t *c, names_t *names) {
    tg_err_t err = tg_resource_all(c, TG_RES_ENVIRONMENT, 0, &names->environments, &names->n_environments);
    return err ? err : tg_resource_all(c, TG_RES_PROJECT, 0, &names->projects, &names->n_projects);
}

/* "next" is what `before` must be to go on; null at the end. What is of projects without a role is left out. */
tg_err_t tg_token_request_list(tg_call_t *c) {
    tg_request_query_t q;
    tg_request_row_t *rows = NULL;
    names_t names = {.n_projects = 0};
    size_t n = 0;
    tg_err_t err = query_take(c, &q);
    if (!err) {
        err = names_read(c, &names);
    }
    if (!err) {
        err = rows_read(c, &q, &rows, &n);
    }
    if (err) {
        return err;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (tg_permission_sees(c, rows[i].project_id)) {
            tg_call_append_to(c, list, row_show(c, &names, &rows[i]));
        }
    }
    tg_call_put(c, "resultCount", json_integer((json_int_t)json_array_size(list)));
    tg_call_put(c, "resultList", list);
    tg_call_put(c, "next", n == q.limit ? json_integer(rows[n - 1].seq) : json_null());
    return TG_OK;
}
