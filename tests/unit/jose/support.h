/*
 * What the tests of the jose room share: files of tests/vectors, and tokens with headers that tg_jws_sign never writes.
 */
#ifndef TG_TEST_JOSE_SUPPORT_H
#define TG_TEST_JOSE_SUPPORT_H

#include <stdlib.h>

#include "../tests.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "jose/jws.h"
#include "jose/key.h"

#define ARENA_MAX 65536

/* A file below tests/vectors; the caller releases the buffer. */
static inline tg_buf_t vector_read(const char *name) {
    char path[512];
    const char *source = getenv("TG_SOURCE");
    tg_buf_t b;
    tg_buf_init(&b, 1 << 20);
    snprintf(path, sizeof(path), "%s/tests/vectors/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("%s cannot be read", path);
    }
    char *p = tg_buf_reserve(&b, 65536);
    assert_non_null(p);
    tg_buf_advance(&b, fread(p, 1, 65536, f));
    fclose(f);
    return b;
}

static inline tg_key_t *key_read(const char *file, tg_alg_t alg) {
    char path[128];
    tg_key_t *key = NULL;
    snprintf(path, sizeof(path), "keys/%s", file);
    tg_buf_t pem = vector_read(path);
    assert_int_equal(tg_key_from_pem(tg_buf_str(&pem), alg, &key, NULL), TG_OK);
    tg_buf_release(&pem);
    return key;
}

/* A private key, a new one if that is quick: an RSA key takes 0.1 s to make, and seconds under valgrind. */
static inline tg_key_t *key_new(tg_alg_t alg) {
    tg_key_t *key = NULL;
    if (strcmp(tg_alg_info(alg)->type, "RSA") == 0) {
        return key_read("rsa-2048-pkcs8.pem", alg);
    }
    assert_int_equal(tg_key_generate(alg, &key), TG_OK);
    return key;
}

/* Another than key_new gives. */
static inline tg_key_t *key_other(tg_alg_t alg) {
    return strcmp(tg_alg_info(alg)->type, "RSA") == 0 ? key_read("rsa-2048-other.pem", alg) : key_new(alg);
}

/* The public half, through its JWK. */
static inline tg_key_t *key_public(const tg_key_t *key) {
    tg_buf_t jwk;
    tg_key_t *out = NULL;
    tg_buf_init(&jwk, 8192);
    assert_int_equal(tg_key_to_jwk(key, &jwk), TG_OK);
    assert_int_equal(tg_key_from_jwk(tg_buf_str(&jwk), tg_key_alg(key), &out, NULL), TG_OK);
    tg_buf_release(&jwk);
    return out;
}

/* header.payload of a token, both encoded. */
static inline tg_buf_t signing_input(tg_str_t header, tg_str_t payload) {
    tg_buf_t b;
    tg_buf_init(&b, 1 << 20);
    tg_buf_put_b64url(&b, header);
    tg_buf_putc(&b, '.');
    tg_buf_put_b64url(&b, payload);
    assert_int_equal(b.err, TG_OK);
    return b;
}

/* A whole token with this header, signed by key, whatever the header says. */
static inline tg_buf_t token_signed(const char *header, tg_str_t payload, const tg_key_t *key) {
    uint8_t sig[TG_SIG_MAX];
    size_t n;
    tg_buf_t b = signing_input(tg_str(header), payload);
    assert_int_equal(tg_key_sign(key, tg_buf_str(&b), sig, &n), TG_OK);
    tg_buf_putc(&b, '.');
    tg_buf_put_b64url(&b, tg_strn(sig, n));
    assert_int_equal(b.err, TG_OK);
    return b;
}

/* A whole token with these signature bytes. */
static inline tg_buf_t token_with(const char *header, tg_str_t payload, tg_str_t sig) {
    tg_buf_t b = signing_input(tg_str(header), payload);
    tg_buf_putc(&b, '.');
    tg_buf_put_b64url(&b, sig);
    assert_int_equal(b.err, TG_OK);
    return b;
}

/* Parses and verifies; what a gateway would do with the token. */
static inline tg_err_t token_check(tg_str_t token, const tg_key_t *key) {
    tg_arena_t a;
    tg_jws_t jws;
    tg_arena_init(&a, ARENA_MAX);
    tg_err_t err = tg_jws_parse(token, &a, &jws);
    if (!err) {
        err = tg_jws_verify(&jws, key);
    }
    tg_arena_release(&a);
    return err;
}

#endif
