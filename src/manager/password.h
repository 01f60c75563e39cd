/* Secrets that people choose, under argon2id, and randomness for those that are made. */
#ifndef TG_MANAGER_PASSWORD_H
#define TG_MANAGER_PASSWORD_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define TG_ENCODED_MAX 128 /* of "$argon2id$v=19$..." with its NUL */

/* Fresh random bytes of the kernel; ends the process if there are none, since nothing may go on without. */
void tg_random(void *out, size_t n);
/* A random number that is not 0: generations, nonces. */
uint64_t tg_random_number(void);

/* argon2id with 19 MiB, 2 passes, 1 lane. */
tg_err_t tg_password_hash(tg_str_t password, char encoded[TG_ENCODED_MAX]) TG_MUST_CHECK;
/* The same form at the least cost, for secrets with 256 random bits, which need no stretching. */
tg_err_t tg_secret_encode(tg_str_t secret, char encoded[TG_ENCODED_MAX]) TG_MUST_CHECK;
/* An empty `encoded` takes the time of a real one and is never right. At most three run at once. */
bool tg_password_verify(tg_str_t encoded, tg_str_t password);

/* prefix + base64url of n random bytes (n <= 64), NUL-terminated; `out` holds strlen(prefix) + TG_B64URL_LEN(n) + 1. */
void tg_random_text(const char *prefix, size_t n, char *out);

#endif
