/* How long something took, counted in a few buckets: a histogram of Prometheus. */
#ifndef TG_MANAGER_HISTOGRAM_H
#define TG_MANAGER_HISTOGRAM_H

#include <stdatomic.h>

#include "base/buf.h"

#define TG_HISTOGRAM_BOUNDS 6

/* Zeroed memory is an empty one. */
typedef struct {
    atomic_uint_fast64_t buckets[TG_HISTOGRAM_BOUNDS + 1]; /* the last one: longer than every bound */
    atomic_uint_fast64_t sum_us;
} tg_histogram_t;

/* Microseconds of the monotonic clock. */
int64_t tg_clock_us(void);
void tg_histogram_add(tg_histogram_t *h, int64_t us);
void tg_histogram_write(const tg_histogram_t *h, const char *name, const char *help, tg_buf_t *out);

#endif
