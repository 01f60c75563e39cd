#include "alloc.h"
#include "guard.h"
#include "oauth/claims.h"
#include "tests.h"

static void same_claim(const tg_claim_t *a, const tg_claim_t *b) {
    assert_int_equal(a->there, b->there);
    assert_int_equal(a->is_text, b->is_text);
    assert_true(tg_str_eq(a->text, b->text));
    assert_int_equal(a->date, b->date);
}

static void same_claims(const tg_claims_t *a, const tg_claims_t *b) {
    same_claim(&a->iss, &b->iss);
    same_claim(&a->sub, &b->sub);
    same_claim(&a->aud, &b->aud);
    same_claim(&a->client_id, &b->client_id);
    same_claim(&a->jti, &b->jti);
    same_claim(&a->scope, &b->scope);
    same_claim(&a->tg_gen, &b->tg_gen);
    same_claim(&a->iat, &b->iat);
    same_claim(&a->nbf, &b->nbf);
    same_claim(&a->exp, &b->exp);
}

static const char *const payloads[] = {
    "{\"iss\":\"https://a.example/"
    "auth\",\"sub\":\"c\",\"aud\":\"c\",\"exp\":17,\"iat\":16,\"jti\":\"x\",\"client_id\":\"c\","
    "\"tg_gen\":\"0123456789abcdef\"}",
    "{\"iat\":0}",
    "{\"iat\":-1}",
    "{\"iat\":1.5}",
    "{\"iat\":1e300}",
    "{\"iat\":01}",
    "{\"iat\":\"1\"}",
    "{\"iat\":9007199254740992}",
    "{\"iat\":9007199254740993}",
    "{\"iat\":9999999999999999}",
    "{\"iat\":10000000000000000}",
    "{\"iat\":99999999999999999999}",
    "{\"iat\":true,\"nbf\":null,\"exp\":[1],\"aud\":[\"c\"],\"sub\":{\"a\":1}}",
    "{\"sub\":\"\"}",
    "{\"sub\":\"a\\u0000b\"}",
    "{\"sub\":\"a\\\"b\\\\c\"}",
    "{\"sub\":\"\xc3\xa9\"}",
    "{\"sub\":\"\xc3\"}",
    "{\"sub\":\"a\tb\"}",
    "{\"sub\":\"\x7f\"}",
    "{\"su\\u0062\":\"escaped name\"}",
    "{\"sub\":\"a\",\"sub\":\"b\"}",
    "{\"other\":1,\"sub\":\"a\",\"other\":2}",
    "{\"\":1}",
    "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,"
    "\"o\":1,"
    "\"p\":1,\"q\":1,\"r\":1,\"s\":1,\"t\":1,\"u\":1,\"v\":1,\"w\":1,\"x\":1,\"y\":1,\"sub\":\"the 26th\"}",
    "{\"sub\":\"a\",}",
    "{,\"sub\":\"a\"}",
    "{\"sub\":\"a\"}}",
    "{\"sub\":\"a\"",
    "{\"sub\":\"a",
    "{\"sub\":}",
    "{\"sub\"}",
    "{}",
    "[]",
    "\"sub\"",
    "1",
    "{",
    "",
};

/* A blank at the end makes no difference to JSON, but it is not what we write ourselves: so each payload is read both
 * ways, and both must agree. */
static void one_meaning(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(payloads); i++) {
        char spaced[1024];
        tg_claims_t a, b;
        size_t n = strlen(payloads[i]);
        guard_t g = guard_copy(payloads[i], n);
        memcpy(spaced, payloads[i], n);
        spaced[n] = ' ';
        tg_err_t err = tg_claims_parse(tg_strn(g.p, g.n), &a);
        tg_err_t err_spaced = tg_claims_parse(tg_strn(spaced, n + 1), &b);
        if (err != err_spaced) {
            print_error("%s\n", payloads[i]);
        }
        assert_int_equal(err, err_spaced);
        if (err == TG_OK) {
            same_claims(&a, &b);
            tg_claims_release(&a);
            tg_claims_release(&b);
        }
        guard_free(&g);
    }
}

/* Both ways are taken, so that the test above compares something. */
static void both_ways(void **state) {
    tg_claims_t c;
    (void)state;
    assert_int_equal(tg_claims_parse(TG_STR("{\"sub\":\"a\",\"iat\":1}"), &c), TG_OK);
    assert_null(c.json);
    assert_str(c.sub.text, "a");
    assert_int_equal(c.iat.date, 1000);
    assert_int_equal(c.exp.date, -1);
    tg_claims_release(&c);
    assert_int_equal(tg_claims_parse(TG_STR("{\"sub\":\"a\", \"iat\":1}"), &c), TG_OK);
    assert_non_null(c.json);
    tg_claims_release(&c);
}

/* Names that differ only behind a NUL or in case are other names. */
static void other_names(void **state) {
    tg_claims_t c;
    (void)state;
    assert_int_equal(tg_claims_parse(TG_STR("{\"SUB\":\"a\",\"sub \":\"b\"}"), &c), TG_OK);
    assert_false(c.sub.there);
    tg_claims_release(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_meaning),
        cmocka_unit_test(both_ways),
        cmocka_unit_test(other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
