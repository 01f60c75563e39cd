/* Query parameters of the operations, by tables (model/params.h), which are what the OpenAPI document says, too. */
#ifndef TG_MANAGER_QUERIES_H
#define TG_MANAGER_QUERIES_H

#include "manager/call.h"
#include "model/params.h"

extern const tg_field_t tg_query_environment[], tg_query_environment_needed[], tg_query_rollback[], tg_query_access[],
    tg_query_requests[], tg_query_audit[], tg_query_export[], tg_query_upload[];

/* Of a handler's own parameters, which were checked; without one TG_STR_NONE, `fallback`, 0. */
tg_str_t tg_param_text(const tg_call_t *c, const char *name);
int64_t tg_param_number(const tg_call_t *c, const char *name, int64_t fallback);
tg_ms_t tg_param_moment(const tg_call_t *c, const char *name);

#endif
