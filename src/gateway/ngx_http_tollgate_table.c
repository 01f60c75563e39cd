
#include <string.h>
#include <unistd.h>

#include "ngx_http_tollgate_table.h"


#define NGX_HTTP_TOLLGATE_HEAD_WORDS                                          \
    (sizeof(ngx_http_tollgate_entry_t) / sizeof(uint64_t))

#define NGX_HTTP_TOLLGATE_ENTRY_WORDS_MAX                                     \
    (NGX_HTTP_TOLLGATE_ENTRY_MAX / sizeof(uint64_t))


typedef union {
    ngx_http_tollgate_entry_t  head;
    uint64_t                   words[NGX_HTTP_TOLLGATE_ENTRY_WORDS_MAX];
    unsigned char              bytes[NGX_HTTP_TOLLGATE_ENTRY_MAX];
} ngx_http_tollgate_copy_t;


static size_t
ngx_http_tollgate_table_words(size_t entry)
{
    return (entry + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}


static uint16_t
ngx_http_tollgate_table_tag(uint64_t hash)
{
    uint16_t  tag;

    /* the high half of the hash chooses the set */
    tag = (uint16_t) hash;

    return tag ? tag : 1;
}


static uint64_t *
ngx_http_tollgate_table_entry(ngx_http_tollgate_table_t *t,
    ngx_http_tollgate_set_t *set, unsigned way)
{
    uint64_t  i;

    i = (uint64_t) (set - t->sets) * NGX_HTTP_TOLLGATE_WAYS + way;

    return t->entries + i * t->entry_words;
}


/* The lock word may change under the copy; the caller looks afterwards. */
static void
ngx_http_tollgate_table_load(uint64_t *to, const uint64_t *from, size_t words)
{
    size_t  i;

    for (i = 0; i < words; i++) {
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}


/* Among many entries none is in the processor's cache: its lines come at once. */
static void
ngx_http_tollgate_table_fetch(ngx_http_tollgate_table_t *t,
    const uint64_t *entry)
{
    size_t  i;

    for (i = 0; i < t->entry_words; i += 64 / sizeof(uint64_t)) {
        __builtin_prefetch(entry + i);
    }
}


/* NULL if the lengths, possibly torn, make no sense. */
static unsigned char *
ngx_http_tollgate_table_copy(ngx_http_tollgate_table_t *t,
    const uint64_t *entry, ngx_http_tollgate_copy_t *copy)
{
    size_t  n;

    ngx_http_tollgate_table_fetch(t, entry);

    ngx_http_tollgate_table_load(copy->words, entry,
                                 NGX_HTTP_TOLLGATE_HEAD_WORDS);

    n = sizeof(ngx_http_tollgate_entry_t) + (size_t) copy->head.key_len
        + copy->head.value_len;
    n = ngx_http_tollgate_table_words(n);

    if (n > t->entry_words) {
        return NULL;
    }

    ngx_http_tollgate_table_load(copy->words + NGX_HTTP_TOLLGATE_HEAD_WORDS,
                                 entry + NGX_HTTP_TOLLGATE_HEAD_WORDS,
                                 n - NGX_HTTP_TOLLGATE_HEAD_WORDS);

    return copy->bytes + sizeof(ngx_http_tollgate_entry_t);
}


size_t
ngx_http_tollgate_table_bytes(uint64_t n_sets, size_t entry)
{
    size_t  ways;

    ways = NGX_HTTP_TOLLGATE_WAYS * sizeof(uint64_t)
           * ngx_http_tollgate_table_words(entry);

    return (size_t) n_sets * (sizeof(ngx_http_tollgate_set_t) + ways);
}


uint64_t
ngx_http_tollgate_table_fit(size_t bytes, size_t entry)
{
    return bytes / ngx_http_tollgate_table_bytes(1, entry);
}


void
ngx_http_tollgate_table_init(ngx_http_tollgate_table_t *t, void *mem,
    uint64_t n_sets, size_t entry)
{
    t->sets = mem;
    t->entries = (uint64_t *) (t->sets + n_sets);
    t->n_sets = n_sets;
    t->entry_words = ngx_http_tollgate_table_words(entry);
    t->floor = 0;
}


ngx_http_tollgate_set_t *
ngx_http_tollgate_table_set(ngx_http_tollgate_table_t *t, uint64_t hash)
{
    return &t->sets[((hash >> 32) * t->n_sets) >> 32];
}


int
ngx_http_tollgate_table_lock(ngx_http_tollgate_set_t *set)
{
    uint64_t  old, mine;

    old = __atomic_load_n(&set->lock, __ATOMIC_RELAXED);

    if (old >> 32) {
        return 0;
    }

    mine = (uint64_t) getpid() << 32 | old;

    if (!__atomic_compare_exchange_n(&set->lock, &old, mine, 0,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    {
        return 0;
    }

    /* what is written next must not be seen before the lock is */
    __atomic_thread_fence(__ATOMIC_RELEASE);

    return 1;
}


void
ngx_http_tollgate_table_unlock(ngx_http_tollgate_set_t *set)
{
    uint64_t  old;

    old = __atomic_load_n(&set->lock, __ATOMIC_RELAXED);

    __atomic_store_n(&set->lock, (uint32_t) (old + 1), __ATOMIC_RELEASE);
}


static uint64_t
ngx_http_tollgate_table_least(ngx_http_tollgate_table_t *t,
    ngx_http_tollgate_set_t *set)
{
    uint64_t  barrier, lowest;

    barrier = __atomic_load_n(&set->barrier, __ATOMIC_SEQ_CST);
    lowest = __atomic_load_n(&t->floor, __ATOMIC_SEQ_CST);

    return barrier > lowest ? barrier : lowest;
}


static int
ngx_http_tollgate_table_valid(const ngx_http_tollgate_entry_t *e,
    uint64_t least, uint64_t now)
{
    return e->mark >= least && (e->until == 0 || now < e->until);
}


int
ngx_http_tollgate_table_find(ngx_http_tollgate_table_t *t, uint64_t hash,
    const void *key, size_t key_len, uint64_t now, void *value, size_t cap,
    size_t *value_len)
{
    uint16_t                   tag;
    uint32_t                   seconds;
    uint64_t                   version;
    unsigned                   way;
    unsigned char             *p;
    ngx_http_tollgate_set_t   *set;
    ngx_http_tollgate_copy_t   copy;

    set = ngx_http_tollgate_table_set(t, hash);
    tag = ngx_http_tollgate_table_tag(hash);

    version = __atomic_load_n(&set->lock, __ATOMIC_ACQUIRE);

    if (version >> 32) {
        return 0;
    }

    for (way = 0; way < NGX_HTTP_TOLLGATE_WAYS; way++) {

        if (__atomic_load_n(&set->tag[way], __ATOMIC_RELAXED) != tag) {
            continue;
        }

        p = ngx_http_tollgate_table_copy(t,
                            ngx_http_tollgate_table_entry(t, set, way), &copy);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (__atomic_load_n(&set->lock, __ATOMIC_RELAXED) != version) {
            return 0;
        }

        if (p == NULL
            || copy.head.key_len != key_len
            || memcmp(p, key, key_len) != 0)
        {
            continue;
        }

        /* the barrier is read last: an invalidation that is over is seen */

        if (copy.head.value_len > cap
            || !ngx_http_tollgate_table_valid(&copy.head,
                               ngx_http_tollgate_table_least(t, set), now))
        {
            return 0;
        }

        seconds = (uint32_t) (now / 1000);

        if (__atomic_load_n(&set->used[way], __ATOMIC_RELAXED) != seconds) {
            __atomic_store_n(&set->used[way], seconds, __ATOMIC_RELAXED);
        }

        memcpy(value, p + key_len, copy.head.value_len);
        *value_len = copy.head.value_len;

        return 1;
    }

    return 0;
}


/*
 * Under the lock: the way for this key, which is its own, else an empty or
 * invalid one, else the one least recently used; -1 if what is there is newer.
 */
static int
ngx_http_tollgate_table_way(ngx_http_tollgate_table_t *t,
    ngx_http_tollgate_set_t *set, uint16_t tag, const void *key,
    size_t key_len, uint64_t mark, uint64_t least, uint64_t now)
{
    int                         best, free_way;
    int32_t                     age, oldest;
    unsigned                    way;
    ngx_http_tollgate_entry_t  *e;

    best = 0;
    free_way = -1;
    oldest = -1;

    for (way = 0; way < NGX_HTTP_TOLLGATE_WAYS; way++) {

        e = (ngx_http_tollgate_entry_t *)
                ngx_http_tollgate_table_entry(t, set, way);

        if (set->tag[way] == 0) {
            free_way = (int) way;
            continue;
        }

        if (set->tag[way] == tag && e->key_len == key_len
            && memcmp(e + 1, key, key_len) == 0)
        {
            return (e->mark > mark) ? -1 : (int) way;
        }

        if (!ngx_http_tollgate_table_valid(e, least, now)) {
            free_way = (int) way;
            continue;
        }

        age = (int32_t) ((uint32_t) (now / 1000) - set->used[way]);

        if (age > oldest) {
            oldest = age;
            best = (int) way;
        }
    }

    return (free_way >= 0) ? free_way : best;
}


int
ngx_http_tollgate_table_store(ngx_http_tollgate_table_t *t, uint64_t hash,
    const void *key, size_t key_len, const void *value, size_t value_len,
    uint64_t mark, uint64_t until, uint64_t now)
{
    int                        way;
    size_t                     i, words;
    uint16_t                   tag;
    uint64_t                   least, *entry;
    unsigned char             *p;
    ngx_http_tollgate_set_t   *set;
    ngx_http_tollgate_copy_t   copy;

    if (key_len > NGX_HTTP_TOLLGATE_ENTRY_MAX
        || value_len > NGX_HTTP_TOLLGATE_ENTRY_MAX)
    {
        return 0;
    }

    words = ngx_http_tollgate_table_words(sizeof(ngx_http_tollgate_entry_t)
                                          + key_len + value_len);

    if (words > t->entry_words) {
        return 0;
    }

    copy.words[words - 1] = 0;
    copy.head.mark = mark;
    copy.head.until = until;
    copy.head.key_len = (uint32_t) key_len;
    copy.head.value_len = (uint32_t) value_len;

    p = copy.bytes + sizeof(ngx_http_tollgate_entry_t);
    memcpy(p, key, key_len);

    if (value_len) {
        memcpy(p + key_len, value, value_len);
    }

    set = ngx_http_tollgate_table_set(t, hash);
    tag = ngx_http_tollgate_table_tag(hash);

    if (!ngx_http_tollgate_table_lock(set)) {
        return 0;
    }

    least = ngx_http_tollgate_table_least(t, set);

    way = (mark < least) ? -1
                         : ngx_http_tollgate_table_way(t, set, tag, key,
                                                key_len, mark, least, now);

    if (way >= 0) {
        entry = ngx_http_tollgate_table_entry(t, set, (unsigned) way);

        for (i = 0; i < words; i++) {
            __atomic_store_n(&entry[i], copy.words[i], __ATOMIC_RELAXED);
        }

        __atomic_store_n(&set->used[way], (uint32_t) (now / 1000),
                         __ATOMIC_RELAXED);
        __atomic_store_n(&set->tag[way], tag, __ATOMIC_RELAXED);
    }

    ngx_http_tollgate_table_unlock(set);

    return way >= 0;
}


uint64_t
ngx_http_tollgate_table_barrier(ngx_http_tollgate_table_t *t, uint64_t hash)
{
    return ngx_http_tollgate_table_least(t,
                                     ngx_http_tollgate_table_set(t, hash));
}


int
ngx_http_tollgate_table_admits(ngx_http_tollgate_table_t *t, uint64_t hash,
    uint64_t mark)
{
    return mark >= ngx_http_tollgate_table_least(t,
                                     ngx_http_tollgate_table_set(t, hash));
}


void
ngx_http_tollgate_table_raise(ngx_http_tollgate_table_t *t, uint64_t hash,
    uint64_t mark)
{
    ngx_http_tollgate_atomic_max(&ngx_http_tollgate_table_set(t, hash)->barrier,
                                 mark);
}


void
ngx_http_tollgate_table_bump(ngx_http_tollgate_table_t *t, uint64_t hash)
{
    uint64_t                  old, least;
    ngx_http_tollgate_set_t  *set;

    set = ngx_http_tollgate_table_set(t, hash);
    old = __atomic_load_n(&set->barrier, __ATOMIC_SEQ_CST);

    do {
        least = __atomic_load_n(&t->floor, __ATOMIC_SEQ_CST);

    } while (!__atomic_compare_exchange_n(&set->barrier, &old,
                                          (old > least ? old : least) + 1, 0,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}


void
ngx_http_tollgate_table_raise_all(ngx_http_tollgate_table_t *t, uint64_t mark)
{
    ngx_http_tollgate_atomic_max(&t->floor, mark);
}


uint64_t
ngx_http_tollgate_table_recover(ngx_http_tollgate_table_t *t,
    int (*dead)(void *ctx, uint32_t pid), void *ctx)
{
    uint64_t                  i, n, old, mine;
    unsigned                  way;
    ngx_http_tollgate_set_t  *set;

    n = 0;

    for (i = 0; i < t->n_sets; i++) {
        set = &t->sets[i];
        old = __atomic_load_n(&set->lock, __ATOMIC_RELAXED);

        if (old >> 32 == 0 || !dead(ctx, (uint32_t) (old >> 32))) {
            continue;
        }

        /* the next version, too: our pid may be the dead one's again */
        mine = (uint64_t) getpid() << 32 | (uint32_t) (old + 1);

        if (!__atomic_compare_exchange_n(&set->lock, &old, mine, 0,
                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        {
            continue;
        }

        for (way = 0; way < NGX_HTTP_TOLLGATE_WAYS; way++) {
            __atomic_store_n(&set->tag[way], 0, __ATOMIC_RELAXED);
        }

        ngx_http_tollgate_table_unlock(set);
        n++;
    }

    return n;
}


uint64_t
ngx_http_tollgate_table_used(ngx_http_tollgate_table_t *t)
{
    uint64_t  i, n;
    unsigned  way;

    n = 0;

    for (i = 0; i < t->n_sets; i++) {
        for (way = 0; way < NGX_HTTP_TOLLGATE_WAYS; way++) {
            if (__atomic_load_n(&t->sets[i].tag[way], __ATOMIC_RELAXED)) {
                n++;
            }
        }
    }

    return n;
}


#define ngx_http_tollgate_rotl(x, b)  (((x) << (b)) | ((x) >> (64 - (b))))

#define ngx_http_tollgate_sipround(v)                                         \
    do {                                                                      \
        v[0] += v[1]; v[1] = ngx_http_tollgate_rotl(v[1], 13); v[1] ^= v[0];  \
        v[0] = ngx_http_tollgate_rotl(v[0], 32);                              \
        v[2] += v[3]; v[3] = ngx_http_tollgate_rotl(v[3], 16); v[3] ^= v[2];  \
        v[0] += v[3]; v[3] = ngx_http_tollgate_rotl(v[3], 21); v[3] ^= v[0];  \
        v[2] += v[1]; v[1] = ngx_http_tollgate_rotl(v[1], 17); v[1] ^= v[2];  \
        v[2] = ngx_http_tollgate_rotl(v[2], 32);                              \
    } while (0)


uint64_t
ngx_http_tollgate_siphash(const uint8_t key[16], const void *data, size_t n)
{
    size_t          i, left;
    uint64_t        k[2], m, v[4];
    const uint8_t  *p;

    p = data;
    memcpy(k, key, 16);

    v[0] = 0x736f6d6570736575ull ^ k[0];
    v[1] = 0x646f72616e646f6dull ^ k[1];
    v[2] = 0x6c7967656e657261ull ^ k[0];
    v[3] = 0x7465646279746573ull ^ k[1];

    for (left = n; left >= 8; left -= 8, p += 8) {
        memcpy(&m, p, 8);
        v[3] ^= m;
        ngx_http_tollgate_sipround(v);
        ngx_http_tollgate_sipround(v);
        v[0] ^= m;
    }

    m = (uint64_t) n << 56;

    for (i = 0; i < left; i++) {
        m |= (uint64_t) p[i] << (8 * i);
    }

    v[3] ^= m;
    ngx_http_tollgate_sipround(v);
    ngx_http_tollgate_sipround(v);
    v[0] ^= m;

    v[2] ^= 0xff;

    for (i = 0; i < 4; i++) {
        ngx_http_tollgate_sipround(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
