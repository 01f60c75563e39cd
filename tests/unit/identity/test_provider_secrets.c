#include <stdlib.h>

#include "../alloc.h"
#include "../tests.h"
#include "base/json.h"
#include "identity/provider_secrets.h"

typedef struct {
    tg_arena_t arena;
    tg_keyring_t keyring;
    tg_identity_provider_t provider;
} fixture_t;

static const char body[] =
    "{\"name\":\"users\",\"type\":\"LDAP\",\"url\":\"ldap://127.0.0.1\",\"authenticationType\":\"ADVANCED\","
    "\"bindDn\":\"cn=service\",\"bindPassword\":\"directory secret\",\"userBaseDnList\":[\"dc=x\"]}";

static void provider_make(fixture_t *f, const char *project) {
    tg_fault_t fault = {0};
    json_t *doc = json_loads(body, 0, NULL);
    tg_err_t err = tg_identity_provider_parse(doc, tg_str(project), &f->arena, &f->provider, &fault);
    json_decref(doc);
    if (err) {
        fail_msg("%s: %s", fault.field, fault.text);
    }
}

static int setup(void **state) {
    static fixture_t f;
    static const uint8_t master[TG_KEY_LEN] = {1, 2, 3};
    f = (fixture_t){0};
    tg_arena_init(&f.arena, 1 << 20);
    *state = &f;
    provider_make(&f, "shop");
    return tg_keyring_init(&f.keyring, master);
}

static int teardown(void **state) {
    fixture_t *f = *state;
    tg_keyring_release(&f->keyring);
    tg_arena_release(&f->arena);
    return 0;
}

static tg_err_t nonce(void *ctx, uint8_t out[TG_SEAL_NONCE_LEN]) {
    uint8_t *next = ctx;
    memset(out, (*next)++, TG_SEAL_NONCE_LEN);
    return TG_OK;
}

static tg_err_t no_nonce(void *ctx, uint8_t out[TG_SEAL_NONCE_LEN]) {
    (void)ctx;
    (void)out;
    return TG_ERR_UNAVAILABLE;
}

static void sealed(fixture_t *f) {
    uint8_t next = 7;
    assert_int_equal(tg_provider_secrets_seal(&f->keyring, nonce, &next, &f->arena, &f->provider), TG_OK);
    assert_int_equal(next, 8);
}

static void sealed_and_opened(void **state) {
    fixture_t *f = *state;
    tg_provider_secret_t *s = &f->provider.of.ldap.bind_password;
    sealed(f);
    assert_int_equal(s->clear.n, 0);
    assert_int_equal(s->sealed.n, 1 + TG_SEAL_NONCE_LEN + strlen("directory secret") + TG_SEAL_TAG_LEN);
    assert_null(memmem(s->sealed.p, s->sealed.n, "directory", 9));
    tg_fault_t fault = {0};
    assert_int_equal(tg_provider_secrets_open(&f->keyring, &f->arena, &f->provider, &fault), TG_OK);
    assert_str(s->clear, "directory secret");
    assert_int_equal(s->sealed.n, 0);
}

static void assert_closed(fixture_t *f) {
    tg_fault_t fault = {0};
    assert_int_equal(tg_provider_secrets_open(&f->keyring, &f->arena, &f->provider, &fault), TG_ERR_INVALID);
    assert_string_equal(fault.field, "bindPassword");
    assert_int_equal(f->provider.of.ldap.bind_password.clear.n, 0);
}

static void opens_nowhere_else(void **state) {
    fixture_t *f = *state;
    sealed(f);
    tg_identity_provider_t kept = f->provider;
    f->provider.name = TG_STR("other");
    assert_closed(f);
    f->provider = kept;
    f->provider.project = TG_STR("other");
    assert_closed(f);
    f->provider = kept;
    char *bytes = (char *)(uintptr_t)f->provider.of.ldap.bind_password.sealed.p;
    bytes[20] ^= 1;
    assert_closed(f);
    bytes[20] ^= 1;
    static const uint8_t other[TG_KEY_LEN] = {9};
    tg_keyring_release(&f->keyring);
    assert_int_equal(tg_keyring_init(&f->keyring, other), TG_OK);
    assert_closed(f);
}

static void without_entropy_nothing_is_sealed(void **state) {
    fixture_t *f = *state;
    assert_int_equal(tg_provider_secrets_seal(&f->keyring, no_nonce, NULL, &f->arena, &f->provider),
                     TG_ERR_UNAVAILABLE);
    assert_int_equal(f->provider.of.ldap.bind_password.sealed.n, 0);
    assert_str(f->provider.of.ldap.bind_password.clear, "directory secret");
}

static void memory_runs_out(void **state) {
    fixture_t *f = *state;
    uint8_t next = 0;
    tg_identity_provider_t kept = f->provider;
    for (long n = 0; n < 100; n++) {
        tg_arena_t a;
        tg_fault_t fault = {0};
        tg_arena_init(&a, 1 << 16);
        f->provider = kept;
        alloc_fail_after(n);
        tg_err_t err = tg_provider_secrets_seal(&f->keyring, nonce, &next, &a, &f->provider);
        err = err ? err : tg_provider_secrets_open(&f->keyring, &a, &f->provider, &fault);
        bool failed = alloc_failed();
        tg_arena_release(&a);
        f->provider = kept;
        if (!failed) {
            assert_int_equal(err, TG_OK);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
    }
    fail();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sealed_and_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(opens_nowhere_else, setup, teardown),
        cmocka_unit_test_setup_teardown(without_entropy_nothing_is_sealed, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_runs_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
