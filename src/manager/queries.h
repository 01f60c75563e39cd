/*
 * Query parameters, by the same kind of table as bodies: names, types and bounds are checked before a handler runs, and
 * are what the OpenAPI document says. Tables end with a row without a name.
 */
#ifndef TG_MANAGER_QUERIES_H
#define TG_MANAGER_QUERIES_H

#include "manager/call.h"
#include "model/fields.h"

#define TG_PAGE_SIZE_DEFAULT 100
#define TG_PAGE_SIZE_MAX     1000
#define TG_PAGE_MAX          1000000

extern const tg_field_t tg_query_list[]; /* of every list: page, pageSize, sort, q */
extern const tg_field_t tg_query_environment[], tg_query_environment_needed[], tg_query_rollback[], tg_query_access[],
    tg_query_requests[], tg_query_audit[], tg_query_export[], tg_query_upload[];

size_t tg_query_rows(const tg_field_t *table);
/* Refuses what the operation's tables do not name, what stands twice, and values that they do not take. */
tg_err_t tg_query_check(tg_call_t *c) TG_MUST_CHECK;

/* Of a handler's own parameters, which were checked; without one TG_STR_NONE, `fallback`, 0. */
tg_str_t tg_param_text(const tg_call_t *c, const char *name);
int64_t tg_param_number(const tg_call_t *c, const char *name, int64_t fallback);
tg_ms_t tg_param_moment(const tg_call_t *c, const char *name);

#endif
