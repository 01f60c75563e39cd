/*
 * What a token store costs when it holds many tokens.
 *
 *     bench-scale fill URI COUNT             COUNT tokens that live, spread over every partition that can have some now
 *     bench-scale expired URI COUNT AGE      COUNT tokens in 20 partitions of hours that ended AGE hours ago or before
 *     bench-scale drop URI                   drops what is past, as a node does
 *     bench-scale look PAIRS URI COUNT FILLED_AT URI COUNT FILLED_AT   look-ups of 100,000 tokens spread over all
 *                                            partitions, once warm, in turns
 *     bench-scale issue PAIRS ... as look          durable batches of 128 new tokens, in turns
 *
 * Answers in JSON on stdout; progress on stderr.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/store.h"

#define SAMPLE      100000 /* tokens that are looked up */
#define FILL_BATCH  10000
#define BATCH       128
#define BATCHES     200 /* of one slice of issue */
#define HOURS       48
#define DAYS        58
#define MONTHS      11
#define PARTITIONS  (HOURS + DAYS + MONTHS)
#define EXPIRED     20
#define HOUR_MS     3600000
#define DAY_MS      (24 * (tg_ms_t)HOUR_MS)
#define SCATTER     7919 /* prime: an order that is none */
#define NEW_NUMBERS (UINT64_C(1) << 40)

static double now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static tg_ms_t clock_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (tg_ms_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void check(tg_err_t err, const char *what, const tg_fault_t *fault) {
    if (err != TG_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, tg_err_name(err), fault->text);
        exit(1);
    }
}

static tg_token_store_t *open_store(const char *uri, bool durable) {
    const tg_store_options_t options = {.create = true, .busy_ms = 30000, .batch_sync_off = !durable};
    tg_token_store_t *s;
    tg_fault_t fault = {.field = ""};
    check(tg_token_store_open(tg_str(uri), &options, &s, &fault), "open", &fault);
    return s;
}

/* ---- tokens by their number ---- */

static void hash_of(uint64_t number, uint8_t out[32]) {
    uint64_t x = number * UINT64_C(0xD1342543DE82EF95) + 1;
    for (size_t k = 0; k < 4; k++) {
        x += UINT64_C(0x9E3779B97F4A7C15);
        uint64_t z = x;
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        z ^= z >> 31;
        memcpy(out + k * 8, &z, 8);
    }
}

/* Of the day that the store was filled, whatever the clock says by now. */
static tg_bucket_t bucket_of(uint64_t number, tg_ms_t filled) {
    const uint32_t p = (uint32_t)(number % PARTITIONS);
    if (p < HOURS) {
        return (tg_bucket_t){TG_BUCKET_HOUR, (uint32_t)(filled / HOUR_MS) + 1 + p};
    }
    if (p < HOURS + DAYS) {
        return (tg_bucket_t){TG_BUCKET_DAY, (uint32_t)(filled / DAY_MS) + 3 + p - HOURS};
    }
    return (tg_bucket_t){TG_BUCKET_MONTH, (uint32_t)(filled / (30 * DAY_MS)) + 3 + p - HOURS - DAYS};
}

static tg_record_t record_of(uint64_t number, tg_bucket_t bucket, tg_ms_t now) {
    tg_record_t r = {
        .has_refresh = true,
        .bucket = bucket,
        .environment_id = 1,
        .client_kind = TG_CLIENT_APPLICATION,
        .client_id = TG_STR("k7Qm2sVxYd0aLr94TnWcPz8B"),
        .subject = TG_STR("k7Qm2sVxYd0aLr94TnWcPz8B"),
        .generation = 0x123456789abcdef,
        .issued_at = now,
        .access_expires_at = now + HOUR_MS,
        .refresh_expires_at = tg_bucket_end(bucket) - 1,
        .refresh_left = 1,
    };
    hash_of(number, r.hash);
    hash_of(~number, r.refresh_hash);
    memcpy(r.family, r.hash, TG_FAMILY_LEN);
    return r;
}

typedef struct {
    tg_token_store_t *s;
    tg_record_t rows[FILL_BATCH];
    tg_write_t writes[FILL_BATCH];
    size_t n;
} batch_t;

static void batch_write(batch_t *b) {
    for (size_t i = 0; i < b->n; i++) {
        b->writes[i] = (tg_write_t){.kind = TG_WRITE_PUT, .record = &b->rows[i]};
    }
    check(b->s->ops->write_many(b->s, b->writes, b->n, NULL), "write_many", &b->s->fault);
    for (size_t i = 0; i < b->n; i++) {
        check(b->writes[i].result, "put", &b->s->fault);
    }
    b->n = 0;
}

static void batch_add(batch_t *b, const tg_record_t *r) {
    b->rows[b->n++] = *r;
    if (b->n == FILL_BATCH) {
        batch_write(b);
    }
}

static batch_t *batch_open(const char *uri) {
    batch_t *b = calloc(1, sizeof(*b));
    b->s = open_store(uri, false);
    return b;
}

static void batch_close(batch_t *b) {
    batch_write(b);
    b->s->ops->close(b->s);
    free(b);
}

/* ---- the commands ---- */

static void filled_at_write(tg_ms_t filled) {
    printf("{\"filledAt\":%" PRId64 "}\n", filled);
}

static void fill(const char *uri, uint64_t count) {
    const tg_ms_t now = clock_ms();
    batch_t *b = batch_open(uri);
    double start = now_s();
    for (uint64_t p = 0; p < PARTITIONS; p++) {
        for (uint64_t i = p; i < count; i += PARTITIONS) {
            const tg_record_t r = record_of(i, bucket_of(i, now), now);
            batch_add(b, &r);
        }
        if ((p + 1) % 20 == 0) {
            fprintf(stderr, "  %" PRIu64 " of %d partitions, %.0f s\n", p + 1, PARTITIONS, now_s() - start);
        }
    }
    batch_close(b);
    filled_at_write(now);
}

static void expired(const char *uri, uint64_t count, uint32_t age) {
    const tg_ms_t now = clock_ms();
    const uint32_t last = (uint32_t)(now / HOUR_MS) - 1 - age;
    batch_t *b = batch_open(uri);
    for (uint64_t p = 0; p < EXPIRED; p++) {
        for (uint64_t i = p; i < count; i += EXPIRED) {
            const tg_record_t r = record_of(NEW_NUMBERS * 2 + age * NEW_NUMBERS + i,
                                            (tg_bucket_t){TG_BUCKET_HOUR, last - (uint32_t)p}, now);
            batch_add(b, &r);
        }
    }
    batch_close(b);
    filled_at_write(now);
}

static void drop(const char *uri) {
    tg_token_store_t *s = open_store(uri, true);
    int64_t dropped = 0;
    double start = now_s();
    check(s->ops->buckets_drop(s, clock_ms(), &dropped), "buckets_drop", &s->fault);
    printf("{\"dropped\":%" PRId64 ",\"seconds\":%.3f}\n", dropped, now_s() - start);
    s->ops->close(s);
}

typedef struct {
    tg_token_store_t *s;
    uint64_t count;
    tg_ms_t filled;
    uint64_t next; /* number of the next new token */
} side_t;

static side_t side_open(const char *uri, const char *count, const char *filled) {
    side_t side = {.s = open_store(uri, true), .count = strtoull(count, NULL, 10), .filled = strtoll(filled, NULL, 10)};
    side.next = NEW_NUMBERS + (uint64_t)clock_ms();
    return side;
}

/* Look-ups per second. */
static double look(side_t *side) {
    const uint64_t stride = side->count / SAMPLE;
    double start = now_s();
    for (uint64_t k = 0; k < SAMPLE; k++) {
        const uint64_t number = (k * SCATTER % SAMPLE) * stride;
        uint8_t hash[32];
        tg_arena_t arena;
        tg_record_t r;
        hash_of(number, hash);
        tg_arena_init(&arena, 8192);
        check(side->s->ops->record_find(side->s, hash, bucket_of(number, side->filled), &arena, &r), "record_find",
              &side->s->fault);
        tg_arena_release(&arena);
    }
    return SAMPLE / (now_s() - start);
}

/* Tokens per second. */
static double issue(side_t *side) {
    const tg_ms_t now = clock_ms();
    const tg_bucket_t bucket = {TG_BUCKET_HOUR, (uint32_t)(now / HOUR_MS) + 1};
    tg_record_t rows[BATCH];
    tg_write_t writes[BATCH];
    double start = now_s();
    for (size_t b = 0; b < BATCHES; b++) {
        for (size_t i = 0; i < BATCH; i++) {
            rows[i] = record_of(side->next++, bucket, now);
            writes[i] = (tg_write_t){.kind = TG_WRITE_PUT, .record = &rows[i]};
        }
        check(side->s->ops->write_many(side->s, writes, BATCH, NULL), "write_many", &side->s->fault);
        for (size_t i = 0; i < BATCH; i++) {
            check(writes[i].result, "put", &side->s->fault);
        }
    }
    return BATCH * BATCHES / (now_s() - start);
}

static void compare(unsigned long pairs, double (*run)(side_t *), side_t *a, side_t *b) {
    run(a), run(b); /* warm */
    printf("{\"pairs\":[");
    for (unsigned long i = 0; i < pairs; i++) {
        double first = i % 2 == 0 ? run(a) : 0;
        double second = run(b);
        first = i % 2 == 0 ? first : run(a);
        printf("%s[%.1f,%.1f]", i > 0 ? "," : "", first, second);
        fprintf(stderr, "  %lu/%lu: %.0f to %.0f per second = %.3f\n", i + 1, pairs, first, second, first / second);
    }
    printf("]}\n");
    a->s->ops->close(a->s);
    b->s->ops->close(b->s);
}

int main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "fill") == 0 && argc == 4) {
        fill(argv[2], strtoull(argv[3], NULL, 10));
    } else if (strcmp(command, "expired") == 0 && argc == 5) {
        expired(argv[2], strtoull(argv[3], NULL, 10), (uint32_t)strtoul(argv[4], NULL, 10));
    } else if (strcmp(command, "drop") == 0 && argc == 3) {
        drop(argv[2]);
    } else if ((strcmp(command, "look") == 0 || strcmp(command, "issue") == 0) && argc == 9) {
        side_t a = side_open(argv[3], argv[4], argv[5]), b = side_open(argv[6], argv[7], argv[8]);
        compare(strtoul(argv[2], NULL, 10), command[0] == 'l' ? look : issue, &a, &b);
    } else {
        fprintf(stderr,
                "usage: %s fill URI COUNT | expired URI COUNT AGE | drop URI |\n"
                "       look|issue PAIRS URI COUNT FILLED_AT URI COUNT FILLED_AT\n",
                argv[0]);
        return 2;
    }
    return 0;
}
