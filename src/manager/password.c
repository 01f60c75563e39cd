#include "manager/password.h"

#include <argon2.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/b64.h"

#define SALT_LEN    16
#define HASH_LEN    32
#define COST_PASSES 2
#define COST_KIB    (19 * 1024)
#define AT_ONCE     3

/* Keeps a burst of logins from taking 19 MiB and a core each. */
static sem_t slots;

__attribute__((constructor)) static void slots_init(void) {
    sem_init(&slots, 0, AT_ONCE);
}

static void slot_take(void) {
    while (sem_wait(&slots) != 0 && errno == EINTR) {
    }
}

void tg_random(void *out, size_t n) {
    char *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR) {
            perror("tollgate-manager: getrandom");
            abort();
        }
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

uint64_t tg_random_number(void) {
    uint64_t n = 0;
    while (n == 0) {
        tg_random(&n, sizeof(n));
    }
    return n;
}

static tg_err_t hash(tg_str_t password, uint32_t passes, uint32_t kib, char encoded[TG_ENCODED_MAX]) {
    uint8_t salt[SALT_LEN];
    tg_random(salt, sizeof(salt));
    int rc = argon2id_hash_encoded(passes, kib, 1, password.p ? password.p : "", password.n, salt, sizeof(salt),
                                   HASH_LEN, encoded, TG_ENCODED_MAX);
    if (rc == ARGON2_OK) {
        return TG_OK;
    }
    return rc == ARGON2_MEMORY_ALLOCATION_ERROR ? TG_ERR_NOMEM : TG_ERR_BUG;
}

tg_err_t tg_password_hash(tg_str_t password, char encoded[TG_ENCODED_MAX]) {
    slot_take();
    tg_err_t err = hash(password, COST_PASSES, COST_KIB, encoded);
    sem_post(&slots);
    return err;
}

tg_err_t tg_secret_encode(tg_str_t secret, char encoded[TG_ENCODED_MAX]) {
    return hash(secret, 1, ARGON2_MIN_MEMORY, encoded);
}

bool tg_password_verify(tg_str_t encoded, tg_str_t password) {
    char text[TG_ENCODED_MAX];
    bool right = false;
    if (encoded.n == 0 || encoded.n >= sizeof(text)) {
        tg_err_t ignored = tg_password_hash(password, text);
        (void)ignored;
    } else {
        memcpy(text, encoded.p, encoded.n);
        text[encoded.n] = '\0';
        slot_take();
        right = argon2id_verify(text, password.p ? password.p : "", password.n) == ARGON2_OK;
        sem_post(&slots);
    }
    tg_wipe(text, sizeof(text));
    return right;
}

void tg_random_text(const char *prefix, size_t n, char *out) {
    uint8_t bytes[64];
    size_t len = strlen(prefix);
    n = n < sizeof(bytes) ? n : sizeof(bytes);
    tg_random(bytes, n);
    memcpy(out, prefix, len);
    len += tg_b64url_encode(tg_strn(bytes, n), out + len);
    out[len] = '\0';
    tg_wipe(bytes, sizeof(bytes));
}
