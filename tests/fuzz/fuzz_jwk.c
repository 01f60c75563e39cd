/*
 * tg_key_from_jwk on any bytes, for every algorithm. A key that is taken must be written in a form that is taken again
 * and means the same key.
 */
#include <stdlib.h>

#include "jose/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(const tg_key_t *key) {
    tg_key_t *back = NULL;
    tg_buf_t one, two;
    tg_buf_init(&one, 8192);
    tg_buf_init(&two, 8192);
    if (tg_key_is_private(key) || tg_key_kid(key).n == 0 || tg_key_to_jwk(key, &one) ||
        tg_key_from_jwk(tg_buf_str(&one), tg_key_alg(key), &back, NULL) || tg_key_to_jwk(back, &two) ||
        !tg_str_eq(tg_buf_str(&one), tg_buf_str(&two))) {
        abort();
    }
    tg_key_free(back);
    tg_buf_release(&one);
    tg_buf_release(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int alg = TG_ALG_NONE_SUCH; alg < TG_ALG_COUNT; alg++) {
        tg_key_t *key = NULL;
        tg_fault_t fault = {0};
        tg_err_t err = tg_key_from_jwk(tg_strn(data, size), (tg_alg_t)alg, &key, &fault);
        if ((err == TG_OK) != (key != NULL) || (err && err != TG_ERR_NOMEM && fault.text[0] == '\0')) {
            abort();
        }
        if (key) {
            check_key(key);
        }
        tg_key_free(key);
    }
    return 0;
}
