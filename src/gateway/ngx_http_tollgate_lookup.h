
/* One question to the store: what its thread works on, and what it said. */


#ifndef _NGX_HTTP_TOLLGATE_LOOKUP_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_LOOKUP_H_INCLUDED_


#include "ngx_http_tollgate_request.h"


typedef struct {
    ngx_http_tollgate_task_t       task;      /* first member */

    ngx_http_tollgate_question_t   question;
    ngx_http_tollgate_ticket_t     ticket;    /* RECORD */

    uint64_t                       asked;     /* monotonic ms */
    /* the feed's, of answer.known.live */
    int64_t                        seqs[NGX_HTTP_TOLLGATE_PARTIES];
    void                          *scope;     /* malloc'ed, or NULL */
    tg_fault_t                     fault;     /* what cannot be read */
    ngx_http_tollgate_answer_t     answer;
} ngx_http_tollgate_lookup_t;


/* With a hold on the question's snapshot.  NULL: no memory. */
ngx_http_tollgate_lookup_t *ngx_http_tollgate_lookup_new(
    const ngx_http_tollgate_question_t *question);
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
