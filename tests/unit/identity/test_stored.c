/* Vectors: RFC 6070 (PBKDF2), FIPS 180-4 and FIPS 202 "abc", crypt_blowfish's wrapper.c, phc-winner-argon2's test.c;
 * the others are of Python's hashlib and crypt. */
#include "identity/database/stored.h"

#include "guard.h"
#include "tests.h"

#define HORSE "correct horse"

static tg_err_t verify(const tg_database_provider_t *d, const char *stored, const char *salt, const char *password,
                       bool *right) {
    tg_fault_t why = {0};
    guard_t s = guard_copy(stored, strlen(stored)), p = guard_copy(password, strlen(password));
    tg_err_t err = tg_stored_verify(d, tg_strn(s.p, s.n), tg_str(salt), tg_strn(p.p, p.n), right, &why);
    assert_int_equal(err == TG_ERR_INVALID, why.text[0] != '\0');
    guard_free(&s);
    guard_free(&p);
    return err;
}

static void expect_right(const tg_database_provider_t *d, const char *stored, const char *salt, const char *password) {
    char longer[256];
    bool right = false;
    tg_err_t err = verify(d, stored, salt, password, &right);
    if (err) {
        print_error("%s\n", stored);
    }
    assert_int_equal(err, TG_OK);
    if (!right) {
        print_error("%s\n", stored);
    }
    assert_true(right);
    snprintf(longer, sizeof(longer), "%sx", password);
    assert_int_equal(verify(d, stored, salt, longer, &right), TG_OK);
    assert_false(right);
    assert_int_equal(verify(d, stored, salt, "", &right), TG_OK);
    assert_false(right);
}

static void expect_refused(const tg_database_provider_t *d, const char *stored) {
    bool right = true;
    if (verify(d, stored, "", HORSE, &right) != TG_ERR_INVALID || right) {
        print_error("%s\n", stored);
        fail();
    }
}

static void clear(void **state) {
    const tg_database_provider_t d = {.format = TG_PASSWORD_CLEAR};
    (void)state;
    expect_right(&d, "secret", "", "secret");
    expect_right(&d, "trailing ", "", "trailing ");
    expect_refused(&d, "");
}

static void digests(void **state) {
    static const struct {
        const char *digest, *hex;
    } rows[] = {
        {"MD5", "900150983cd24fb0d6963f7d28e17f72"},
        {"SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"SHA224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
        {"SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"SHA256", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD   "},
        {"SHA384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
        {"SHA512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
        {"SHA3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
        {"SHA3-512", "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
                     "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const tg_database_provider_t d = {
            .format = TG_PASSWORD_DIGEST, .digest = tg_str(rows[i].digest), .iterations = 1};
        expect_right(&d, rows[i].hex, "", "abc");
    }
}

static void digests_with_salt(void **state) {
    tg_database_provider_t d = {
        .format = TG_PASSWORD_DIGEST, .digest = TG_STR("SHA256"), .iterations = 1, .base64 = true};
    (void)state;
    expect_right(&d, "hpofoGCaHRWlw+uJFCi3psg5Wy7hDEdi6X/8oOvowLU=", "pepper", HORSE);
    d.base64 = false;
    d.salt_behind = true;
    expect_right(&d, "8a20677826351fcddb2a88d0c11867b9791797798e648b89ac09630c1802cb90", "pepper", HORSE);
    d.salt_behind = false;
    d.iterations = 1000;
    expect_right(&d, "ee5305e3196fe0d9b04ba98fda411927ee6946b601bbfb81a5748fd6e9c04961", "pepper", HORSE);
}

static void digests_that_are_none(void **state) {
    static const char *const rows[] = {"",
                                       " ",
                                       "ba78",
                                       "zz",
                                       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
                                       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015adad"};
    tg_database_provider_t d = {.format = TG_PASSWORD_DIGEST, .digest = TG_STR("SHA256"), .iterations = 1};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_refused(&d, rows[i]);
    }
    d.base64 = true;
    expect_refused(&d, "hpofoGCaHRWlw+uJFCi3psg5Wy7hDEdi6X/8oOvowLU");
    d.digest = TG_STR("NONE");
    expect_refused(&d, "hpofoGCaHRWlw+uJFCi3psg5Wy7hDEdi6X/8oOvowLU=");
}

static void bcrypt(void **state) {
    const tg_database_provider_t d = {.format = TG_PASSWORD_BCRYPT};
    char filled[73] = {0};
    bool right;
    (void)state;
    expect_right(&d, "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "", "U*U");
    expect_right(&d, "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", "", HORSE);
    expect_right(&d, "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2  ", "", HORSE);
    expect_right(&d, "bcrypt$$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", "", HORSE);
    memset(filled, 'x', 72);
    assert_int_equal(verify(&d, "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i", "", filled, &right),
                     TG_OK);
    assert_true(right);
}

static void bcrypt_that_is_none(void **state) {
    static const char *const rows[] = {
        "$2x$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
        "$2$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
        "$2b$16$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
        "$2b$31$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
        "$2b$03$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
        "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy",
        "$2b$05$!bcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
        "$1$abcdefgh$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO",
        "*0",
        HORSE,
    };
    const tg_database_provider_t d = {.format = TG_PASSWORD_BCRYPT};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_refused(&d, rows[i]);
    }
}

static void argon2(void **state) {
    static const char *const rows[] = {
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "argon2$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
        "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
    };
    const tg_database_provider_t d = {.format = TG_PASSWORD_ARGON2};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_right(&d, rows[i], "", "password");
    }
}

static void argon2_that_is_none_or_costs_too_much(void **state) {
    static const char *const rows[] = {
        "$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=33,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2,p=17$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=2,p=1,x=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=8,t=1,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$t=2,m=65536,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2xd$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "x$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id",
        "$",
    };
    const tg_database_provider_t d = {.format = TG_PASSWORD_ARGON2};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_refused(&d, rows[i]);
    }
}

static void pbkdf2(void **state) {
    static const char *const rows[] = {
        "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "pbkdf2_sha1$1000$seasalt$iQvkNOF1wEL4Khh8eogJ8rUhipM=",
        "pbkdf2_sha256$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "$pbkdf2-sha256$1000$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "$pbkdf2-sha512$1000$................$"
        "T0uKFcJpXTWjE47KfpT3h/Gp5AqhK1IGKKAbuOfmwyZWmTk/UobjZzXU3bTw58FrF7toSbZeEWugYodpyYuR5Q",
        "$pbkdf2$1000$AAECAwQFBgcICQoLDA0ODw$ndhWw3a4srcTtr4HQFTLiKRlVuA",
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "$pbkdf2-sha256$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "{PBKDF2}1000$AAECAwQFBgcICQoLDA0ODw$ndhWw3a4srcTtr4HQFTLiKRlVuA",
        "{PBKDF2-SHA512}1000$AAECAwQFBgcICQoLDA0ODw$"
        "Xpx07WjVx4vCIvrmBRj8uOoVVtGqJqtUv2J5bhizSQs7osCteF7W4A61dZDqSIqQjO.dxO6p5FT/Uy7QRBXSXA",
        "pbkdf2:sha256:1000$salty$0f3bdaa0f0d61cd94efb4a79134e2649c21488d56327c6298188ad61336a1e8f",
        "pbkdf2:sha256$salty$0f3bdaa0f0d61cd94efb4a79134e2649c21488d56327c6298188ad61336a1e8f",
        "000102030405060708090a0b0c0d0e0fc914cc4f06cc6e8f46d157e3a1b5aa7abceebb17bb0444cd4c4ac16ca2ae9864",
        "AAECAwQFBgcICQoLDA0OD8kUzE8GzG6PRtFX46G1qnq87rsXuwREzUxKwWyirphk",
    };
    const tg_database_provider_t d = {.format = TG_PASSWORD_PBKDF2, .iterations = 1000};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_right(&d, rows[i], "", HORSE);
    }
    expect_right(&d, "pbkdf2:sha1:1$salt$0c60c80f961f0e71f3a9b524af6012062fe037a6", "", "password");
    expect_right(&d, "pbkdf2:sha1:4096$salt$4b007901b765489abead49d926f721d065a429c1", "", "password");
}

static void pbkdf2_that_is_none_or_costs_too_much(void **state) {
    static const char *const rows[] = {
        "pbkdf2_sha256$10000001$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "pbkdf2_sha256$4294967297$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "pbkdf2_sha256$0$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "pbkdf2_sha256$-1$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "pbkdf2_sha256$1000$seasalt$", /* which any password would have */
        "pbkdf2_sha256$1000$seasalt$AAAA",
        "pbkdf2_sha256$1000$$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "pbkdf2_sha256$1000$a$b$c",
        "pbkdf2_md5$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
        "pbkdf2$",
        "pbkdf2_",
        "pbkdf2:",
        "pbkdf2:sha256:1000$salty$",
        "pbkdf2:sha256:1000",
        "pbkdf2:md5:1000$salty$0f3bdaa0f0d61cd94efb4a79134e2649c21488d56327c6298188ad61336a1e8f",
        "$pbkdf2-sha256$1000$$",
        "$pbkdf2-sha256$i=x$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "$pbkdf2-sha256",
        "{PBKDF2}",
        "{PBKDF2",
        "{SSHA}AAAA",
        "000102030405060708090a0b0c0d0e0fc914cc4f06cc6e8f46d157e3a1b5aa7abceebb17bb0444cd4c4ac16ca2ae98",
        HORSE,
    };
    const tg_database_provider_t d = {.format = TG_PASSWORD_PBKDF2, .iterations = 1000};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_refused(&d, rows[i]);
    }
}

static void what_is_too_long_is_none(void **state) {
    static char text[TG_STORED_MAX + 2];
    (void)state;
    memset(text, 'A', TG_STORED_MAX + 1);
    for (int format = TG_PASSWORD_DIGEST; format <= TG_PASSWORD_PBKDF2; format++) {
        const tg_database_provider_t d = {
            .format = (tg_password_format_t)format, .digest = TG_STR("SHA256"), .iterations = 1};
        text[TG_STORED_MAX] = 'A';
        expect_refused(&d, text);
        text[TG_STORED_MAX] = '\0';
        expect_refused(&d, text);
    }
}

/* What is computed for users who are not there must be what it is meant to be, or it takes no time. */
static void pretending_takes_strings_that_are_good(void **state) {
    static const struct {
        tg_password_format_t format;
        const char *stored;
    } rows[] = {
        {TG_PASSWORD_BCRYPT, TG_STORED_PRETEND_BCRYPT},
        {TG_PASSWORD_ARGON2, TG_STORED_PRETEND_ARGON2},
        {TG_PASSWORD_PBKDF2, TG_STORED_PRETEND_PBKDF2},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const tg_database_provider_t d = {.format = rows[i].format, .iterations = 1};
        bool right = true;
        assert_int_equal(verify(&d, rows[i].stored, "", HORSE, &right), TG_OK);
        assert_false(right);
        tg_stored_pretend(&d, TG_STR(HORSE));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clear),
        cmocka_unit_test(digests),
        cmocka_unit_test(digests_with_salt),
        cmocka_unit_test(digests_that_are_none),
        cmocka_unit_test(bcrypt),
        cmocka_unit_test(bcrypt_that_is_none),
        cmocka_unit_test(argon2),
        cmocka_unit_test(argon2_that_is_none_or_costs_too_much),
        cmocka_unit_test(pbkdf2),
        cmocka_unit_test(pbkdf2_that_is_none_or_costs_too_much),
        cmocka_unit_test(what_is_too_long_is_none),
        cmocka_unit_test(pretending_takes_strings_that_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
