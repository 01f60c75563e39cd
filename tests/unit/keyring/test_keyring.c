#include "../guard.h"
#include "../tests.h"
#include "base/b64.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"

static void hex_equal(const uint8_t *bytes, size_t n, const char *hex) {
    char text[256];
    size_t len = tg_hex_encode(tg_strn(bytes, n), text);
    if (!tg_str_eq(tg_strn(text, len), tg_str(hex))) {
        fail_msg("%.*s is not %s", (int)len, text, hex);
    }
}

static void master_counting(uint8_t master[TG_KEY_LEN]) {
    for (int i = 0; i < TG_KEY_LEN; i++) {
        master[i] = (uint8_t)i;
    }
}

#define COUNTING "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static const struct {
    const char *text;
    tg_err_t err;
} masters[] = {
    {"tollgate-master-1:" COUNTING, TG_OK},
    {"tollgate-master-1:" COUNTING "\n", TG_OK},
    {"tollgate-master-1:" COUNTING "\n\n", TG_ERR_INVALID},
    {"tollgate-master-1:" COUNTING "\r\n", TG_ERR_INVALID},
    {"tollgate-master-1:" COUNTING " ", TG_ERR_INVALID},
    {" tollgate-master-1:" COUNTING, TG_ERR_INVALID},
    {"tollgate-master-1:" COUNTING "A", TG_ERR_INVALID},
    {"tollgate-master-1:" COUNTING "=", TG_ERR_INVALID},
    {"tollgate-master-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh", TG_ERR_INVALID},
    {"tollgate-master-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", TG_ERR_INVALID}, /* unused bits */
    {"tollgate-master-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH+8", TG_ERR_INVALID},
    {"tollgate-master-2:" COUNTING, TG_ERR_INVALID},
    {"Tollgate-master-1:" COUNTING, TG_ERR_INVALID},
    {"tollgate-master-1", TG_ERR_INVALID},
    {"tollgate-master-1:", TG_ERR_INVALID},
    {COUNTING, TG_ERR_INVALID},
    {"\n", TG_ERR_INVALID},
    {"", TG_ERR_INVALID},
};

static void master_files_are_read_strictly(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(masters); i++) {
        uint8_t master[TG_KEY_LEN], want[TG_KEY_LEN];
        tg_fault_t fault = {0};
        guard_t g = guard_copy(masters[i].text, strlen(masters[i].text));
        tg_err_t err = tg_master_parse(tg_strn(g.p, g.n), master, &fault);
        if (err != masters[i].err) {
            fail_msg("%s: %s", masters[i].text, tg_err_name(err));
        }
        if (!err) {
            master_counting(want);
            assert_memory_equal(master, want, TG_KEY_LEN);
        } else {
            assert_true(fault.text[0] != '\0');
            assert_null(strstr(fault.text, "AAECAw")); /* no word of the key */
        }
        guard_free(&g);
    }
}

static void master_files_are_written_as_they_are_read(void **state) {
    uint8_t master[TG_KEY_LEN], back[TG_KEY_LEN];
    char mem[TG_MASTER_TEXT_MAX];
    tg_buf_t b;
    (void)state;
    master_counting(master);
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_master_write(master, &b);
    assert_int_equal(b.err, TG_OK);
    assert_true(tg_str_eq(tg_buf_str(&b), TG_STR("tollgate-master-1:" COUNTING "\n")));
    assert_int_equal(tg_master_parse(tg_buf_str(&b), back, NULL), TG_OK);
    assert_memory_equal(master, back, TG_KEY_LEN);
}

/* Values computed apart from this code, with another implementation of RFC 5869. A change here makes every existing
 * store unreadable. */
static void derived_keys_never_change(void **state) {
    uint8_t master[TG_KEY_LEN];
    tg_keyring_t k;
    (void)state;
    master_counting(master);
    assert_int_equal(tg_keyring_init(&k, master), TG_OK);
    hex_equal(k.seal, TG_KEY_LEN, "9f7eac4db48e5fdd8dab815e9aa59c292af766490454ccea367fa612c74f3928");
    hex_equal(k.secret, TG_KEY_LEN, "1feef19281954ce190fe97aec8e215034ab048436fe601f58852e44fae10c448");
    hex_equal(k.refresh, TG_KEY_LEN, "54ede8e98da92fe032abb1c5887473ab263f2cbf0dacfd141c79bcdd186eef61");
    hex_equal(k.check, TG_KEY_LEN, "3ccdae8f72499234c7e1cb5b85ae0c32e86cb2ca9bb3b6dfe8d37e7a0ae963a0");
    tg_keyring_release(&k);
    const uint8_t zero[sizeof(k)] = {0};
    assert_memory_equal(&k, zero, sizeof(k));
}

static void another_master_gives_other_keys(void **state) {
    uint8_t master[TG_KEY_LEN];
    tg_keyring_t one, two;
    (void)state;
    master_counting(master);
    assert_int_equal(tg_keyring_init(&one, master), TG_OK);
    master[31] ^= 1;
    assert_int_equal(tg_keyring_init(&two, master), TG_OK);
    assert_memory_not_equal(one.seal, two.seal, TG_KEY_LEN);
    assert_memory_not_equal(one.secret, two.secret, TG_KEY_LEN);
    assert_memory_not_equal(one.refresh, two.refresh, TG_KEY_LEN);
    assert_memory_not_equal(one.check, two.check, TG_KEY_LEN);
    tg_keyring_release(&one);
    tg_keyring_release(&two);
}

static void secret_hashes_never_change(void **state) {
    uint8_t master[TG_KEY_LEN], out[TG_HASH_LEN];
    tg_keyring_t k;
    (void)state;
    master_counting(master);
    assert_int_equal(tg_keyring_init(&k, master), TG_OK);
    assert_int_equal(tg_secret_hash(&k, TG_STR("client"), TG_STR("secret"), out), TG_OK);
    hex_equal(out, sizeof(out), "bd627f8dcfbca0850247e20d5451404c1e41df03b3cee41c3e7d028dbc4c16bb");
    assert_int_equal(tg_refresh_derive(&k, TG_STR("access"), TG_STR("tgr_old"), out), TG_OK);
    hex_equal(out, sizeof(out), "4f24e4a27cc7bcb65cf80ad90d24093fb04f0872618845d851bf6a687837a347");
    assert_int_equal(tg_refresh_derive(&k, TG_STR("refresh"), TG_STR("tgr_old"), out), TG_OK);
    hex_equal(out, sizeof(out), "f47bf44ebe6de1616f8b6e871e00b681db4c294dffaf28658daae3a975f475ac");
    tg_keyring_release(&k);
}

/* Two inputs whose parts join to the same text are still two inputs. */
static void parts_cannot_slide(void **state) {
    uint8_t master[TG_KEY_LEN], one[TG_HASH_LEN], two[TG_HASH_LEN];
    tg_keyring_t k;
    (void)state;
    master_counting(master);
    assert_int_equal(tg_keyring_init(&k, master), TG_OK);
    assert_int_equal(tg_secret_hash(&k, TG_STR("ab"), TG_STR("c"), one), TG_OK);
    assert_int_equal(tg_secret_hash(&k, TG_STR("a"), TG_STR("bc"), two), TG_OK);
    assert_memory_not_equal(one, two, TG_HASH_LEN);
    assert_int_equal(tg_refresh_derive(&k, TG_STR("access"), TG_STR("token"), one), TG_OK);
    assert_int_equal(tg_refresh_derive(&k, TG_STR("accesst"), TG_STR("oken"), two), TG_OK);
    assert_memory_not_equal(one, two, TG_HASH_LEN);
    assert_int_equal(tg_secret_hash(&k, TG_STR_NONE, TG_STR_NONE, one), TG_OK);
    assert_int_equal(tg_secret_hash(&k, TG_STR_NONE, TG_STR("x"), two), TG_OK);
    assert_memory_not_equal(one, two, TG_HASH_LEN);
    tg_keyring_release(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(master_files_are_read_strictly), cmocka_unit_test(master_files_are_written_as_they_are_read),
        cmocka_unit_test(derived_keys_never_change),      cmocka_unit_test(another_master_gives_other_keys),
        cmocka_unit_test(secret_hashes_never_change),     cmocka_unit_test(parts_cannot_slide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
