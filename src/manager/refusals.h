/*
 * What was refused, in the audit log: failed logins, and calls that somebody's role does not allow. Each sort has its
 * own bounded number of rows, so that a flood of one neither fills the disk nor hides another.
 */
#ifndef TG_MANAGER_REFUSALS_H
#define TG_MANAGER_REFUSALS_H

#include <pthread.h>
#include <stdint.h>

#include "base/clock.h"

typedef enum {
    TG_REFUSAL_NONE = 0,
    TG_REFUSAL_LOGIN, /* known names and unknown ones alike: how long a refusal takes must not tell them apart */
    TG_REFUSAL_ROLE,
    TG_REFUSALS
} tg_refusal_t;

#define TG_REFUSAL_ROWS     60 /* at once */
#define TG_REFUSAL_EVERY_MS (10 * TG_SECOND_MS)

typedef struct {
    pthread_mutex_t lock;
    struct {
        int64_t rows; /* left */
        tg_ms_t filled_at;
        int64_t omitted;
    } sorts[TG_REFUSALS];
} tg_refusals_t;

void tg_refusals_init(tg_refusals_t *r);
void tg_refusals_release(tg_refusals_t *r);

typedef struct tg_call tg_call_t;
/* Writes a row about a call that was refused for c->refusal, if that sort has one left. The refusal stays what it is,
 * also if the row cannot be written now. Outside of a transaction. */
void tg_refusal_audit(tg_call_t *c);

#endif
