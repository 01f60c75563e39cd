#include "oauth/secret_entry.h"

#include "alloc.h"
#include "tests.h"

#define VALUE "\"s3cr3t-of-the-metadata\""

static tg_keyring_t keys, others;
static const uint8_t nonce[TG_SEAL_NONCE_LEN] = {1, 2, 3};
static const uint8_t next_nonce[TG_SEAL_NONCE_LEN] = {4, 5, 6};
static const tg_entry_owner_t anna = {.name = TG_STR("anna")};
static const tg_entry_owner_t acme = {7, TG_STR("acme")};

static tg_metadata_entry_t sealed_entry(const tg_entry_owner_t *owner, const char *key, tg_arena_t *a) {
    tg_metadata_entry_t e = {.key = tg_str(key), .value = TG_STR(VALUE), .secret = true, .in_response = true};
    assert_int_equal(tg_entry_seal(&keys, owner, nonce, a, &e), TG_OK);
    assert_int_equal(e.value.n, 0);
    assert_null(memmem(e.sealed.p, e.sealed.n, "s3cr3t", 6));
    assert_true(e.secret && e.in_response);
    return e;
}

static void refused(const tg_keyring_t *k, const tg_entry_owner_t *owner, tg_metadata_entry_t e, tg_arena_t *a) {
    tg_metadata_entry_t before = e;
    assert_int_equal(tg_entry_open(k, owner, a, &e), TG_ERR_INVALID);
    assert_memory_equal(&e, &before, sizeof(e));
}

static void what_was_sealed_opens(void **state) {
    static const tg_entry_owner_t *const owners[] = {&anna, &acme};
    (void)state;
    for (size_t i = 0; i < COUNT(owners); i++) {
        tg_arena_t a;
        tg_arena_init(&a, 1 << 16);
        tg_metadata_entry_t e = sealed_entry(owners[i], "pin", &a);
        assert_int_equal(tg_entry_open(&keys, owners[i], &a, &e), TG_OK);
        assert_str(e.value, VALUE);
        assert_int_equal(e.sealed.n, 0);
        tg_arena_release(&a);
    }
}

/* Attack: who can write to the database moves a sealed value to where he gets it handed out. */
static void a_moved_value_does_not_open(void **state) {
    static const struct {
        tg_entry_owner_t from;
        const char *key;
        tg_entry_owner_t to;
        const char *other_key;
    } rows[] = {
        {{0, TG_STR("anna")}, "pin", {0, TG_STR("bert")}, "pin"},
        {{0, TG_STR("anna")}, "pin", {0, TG_STR("anna")}, "tier"},
        {{0, TG_STR("anna")}, "pin", {0, TG_STR("Anna")}, "pin"},
        {{0, TG_STR("a")}, "b:c", {0, TG_STR("a/b")}, "c"},
        {{0, TG_STR("a/b")}, "c", {0, TG_STR("a")}, "b/c"},
        {{0, TG_STR("a")}, "b:c", {0, TG_STR("a:b")}, "c:"},
        {{7, TG_STR("acme")}, "pin", {0, TG_STR("acme")}, "pin"},
        {{0, TG_STR("acme")}, "pin", {7, TG_STR("acme")}, "pin"},
        {{7, TG_STR("acme")}, "pin", {8, TG_STR("acme")}, "pin"},
        {{7, TG_STR("acme")}, "pin", {0, TG_STR("7/acme")}, "pin"},
        {{7, TG_STR("acme")}, "pin", {7, TG_STR("other")}, "pin"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_arena_t a;
        tg_arena_init(&a, 1 << 16);
        tg_metadata_entry_t e = sealed_entry(&rows[i].from, rows[i].key, &a);
        e.key = tg_str(rows[i].other_key);
        refused(&keys, &rows[i].to, e, &a);
        tg_arena_release(&a);
    }
}

static void a_changed_value_does_not_open(void **state) {
    tg_arena_t a;
    (void)state;
    tg_arena_init(&a, 1 << 16);
    tg_metadata_entry_t e = sealed_entry(&anna, "pin", &a);
    char *bytes = (char *)(uintptr_t)e.sealed.p;
    for (size_t i = 0; i < e.sealed.n; i++) {
        bytes[i] ^= 1;
        refused(&keys, &anna, e, &a);
        bytes[i] ^= 1;
    }
    refused(&others, &anna, e, &a);
    tg_metadata_entry_t cut = e;
    for (cut.sealed.n = 0; cut.sealed.n < e.sealed.n; cut.sealed.n++) {
        refused(&keys, &anna, cut, &a);
    }
    assert_int_equal(tg_entry_open(&keys, &anna, &a, &e), TG_OK);
    tg_arena_release(&a);
}

static void an_organizations_value_is_sealed_anew_for_a_member(void **state) {
    tg_arena_t a;
    (void)state;
    tg_arena_init(&a, 1 << 16);
    tg_metadata_entry_t e = sealed_entry(&acme, "pin", &a), given = e, wrong = e;
    assert_int_equal(tg_entry_reseal(&keys, &acme, &anna, next_nonce, &a, &given), TG_OK);
    assert_int_equal(given.value.n, 0);
    refused(&keys, &acme, given, &a);
    assert_int_equal(tg_entry_open(&keys, &anna, &a, &given), TG_OK);
    assert_str(given.value, VALUE);
    assert_int_equal(tg_entry_reseal(&keys, &anna, &acme, next_nonce, &a, &wrong), TG_ERR_INVALID);
    assert_memory_equal(&wrong, &e, sizeof(e));
    tg_arena_release(&a);
}

static void the_longest_names_and_values(void **state) {
    static char name[TG_CLIENT_ID_MAX], key[128], value[4096];
    tg_arena_t a;
    (void)state;
    memset(name, 'n', sizeof(name));
    memset(key, 'k', sizeof(key));
    memset(value, '7', sizeof(value));
    const tg_entry_owner_t owner = {.name = tg_strn(name, sizeof(name))};
    const tg_entry_owner_t organization = {INT64_MAX, tg_strn(name, TG_NAME_MAX)};
    tg_metadata_entry_t e = {.key = tg_strn(key, sizeof(key)), .value = tg_strn(value, sizeof(value)), .secret = true};
    tg_arena_init(&a, 1 << 16);
    assert_int_equal(tg_entry_seal(&keys, &organization, nonce, &a, &e), TG_OK);
    assert_int_equal(tg_entry_reseal(&keys, &organization, &owner, next_nonce, &a, &e), TG_OK);
    assert_int_equal(tg_entry_open(&keys, &owner, &a, &e), TG_OK);
    assert_bytes(e.value, value, sizeof(value));
    tg_arena_release(&a);
}

static void lack_of_memory_loses_nothing(void **state) {
    tg_arena_t a;
    (void)state;
    tg_arena_init(&a, 1 << 16);
    const tg_metadata_entry_t e = sealed_entry(&acme, "pin", &a);
    for (long n = 0, failed = 1; failed; n++) {
        tg_metadata_entry_t given = e;
        alloc_fail_after(n);
        tg_err_t err = tg_entry_reseal(&keys, &acme, &anna, next_nonce, &a, &given);
        if (!err) {
            err = tg_entry_open(&keys, &anna, &a, &given);
        }
        failed = alloc_failed();
        assert_int_equal(err, failed ? TG_ERR_NOMEM : TG_OK);
        assert_true(!failed || (given.value.n == 0) == (given.sealed.n > 0));
    }
    for (size_t max = 0; max < 128; max += 16) {
        tg_arena_t small;
        tg_metadata_entry_t given = e;
        tg_arena_init(&small, max);
        tg_err_t err = tg_entry_open(&keys, &acme, &small, &given);
        assert_true(err == TG_OK || (err == TG_ERR_NOMEM && memcmp(&given, &e, sizeof(e)) == 0));
        tg_arena_release(&small);
    }
    tg_arena_release(&a);
}

static int setup(void **state) {
    uint8_t master[TG_KEY_LEN] = {1};
    (void)state;
    if (tg_keyring_init(&keys, master)) {
        return -1;
    }
    master[0] = 2;
    return tg_keyring_init(&others, master) ? -1 : 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens),
        cmocka_unit_test(a_moved_value_does_not_open),
        cmocka_unit_test(a_changed_value_does_not_open),
        cmocka_unit_test(an_organizations_value_is_sealed_anew_for_a_member),
        cmocka_unit_test(the_longest_names_and_values),
        cmocka_unit_test(lack_of_memory_loses_nothing),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
