/*
 * Figures of a token store: durable batches of new records and, with refresh tokens, of refreshes (rate, p50, p99),
 * look-ups, drop of a partition; and the token request log: groups of rows, a page of it, pruning.
 *
 *     bench-store-tokens URI [records] [batch] [writers] [refresh: 0 or 1]
 *
 * Each writer is a process with a handle of its own. Run on a fresh directory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

#define LOOKUPS    200000
#define HOUR_INDEX 500000

static const tg_store_options_t options = {.create = true, .busy_ms = 10000};

static double now_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void show(const char *what, double *us, size_t n) {
    qsort(us, n, sizeof(*us), by_value);
    printf("%-28s n=%zu p50 %.1f us, p99 %.1f us, max %.1f us\n", what, n, us[n / 2], us[n * 99 / 100], us[n - 1]);
}

static void check(tg_err_t err, const char *what, const tg_fault_t *fault) {
    if (err != TG_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, tg_err_name(err), fault->text);
        exit(1);
    }
}

static tg_token_store_t *open_store(const char *uri) {
    tg_token_store_t *s;
    tg_fault_t fault = {.field = ""};
    check(tg_token_store_open(tg_str(uri), &options, &s, &fault), "open", &fault);
    return s;
}

/* A number spread over a hash, so that a reader finds it again without keeping it. */
static void hash_of(uint64_t writer, uint64_t i, uint8_t out[32]) {
    uint64_t x = writer * 0x9E3779B97F4A7C15u + i + 1;
    for (size_t k = 0; k < 4; k++) {
        x += 0x9E3779B97F4A7C15u;
        uint64_t z = x;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        memcpy(out + k * 8, &z, 8);
    }
}

static tg_record_t record_of(uint64_t writer, uint64_t i, bool refresh) {
    tg_record_t r = {
        .has_refresh = refresh,
        .bucket = {TG_BUCKET_HOUR, HOUR_INDEX},
        .environment_id = 1,
        .client_kind = TG_CLIENT_APPLICATION,
        .client_id = TG_STR("k7Qm2sVxYd0aLr94TnWcPz8B"),
        .subject = TG_STR("k7Qm2sVxYd0aLr94TnWcPz8B"),
        .generation = 0x123456789abcdef,
        .issued_at = 1774000000000,
        .access_expires_at = 1774003600000,
        .refresh_expires_at = refresh ? 1774007200000 : 0,
    };
    hash_of(writer, i, r.hash);
    hash_of(writer + 1000, i, r.refresh_hash);
    memcpy(r.family, r.hash, TG_FAMILY_LEN);
    return r;
}

typedef struct {
    tg_token_store_t *s;
    uint64_t writer;
    size_t batches, batch;
    bool refresh;
    tg_record_t *rows;
    tg_write_t *writes;
} load_t;

static void put_fill(load_t *l, size_t first) {
    for (size_t i = 0; i < l->batch; i++) {
        l->rows[i] = record_of(l->writer, first + i, l->refresh);
        l->writes[i] = (tg_write_t){.kind = TG_WRITE_PUT, .record = &l->rows[i]};
    }
}

static void refresh_fill(load_t *l, size_t first) {
    for (size_t i = 0; i < l->batch; i++) {
        const tg_record_t old = record_of(l->writer, first + i, true);
        l->rows[i] = record_of(l->writer + 5000, first + i, true);
        l->rows[i].has_predecessor = true;
        memcpy(l->rows[i].predecessor, old.hash, sizeof(old.hash));
        l->rows[i].predecessor_bucket = old.bucket;
        l->writes[i] = (tg_write_t){.kind = TG_WRITE_REFRESH, .record = &l->rows[i], .bucket = old.bucket, .at = 1};
        memcpy(l->writes[i].hash, old.refresh_hash, sizeof(old.refresh_hash));
    }
}

static void load_run(load_t *l, const char *what, void (*fill)(load_t *l, size_t first)) {
    double *us = calloc(l->batches, sizeof(*us));
    double start = now_us(), cpu = cpu_us();
    for (size_t b = 0; b < l->batches; b++) {
        tg_arena_t arena;
        tg_arena_init(&arena, 16u << 20);
        fill(l, b * l->batch);
        double t = now_us();
        check(l->s->ops->write_many(l->s, l->writes, l->batch, &arena), what, &l->s->fault);
        us[b] = now_us() - t;
        for (size_t i = 0; i < l->batch; i++) {
            check(l->writes[i].result, what, &l->s->fault);
        }
        tg_arena_release(&arena);
    }
    double seconds = (now_us() - start) / 1e6;
    size_t n = l->batches * l->batch;
    cpu = (cpu_us() - cpu) / (double)n;
    printf("writer %llu, %s: %.0f records/s, %.2f us of CPU each\n", (unsigned long long)l->writer, what,
           (double)n / seconds, cpu);
    show("  batch commit", us, l->batches);
    free(us);
}

static void write_all(const char *uri, uint64_t writer, size_t records, size_t batch, bool refresh) {
    load_t l = {.s = open_store(uri), .writer = writer, .batches = records / batch, .batch = batch, .refresh = refresh};
    l.rows = calloc(batch, sizeof(*l.rows));
    l.writes = calloc(batch, sizeof(*l.writes));
    load_run(&l, "put", put_fill);
    if (refresh) {
        load_run(&l, "refresh", refresh_fill);
    }
    free(l.rows);
    free(l.writes);
    l.s->ops->close(l.s);
}

static void look_up(tg_token_store_t *s, size_t records, bool hit) {
    double *us = calloc(LOOKUPS, sizeof(*us));
    double start = now_us(), cpu = cpu_us();
    for (size_t i = 0; i < LOOKUPS; i++) {
        uint8_t hash[32];
        tg_arena_t arena;
        tg_record_t r;
        hash_of(hit ? 0 : 77, (i * 7919) % records, hash);
        tg_arena_init(&arena, 8192);
        double t = now_us();
        tg_err_t err = s->ops->record_find(s, hash, (tg_bucket_t){TG_BUCKET_HOUR, HOUR_INDEX}, &arena, &r);
        us[i] = now_us() - t;
        if (err != (hit ? TG_OK : TG_ERR_NOTFOUND)) {
            check(err == TG_OK ? TG_ERR_BUG : err, "record_find", &s->fault);
        }
        tg_arena_release(&arena);
    }
    double seconds = (now_us() - start) / 1e6;
    printf("%.0f look-ups/s, %.2f us of CPU each\n", LOOKUPS / seconds, (cpu_us() - cpu) / LOOKUPS);
    show(hit ? "  record_find, hit" : "  record_find, miss", us, LOOKUPS);
    free(us);
}

/* ---- the token request log ---- */

#define LOG_GROUP 256

static void log_write(tg_token_store_t *s, size_t n) {
    static tg_request_row_t rows[LOG_GROUP];
    double *us = calloc(n / LOG_GROUP, sizeof(*us));
    double start = now_us(), cpu = cpu_us();
    for (size_t g = 0; g < n / LOG_GROUP; g++) {
        for (size_t i = 0; i < LOG_GROUP; i++) {
            rows[i] = (tg_request_row_t){.at = 1774000000000 + (int64_t)(g * LOG_GROUP + i),
                                         .environment_id = 1,
                                         .project_id = 2,
                                         .node = TG_STR("node-1"),
                                         .endpoint = TG_STR("/auth/token"),
                                         .client_id = TG_STR("k7Qm2sVxYd0aLr94TnWcPz8B"),
                                         .proxy = TG_STR("orders"),
                                         .address = TG_STR("192.0.2.17"),
                                         .grant = TG_STR("client_credentials"),
                                         .status = 200,
                                         .duration_us = 350};
        }
        double t = now_us();
        check(s->ops->request_put(s, rows, LOG_GROUP), "request_put", &s->fault);
        us[g] = now_us() - t;
    }
    double seconds = (now_us() - start) / 1e6;
    printf("request log: %.0f rows/s, %.2f us of CPU each\n", (double)n / seconds, (cpu_us() - cpu) / (double)n);
    show("  group of 256", us, n / LOG_GROUP);
    free(us);
}

static void log_read(tg_token_store_t *s, const char *what, const tg_request_query_t *query) {
    tg_arena_t arena;
    tg_request_row_t *rows;
    size_t n;
    tg_arena_init(&arena, 1u << 20);
    double t = now_us();
    check(s->ops->request_list(s, query, &arena, &rows, &n), what, &s->fault);
    printf("  %-26s n=%zu %.0f us\n", what, n, now_us() - t);
    tg_arena_release(&arena);
}

static void log_run(const char *uri, size_t n) {
    tg_token_store_t *s = open_store(uri);
    const tg_ms_t middle = 1774000000000 + (tg_ms_t)(n / 2);
    int64_t pruned;
    log_write(s, n);
    log_read(s, "newest page", &(tg_request_query_t){.limit = 100});
    log_read(s, "page of a span of time", &(tg_request_query_t){.limit = 100, .from = middle, .to = middle + 1000});
    log_read(s, "nobody's, all of the log", &(tg_request_query_t){.limit = 100, .user = TG_STR("nobody")});
    double t = now_us();
    check(s->ops->request_prune(s, 1, middle, SIZE_MAX, &pruned), "request_prune", &s->fault);
    printf("  prune of %lld rows: %.1f ms\n", (long long)pruned, (now_us() - t) / 1e3);
    s->ops->close(s);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s URI [records] [batch] [writers] [refresh]\n", argv[0]);
        return 2;
    }
    size_t records = argc > 2 ? strtoul(argv[2], NULL, 10) : 500000;
    size_t batch = argc > 3 ? strtoul(argv[3], NULL, 10) : 128;
    unsigned long writers = argc > 4 ? strtoul(argv[4], NULL, 10) : 1;
    bool refresh = argc > 5 && argv[5][0] == '1';
    records = records / writers / batch * batch * writers;
    double start = now_us();
    for (unsigned long w = 0; w < writers; w++) {
        fflush(stdout);
        if (fork() == 0) {
            write_all(argv[1], w, records / writers, batch, refresh);
            exit(0);
        }
    }
    int status, failed = 0;
    while (wait(&status) > 0) {
        failed |= status;
    }
    printf("all writers: %.0f records/s\n", (double)records / ((now_us() - start) / 1e6));
    tg_token_store_t *s = open_store(argv[1]);
    look_up(s, records / writers, true);
    look_up(s, records / writers, false);
    int64_t dropped;
    start = now_us();
    check(s->ops->buckets_drop(s, INT64_MAX - 1, &dropped), "buckets_drop", &s->fault);
    printf("drop of %lld partition(s): %.1f ms\n", (long long)dropped, (now_us() - start) / 1e3);
    s->ops->close(s);
    log_run(argv[1], 100000);
    return failed != 0;
}
