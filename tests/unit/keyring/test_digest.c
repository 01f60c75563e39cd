#include <pthread.h>

#include "../tests.h"
#include "base/b64.h"
#include "keyring/digest.h"

static void hex_equal(const uint8_t *bytes, size_t n, const char *hex) {
    char text[256];
    size_t len = tg_hex_encode(tg_strn(bytes, n), text);
    if (!tg_str_eq(tg_strn(text, len), tg_str(hex))) {
        fail_msg("%.*s is not %s", (int)len, text, hex);
    }
}

/* FIPS 180-4 examples */
static void sha256_vectors(void **state) {
    uint8_t out[TG_HASH_LEN];
    (void)state;
    assert_int_equal(tg_sha256(TG_STR_NONE, out), TG_OK);
    hex_equal(out, sizeof(out), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(tg_sha256(TG_STR("abc"), out), TG_OK);
    hex_equal(out, sizeof(out), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(tg_sha256(TG_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), out), TG_OK);
    hex_equal(out, sizeof(out), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* HMAC-SHA256, computed apart for a key of 32 bytes 0x0b; the parts must count as one text. */
static void hmac_is_the_same_over_any_split(void **state) {
    uint8_t key[TG_KEY_LEN], whole[TG_HASH_LEN], split[TG_HASH_LEN];
    (void)state;
    memset(key, 0x0b, sizeof(key));
    const tg_str_t one[] = {TG_STR("Hi There")};
    assert_int_equal(tg_hmac_sha256(key, one, 1, whole), TG_OK);
    hex_equal(whole, sizeof(whole), "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7");
    const tg_str_t many[] = {TG_STR("Hi"), TG_STR_NONE, TG_STR(" "), TG_STR("There"), TG_STR("")};
    assert_int_equal(tg_hmac_sha256(key, many, 5, split), TG_OK);
    assert_memory_equal(whole, split, TG_HASH_LEN);
}

/* RFC 5869 A.1 by its definition, on our HMAC: OKM's first block is HMAC(PRK, info || 1). */
static void rfc5869_expand_on_our_hmac(void **state) {
    uint8_t prk[TG_KEY_LEN], info[16], out[TG_HASH_LEN];
    size_t n;
    (void)state;
    tg_str_t prk_hex = TG_STR("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    assert_int_equal(tg_hex_decode(prk_hex, prk, sizeof(prk), &n), TG_OK);
    assert_int_equal(tg_hex_decode(TG_STR("f0f1f2f3f4f5f6f7f8f9"), info, sizeof(info), &n), TG_OK);
    const tg_str_t parts[] = {tg_strn(info, n), TG_STR("\001")};
    assert_int_equal(tg_hmac_sha256(prk, parts, 2, out), TG_OK);
    hex_equal(out, sizeof(out), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

static void *hash_often(void *arg) {
    uint8_t out[TG_HASH_LEN];
    for (int i = 0; i < 2000; i++) {
        if (tg_sha256(TG_STR("abc"), out) || out[0] != 0xba || out[31] != 0xad) {
            return arg;
        }
    }
    return NULL;
}

static void threads_may_hash_at_once(void **state) {
    pthread_t threads[4];
    (void)state;
    for (size_t t = 0; t < 4; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, hash_often, &threads), 0);
    }
    for (size_t t = 0; t < 4; t++) {
        void *failed = &threads;
        assert_int_equal(pthread_join(threads[t], &failed), 0);
        assert_null(failed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),
        cmocka_unit_test(hmac_is_the_same_over_any_split),
        cmocka_unit_test(rfc5869_expand_on_our_hmac),
        cmocka_unit_test(threads_may_hash_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
