#include "manager/paging.h"

#include "manager/queries.h"

tg_paging_t tg_paging(const tg_call_t *c) {
    tg_str_t sort = tg_param_text(c, "sort");
    tg_paging_t p = {.page = tg_param_number(c, "page", 1),
                     .size = tg_param_number(c, "pageSize", TG_PAGE_SIZE_DEFAULT),
                     .descending = tg_str_eq(sort, TG_STR("-name")) || tg_str_eq(sort, TG_STR("name,desc")),
                     .q = tg_param_text(c, "q")};
    p.offset = (p.page - 1) * p.size;
    return p;
}

void tg_paging_put(tg_call_t *c, const tg_paging_t *p, json_t *list, int64_t total) {
    tg_call_put(c, "resultList", list);
    tg_call_put(c, "resultCount", json_integer(total));
    tg_call_put(c, "page", json_integer(p->page));
    tg_call_put(c, "pageSize", json_integer(p->size));
}
