/*
 * Known attacks on JWS verifiers (RFC 8725 2), each named after the hole it would need. All must end in TG_ERR_INVALID
 * with a genuine token, checked the same way, accepted beside it.
 */
#include "support.h"

#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "base/b64.h"

#define PAYLOAD TG_STR("{\"sub\":\"admin\",\"exp\":1900000000}")

static const tg_alg_t algs[] = {TG_ALG_RS256, TG_ALG_PS256, TG_ALG_ES256, TG_ALG_ES384, TG_ALG_ES512, TG_ALG_EDDSA};
#define ALGS COUNT(algs)

/* The server's keys, and the attacker's own ones of the same algorithms. */
static tg_key_t *server[ALGS];
static tg_key_t *attacker[ALGS];

static int keys_make(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        server[i] = key_new(algs[i]);
        attacker[i] = key_other(algs[i]);
    }
    return 0;
}

static int keys_free(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        tg_key_free(server[i]);
        tg_key_free(attacker[i]);
    }
    return 0;
}

static void refused(tg_buf_t token, const tg_key_t *key) {
    assert_int_equal(token_check(tg_buf_str(&token), key), TG_ERR_INVALID);
    tg_buf_release(&token);
}

static void genuine(const tg_key_t *key) {
    tg_buf_t b;
    tg_buf_init(&b, TG_JWS_MAX);
    assert_int_equal(tg_jws_sign(key, TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);
    assert_int_equal(token_check(tg_buf_str(&b), key), TG_OK);
    tg_buf_release(&b);
}

static void alg_none(void **state) {
    static const char *const names[] = {"none", "None", "NONE", "nOnE", "none ", "", "null"};
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        uint8_t sig[TG_SIG_MAX];
        size_t n;
        genuine(server[i]);
        for (size_t j = 0; j < COUNT(names); j++) {
            char header[64];
            snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", names[j]);
            refused(token_with(header, PAYLOAD, TG_STR_NONE), server[i]);
            /* the same with a signature that is right */
            tg_buf_t input = signing_input(tg_str(header), PAYLOAD);
            assert_int_equal(tg_key_sign(server[i], tg_buf_str(&input), sig, &n), TG_OK);
            tg_buf_release(&input);
            refused(token_with(header, PAYLOAD, tg_strn(sig, n)), server[i]);
        }
    }
}

static void empty_signature_under_a_good_alg(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        char header[64];
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", tg_alg_name(algs[i]));
        refused(token_with(header, PAYLOAD, TG_STR_NONE), server[i]);
    }
}

/* Signs with HMAC under `secret`, with the header's alg as given. */
static void hmac_token_refused(const char *alg, tg_str_t secret, const tg_key_t *key) {
    uint8_t mac[32];
    unsigned n = 0;
    char header[64];
    snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", alg);
    tg_buf_t input = signing_input(tg_str(header), PAYLOAD);
    assert_non_null(HMAC(EVP_sha256(), secret.p, (int)secret.n, (const uint8_t *)input.p, input.n, mac, &n));
    tg_buf_release(&input);
    refused(token_with(header, PAYLOAD, tg_strn(mac, n)), key);
}

static void hs256_with_the_public_key_as_secret(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        EVP_PKEY *pkey = server[i]->pkey;
        BIO *bio = BIO_new(BIO_s_mem());
        uint8_t *der = NULL, number[1200];
        char *pem = NULL;
        size_t n = 0;
        tg_buf_t jwk;

        assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
        long pem_n = BIO_get_mem_data(bio, &pem);
        int der_n = i2d_PUBKEY(pkey, &der);
        assert_true(pem_n > 0 && der_n > 0);
        tg_buf_init(&jwk, 8192);
        assert_int_equal(tg_key_to_jwk(server[i], &jwk), TG_OK);
        json_t *doc = NULL;
        assert_int_equal(tg_json_parse(tg_buf_str(&jwk), 8192, 4, &doc, NULL), TG_OK);
        tg_str_t text = tg_json_str(doc, server[i]->info->crv ? "x" : "n"); /* the modulus or the coordinate */
        assert_int_equal(tg_b64url_decode(text, number, sizeof(number), &n), TG_OK);

        const tg_str_t secrets[] = {
            tg_strn(pem, (size_t)pem_n),
            tg_strn(pem, (size_t)pem_n - 1), /* without the last newline */
            tg_strn(der, (size_t)der_n),
            tg_strn(number, n),
            text,
            tg_buf_str(&jwk),
            TG_STR_NONE,
        };
        for (size_t j = 0; j < COUNT(secrets); j++) {
            hmac_token_refused("HS256", secrets[j], server[i]);
            hmac_token_refused(tg_alg_name(algs[i]), secrets[j], server[i]);
        }
        json_decref(doc);
        tg_buf_release(&jwk);
        OPENSSL_free(der);
        BIO_free(bio);
    }
}

/* The header names another algorithm of the same key type; the signature is right for that one. */
static void alg_of_the_header_instead_of_the_keys(void **state) {
    static const tg_alg_t rsa[] = {TG_ALG_RS256, TG_ALG_RS384, TG_ALG_RS512, TG_ALG_PS256, TG_ALG_PS384, TG_ALG_PS512};
    tg_buf_t der;
    (void)state;
    tg_buf_init(&der, 8192);
    assert_int_equal(tg_key_to_der(server[0], &der), TG_OK);
    for (size_t i = 0; i < COUNT(rsa); i++) {
        tg_key_t *same_numbers = NULL;
        tg_buf_t b;
        tg_buf_init(&b, TG_JWS_MAX);
        assert_int_equal(tg_key_from_der(tg_buf_str(&der), rsa[i], &same_numbers, NULL), TG_OK);
        assert_int_equal(tg_jws_sign(same_numbers, TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);
        assert_int_equal(token_check(tg_buf_str(&b), same_numbers), TG_OK);
        assert_int_equal(token_check(tg_buf_str(&b), server[0]), rsa[i] == TG_ALG_RS256 ? TG_OK : TG_ERR_INVALID);
        tg_buf_release(&b);

        /* and the other way round: RS256 in the header, another padding or hash in the signature */
        b = token_signed("{\"alg\":\"RS256\"}", PAYLOAD, same_numbers);
        assert_int_equal(token_check(tg_buf_str(&b), server[0]), rsa[i] == TG_ALG_RS256 ? TG_OK : TG_ERR_INVALID);
        tg_buf_release(&b);
        tg_key_free(same_numbers);
    }
    tg_buf_release(&der);
}

static void key_of_another_type(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        for (size_t j = 0; j < ALGS; j++) {
            if (i == j) {
                continue;
            }
            /* signed by key j, header of key i; verified with either */
            char header[64];
            snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", tg_alg_name(algs[i]));
            refused(token_signed(header, PAYLOAD, server[j]), server[i]);
            refused(token_signed(header, PAYLOAD, server[j]), server[j]);
        }
    }
}

/* An EC key offered for RS256 and so on: refused already when the key is read. */
static void key_type_confusion_at_import(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        tg_buf_t der, jwk;
        tg_buf_init(&der, 8192);
        tg_buf_init(&jwk, 8192);
        assert_int_equal(tg_key_to_der(server[i], &der), TG_OK);
        assert_int_equal(tg_key_to_jwk(server[i], &jwk), TG_OK);
        for (int alg = TG_ALG_RS256; alg < TG_ALG_COUNT; alg++) {
            const tg_alg_info_t *want = tg_alg_info((tg_alg_t)alg), *have = server[i]->info;
            bool suits = strcmp(want->type, have->type) == 0 && want->coord == have->coord;
            tg_key_t *key = NULL;
            tg_fault_t fault = {0};
            tg_err_t err = tg_key_from_der(tg_buf_str(&der), (tg_alg_t)alg, &key, &fault);
            assert_int_equal(err, suits ? TG_OK : TG_ERR_INVALID);
            assert_true(suits || fault.text[0] != '\0');
            tg_key_free(key);
            key = NULL;
            err = tg_key_from_jwk(tg_buf_str(&jwk), (tg_alg_t)alg, &key, NULL);
            assert_int_equal(err, alg == (int)algs[i] ? TG_OK : TG_ERR_INVALID);
            tg_key_free(key);
        }
        tg_buf_release(&der);
        tg_buf_release(&jwk);
    }
}

/* The attacker brings his own key in the header (`jwk`), or says where to get it. */
static void key_in_the_header(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        char header[4096];
        const char *alg = tg_alg_name(algs[i]);
        tg_str_t kid = tg_key_kid(server[i]);
        tg_buf_t jwk;
        tg_buf_init(&jwk, 4096);
        assert_int_equal(tg_key_to_jwk(attacker[i], &jwk), TG_OK);

        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%.*s\",\"jwk\":%.*s}", alg,
                 TG_STR_ARGS(kid), TG_STR_ARGS(tg_buf_str(&jwk)));
        refused(token_signed(header, PAYLOAD, attacker[i]), server[i]);
        /* ignored, not refused: the server's own signature still counts */
        tg_buf_t own = token_signed(header, PAYLOAD, server[i]);
        assert_int_equal(token_check(tg_buf_str(&own), server[i]), TG_OK);
        tg_buf_release(&own);

        static const char *const places[] = {"\"jku\":\"https://attacker.example/jwks.json\"",
                                             "\"x5u\":\"https://attacker.example/cert.pem\"",
                                             "\"x5c\":[\"MIIB\"],\"x5t\":\"AAAA\"", "\"jku\":7", "\"jwk\":null"};
        for (size_t j = 0; j < COUNT(places); j++) {
            snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%.*s\",%s}", alg, TG_STR_ARGS(kid), places[j]);
            refused(token_signed(header, PAYLOAD, attacker[i]), server[i]);
            own = token_signed(header, PAYLOAD, server[i]);
            assert_int_equal(token_check(tg_buf_str(&own), server[i]), TG_OK);
            tg_buf_release(&own);
        }
        tg_buf_release(&jwk);
    }
}

/* The signature is right; what the header asks for is not understood (RFC 7515 4.1.11, RFC 7797). */
static void unknown_crit_and_b64(void **state) {
    static const char *const members[] = {"\"crit\":[\"exp\"],\"exp\":1",
                                          "\"crit\":[\"http://example.invalid/UNDEFINED\"],"
                                          "\"http://example.invalid/UNDEFINED\":true",
                                          "\"crit\":[]",
                                          "\"crit\":\"exp\"",
                                          "\"crit\":null",
                                          "\"crit\":[\"alg\"]",
                                          "\"b64\":false,\"crit\":[\"b64\"]",
                                          "\"b64\":true,\"crit\":[\"b64\"]",
                                          "\"b64\":false"};
    (void)state;
    for (size_t j = 0; j < COUNT(members); j++) {
        char header[256];
        snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"kid\":\"k\",%s}", members[j]);
        refused(token_signed(header, PAYLOAD, server[2]), server[2]);
        snprintf(header, sizeof(header), "{%s,\"alg\":\"ES256\",\"kid\":\"k\"}", members[j]);
        refused(token_signed(header, PAYLOAD, server[2]), server[2]);
    }
}

/* RFC 7797: with b64 false the payload stands in the token as it is. */
static void unencoded_payload(void **state) {
    uint8_t sig[TG_SIG_MAX];
    size_t n;
    tg_buf_t b;
    (void)state;
    tg_buf_init(&b, TG_JWS_MAX);
    tg_buf_put_b64url(&b, TG_STR("{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}"));
    tg_buf_put(&b, TG_STR(".payload"));
    assert_int_equal(tg_key_sign(server[2], tg_buf_str(&b), sig, &n), TG_OK);
    tg_buf_putc(&b, '.');
    tg_buf_put_b64url(&b, tg_strn(sig, n));
    refused(b, server[2]);
}

static void kid_of_the_wrong_type(void **state) {
    static const char *const kids[] = {"1", "null", "true", "[]", "{}", "[\"k\"]", "{\"$ne\":\"\"}", "1e400"};
    (void)state;
    for (size_t j = 0; j < COUNT(kids); j++) {
        char header[128];
        snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":%s}", kids[j]);
        refused(token_signed(header, PAYLOAD, server[2]), server[2]);
    }
}

/* A parser that takes the first of two members and another that takes the last one see two tokens. */
static void repeated_header_members(void **state) {
    (void)state;
    refused(token_signed("{\"alg\":\"ES256\",\"alg\":\"ES256\"}", PAYLOAD, server[2]), server[2]);
    refused(token_signed("{\"alg\":\"none\",\"alg\":\"ES256\"}", PAYLOAD, server[2]), server[2]);
    refused(token_signed("{\"alg\":\"ES256\",\"alg\":\"none\"}", PAYLOAD, server[2]), server[2]);
    refused(token_signed("{\"alg\":\"ES256\",\"kid\":\"a\",\"k\\u0069d\":\"b\"}", PAYLOAD, server[2]), server[2]);
}

/* CVE-2022-21449: r and s that are zero, or multiples of the order, fit every message in a careless verifier. */
static void psychic_signatures(void **state) {
    (void)state;
    for (size_t i = 2; i <= 4; i++) {
        const tg_key_t *key = server[i];
        uint8_t zero[66] = {0}, one[66] = {0}, order[66], ones[66];
        size_t coord = key->info->coord;
        BIGNUM *n = NULL;
        char header[64];
        assert_int_equal(EVP_PKEY_get_bn_param(key->pkey, "order", &n), 1);
        assert_int_equal(BN_bn2binpad(n, order, (int)coord), (int)coord);
        BN_free(n);
        one[coord - 1] = 1;
        memset(ones, 0xff, sizeof(ones));
        const uint8_t *const values[] = {zero, one, order, ones};
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", key->info->name);
        genuine(key);
        for (size_t r = 0; r < 4; r++) {
            for (size_t s = 0; s < 4; s++) {
                uint8_t sig[132];
                memcpy(sig, values[r], coord);
                memcpy(sig + coord, values[s], coord);
                refused(token_with(header, PAYLOAD, tg_strn(sig, 2 * coord)), key);
            }
        }
    }
}

/* All zero, all ones, and one, as RSA and Ed25519 signatures. */
static void trivial_signatures(void **state) {
    static const size_t others[] = {0, 1, 5};
    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        const tg_key_t *key = server[others[i]];
        uint8_t sig[TG_SIG_MAX] = {0};
        char header[64];
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", key->info->name);
        refused(token_with(header, PAYLOAD, tg_strn(sig, key->sig_len)), key);
        sig[key->sig_len - 1] = 1;
        refused(token_with(header, PAYLOAD, tg_strn(sig, key->sig_len)), key);
        memset(sig, 0xff, sizeof(sig));
        refused(token_with(header, PAYLOAD, tg_strn(sig, key->sig_len)), key);
    }
}

/* Every signature has one length. Leading zeros taken off or put on, bytes cut or added: all refused. */
static void truncated_and_extended_signatures(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        uint8_t sig[TG_SIG_MAX + 4] = {0};
        size_t n, coord = server[i]->info->coord;
        char header[64];
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", tg_alg_name(algs[i]));
        tg_buf_t input = signing_input(tg_str(header), PAYLOAD);
        assert_int_equal(tg_key_sign(server[i], tg_buf_str(&input), sig + 2, &n), TG_OK);
        assert_int_equal(n, server[i]->sig_len);
        tg_buf_release(&input);
        tg_buf_t good = token_with(header, PAYLOAD, tg_strn(sig + 2, n));
        assert_int_equal(token_check(tg_buf_str(&good), server[i]), TG_OK);
        tg_buf_release(&good);

        for (size_t cut = 1; cut <= n; cut++) {
            refused(token_with(header, PAYLOAD, tg_strn(sig + 2, n - cut)), server[i]);
        }
        refused(token_with(header, PAYLOAD, tg_strn(sig + 2, n + 1)), server[i]);
        refused(token_with(header, PAYLOAD, tg_strn(sig + 2, n + 2)), server[i]);
        refused(token_with(header, PAYLOAD, tg_strn(sig + 1, n + 1)), server[i]);
        refused(token_with(header, PAYLOAD, tg_strn(sig, n + 2)), server[i]);
        if (coord) {
            /* both halves with a zero byte more: the same two numbers */
            uint8_t wide[2 * 67] = {0};
            memcpy(wide + 1, sig + 2, coord);
            memcpy(wide + coord + 2, sig + 2 + coord, coord);
            refused(token_with(header, PAYLOAD, tg_strn(wide, 2 * coord + 2)), server[i]);
        }
    }
}

/* The form that OpenSSL, Java and X.509 use; RFC 7518 3.4 wants R||S alone. */
static void es_signature_in_der(void **state) {
    (void)state;
    for (size_t i = 2; i <= 4; i++) {
        uint8_t der[256];
        size_t n = sizeof(der);
        char header[64];
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", tg_alg_name(algs[i]));
        tg_buf_t input = signing_input(tg_str(header), PAYLOAD);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, server[i]->info->digest, NULL, NULL, server[i]->pkey, NULL),
                         1);
        assert_int_equal(EVP_DigestSign(ctx, der, &n, (const uint8_t *)input.p, input.n), 1);
        EVP_MD_CTX_free(ctx);
        tg_buf_release(&input);
        refused(token_with(header, PAYLOAD, tg_strn(der, n)), server[i]);
    }
}

/* The unused bits of the last character: another text, the same bytes. A cache or a revocation list that knows a token
 * by its text would know it under several names. */
static void base64_malleability(void **state) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (void)state;
    for (size_t i = 0; i < ALGS; i++) {
        tg_buf_t b;
        int accepted = 0;
        tg_buf_init(&b, TG_JWS_MAX);
        assert_int_equal(tg_jws_sign(server[i], TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);
        for (size_t c = 0; c < 64; c++) {
            b.p[b.n - 1] = alphabet[c];
            accepted += token_check(tg_buf_str(&b), server[i]) == TG_OK;
        }
        assert_int_equal(accepted, 1);
        tg_buf_release(&b);

        assert_int_equal(tg_jws_sign(server[i], TG_STR("at+jwt"), PAYLOAD, &b), TG_OK);
        static const char *const behind[] = {"=", "==", "A", " ", "\n", ".", "%3D"};
        for (size_t j = 0; j < COUNT(behind); j++) {
            size_t n = b.n;
            tg_buf_put(&b, tg_str(behind[j]));
            assert_int_equal(token_check(tg_buf_str(&b), server[i]), TG_ERR_INVALID);
            b.n = n;
        }
        assert_int_equal(token_check(tg_buf_str(&b), server[i]), TG_OK);
        tg_buf_release(&b);
    }
}

/* CVE-2006-4339 and its relatives: PKCS#1 v1.5 padding that is not checked to its end. s = cube root needs e = 3; here
 * the padded block itself is made with the private key, so that only the padding check can refuse it. */
static void pkcs1_padding_is_checked_whole(void **state) {
    static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                          0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    (void)state;
    const tg_key_t *key = server[0];
    const char *header = "{\"alg\":\"RS256\"}";
    tg_buf_t input = signing_input(tg_str(header), PAYLOAD);
    uint8_t hash[32];
    size_t hash_n = 0, len = key->sig_len;
    assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, input.p, input.n, hash, &hash_n), 1);
    tg_buf_release(&input);

    for (size_t garbage = 0; garbage <= 64; garbage += 8) {
        /* 00 01 FF.. 00 DigestInfo hash garbage */
        uint8_t block[TG_SIG_MAX], sig[TG_SIG_MAX];
        size_t sig_n = sizeof(sig), tail = sizeof(digest_info) + sizeof(hash) + garbage;
        memset(block, 0xff, sizeof(block));
        block[0] = 0;
        block[1] = 1;
        block[len - tail - 1] = 0;
        memcpy(block + len - tail, digest_info, sizeof(digest_info));
        memcpy(block + len - tail + sizeof(digest_info), hash, sizeof(hash));

        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
        assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
        assert_int_equal(EVP_PKEY_sign(ctx, sig, &sig_n, block, len), 1);
        EVP_PKEY_CTX_free(ctx);
        tg_buf_t b = token_with(header, PAYLOAD, tg_strn(sig, sig_n));
        assert_int_equal(token_check(tg_buf_str(&b), key), garbage == 0 ? TG_OK : TG_ERR_INVALID);
        tg_buf_release(&b);
    }
}

/* s + n is the same number modulo n. */
static void rsa_signature_above_the_modulus(void **state) {
    (void)state;
    const tg_key_t *key = server[0];
    const char *header = "{\"alg\":\"RS256\"}";
    uint8_t sig[TG_SIG_MAX];
    size_t n;
    BIGNUM *modulus = NULL, *sum = BN_new();
    assert_int_equal(EVP_PKEY_get_bn_param(key->pkey, "n", &modulus), 1);
    int tried = 0;
    for (int i = 0; i < 64 && tried < 3; i++) { /* the sum must fit into the same length */
        char payload[64];
        int payload_n = snprintf(payload, sizeof(payload), "{\"n\":%d}", i);
        tg_buf_t input = signing_input(tg_str(header), tg_strn(payload, (size_t)payload_n));
        assert_int_equal(tg_key_sign(key, tg_buf_str(&input), sig, &n), TG_OK);
        tg_buf_release(&input);
        assert_non_null(BN_bin2bn(sig, (int)n, sum));
        assert_int_equal(BN_add(sum, sum, modulus), 1);
        if (BN_bn2binpad(sum, sig, (int)n) == (int)n) {
            refused(token_with(header, tg_strn(payload, (size_t)payload_n), tg_strn(sig, n)), key);
            tried++;
        }
    }
    assert_true(tried > 0);
    BN_free(modulus);
    BN_free(sum);
}

/* S + L is the same scalar (RFC 8032 5.1.7 wants 0 <= S < L). */
static void ed25519_malleability(void **state) {
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    (void)state;
    uint8_t sig[TG_SIG_MAX];
    size_t n;
    const char *header = "{\"alg\":\"EdDSA\"}";
    tg_buf_t input = signing_input(tg_str(header), PAYLOAD);
    assert_int_equal(tg_key_sign(server[5], tg_buf_str(&input), sig, &n), TG_OK);
    tg_buf_release(&input);
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)sig[32 + i] + order[i];
        sig[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    refused(token_with(header, PAYLOAD, tg_strn(sig, n)), server[5]);
}

/* The parts of two genuine tokens, mixed. */
static void parts_of_two_tokens(void **state) {
    (void)state;
    tg_buf_t one = token_signed("{\"alg\":\"ES256\"}", TG_STR("{\"sub\":\"one\"}"), server[2]);
    tg_buf_t two = token_signed("{\"alg\":\"ES256\"}", TG_STR("{\"sub\":\"two\"}"), server[2]);
    size_t sig = TG_B64URL_LEN(64);
    assert_int_equal(token_check(tg_buf_str(&one), server[2]), TG_OK);
    assert_int_equal(token_check(tg_buf_str(&two), server[2]), TG_OK);
    memcpy(one.p + one.n - sig, two.p + two.n - sig, sig);
    refused(one, server[2]);
    tg_buf_release(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alg_none),
        cmocka_unit_test(empty_signature_under_a_good_alg),
        cmocka_unit_test(hs256_with_the_public_key_as_secret),
        cmocka_unit_test(alg_of_the_header_instead_of_the_keys),
        cmocka_unit_test(key_of_another_type),
        cmocka_unit_test(key_type_confusion_at_import),
        cmocka_unit_test(key_in_the_header),
        cmocka_unit_test(unknown_crit_and_b64),
        cmocka_unit_test(unencoded_payload),
        cmocka_unit_test(kid_of_the_wrong_type),
        cmocka_unit_test(repeated_header_members),
        cmocka_unit_test(psychic_signatures),
        cmocka_unit_test(trivial_signatures),
        cmocka_unit_test(truncated_and_extended_signatures),
        cmocka_unit_test(es_signature_in_der),
        cmocka_unit_test(base64_malleability),
        cmocka_unit_test(pkcs1_padding_is_checked_whole),
        cmocka_unit_test(rsa_signature_above_the_modulus),
        cmocka_unit_test(ed25519_malleability),
        cmocka_unit_test(parts_of_two_tokens),
    };
    return cmocka_run_group_tests(tests, keys_make, keys_free);
}
