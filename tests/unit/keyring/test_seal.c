#include "../alloc.h"
#include "../guard.h"
#include "../tests.h"
#include "base/b64.h"
#include "keyring/keyring.h"

#define PLAIN   TG_STR("a private key in DER, say")
#define CONTEXT TG_STR("signing-key/production/kid-1")

static tg_keyring_t ring;
static const uint8_t nonce[TG_SEAL_NONCE_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static int ring_make(void **state) {
    uint8_t master[TG_KEY_LEN];
    (void)state;
    for (int i = 0; i < TG_KEY_LEN; i++) {
        master[i] = (uint8_t)i;
    }
    return tg_keyring_init(&ring, master);
}

static int ring_release(void **state) {
    (void)state;
    tg_keyring_release(&ring);
    return 0;
}

static tg_buf_t sealed_new(tg_str_t plain) {
    tg_buf_t b;
    tg_buf_init(&b, 1 << 16);
    assert_int_equal(tg_seal(&ring, CONTEXT, nonce, plain, &b), TG_OK);
    assert_int_equal(b.n, 1 + TG_SEAL_NONCE_LEN + plain.n + TG_SEAL_TAG_LEN);
    return b;
}

/* Unseals; on failure nothing may have been appended. */
static tg_err_t unseal(tg_str_t context, tg_str_t sealed, tg_str_t want) {
    guard_t g = guard_copy(sealed.p, sealed.n);
    tg_buf_t plain;
    tg_buf_init(&plain, 1 << 16);
    tg_buf_put(&plain, TG_STR("before:"));
    tg_err_t err = tg_unseal(&ring, context, tg_strn(g.p, g.n), &plain);
    assert_true(tg_str_starts(tg_buf_str(&plain), TG_STR("before:")));
    if (!err) {
        assert_true(tg_str_eq(tg_strn(plain.p + 7, plain.n - 7), want));
    } else {
        assert_int_equal(plain.n, 7);
    }
    tg_buf_release(&plain);
    guard_free(&g);
    return err;
}

/* Computed apart, with another implementation of AES-GCM: sealed keys of today must open with the code of tomorrow. */
static void the_format_never_changes(void **state) {
    char hex[256];
    (void)state;
    tg_buf_t b = sealed_new(PLAIN);
    size_t n = tg_hex_encode(tg_buf_str(&b), hex);
    if (!tg_str_eq(tg_strn(hex, n), TG_STR("010102030405060708090a0b0c6cff5e7499a74448d71bdaed4a1620bfeb55c9087ec8bafca"
                                           "46373f484afd19c15ee6ee7a6860ac9cb"))) {
        fail_msg("%.*s", (int)n, hex);
    }
    tg_buf_release(&b);
}

static void what_was_sealed_opens(void **state) {
    static char large[4096];
    (void)state;
    memset(large, 0xa5, sizeof(large));
    const tg_str_t texts[] = {PLAIN, TG_STR_NONE, TG_STR("x"), tg_strn(large, sizeof(large))};
    for (size_t i = 0; i < COUNT(texts); i++) {
        tg_buf_t b = sealed_new(texts[i]);
        assert_int_equal(unseal(CONTEXT, tg_buf_str(&b), texts[i]), TG_OK);
        tg_buf_release(&b);
    }
}

static void any_bit_changed_does_not_open(void **state) {
    (void)state;
    tg_buf_t b = sealed_new(PLAIN);
    for (size_t bit = 0; bit < b.n * 8; bit++) {
        b.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(unseal(CONTEXT, tg_buf_str(&b), PLAIN), TG_ERR_INVALID);
        b.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(unseal(CONTEXT, tg_buf_str(&b), PLAIN), TG_OK);
    tg_buf_release(&b);
}

static void any_other_length_does_not_open(void **state) {
    (void)state;
    tg_buf_t b = sealed_new(PLAIN);
    for (size_t n = 0; n < b.n; n++) {
        assert_int_equal(unseal(CONTEXT, tg_strn(b.p, n), PLAIN), TG_ERR_INVALID);
    }
    tg_buf_putc(&b, '\0');
    assert_int_equal(unseal(CONTEXT, tg_buf_str(&b), PLAIN), TG_ERR_INVALID);
    tg_buf_release(&b);
}

static void another_place_does_not_open(void **state) {
    (void)state;
    tg_buf_t b = sealed_new(PLAIN);
    assert_int_equal(unseal(TG_STR("signing-key/production/kid-2"), tg_buf_str(&b), PLAIN), TG_ERR_INVALID);
    assert_int_equal(unseal(TG_STR("signing-key/test/kid-1"), tg_buf_str(&b), PLAIN), TG_ERR_INVALID);
    assert_int_equal(unseal(TG_STR_NONE, tg_buf_str(&b), PLAIN), TG_ERR_INVALID);
    tg_buf_release(&b);
}

static void another_master_does_not_open(void **state) {
    (void)state;
    tg_buf_t b = sealed_new(PLAIN);
    ring.seal[0] ^= 1;
    tg_err_t err = unseal(CONTEXT, tg_buf_str(&b), PLAIN);
    ring.seal[0] ^= 1;
    assert_int_equal(err, TG_ERR_INVALID);
    tg_buf_release(&b);
}

static void no_room_is_said(void **state) {
    char mem[32];
    tg_buf_t b, small;
    (void)state;
    tg_buf_init_fixed(&small, mem, sizeof(mem));
    assert_int_equal(tg_seal(&ring, CONTEXT, nonce, PLAIN, &small), TG_ERR_LIMIT);
    assert_int_equal(small.n, 0);
    b = sealed_new(PLAIN);
    tg_buf_init_fixed(&small, mem, 8);
    assert_int_equal(tg_unseal(&ring, CONTEXT, tg_buf_str(&b), &small), TG_ERR_LIMIT);
    assert_int_equal(small.n, 0);
    tg_buf_release(&b);

    tg_buf_init(&b, 1 << 16);
    alloc_fail_after(0);
    tg_err_t err = tg_seal(&ring, CONTEXT, nonce, PLAIN, &b);
    assert_true(alloc_failed());
    assert_int_equal(err, TG_ERR_NOMEM);
    tg_buf_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_format_never_changes),
        cmocka_unit_test(what_was_sealed_opens),
        cmocka_unit_test(any_bit_changed_does_not_open),
        cmocka_unit_test(any_other_length_does_not_open),
        cmocka_unit_test(another_place_does_not_open),
        cmocka_unit_test(another_master_does_not_open),
        cmocka_unit_test(no_room_is_said),
    };
    return cmocka_run_group_tests(tests, ring_make, ring_release);
}
