/*
 * Slows down guessing of passwords: too many failures of one name from one address, or of one address in all, and
 * further attempts wait, right ones too. Fixed memory; a full table forgets the oldest.
 */
#ifndef TG_MANAGER_THROTTLE_H
#define TG_MANAGER_THROTTLE_H

#include <pthread.h>

#include "base/clock.h"

#define TG_THROTTLE_ROWS             1024
#define TG_THROTTLE_NAME_FAILURES    10                 /* in a row, by name and address, before the first wait */
#define TG_THROTTLE_ADDRESS_FAILURES 100                /* by address */
#define TG_THROTTLE_WAIT_MS          (2 * TG_SECOND_MS) /* doubles with each further failure */
#define TG_THROTTLE_WAIT_MAX_MS      (60 * TG_SECOND_MS)
#define TG_THROTTLE_FORGET_MS        (10 * 60 * TG_SECOND_MS)

typedef struct {
    uint64_t key; /* 0: free */
    tg_ms_t last;
    uint32_t failures;
} tg_throttle_row_t;

typedef struct {
    pthread_mutex_t lock;
    uint64_t seed;
    tg_throttle_row_t rows[TG_THROTTLE_ROWS];
} tg_throttle_t;

void tg_throttle_init(tg_throttle_t *t, uint64_t seed);
void tg_throttle_release(tg_throttle_t *t);

/* Milliseconds until an attempt is heard again; 0: now. */
tg_ms_t tg_throttle_wait(tg_throttle_t *t, tg_str_t name, tg_str_t address, tg_ms_t now);
void tg_throttle_failed(tg_throttle_t *t, tg_str_t name, tg_str_t address, tg_ms_t now);
/* Forgets the failures of this name from this address. */
void tg_throttle_passed(tg_throttle_t *t, tg_str_t name, tg_str_t address);

#endif
