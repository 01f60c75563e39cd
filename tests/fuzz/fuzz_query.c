/* Queries of list calls: whatever is let through is in bounds, and is what was written. */
#include <stdlib.h>

#include "model/names.h"
#include "model/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* As those of the audit log. */
static const tg_field_t table[] = {
    {.name = "who", .read = tg_read_line, .max = 1024},
    {.name = "project", .read = tg_read_name},
    {.name = "from", .read = tg_read_moment},
    {.name = "before", .read = tg_read_int64, .min = 1, .max = INT64_MAX},
    {.name = NULL},
};

static void check(const tg_form_t *query) {
    tg_paging_t p = tg_params_paging(query);
    require(p.page >= 1 && p.page <= TG_PAGE_MAX && p.size >= 1 && p.size <= TG_PAGE_SIZE_MAX);
    require(p.offset == (p.page - 1) * p.size && p.q.n <= 256);
    require(tg_params_number(query, "before", 1) >= 1);
    require(tg_params_moment(query, "from") >= 0 || tg_params_text(query, "from").n > 0);
    require(tg_params_text(query, "who").n <= 1024 && tg_str_is_utf8(tg_params_text(query, "who")));
    for (size_t i = 0; i < query->n; i++) {
        for (size_t j = 0; j < i; j++) {
            require(!tg_str_eq(query->pairs[i].name, query->pairs[j].name));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_arena_t a;
    tg_form_t query;
    tg_fault_t fault = {.field = ""};
    tg_arena_init(&a, 1 << 20);
    tg_err_t err = tg_params_parse(tg_strn(data, size), tg_query_list, table, &a, &query, &fault);
    if (err == TG_OK) {
        check(&query);
    } else {
        require(err == TG_ERR_NOMEM || fault.text[0] != '\0');
    }
    tg_arena_release(&a);
    return 0;
}
