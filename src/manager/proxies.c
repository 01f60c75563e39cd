#include "manager/proxies.h"

#include "manager/bodies.h"

tg_err_t tg_proxy_load(tg_call_t *c, const tg_resource_t *row, tg_proxy_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (!err) {
        err = tg_proxy_parse(doc, TG_STR_NONE, &c->arena, out, &c->fault);
    }
    json_decref(doc);
    return err;
}
