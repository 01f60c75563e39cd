
#include <string.h>

#include "ngx_http_tollgate_meters.h"


#if defined(__x86_64__)
#pragma GCC target("cx16")
#endif


/* Tries to find or take a place; then the request is not counted. */
#define NGX_HTTP_TOLLGATE_METER_TRIES  64


/*
 * The state: window << 32 | tag, then count << 32 | before.  Of the window's
 * number the lower half is kept: windows are a second long at least.
 */


static int
ngx_http_tollgate_wide_swap(ngx_http_tollgate_wide_t *p,
    const ngx_http_tollgate_wide_t *old, const ngx_http_tollgate_wide_t *new)
{
    return __sync_bool_compare_and_swap(&p->whole, old->whole, new->whole);
}


/* Both halves as they were at one moment. */
static ngx_http_tollgate_wide_t
ngx_http_tollgate_wide_load(ngx_http_tollgate_wide_t *p)
{
    uint64_t                  again;
    ngx_http_tollgate_wide_t  v;

    again = __atomic_load_n(&p->half[0], __ATOMIC_SEQ_CST);

    do {
        v.half[0] = again;
        v.half[1] = __atomic_load_n(&p->half[1], __ATOMIC_SEQ_CST);
        again = __atomic_load_n(&p->half[0], __ATOMIC_SEQ_CST);

    } while (again != v.half[0]);

    return v;
}


static int
ngx_http_tollgate_wide_same(const ngx_http_tollgate_wide_t *a,
    const ngx_http_tollgate_wide_t *b)
{
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}


uint64_t
ngx_http_tollgate_meters_fit(size_t bytes)
{
    return bytes / sizeof(ngx_http_tollgate_meter_set_t);
}


void
ngx_http_tollgate_meters_init(ngx_http_tollgate_meters_t *t, void *mem,
    uint64_t n_sets)
{
    t->sets = mem;
    t->n_sets = n_sets;
}


static ngx_http_tollgate_meter_set_t *
ngx_http_tollgate_meters_set(ngx_http_tollgate_meters_t *t,
    const ngx_http_tollgate_wide_t *id)
{
    return &t->sets[((id->half[1] >> 32) * t->n_sets) >> 32];
}


static uint32_t
ngx_http_tollgate_meter_tag(const ngx_http_tollgate_wide_t *id)
{
    return (uint32_t) id->half[1];
}


/* The state as a meter; an empty one if it is not of this name. */
static tg_meter_t
ngx_http_tollgate_meter_unpack(const ngx_http_tollgate_wide_t *state,
    uint32_t tag, const tg_limit_t *l, tg_ms_t now)
{
    uint64_t    window;
    tg_meter_t  m;

    memset(&m, 0, sizeof(m));

    if ((uint32_t) state->half[0] != tag) {
        return m;
    }

    window = (uint64_t) now
             / (uint64_t) (l->interval_ms > 0 ? l->interval_ms : 1);

    m.window = window + (uint64_t) (int64_t) (int32_t)
                        ((uint32_t) (state->half[0] >> 32)
                         - (uint32_t) window);
    m.count = (uint32_t) (state->half[1] >> 32);
    m.before = (uint32_t) state->half[1];

    return m;
}


static ngx_http_tollgate_wide_t
ngx_http_tollgate_meter_pack(const tg_meter_t *m, uint32_t tag)
{
    ngx_http_tollgate_wide_t  state;

    state.half[0] = m->window << 32 | tag;
    state.half[1] = (uint64_t) m->count << 32 | m->before;

    return state;
}


/* The way of this name, or -1. */
static int
ngx_http_tollgate_meter_find(ngx_http_tollgate_meter_set_t *set,
    const ngx_http_tollgate_wide_t *id)
{
    int                       way;
    ngx_http_tollgate_wide_t  there;

    for (way = 0; way < NGX_HTTP_TOLLGATE_METER_WAYS; way++) {
        there = ngx_http_tollgate_wide_load(&set->id[way]);

        if (ngx_http_tollgate_wide_same(&there, id)) {
            return way;
        }
    }

    return -1;
}


/* The first empty way, else the one that was not used for longest. */
static int
ngx_http_tollgate_meter_victim(ngx_http_tollgate_meter_set_t *set,
    uint32_t seconds, ngx_http_tollgate_wide_t *old)
{
    int                       way, best;
    int32_t                   age, oldest;
    ngx_http_tollgate_wide_t  there;

    best = 0;
    oldest = INT32_MIN;
    *old = ngx_http_tollgate_wide_load(&set->id[0]);

    for (way = 0; way < NGX_HTTP_TOLLGATE_METER_WAYS; way++) {
        there = ngx_http_tollgate_wide_load(&set->id[way]);

        if (there.half[0] == 0 && there.half[1] == 0) {
            *old = there;
            return way;
        }

        age = (int32_t) (seconds
                         - __atomic_load_n(&set->used[way], __ATOMIC_RELAXED));

        if (age > oldest) {
            oldest = age;
            best = way;
            *old = there;
        }
    }

    return best;
}


/*
 * A place for a name that has none.  Who finds afterwards that another process
 * took one for the same name elsewhere in the set gives its own back.  0: look
 * again.
 */
static int
ngx_http_tollgate_meter_claim(ngx_http_tollgate_meter_set_t *set,
    const ngx_http_tollgate_wide_t *id, uint32_t seconds)
{
    int                       way, other;
    ngx_http_tollgate_wide_t  old, there, none;

    way = ngx_http_tollgate_meter_victim(set, seconds, &old);

    if (!ngx_http_tollgate_wide_swap(&set->id[way], &old, id)) {
        return 0;
    }

    __atomic_store_n(&set->used[way], seconds, __ATOMIC_RELAXED);

    for (other = 0; other < NGX_HTTP_TOLLGATE_METER_WAYS; other++) {
        there = ngx_http_tollgate_wide_load(&set->id[other]);

        if (other != way && ngx_http_tollgate_wide_same(&there, id)) {
            memset(&none, 0, sizeof(none));
            (void) ngx_http_tollgate_wide_swap(&set->id[way], id, &none);
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_tollgate_meter_touch(ngx_http_tollgate_meter_set_t *set, int way,
    uint32_t seconds)
{
    if (__atomic_load_n(&set->used[way], __ATOMIC_RELAXED) != seconds) {
        __atomic_store_n(&set->used[way], seconds, __ATOMIC_RELAXED);
    }
}


/* The way and what its state was; -1: no place for it now. */
static int
ngx_http_tollgate_meter_get(ngx_http_tollgate_meter_set_t *set,
    const ngx_http_tollgate_wide_t *id, uint32_t seconds,
    ngx_http_tollgate_wide_t *state)
{
    int                       way, tries;
    ngx_http_tollgate_wide_t  there;

    for (tries = 0; tries < NGX_HTTP_TOLLGATE_METER_TRIES; tries++) {
        way = ngx_http_tollgate_meter_find(set, id);

        if (way < 0) {
            (void) ngx_http_tollgate_meter_claim(set, id, seconds);
            continue;
        }

        *state = ngx_http_tollgate_wide_load(&set->state[way]);

        /* a state of another name: left behind, or the place has gone */

        there = ngx_http_tollgate_wide_load(&set->id[way]);

        if (ngx_http_tollgate_wide_same(&there, id)) {
            ngx_http_tollgate_meter_touch(set, way, seconds);
            return way;
        }
    }

    return -1;
}


/* 1: counted, or there is no place for it; 0: refused, not counted. */
static int
ngx_http_tollgate_meters_count(ngx_http_tollgate_meters_t *t, const void *name,
    const tg_limit_t *l, int64_t share, tg_ms_t now, int always,
    int64_t *retry_ms)
{
    int                             way, tries;
    uint32_t                        tag, seconds;
    tg_meter_t                      m;
    ngx_http_tollgate_wide_t        id, old, new;
    ngx_http_tollgate_meter_set_t  *set;

    memcpy(id.half, name, sizeof(id.half));

    set = ngx_http_tollgate_meters_set(t, &id);
    tag = ngx_http_tollgate_meter_tag(&id);
    seconds = (uint32_t) (now / 1000);

    for (tries = 0; tries < NGX_HTTP_TOLLGATE_METER_TRIES; tries++) {
        way = ngx_http_tollgate_meter_get(set, &id, seconds, &old);

        if (way < 0) {
            break;
        }

        m = ngx_http_tollgate_meter_unpack(&old, tag, l, now);

        if (!always && !tg_meter_check(&m, l, share, now, retry_ms)) {
            return 0;
        }

        tg_meter_add(&m, l, now);
        new = ngx_http_tollgate_meter_pack(&m, tag);

        if (ngx_http_tollgate_wide_swap(&set->state[way], &old, &new)) {
            break;
        }
    }

    return 1;
}


int
ngx_http_tollgate_meters_check(ngx_http_tollgate_meters_t *t, const void *name,
    const tg_limit_t *l, int64_t share, tg_ms_t now, int64_t *retry_ms)
{
    int                             way;
    tg_meter_t                      m;
    ngx_http_tollgate_wide_t        id, state;
    ngx_http_tollgate_meter_set_t  *set;

    memcpy(id.half, name, sizeof(id.half));

    set = ngx_http_tollgate_meters_set(t, &id);
    way = ngx_http_tollgate_meter_find(set, &id);

    *retry_ms = 0;

    if (way < 0) {
        return 1;
    }

    state = ngx_http_tollgate_wide_load(&set->state[way]);
    m = ngx_http_tollgate_meter_unpack(&state,
                                       ngx_http_tollgate_meter_tag(&id), l,
                                       now);

    ngx_http_tollgate_meter_touch(set, way, (uint32_t) (now / 1000));

    return tg_meter_check(&m, l, share, now, retry_ms);
}


int
ngx_http_tollgate_meters_take(ngx_http_tollgate_meters_t *t, const void *id,
    const tg_limit_t *l, int64_t share, tg_ms_t now, int64_t *retry_ms)
{
    *retry_ms = 0;

    return ngx_http_tollgate_meters_count(t, id, l, share, now, 0, retry_ms);
}


void
ngx_http_tollgate_meters_add(ngx_http_tollgate_meters_t *t, const void *id,
    const tg_limit_t *l, tg_ms_t now)
{
    (void) ngx_http_tollgate_meters_count(t, id, l, 0, now, 1, NULL);
}
