#include "manager/paging.h"

#include "manager/queries.h"

tg_paging_t tg_paging(const tg_call_t *c) {
    return tg_params_paging(&c->query);
}

void tg_paging_put(tg_call_t *c, const tg_paging_t *p, json_t *list, int64_t total) {
    tg_call_put(c, "resultList", list);
    tg_call_put(c, "resultCount", json_integer(total));
    tg_call_put(c, "page", json_integer(p->page));
    tg_call_put(c, "pageSize", json_integer(p->size));
}
