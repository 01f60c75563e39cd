/* bcrypt by libcrypt, argon2 by libargon2. */
#include <argon2.h>
#include <crypt.h>
#include <stdlib.h>

#include "identity/database/stored.h"

/* ---- bcrypt ---- */

#define BCRYPT_LEN   60
#define BCRYPT_BYTES 72 /* of a password that count */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static tg_err_t bcrypt_rule(tg_str_t s, tg_fault_t *why) {
    bool known = s.n == BCRYPT_LEN && s.p[0] == '$' && s.p[1] == '2' &&
                 (s.p[2] == 'a' || s.p[2] == 'b' || s.p[2] == 'y') && s.p[3] == '$' && is_digit(s.p[4]) &&
                 is_digit(s.p[5]) && s.p[6] == '$' && memchr(s.p, '\0', s.n) == NULL;
    if (!known) {
        return tg_fault(why, TG_ERR_INVALID, "", "what is stored is no bcrypt string of 60 characters");
    }
    int cost = (s.p[4] - '0') * 10 + (s.p[5] - '0');
    if (cost > TG_STORED_BCRYPT_MAX) {
        return tg_fault(why, TG_ERR_INVALID, "", "its cost is %d, more than %d", cost, TG_STORED_BCRYPT_MAX);
    }
    return TG_OK;
}

tg_err_t tg_stored_bcrypt(tg_str_t stored, tg_str_t password, bool *right, tg_fault_t *why) {
    char setting[BCRYPT_LEN + 1] = {0}, phrase[BCRYPT_BYTES + 1] = {0};
    *right = false;
    if (bcrypt_rule(stored, why)) {
        return TG_ERR_INVALID;
    }
    struct crypt_data *data = calloc(1, sizeof(*data));
    if (data == NULL) {
        return TG_ERR_NOMEM;
    }
    memcpy(setting, stored.p, stored.n);
    if (password.n > 0) {
        memcpy(phrase, password.p, password.n < BCRYPT_BYTES ? password.n : BCRYPT_BYTES);
    }
    const char *made = crypt_rn(phrase, setting, data, (int)sizeof(*data));
    *right = made != NULL && strlen(made) == BCRYPT_LEN && tg_secret_eq(made, setting, BCRYPT_LEN);
    tg_wipe(phrase, sizeof(phrase));
    tg_wipe(data, sizeof(*data));
    free(data);
    return made != NULL ? TG_OK : tg_fault(why, TG_ERR_INVALID, "", "what is stored is no bcrypt string");
}

/* ---- argon2 ---- */

typedef struct {
    argon2_type type;
    uint64_t kib, time, lanes;
} argon2_cost_t;

static bool argon2_type_take(tg_str_t name, argon2_type *out) {
    static const struct {
        tg_str_t name;
        argon2_type type;
    } types[] = {{TG_STR("argon2id"), Argon2_id}, {TG_STR("argon2i"), Argon2_i}, {TG_STR("argon2d"), Argon2_d}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (tg_str_eq(name, types[i].name)) {
            *out = types[i].type;
            return true;
        }
    }
    return false;
}

static bool number_take(tg_str_t *s, const char *key, uint64_t *out) {
    tg_str_t one = tg_str_take(s, ',');
    return one.n > 2 && one.p[0] == key[0] && one.p[1] == '=' &&
           tg_str_to_u64(tg_strn(one.p + 2, one.n - 2), UINT32_MAX, out);
}

/* What it costs, read before libargon2 allocates what the string says. */
static bool argon2_read(tg_str_t s, argon2_cost_t *c) {
    if (tg_str_take(&s, '$').n != 0 || !argon2_type_take(tg_str_take(&s, '$'), &c->type)) {
        return false;
    }
    tg_str_t costs = tg_str_take(&s, '$');
    if (tg_str_starts(costs, TG_STR("v="))) {
        costs = tg_str_take(&s, '$');
    }
    tg_str_t salt = tg_str_take(&s, '$');
    return number_take(&costs, "m", &c->kib) && number_take(&costs, "t", &c->time) &&
           number_take(&costs, "p", &c->lanes) && costs.p == NULL && salt.n >= 11 && s.n >= 22; /* 8 and 16 bytes */
}

static tg_err_t argon2_rule(tg_str_t stored, argon2_cost_t *c, tg_fault_t *why) {
    if (memchr(stored.p, '\0', stored.n) != NULL || !argon2_read(stored, c)) {
        return tg_fault(why, TG_ERR_INVALID, "", "what is stored is no argon2 string");
    }
    if (c->kib > TG_STORED_ARGON2_KIB_MAX || c->kib * c->time > TG_STORED_ARGON2_WORK_MAX ||
        c->lanes > TG_STORED_ARGON2_LANES_MAX) {
        return tg_fault(why, TG_ERR_INVALID, "", "its costs are above m=%d, m*t=%d or p=%d", TG_STORED_ARGON2_KIB_MAX,
                        TG_STORED_ARGON2_WORK_MAX, TG_STORED_ARGON2_LANES_MAX);
    }
    return TG_OK;
}

tg_err_t tg_stored_argon2(tg_str_t stored, tg_str_t password, bool *right, tg_fault_t *why) {
    char text[TG_STORED_MAX + 1] = {0};
    argon2_cost_t cost;
    *right = false;
    if (argon2_rule(stored, &cost, why)) {
        return TG_ERR_INVALID;
    }
    memcpy(text, stored.p, stored.n);
    int got = argon2_verify(text, password.p, password.n, cost.type);
    *right = got == ARGON2_OK;
    if (got == ARGON2_OK || got == ARGON2_VERIFY_MISMATCH) {
        return TG_OK;
    }
    return got == ARGON2_MEMORY_ALLOCATION_ERROR || got == ARGON2_THREAD_FAIL
               ? TG_ERR_NOMEM
               : tg_fault(why, TG_ERR_INVALID, "", "what is stored is no argon2 string");
}
