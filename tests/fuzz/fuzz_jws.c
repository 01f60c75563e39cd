/*
 * tg_jws_parse and tg_jws_verify on any bytes. What is parsed must be the one spelling of what it says, and no input
 * verifies under a key that nobody holds.
 */
#include <stdlib.h>

#include "base/b64.h"
#include "jose/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The private halves of these were thrown away. */
static const struct {
    tg_alg_t alg;
    const char *jwk;
} keys[] = {
    {TG_ALG_RS256, "{\"kty\":\"RSA\",\"kid\":\"6qW8_UFSES-0kq0qP3a2TZ_XZGmlk4uqxBiiNHLEWHk\",\"alg\":\"RS256\",\"use"
                   "\":\"sig\",\"n\":\"rOjw6_cIrBni2XMfU2y3XtaPgewuXdQF9B2ux0dZGnRL3Mtm_GaejGX7n3A3kkJCCDEfOyLKWpBgd"
                   "j3cnaz9ZFxCR5hpCsS4z44N-MUrDyi8FZ-dlyq3ZTOvMteHwzlZzakIwYDe9VGOBv8f44yfldjclQP-X2oYVpfhjITy3OeiQ"
                   "5oiEoL7lj4yXwRkeNCb5DW_evSYr9efgSW6fyJ_VZFX3zArZl33Ca-mJRIrMWYhSQhPnbL7Ml5qsP6QD5VhsJJKojw_dzCpf"
                   "uuHvRWu9ya2q6Uz-VEoO9JYL5H3YfgJTcQ0iz39DC6rqkEDnOMWP6eoWln_D9cCMMIxRQMEQQ\",\"e\":\"AQAB\"}"},
    {TG_ALG_PS256, "{\"kty\":\"RSA\",\"kid\":\"AyEA4bdfKeMEgmzFcRe6AGI0Gi0PCOlj90NIhPwecXA\",\"alg\":\"PS256\",\"use"
                   "\":\"sig\",\"n\":\"nrHSrSNK4vm3ZFYdozgC92BpfXiRK-L3hmJpmlkNzF26oqtNZWyi9sKFEwrznU6g_MTv3CM0pLD1Y"
                   "AsTzjrT1pqG79hj-FHyvb4jzrwDv-rAim7wk8bC5jp--Ym4TSUueGd47NA72qMZ1gAkd98KPTf4TxQknjLNCwmEpfxPGwjZ-"
                   "SoJ2GchEVSlXJWTQPbT3ANoSEiyqTWI63pIgeFAxhbrPmYPSFocKmjJUqNmB5u_eAyYVPHnS_GtNNtCRIU1GypaFg_n686g4"
                   "JORaAjIf-d59LLUjIsqrbjixDyHSldloix0BLsABp5-CtrpSYVwzqVLCNndV0O5H_zU0LCLIw\",\"e\":\"AQAB\"}"},
    {TG_ALG_ES256, "{\"kty\":\"EC\",\"kid\":\"O5AqpddJv5gKGpDsCLrFqgDIiNfYDei8YlGsfBTPUOo\",\"alg\":\"ES256\",\"use"
                   "\":\"sig\",\"crv\":\"P-256\",\"x\":\"zV6O5es5HS_YNtFL0GHEIQUZwSk9cAZSsDQLz8HFXqk\",\"y\":\"I5Ksou"
                   "rUNIe5h3p7JcCL7HtHmAJ_vtkRoxNUDttOQzI\"}"},
    {TG_ALG_ES512, "{\"kty\":\"EC\",\"kid\":\"OKmLdzCffSFp_rL9HGuWj6_ZydxmSgIrZdC3xeKbe8Q\",\"alg\":\"ES512\",\"use"
                   "\":\"sig\",\"crv\":\"P-521\",\"x\":\"AGQFOzBNZ9sO2D7KySmKWnRIkOaLbrGWyN_n67kk_L8MPsPugPUZ6yET_YFP"
                   "Upn8EZ07vbwWC8TSt_mKTuPvE24B\",\"y\":\"AGPUF1Cl72I3rhOjWv5i4MF-FQqK473BgSWitxA2RRzxqFofXbDaun7OH"
                   "CO_V2dZ-w9z3RpmRQrXCbV8Aku5_xTN\"}"},
    {TG_ALG_EDDSA, "{\"kty\":\"OKP\",\"kid\":\"nnkZIupC16acv0WN5a8yNykaOVE6HJn2mjiXSvqK66s\",\"alg\":\"EdDSA\",\"use"
                   "\":\"sig\",\"crv\":\"Ed25519\",\"x\":\"YpTPNmFL9c9AloVHvaOa1m0ArTVBnEBypNo3dvaiIb4\"}"},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static const tg_key_t *key_at(size_t i) {
    static tg_key_t *made[KEYS];
    if (!made[i] && tg_key_from_jwk(tg_str(keys[i].jwk), keys[i].alg, &made[i], NULL)) {
        abort();
    }
    return made[i];
}

static bool is_encoding_of(tg_str_t text, tg_str_t bytes) {
    char encoded[TG_JWS_MAX + 4];
    return text.n == TG_B64URL_LEN(bytes.n) && tg_str_eq(text, tg_strn(encoded, tg_b64url_encode(bytes, encoded)));
}

static void check_parsed(tg_str_t text, const tg_jws_t *jws) {
    tg_str_t input = jws->signing_input;
    ptrdiff_t dot = tg_str_find_char(input, '.');
    if (!tg_str_starts(text, input) || dot < 0 || jws->alg.n == 0 || text.p[input.n] != '.') {
        abort();
    }
    tg_str_t payload = tg_strn(input.p + dot + 1, input.n - (size_t)dot - 1);
    tg_str_t signature = tg_strn(text.p + input.n + 1, text.n - input.n - 1);
    if (!is_encoding_of(payload, jws->payload) || !is_encoding_of(signature, jws->signature)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t text = tg_strn(data, size);
    tg_arena_t a;
    tg_jws_t jws;

    tg_arena_init(&a, 65536);
    if (tg_jws_parse(text, &a, &jws) == TG_OK) {
        check_parsed(text, &jws);
        for (size_t i = 0; i < KEYS; i++) {
            if (tg_jws_verify(&jws, key_at(i)) == TG_OK) {
                abort();
            }
        }
    }
    tg_arena_release(&a);
    return 0;
}
