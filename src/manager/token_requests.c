/* /tokenRequests/: what came to the token endpoints and what became of it, newest first. Never a secret or a token. */
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/paging.h"
#include "manager/resources.h"

#define SIZE_DEFAULT 100
#define SIZE_LARGEST 1000

static tg_err_t moment_take(tg_call_t *c, const char *name, tg_ms_t *out) {
    tg_str_t text;
    if (!tg_call_query(c, name, &text)) {
        return TG_OK;
    }
    return tg_iso8601_parse(text, out) ? tg_fault(&c->fault, TG_ERR_INVALID, name, "must be like 2026-11-23T17:00:00Z")
                                       : TG_OK;
}

static tg_err_t number_take(tg_call_t *c, const char *name, int64_t min, int64_t max, int64_t *out) {
    tg_str_t text;
    uint64_t n = 0;
    if (!tg_call_query(c, name, &text)) {
        return TG_OK;
    }
    if (!tg_str_to_u64(text, (uint64_t)max, &n) || (int64_t)n < min) {
        return tg_fault(&c->fault, TG_ERR_INVALID, name, "must be a number from %lld to %lld", (long long)min,
                        (long long)max);
    }
    *out = (int64_t)n;
    return TG_OK;
}

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

static tg_err_t status_take(tg_call_t *c, tg_request_query_t *q) {
    int64_t from = 0, to = 0;
    tg_err_t err = number_take(c, "statusFrom", 100, 599, &from);
    if (!err) {
        err = number_take(c, "statusTo", 100, 599, &to);
    }
    q->status_from = (int32_t)from;
    q->status_to = (int32_t)to;
    return err;
}

static tg_err_t query_take(tg_call_t *c, tg_request_query_t *q) {
    int64_t size = SIZE_DEFAULT;
    memset(q, 0, sizeof(*q));
    tg_call_query(c, "proxy", &q->proxy);
    tg_call_query(c, "user", &q->user);
    tg_call_query(c, "clientId", &q->client_id);
    tg_call_query(c, "error", &q->error);
    tg_err_t err = id_take(c, "environment", TG_RES_ENVIRONMENT, &q->environment_id);
    if (!err) {
        err = id_take(c, "project", TG_RES_PROJECT, &q->project_id);
    }
    if (!err) {
        err = status_take(c, q);
    }
    if (!err) {
        err = moment_take(c, "from", &q->from);
    }
    if (!err) {
        err = moment_take(c, "to", &q->to);
    }
    if (!err) {
        err = number_take(c, "before", 1, INT64_MAX, &q->before_seq);
    }
    if (!err) {
        err = number_take(c, "pageSize", 1, SIZE_LARGEST, &size);
    }
    q->limit = (size_t)size;
    return err;
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
