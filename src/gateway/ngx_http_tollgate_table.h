
/*
 * A cache in shared memory: keys and values of a few hundred bytes, 8 ways a
 * set, readers without a lock.  Needs nothing of nginx.
 *
 * Each set has a sequence lock.  A reader that meets a writer has a miss.  A
 * writer takes the lock by compare-and-swap with its pid; if somebody holds it
 * the writer gives up: not caching is always right.  So nobody ever waits, and
 * a process killed inside the lock costs one set, which misses until
 * ngx_http_tollgate_table_recover().
 *
 * Each set has a barrier, too: an entry answers only while its mark is not
 * below it.  Raising a barrier is one atomic operation that needs no lock, so
 * that an invalidation can neither fail nor wait; the price is that the other
 * ways of the set are lost with it.  A floor does the same for the table.
 */


#ifndef _NGX_HTTP_TOLLGATE_TABLE_H_INCLUDED_
#define _NGX_HTTP_TOLLGATE_TABLE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define NGX_HTTP_TOLLGATE_WAYS       8
#define NGX_HTTP_TOLLGATE_ENTRY_MAX  512


typedef struct {
    uint64_t    lock;     /* pid of the writer << 32 | version; pid 0: free */
    uint64_t    barrier;
    uint32_t    used[NGX_HTTP_TOLLGATE_WAYS];  /* when: s, for eviction */
    uint16_t    tag[NGX_HTTP_TOLLGATE_WAYS];   /* of the hash; 0: empty */
} ngx_http_tollgate_set_t;


/* In front of each entry; key and value follow. */
typedef struct {
    uint64_t    mark;
    uint64_t    until;    /* monotonic ms; 0: no end */
    uint32_t    key_len;
    uint32_t    value_len;
} ngx_http_tollgate_entry_t;


/* Lies in the shared memory itself, which all processes have at one address. */
typedef struct {
    ngx_http_tollgate_set_t   *sets;
    uint64_t                  *entries;
    uint64_t                   n_sets;
    uint64_t                   entry_words;
    uint64_t                   floor;
} ngx_http_tollgate_table_t;


/* Bytes of memory for n sets of entries of at most `entry` bytes. */
size_t ngx_http_tollgate_table_bytes(uint64_t n_sets, size_t entry);
/* How many sets fit. */
uint64_t ngx_http_tollgate_table_fit(size_t bytes, size_t entry);
/* mem: zeroed, aligned to 64. */
void ngx_http_tollgate_table_init(ngx_http_tollgate_table_t *t, void *mem,
    uint64_t n_sets, size_t entry);

/*
 * 1: found, value[cap] and *value_len are written; 0: not.  now: monotonic ms,
 * not 0.
 */
int ngx_http_tollgate_table_find(ngx_http_tollgate_table_t *t, uint64_t hash,
    const void *key, size_t key_len, uint64_t now, void *value, size_t cap,
    size_t *value_len);

/*
 * 1: stored; 0: too long, the place is being written by somebody else, or the
 * mark is below the barrier or below that of what is there for this key.
 */
int ngx_http_tollgate_table_store(ngx_http_tollgate_table_t *t, uint64_t hash,
    const void *key, size_t key_len, const void *value, size_t value_len,
    uint64_t mark, uint64_t until, uint64_t now);

/* The barrier of the key's set. */
uint64_t ngx_http_tollgate_table_barrier(ngx_http_tollgate_table_t *t,
    uint64_t hash);
/* Whether what has this mark may still be stored and answered. */
int ngx_http_tollgate_table_admits(ngx_http_tollgate_table_t *t, uint64_t hash,
    uint64_t mark);
/* Raises it to at least `mark`. */
void ngx_http_tollgate_table_raise(ngx_http_tollgate_table_t *t, uint64_t hash,
    uint64_t mark);
/* Raises it by one: whoever took a mark before is too late. */
void ngx_http_tollgate_table_bump(ngx_http_tollgate_table_t *t, uint64_t hash);
/* Raises the barrier of every set to at least `mark`. */
void ngx_http_tollgate_table_raise_all(ngx_http_tollgate_table_t *t,
    uint64_t mark);

/* Frees and empties every set whose writer is dead; returns how many. */
uint64_t ngx_http_tollgate_table_recover(ngx_http_tollgate_table_t *t,
    int (*dead)(void *ctx, uint32_t pid), void *ctx);

/* Ways in use, for metrics; those no longer valid are counted, too. */
uint64_t ngx_http_tollgate_table_used(ngx_http_tollgate_table_t *t);

/* The lock of a set, for the tests of this file. */
int ngx_http_tollgate_table_lock(ngx_http_tollgate_set_t *set);
void ngx_http_tollgate_table_unlock(ngx_http_tollgate_set_t *set);
ngx_http_tollgate_set_t *ngx_http_tollgate_table_set(
    ngx_http_tollgate_table_t *t, uint64_t hash);

/* SipHash-2-4 with a key of 16 bytes. */
uint64_t ngx_http_tollgate_siphash(const uint8_t key[16], const void *data,
    size_t n);


/* Raises *p to at least v. */
static inline void
ngx_http_tollgate_atomic_max(uint64_t *p, uint64_t v)
{
    uint64_t  old;

    old = __atomic_load_n(p, __ATOMIC_SEQ_CST);

    while (old < v
           && !__atomic_compare_exchange_n(p, &old, v, 0, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST))
    {
        /* void */
    }
}


#endif /* _NGX_HTTP_TOLLGATE_TABLE_H_INCLUDED_ */
