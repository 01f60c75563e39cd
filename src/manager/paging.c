#include "manager/paging.h"

#define PAGE_SIZE_DEFAULT 100
#define PAGE_SIZE_MAX     1000
#define PAGE_MAX          1000000

static tg_err_t number(tg_call_t *c, const char *name, int64_t max, int64_t fallback, int64_t *out) {
    tg_str_t text;
    uint64_t n = 0;
    *out = fallback;
    if (!tg_call_query(c, name, &text)) {
        return TG_OK;
    }
    if (!tg_str_to_u64(text, (uint64_t)max, &n) || n == 0) {
        return tg_fault(&c->fault, TG_ERR_INVALID, name, "must be a number from 1 to %lld", (long long)max);
    }
    *out = (int64_t)n;
    return TG_OK;
}

static tg_err_t sort_take(tg_call_t *c, bool *descending) {
    tg_str_t text;
    *descending = false;
    if (!tg_call_query(c, "sort", &text) || tg_str_eq(text, TG_STR("name")) || tg_str_eq(text, TG_STR("name,asc"))) {
        return TG_OK;
    }
    if (tg_str_eq(text, TG_STR("-name")) || tg_str_eq(text, TG_STR("name,desc"))) {
        *descending = true;
        return TG_OK;
    }
    return tg_fault(&c->fault, TG_ERR_INVALID, "sort", "must be name, -name, name,asc or name,desc");
}

tg_err_t tg_paging_parse(tg_call_t *c, tg_paging_t *out) {
    memset(out, 0, sizeof(*out));
    tg_err_t err = number(c, "page", PAGE_MAX, 1, &out->page);
    if (!err) {
        err = number(c, "pageSize", PAGE_SIZE_MAX, PAGE_SIZE_DEFAULT, &out->size);
    }
    if (!err) {
        err = sort_take(c, &out->descending);
    }
    if (!err && tg_call_query(c, "q", &out->q) && out->q.n > 256) {
        err = tg_fault(&c->fault, TG_ERR_INVALID, "q", "must have at most 256 bytes");
    }
    out->offset = (out->page - 1) * out->size;
    return err;
}

void tg_paging_put(tg_call_t *c, const tg_paging_t *p, json_t *list, int64_t total) {
    tg_call_put(c, "resultList", list);
    tg_call_put(c, "resultCount", json_integer(total));
    tg_call_put(c, "page", json_integer(p->page));
    tg_call_put(c, "pageSize", json_integer(p->size));
}

static bool is_one_of(tg_str_t name, tg_str_t names) {
    while (names.p != NULL) {
        if (tg_str_eq(name, tg_str_take(&names, '&'))) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_query_check(tg_call_t *c) {
    const tg_form_pair_t *repeated = tg_form_repeated(&c->query);
    if (repeated != NULL) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "", "query parameter \"%.*s\" stands twice",
                        TG_STR_ARGS(repeated->name));
    }
    for (size_t i = 0; i < c->query.n; i++) {
        tg_str_t name = c->query.pairs[i].name;
        bool paging = (c->op->flags & TG_OP_LIST) && is_one_of(name, TG_STR("page&pageSize&sort&q"));
        if (!paging && !is_one_of(name, tg_operation_query(c->op))) {
            return tg_fault(&c->fault, TG_ERR_INVALID, "", "query parameter \"%.*s\" is not known", TG_STR_ARGS(name));
        }
    }
    return TG_OK;
}
