/* What one running manager holds: shared by all requests. */
#ifndef TG_MANAGER_MANAGER_H
#define TG_MANAGER_MANAGER_H

#include <pthread.h>
#include <stdatomic.h>

#include "keyring/keyring.h"
#include "manager/fetch.h"
#include "manager/histogram.h"
#include "manager/pool.h"
#include "manager/refusals.h"
#include "manager/throttle.h"

#define TG_REMEMBERED 64 /* Basic logins that need no argon2id for a while */

/* A Basic login that was right a moment ago; mac is over name and password under a key of this process. */
typedef struct {
    uint8_t mac[32];
    int64_t administrator, version;
    tg_ms_t expires_at; /* 0: free */
} tg_remembered_t;

typedef struct {
    atomic_uint_fast64_t by_class[6]; /* requests by status / 100 */
    tg_histogram_t requests, commits, writer_waits;
    atomic_uint_fast64_t logins, logins_failed, logins_throttled;
    atomic_uint_fast64_t writes, commits_failed, store_errors;
    atomic_uint_fast64_t refusals_omitted;
    atomic_uint_fast64_t deploys_confirmed, deploys_unconfirmed;
} tg_metrics_t;

typedef struct {
    tg_pool_t configs, tokens;
    tg_keyring_t keyring;
    pthread_mutex_t writer; /* one write transaction of this process at a time, in order, without busy waiting */
    tg_throttle_t throttle;
    tg_refusals_t refusals;
    pthread_mutex_t remembered_lock;
    uint8_t remembered_key[32];
    tg_remembered_t remembered[TG_REMEMBERED];
    tg_metrics_t metrics;
    tg_fetch_networks_t definition_networks; /* where definitions may be fetched from beside the public internet */
    tg_ms_t started_at;
    bool log_json;             /* lines of the access log are JSON objects */
    atomic_int provider_calls; /* that ask identity providers just now */
    atomic_flag synchronising; /* one at a time */
    pthread_t schedule;
    pthread_mutex_t schedule_lock;
    pthread_cond_t schedule_wake;
    atomic_bool stopping;
} tg_manager_t;

/* Milliseconds since 1970 by the wall clock. */
tg_ms_t tg_now(void);

#endif
