/* Many chosen secrets at once, under argon2id: some 100 a second for each thread. */
#ifndef TG_MANAGER_PASSWORD_BATCH_H
#define TG_MANAGER_PASSWORD_BATCH_H

#include <stdatomic.h>

#include "manager/password.h"

typedef struct {
    tg_str_t password;
    char encoded[TG_ENCODED_MAX]; /* out */
} tg_password_job_t;

/* One batch at a time, with fewer threads than password.c lets run, so that logins go on meanwhile. TG_ERR_UNAVAILABLE:
 * the process stops. */
tg_err_t tg_passwords_hash(tg_password_job_t *jobs, size_t n, const atomic_bool *stopping) TG_MUST_CHECK;

#endif
