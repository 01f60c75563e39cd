/* What is known of each request once it was answered: a line on stderr, and the counts of /metrics. */
#ifndef TG_MANAGER_ACCESS_LOG_H
#define TG_MANAGER_ACCESS_LOG_H

#include "manager/call.h"

/* The X-Request-Id of a caller on this machine if it is one (policy/trace.h), else one of our own. */
void tg_request_id_take(tg_call_t *c, tg_str_t given);

/* The path is told without its query, which may hold secrets. */
void tg_access_log_write(const tg_call_t *c, int64_t us);
void tg_requests_count(tg_manager_t *m, int status, int64_t us);

#endif
