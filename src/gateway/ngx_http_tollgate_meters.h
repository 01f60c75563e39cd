
/*
 * Meters in shared memory: counters of requests in windows of time, told apart
 * by 16 bytes, 8 ways a set.  Needs nothing of nginx.
 *
 * There is no lock.  The name of a meter and its state are two words of 16
 * bytes, and each is changed by one compare-and-swap: a process that is killed
 * at any moment has counted or has not, and holds nothing that others wait
 * for.  The state carries 32 bits of the name that it belongs to, so that a
 * state which a former owner of the place left behind, or writes late, is told
 * from the present owner's, and counts as empty.
 *
 * Only who takes the place of another meter in a full set, at the same moment
 * as another process counts the same new name for the first time, can lose a
 * count.
 */


#ifndef _NGX_HTTP_TOLLGATE_METERS_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_METERS_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>

#include "policy/meter.h"


#define NGX_HTTP_TOLLGATE_METER_WAYS  8


/* As two words they are read, as one they are swapped. */
typedef union {
    uint64_t     half[2];
    __extension__ unsigned __int128  whole;
} ngx_http_tollgate_wide_t;


typedef struct {
    ngx_http_tollgate_wide_t   id[NGX_HTTP_TOLLGATE_METER_WAYS];
    ngx_http_tollgate_wide_t   state[NGX_HTTP_TOLLGATE_METER_WAYS];
    uint32_t                   used[NGX_HTTP_TOLLGATE_METER_WAYS];  /* s */
} ngx_http_tollgate_meter_set_t;


/* Lies in the shared memory itself, which all processes have at one address. */
typedef struct {
    ngx_http_tollgate_meter_set_t  *sets;
    uint64_t                        n_sets;
} ngx_http_tollgate_meters_t;


/* How many sets fit. */
uint64_t ngx_http_tollgate_meters_fit(size_t bytes);
/* mem: zeroed, aligned to 64. */
void ngx_http_tollgate_meters_init(ngx_http_tollgate_meters_t *t, void *mem,
    uint64_t n_sets);

/*
 * id: not all zero; its bytes are spread evenly (a keyed hash).  share: what
 * of l->limit is this node's.  now: wall clock, ms.  1: may pass; 0: may not,
 * *retry_ms says when one may at the earliest.  _check() counts nothing,
 * _take() counts if it passes, in the same step; _add() counts in any case.
 */
int ngx_http_tollgate_meters_check(ngx_http_tollgate_meters_t *t,
    const void *id, const tg_limit_t *l, int64_t share, tg_ms_t now,
    int64_t *retry_ms);
int ngx_http_tollgate_meters_take(ngx_http_tollgate_meters_t *t,
    const void *id, const tg_limit_t *l, int64_t share, tg_ms_t now,
    int64_t *retry_ms);
void ngx_http_tollgate_meters_add(ngx_http_tollgate_meters_t *t,
    const void *id, const tg_limit_t *l, tg_ms_t now);


#endif /* _NGX_HTTP_TOLLGATE_METERS_H_INCLUDED_ */
