#include "manager/histogram.h"

#include <time.h>

#include "base/clock.h"

static const struct {
    int64_t us;
    const char *seconds;
} bounds[TG_HISTOGRAM_BOUNDS] = {{1000, "0.001"}, {10000, "0.01"}, {100000, "0.1"},
                                 {500000, "0.5"}, {2000000, "2"},  {10000000, "10"}};

int64_t tg_clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void tg_histogram_add(tg_histogram_t *h, int64_t us) {
    size_t i = 0;
    while (i < TG_HISTOGRAM_BOUNDS && us > bounds[i].us) {
        i++;
    }
    atomic_fetch_add(&h->buckets[i], 1);
    atomic_fetch_add(&h->sum_us, (uint64_t)us);
}

void tg_histogram_write(const tg_histogram_t *h, const char *name, const char *help, tg_buf_t *out) {
    uint64_t n = 0;
    tg_buf_putf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (size_t i = 0; i <= TG_HISTOGRAM_BOUNDS; i++) {
        n += atomic_load(&h->buckets[i]);
        tg_buf_putf(out, "%s_bucket{le=\"%s\"} %llu\n", name, i < TG_HISTOGRAM_BOUNDS ? bounds[i].seconds : "+Inf",
                    (unsigned long long)n);
    }
    tg_buf_putf(out, "%s_sum %.6f\n%s_count %llu\n", name, (double)atomic_load(&h->sum_us) / 1e6, name,
                (unsigned long long)n);
}
