/*
 * Query parameters, by the same kind of table as bodies: names, types and bounds are checked before anything is done by
 * them. Tables end with a row without a name.
 */
#ifndef TG_MODEL_PARAMS_H
#define TG_MODEL_PARAMS_H

#include "base/clock.h"
#include "base/form.h"
#include "model/fields.h"

#define TG_QUERY_PAIRS_MAX   64
#define TG_PAGE_SIZE_DEFAULT 100
#define TG_PAGE_SIZE_MAX     1000
#define TG_PAGE_MAX          1000000

extern const tg_field_t tg_query_list[]; /* of every list: page, pageSize, sort, q */

size_t tg_params_rows(const tg_field_t *table);

/* Reads `text` and refuses what neither table names (either may be NULL), what stands twice, values that the rows do
 * not take, and the lack of one that is required. Values are decoded into the arena. */
tg_err_t tg_params_parse(tg_str_t text, const tg_field_t *one, const tg_field_t *other, tg_arena_t *a, tg_form_t *out,
                         tg_fault_t *fault) TG_MUST_CHECK;

/* Of a query that was read; without that parameter TG_STR_NONE, `fallback`, 0. */
tg_str_t tg_params_text(const tg_form_t *query, const char *name);
int64_t tg_params_number(const tg_form_t *query, const char *name, int64_t fallback);
tg_ms_t tg_params_moment(const tg_form_t *query, const char *name);

typedef struct {
    int64_t page, size; /* from 1; 1..TG_PAGE_SIZE_MAX */
    int64_t offset;     /* (page - 1) * size */
    bool descending;
    tg_str_t q;
} tg_paging_t;

/* Of a query that was read by tg_query_list. */
tg_paging_t tg_params_paging(const tg_form_t *query);

#endif
