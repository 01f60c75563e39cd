
/* One question to the store: what its thread works on, and what it said. */


#ifndef _NGX_HTTP_TOLLGATE_LOOKUP_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_LOOKUP_H_INCLUDED_


#include "ngx_http_tollgate_request.h"


typedef struct {
    ngx_http_tollgate_task_t       task;      /* first member */

    ngx_uint_t                     is_token;
    u_char                         hash[TG_HASH_LEN];
    tg_bucket_t                    bucket;
    ngx_http_tollgate_ticket_t     ticket;
    int64_t                        environment_id;

    tg_client_kind_t               kind;      /* of a look-up of a client */
    char                           client_id[TG_CLIENT_ID_MAX];
    size_t                         client_id_len;

    uint64_t                       asked;     /* monotonic ms */
    int64_t                        seq;       /* the feed's, of answer.live */
    ngx_http_tollgate_answer_t     answer;
} ngx_http_tollgate_lookup_t;


/* A task's run(): fills in the answer, and the caches on its way. */
void ngx_http_tollgate_lookup_run(ngx_http_tollgate_task_t *task,
    ngx_http_tollgate_thread_t *thread);
/*
 * Event loop: whether the answer may be older than the end of what was asked
 * for, which requests that came meanwhile must not be told.
 */
ngx_uint_t ngx_http_tollgate_lookup_is_stale(
    const ngx_http_tollgate_lookup_t *l);


#endif /* _NGX_HTTP_TOLLGATE_LOOKUP_H_INCLUDED_ */
