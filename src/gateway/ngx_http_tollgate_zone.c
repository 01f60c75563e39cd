
/* The shared memory of a node: worker slots, the lease, counters. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include "base/b64.h"
#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_LEASE_MS  500

/* a slot between two owners */
#define NGX_HTTP_TOLLGATE_RESERVED  UINT64_MAX


static void ngx_http_tollgate_node_id(ngx_http_tollgate_main_conf_t *mcf,
    char id[33], ngx_log_t *log);
static ngx_int_t ngx_http_tollgate_node_id_read(const char *path, char id[33]);
static ngx_int_t ngx_http_tollgate_node_id_write(const char *path,
    const char *dir, const char *id);
static uint64_t ngx_http_tollgate_process_start(uint64_t pid);
static ngx_uint_t ngx_http_tollgate_process_alive(uint64_t pid);
static int ngx_http_tollgate_writer_dead(void *ctx, uint32_t pid);
static void ngx_http_tollgate_slot_free(ngx_http_tollgate_slot_t *slot);
static ngx_uint_t ngx_http_tollgate_others_stay(void);
static ngx_int_t ngx_http_tollgate_zone_split(
    ngx_http_tollgate_zone_t *zone, u_char *p, size_t size);


#define NGX_HTTP_TOLLGATE_METRIC_DEF(id, metric, labels, help)                \
    { metric, labels, help },

const ngx_http_tollgate_metric_t
    ngx_http_tollgate_metrics[NGX_HTTP_TOLLGATE_METRICS_N] =
{
    NGX_HTTP_TOLLGATE_METRICS(NGX_HTTP_TOLLGATE_METRIC_DEF)
};


ngx_http_tollgate_zone_t  *ngx_http_tollgate_zone;
ngx_http_tollgate_slot_t  *ngx_http_tollgate_slot;

/* where a process without a slot counts */
static uint64_t  ngx_http_tollgate_uncounted[NGX_HTTP_TOLLGATE_COUNTERS_N];

uint64_t  *ngx_http_tollgate_counters = ngx_http_tollgate_uncounted;


/*
 * A reload with the same name and size keeps the memory.  The name holds the
 * environment and the store: with another one, nothing here would be true.
 */
ngx_int_t
ngx_http_tollgate_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                          head, size;
    u_char                         *p;
    ngx_slab_pool_t                *pool;
    ngx_http_tollgate_zone_t       *zone;
    ngx_http_tollgate_main_conf_t  *mcf;

    if (data) {
        shm_zone->data = data;
        return NGX_OK;
    }

    pool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        shm_zone->data = pool->data;
        return NGX_OK;
    }

    mcf = shm_zone->data;

    /* all of it in one piece, but for a reserve of the slab pool's own */

    size = (pool->pfree - 4) * ngx_pagesize;

    p = ngx_slab_alloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    zone = (ngx_http_tollgate_zone_t *) p;
    ngx_memzero(zone, sizeof(ngx_http_tollgate_zone_t));

    if (ngx_http_tollgate_random(zone->sip_key, sizeof(zone->sip_key))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_tollgate_node_id(mcf, zone->node_id, shm_zone->shm.log);
    zone->started_at = ngx_http_tollgate_clock_ms();

    head = ngx_align(sizeof(ngx_http_tollgate_zone_t), 64);

    if (ngx_http_tollgate_zone_split(zone, p + head, size - head) != NGX_OK) {
        return NGX_ERROR;
    }

    pool->data = zone;
    shm_zone->data = zone;

    return NGX_OK;
}


/*
 * So that 256m have room for a million early revocations, and for twice as
 * many entries of each other kind as shall fit (100,000): sets fill unevenly.
 */
static ngx_int_t
ngx_http_tollgate_zone_split(ngx_http_tollgate_zone_t *zone, u_char *p,
    size_t size)
{
    size_t  revoked, live, grants, meters;

    revoked = size / 128 * 33;

    if (ngx_http_tollgate_revoked_init(zone, p, &revoked) != NGX_OK) {
        return NGX_ERROR;
    }

    p += revoked;
    size -= revoked;

    live = size / 128 * 38 & ~(size_t) 63;
    grants = size / 128 * 17 & ~(size_t) 63;
    meters = size / 128 * 6 & ~(size_t) 63;

    if (ngx_http_tollgate_live_init(zone, p, live) != NGX_OK) {
        return NGX_ERROR;
    }

    p += live;

    if (ngx_http_tollgate_grant_init(zone, p, grants) != NGX_OK) {
        return NGX_ERROR;
    }

    p += grants;

    if (ngx_http_tollgate_meter_init(zone, p, meters) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_cache_init(zone, p + meters,
                                        size - live - grants - meters);
}


/*
 * The id outlives restarts in tollgate_data/node-id.  Where that cannot be
 * written, it lasts as long as the shared memory.
 */
static void
ngx_http_tollgate_node_id(ngx_http_tollgate_main_conf_t *mcf, char id[33],
    ngx_log_t *log)
{
    char    dir[NGX_MAX_PATH], path[NGX_MAX_PATH + 16];
    u_char  random[16];

    if (mcf->data.len >= sizeof(dir)) {
        return;
    }

    ngx_memcpy(dir, mcf->data.data, mcf->data.len);
    dir[mcf->data.len] = '\0';
    (void) snprintf(path, sizeof(path), "%s/node-id", dir);

    if (ngx_http_tollgate_node_id_read(path, id) == NGX_OK) {
        return;
    }

    if (ngx_http_tollgate_random(random, sizeof(random)) != NGX_OK) {
        return;
    }

    id[tg_hex_encode(tg_strn(random, sizeof(random)), id)] = '\0';

    if (ngx_http_tollgate_node_id_write(path, dir, id) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "tollgate: \"%s\" cannot be written, "
                      "the node has a new id at its next start", path);
    }
}


static ngx_int_t
ngx_http_tollgate_node_id_read(const char *path, char id[33])
{
    int      fd;
    size_t   i;
    ssize_t  n;

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return NGX_DECLINED;
    }

    n = read(fd, id, 32);
    (void) close(fd);

    if (n != 32) {
        return NGX_DECLINED;
    }

    for (i = 0; i < 32; i++) {
        if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f')))
        {
            return NGX_DECLINED;
        }
    }

    id[32] = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_node_id_write(const char *path, const char *dir,
    const char *id)
{
    int          fd;
    char         line[33];
    struct stat  st;

    (void) unlink(path);

    fd = open(path, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW, 0644);
    if (fd == -1) {
        return NGX_ERROR;
    }

    ngx_memcpy(line, id, 32);
    line[32] = '\n';

    if (write(fd, line, 33) != 33) {
        (void) close(fd);
        (void) unlink(path);
        return NGX_ERROR;
    }

    /* the folder belongs to the user that the workers run as */

    if (stat(dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == -1) {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, ngx_errno,
                       "tollgate: fchown(\"%s\") failed", path);
    }

    (void) close(fd);

    return NGX_OK;
}


/* Field 22 of /proc/PID/stat; 0: no such process, or dead and not reaped. */
static uint64_t
ngx_http_tollgate_process_start(uint64_t pid)
{
    int         fd, i;
    char        buf[1024], path[32], *p;
    ssize_t     n;

    (void) snprintf(path, sizeof(path), "/proc/%u/stat", (unsigned) pid);

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    buf[n] = '\0';

    /* the name of the command, in parentheses, may hold anything */

    p = strrchr(buf, ')');

    if (p == NULL || p[1] == '\0' || p[2] == 'Z' || p[2] == 'X') {
        return 0;
    }

    for (i = 0; i < 20; i++) {
        p = strchr(p + 1, ' ');
        if (p == NULL) {
            return 0;
        }
    }

    return strtoull(p + 1, NULL, 10);
}


static ngx_uint_t
ngx_http_tollgate_process_alive(uint64_t pid)
{
    return kill((pid_t) pid, 0) == 0 || errno == EPERM;
}


static ngx_uint_t
ngx_http_tollgate_slot_alive(ngx_http_tollgate_slot_t *slot, uint64_t pid)
{
    uint64_t  start;

    start = __atomic_load_n(&slot->start, __ATOMIC_ACQUIRE);

    return ngx_http_tollgate_process_alive(pid)
           && (start == 0 || start == ngx_http_tollgate_process_start(pid));
}


static void
ngx_http_tollgate_slot_free(ngx_http_tollgate_slot_t *slot)
{
    __atomic_store_n(&slot->start, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->exiting, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->revision, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->requests, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->error_lock, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->error[0], '\0', __ATOMIC_RELAXED);
    __atomic_store_n(&slot->pid, 0, __ATOMIC_RELEASE);
}


void
ngx_http_tollgate_slots_reap(void)
{
    uint64_t                   pid;
    ngx_uint_t                 i;
    ngx_http_tollgate_slot_t  *slot;

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX; i++) {
        slot = &ngx_http_tollgate_zone->slots[i];
        pid = __atomic_load_n(&slot->pid, __ATOMIC_ACQUIRE);

        if (pid == 0
            || pid == NGX_HTTP_TOLLGATE_RESERVED
            || ngx_http_tollgate_slot_alive(slot, pid))
        {
            continue;
        }

        if (__atomic_compare_exchange_n(&slot->pid, &pid,
                                        NGX_HTTP_TOLLGATE_RESERVED, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        {
            ngx_http_tollgate_slot_free(slot);
        }
    }
}


/* Called before this process has threads: no lock can be its own. */
static int
ngx_http_tollgate_writer_dead(void *ctx, uint32_t pid)
{
    ngx_uint_t                 i;
    ngx_http_tollgate_zone_t  *zone;

    zone = ctx;

    if (pid == (uint32_t) ngx_pid) {
        return 1;
    }

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX; i++) {
        if (__atomic_load_n(&zone->slots[i].pid, __ATOMIC_ACQUIRE) == pid) {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_http_tollgate_zone_enter(ngx_http_tollgate_zone_t *zone, ngx_log_t *log)
{
    uint64_t                   pid, recovered;
    ngx_uint_t                 i;
    ngx_http_tollgate_slot_t  *slot;

    ngx_http_tollgate_zone = zone;
    ngx_http_tollgate_slots_reap();

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX; i++) {
        slot = &zone->slots[i];
        pid = 0;

        if (__atomic_compare_exchange_n(&slot->pid, &pid, (uint64_t) ngx_pid,
                                        0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        {
            break;
        }
    }

    if (i == NGX_HTTP_TOLLGATE_WORKERS_MAX) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "tollgate: more than %d processes",
                      NGX_HTTP_TOLLGATE_WORKERS_MAX);
        ngx_http_tollgate_zone = NULL;
        return NGX_ERROR;
    }

    __atomic_store_n(&slot->start,
                     ngx_http_tollgate_process_start((uint64_t) ngx_pid),
                     __ATOMIC_RELEASE);

    ngx_http_tollgate_slot = slot;
    ngx_http_tollgate_counters = slot->counters;

    recovered = ngx_http_tollgate_table_recover(&zone->live,
                                        ngx_http_tollgate_writer_dead, zone)
                + ngx_http_tollgate_table_recover(&zone->live_absent,
                                        ngx_http_tollgate_writer_dead, zone)
                + ngx_http_tollgate_table_recover(&zone->tokens,
                                        ngx_http_tollgate_writer_dead, zone)
                + ngx_http_tollgate_table_recover(&zone->tokens_bad,
                                        ngx_http_tollgate_writer_dead, zone)
                + ngx_http_tollgate_table_recover(&zone->grants,
                                        ngx_http_tollgate_writer_dead, zone);

    if (recovered) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "tollgate: %uL cache locks of dead processes freed",
                      recovered);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_tollgate_zone_leave(void)
{
    uint64_t                   pid;
    ngx_uint_t                 i, last;
    ngx_http_tollgate_zone_t  *zone;

    zone = ngx_http_tollgate_zone;

    /* no counter of a thread that is still there may go to another's slot */
    ngx_http_tollgate_counters = ngx_http_tollgate_uncounted;

    __atomic_store_n(&ngx_http_tollgate_slot->pid, NGX_HTTP_TOLLGATE_RESERVED,
                     __ATOMIC_SEQ_CST);
    ngx_http_tollgate_slot_free(ngx_http_tollgate_slot);
    ngx_http_tollgate_slot = NULL;

    last = 1;

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX; i++) {
        pid = __atomic_load_n(&zone->slots[i].pid, __ATOMIC_SEQ_CST);

        if (pid != 0
            && pid != NGX_HTTP_TOLLGATE_RESERVED
            && ngx_http_tollgate_slot_alive(&zone->slots[i], pid))
        {
            last = 0;
        }
    }

    return last;
}


ngx_uint_t
ngx_http_tollgate_slot_error(const char *text)
{
    size_t                     i;
    ngx_http_tollgate_slot_t  *slot;

    slot = ngx_http_tollgate_slot;

    if (slot == NULL || ngx_strcmp(slot->error, text) == 0) {
        return 0;
    }

    (void) __atomic_fetch_add(&slot->error_lock, 1, __ATOMIC_SEQ_CST);

    for (i = 0; text[i] && i < NGX_HTTP_TOLLGATE_ERROR_LEN - 1; i++) {
        __atomic_store_n(&slot->error[i], text[i], __ATOMIC_RELAXED);
    }

    __atomic_store_n(&slot->error[i], '\0', __ATOMIC_RELAXED);

    (void) __atomic_fetch_add(&slot->error_lock, 1, __ATOMIC_SEQ_CST);

    return 1;
}


static void
ngx_http_tollgate_slot_error_copy(ngx_http_tollgate_slot_t *slot, char *to)
{
    size_t      i;
    uint64_t    version;
    ngx_uint_t  tries;

    for (tries = 0; tries < 100; tries++) {
        version = __atomic_load_n(&slot->error_lock, __ATOMIC_ACQUIRE);

        for (i = 0; i < NGX_HTTP_TOLLGATE_ERROR_LEN; i++) {
            to[i] = __atomic_load_n(&slot->error[i], __ATOMIC_RELAXED);
        }

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if ((version & 1) == 0
            && __atomic_load_n(&slot->error_lock, __ATOMIC_RELAXED) == version)
        {
            break;
        }
    }

    to[NGX_HTTP_TOLLGATE_ERROR_LEN - 1] = '\0';
}


ngx_uint_t
ngx_http_tollgate_workers_get(ngx_http_tollgate_worker_t *workers,
    ngx_uint_t max)
{
    uint64_t                   pid;
    ngx_uint_t                 i, n;
    ngx_http_tollgate_slot_t  *slot;

    if (ngx_http_tollgate_zone == NULL) {
        return 0;
    }

    n = 0;

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX && n < max; i++) {
        slot = &ngx_http_tollgate_zone->slots[i];
        pid = __atomic_load_n(&slot->pid, __ATOMIC_ACQUIRE);

        if (pid == 0
            || pid == NGX_HTTP_TOLLGATE_RESERVED
            || !ngx_http_tollgate_process_alive(pid))
        {
            continue;
        }

        workers[n].pid = (ngx_pid_t) pid;
        workers[n].revision = __atomic_load_n(&slot->revision,
                                              __ATOMIC_ACQUIRE);
        workers[n].exiting = (ngx_uint_t) __atomic_load_n(&slot->exiting,
                                                          __ATOMIC_ACQUIRE);
        ngx_http_tollgate_slot_error_copy(slot, workers[n].error);
        n++;
    }

    return n;
}


void
ngx_http_tollgate_metrics_sum(uint64_t sums[NGX_HTTP_TOLLGATE_COUNTERS_N])
{
    ngx_uint_t  i, n;

    ngx_memzero(sums, NGX_HTTP_TOLLGATE_COUNTERS_N * sizeof(uint64_t));

    if (ngx_http_tollgate_zone == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX; i++) {
        for (n = 0; n < NGX_HTTP_TOLLGATE_COUNTERS_N; n++) {
            sums[n] += __atomic_load_n(
                           &ngx_http_tollgate_zone->slots[i].counters[n],
                           __ATOMIC_RELAXED);
        }
    }
}


void
ngx_http_tollgate_node_get(ngx_http_tollgate_node_t *node)
{
    uint64_t                     pid, now, read;
    ngx_uint_t                   i;
    ngx_http_tollgate_zone_t    *zone;
    ngx_http_tollgate_table_t   *t;

    ngx_memzero(node, sizeof(ngx_http_tollgate_node_t));

    zone = ngx_http_tollgate_zone;

    if (zone == NULL) {
        return;
    }

    ngx_memcpy(node->node_id, zone->node_id, sizeof(node->node_id));

    node->target = ngx_http_tollgate_number(
                           __atomic_load_n(&zone->target, __ATOMIC_ACQUIRE));
    node->revision = __atomic_load_n(&ngx_http_tollgate_slot->revision,
                                     __ATOMIC_ACQUIRE);
    node->feed_position = ngx_http_tollgate_number(
                           __atomic_load_n(&zone->position, __ATOMIC_ACQUIRE));

    read = __atomic_load_n(&zone->last_read, __ATOMIC_ACQUIRE);
    now = ngx_http_tollgate_monotonic_ms();

    node->feed_age_ms = (now > read) ? now - read : 0;
    node->feed_fresh = ngx_http_tollgate_feed_is_fresh();

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX; i++) {
        pid = __atomic_load_n(&zone->slots[i].pid, __ATOMIC_ACQUIRE);

        if (pid != 0
            && pid != NGX_HTTP_TOLLGATE_RESERVED
            && ngx_http_tollgate_process_alive(pid))
        {
            node->n_workers++;
        }
    }

    t = &zone->live;
    node->live_used = (ngx_uint_t) ngx_http_tollgate_table_used(t);
    node->live_size = (ngx_uint_t) (t->n_sets * NGX_HTTP_TOLLGATE_WAYS);

    t = &zone->grants;
    node->grant_used = (ngx_uint_t) ngx_http_tollgate_table_used(t);
    node->grant_size = (ngx_uint_t) (t->n_sets * NGX_HTTP_TOLLGATE_WAYS);

    node->revocations = (ngx_uint_t) __atomic_load_n(&zone->revocations,
                                                     __ATOMIC_ACQUIRE);
    node->revocations_max = (ngx_uint_t) (zone->n_revoked / 2);

    node->nodes = ngx_http_tollgate_live_nodes();

    t = &zone->tokens;
    node->cache_used = (ngx_uint_t) ngx_http_tollgate_table_used(t);
    node->cache_size = (ngx_uint_t) (t->n_sets * NGX_HTTP_TOLLGATE_WAYS);
}


/* A worker that is to stop leaves the lead to one that stays. */
static ngx_uint_t
ngx_http_tollgate_others_stay(void)
{
    uint64_t                   pid;
    ngx_uint_t                 i;
    ngx_http_tollgate_slot_t  *slot;

    for (i = 0; i < NGX_HTTP_TOLLGATE_WORKERS_MAX; i++) {
        slot = &ngx_http_tollgate_zone->slots[i];

        if (slot == ngx_http_tollgate_slot) {
            continue;
        }

        pid = __atomic_load_n(&slot->pid, __ATOMIC_ACQUIRE);

        if (pid != 0
            && pid != NGX_HTTP_TOLLGATE_RESERVED
            && !__atomic_load_n(&slot->exiting, __ATOMIC_ACQUIRE)
            && ngx_http_tollgate_process_alive(pid))
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_tollgate_lease_hold(void)
{
    uint64_t   old, mine, pid, *lease;
    uint32_t   now;

    if (ngx_exiting && ngx_http_tollgate_others_stay()) {
        ngx_http_tollgate_lease_drop();
        return 0;
    }

    lease = &ngx_http_tollgate_zone->lease;
    now = (uint32_t) ngx_http_tollgate_monotonic_ms();
    mine = (uint64_t) ngx_pid << 32
           | (uint32_t) (now + NGX_HTTP_TOLLGATE_LEASE_MS);

    old = __atomic_load_n(lease, __ATOMIC_ACQUIRE);
    pid = old >> 32;

    if (pid != 0
        && pid != (uint64_t) ngx_pid
        && (int32_t) ((uint32_t) old - now) > 0
        && ngx_http_tollgate_process_alive(pid))
    {
        return 0;
    }

    if (__atomic_compare_exchange_n(lease, &old, mine, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_ACQUIRE))
    {
        return 1;
    }

    /* another thread of this process renewed it, or another process took it */

    return (old >> 32) == (uint64_t) ngx_pid;
}


ngx_uint_t
ngx_http_tollgate_lease_is_mine(void)
{
    uint64_t  lease;

    lease = __atomic_load_n(&ngx_http_tollgate_zone->lease, __ATOMIC_ACQUIRE);

    return (lease >> 32) == (uint64_t) ngx_pid
           && (int32_t) ((uint32_t) lease
                         - (uint32_t) ngx_http_tollgate_monotonic_ms()) > 0;
}


void
ngx_http_tollgate_lease_drop(void)
{
    uint64_t  old;

    old = __atomic_load_n(&ngx_http_tollgate_zone->lease, __ATOMIC_ACQUIRE);

    if ((old >> 32) == (uint64_t) ngx_pid) {
        (void) __atomic_compare_exchange_n(&ngx_http_tollgate_zone->lease,
                                           &old, 0, 0, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    }
}
