/*
 * tg_key_from_pem and tg_key_from_der on any bytes. A key that is taken must go through DER unchanged and sign what its
 * public half verifies.
 */
#include <stdlib.h>

#include "jose/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_signs(const tg_key_t *key) {
    tg_arena_t a;
    tg_jws_t jws;
    tg_buf_t token, jwk;
    tg_key_t *public = NULL;
    tg_arena_init(&a, 65536);
    tg_buf_init(&token, TG_JWS_MAX);
    tg_buf_init(&jwk, 8192);
    if (tg_key_to_jwk(key, &jwk) || tg_key_from_jwk(tg_buf_str(&jwk), tg_key_alg(key), &public, NULL) ||
        tg_jws_sign(key, TG_STR("at+jwt"), TG_STR("{}"), &token) || tg_jws_parse(tg_buf_str(&token), &a, &jws) ||
        tg_jws_verify(&jws, public)) {
        abort();
    }
    tg_key_free(public);
    tg_buf_release(&token);
    tg_buf_release(&jwk);
    tg_arena_release(&a);
}

static void check_key(const tg_key_t *key) {
    tg_key_t *back = NULL;
    tg_buf_t der;
    tg_buf_init(&der, 32768);
    if (!tg_key_is_private(key) || tg_key_to_der(key, &der) ||
        tg_key_from_der(tg_buf_str(&der), tg_key_alg(key), &back, NULL) ||
        !tg_str_eq(tg_key_kid(key), tg_key_kid(back))) {
        abort();
    }
    check_signs(back);
    tg_key_free(back);
    tg_buf_release(&der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const tg_alg_t algs[] = {TG_ALG_RS256, TG_ALG_ES256, TG_ALG_EDDSA};
    for (size_t i = 0; i < 2 * sizeof(algs) / sizeof(algs[0]); i++) {
        tg_str_t text = tg_strn(data, size);
        tg_key_t *key = NULL;
        tg_fault_t fault = {0};
        tg_err_t err = i % 2 == 0 ? tg_key_from_pem(text, algs[i / 2], &key, &fault)
                                  : tg_key_from_der(text, algs[i / 2], &key, &fault);
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
