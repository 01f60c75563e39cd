/* Token management settings: global, live at once, by a new revision of each environment's snapshot. */
#include "manager/token_management.h"

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/publish.h"
#include "manager/resources.h"

static const tg_str_t row_name = {"token-management", 16};

tg_err_t tg_token_management_find(tg_call_t *c, tg_resource_t *row, json_t **doc) {
    static const tg_token_management_t defaults;
    *row = (tg_resource_t){.name = row_name};
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_SETTINGS, 0, row_name, &c->arena, row);
    if (err == TG_ERR_NOTFOUND) {
        *row = (tg_resource_t){.name = row_name};
        *doc = tg_token_management_write(&defaults);
        return *doc != NULL ? TG_OK : TG_ERR_NOMEM;
    }
    return err ? err : tg_doc_parse(row->doc, doc);
}

tg_err_t tg_token_management_load(tg_call_t *c, tg_token_management_t *out) {
    tg_resource_t row;
    json_t *doc = NULL;
    tg_err_t err = tg_token_management_find(c, &row, &doc);
    if (!err) {
        err = tg_token_management_parse(doc, &c->arena, out, &c->fault);
    }
    json_decref(doc);
    return err;
}

tg_err_t tg_token_management_get(tg_call_t *c) {
    tg_resource_t row;
    json_t *doc = NULL;
    tg_err_t err = tg_token_management_find(c, &row, &doc);
    if (err) {
        return err;
    }
    tg_call_put(c, "result", doc);
    if (row.id != 0) {
        tg_resource_metadata_put(c, &row);
    }
    return TG_OK;
}

/* Whatever was read before they were first changed is still so: nothing to match. */
static tg_err_t row_put(tg_call_t *c, const tg_resource_t *row, tg_str_t doc) {
    int64_t id;
    return row->id != 0 ? tg_resource_change(c, row, doc)
                        : tg_resource_add(c, TG_RES_SETTINGS, 0, "setting", row_name, doc, &id);
}

tg_err_t tg_token_management_change(tg_call_t *c, const tg_resource_t *row, const tg_token_management_t *settings) {
    tg_str_t doc;
    tg_err_t err = tg_doc_text(c, tg_token_management_write(settings), &doc);
    if (!err) {
        err = row_put(c, row, doc);
    }
    if (!err) {
        err = tg_publish_everywhere(c);
    }
    return err ? err : tg_doc_parse(doc, &c->after);
}

static tg_err_t settings_replace(tg_call_t *c, const tg_resource_t *row, const json_t *body) {
    tg_token_management_t settings;
    tg_err_t err = tg_token_management_parse(body, &c->arena, &settings, &c->fault);
    if (!err) {
        err = tg_token_management_change(c, row, &settings);
    }
    if (!err) {
        tg_call_put(c, "result", json_incref(c->after));
    }
    return err;
}

static tg_err_t settings_set(tg_call_t *c, bool merge) {
    tg_resource_t row;
    json_t *body = NULL;
    tg_err_t err = tg_call_begin(c);
    if (!err) {
        err = tg_token_management_find(c, &row, &c->before);
    }
    if (err) {
        return err;
    }
    body = merge ? tg_json_merge(c->before, c->body) : json_incref(c->body);
    err = body != NULL ? settings_replace(c, &row, body) : TG_ERR_NOMEM;
    json_decref(body);
    return err;
}

tg_err_t tg_token_management_put(tg_call_t *c) {
    return settings_set(c, false);
}

tg_err_t tg_token_management_patch(tg_call_t *c) {
    return settings_set(c, true);
}
