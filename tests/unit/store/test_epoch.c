/* The 64-bit name of (kind, client, subject). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/token_store.h"

/* FNV-1a (64) of kind, client_id, NUL, subject; worked out apart from this code. */
static void it_is_the_same_on_every_node(void **state) {
    (void)state;
    static const struct {
        tg_client_kind_t kind;
        const char *client_id, *subject;
        uint64_t id;
    } cases[] = {
        {TG_CLIENT_APPLICATION, "", "", 0x082f2207b4e88cc4},
        {TG_CLIENT_APPLICATION, "ab", "c", 0x50dae4c11df9597a},
        {TG_CLIENT_CREDENTIAL, "ab", "c", 0x854bde1ba9ac9d47},
        {TG_CLIENT_APPLICATION, "a", "bc", 0x76f746c1c4728d62},
        {TG_CLIENT_APPLICATION, "client", "\xffser", 0x98662f114a126038},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(tg_epoch_id(cases[i].kind, tg_str(cases[i].client_id), tg_str(cases[i].subject)) == cases[i].id);
    }
    assert_true(tg_epoch_id(TG_CLIENT_APPLICATION, TG_STR_NONE, TG_STR_NONE) == cases[0].id);
}

static void its_bytes_come_back(void **state) {
    (void)state;
    uint8_t bytes[8];
    static const uint8_t expected[8] = {0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12};
    tg_epoch_id_put(0x123456789abcdef0, bytes);
    assert_memory_equal(bytes, expected, 8);
    assert_true(tg_epoch_id_get(tg_strn(bytes, 8)) == 0x123456789abcdef0);
    tg_epoch_id_put(0x8000000000000001, bytes);
    assert_true(tg_epoch_id_get(tg_strn(bytes, 8)) == 0x8000000000000001);
    assert_true(tg_epoch_id_get(tg_strn(bytes, 7)) == 0);
    assert_true(tg_epoch_id_get(TG_STR_NONE) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_same_on_every_node),
        cmocka_unit_test(its_bytes_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
