#include "jose/ecdsa.h"

#include <openssl/bn.h>
#include <openssl/ec.h>

/* A DER INTEGER: as short as possible, with a zero byte in front where the first bit would make it negative. */
static size_t integer_to_der(const uint8_t *p, size_t n, uint8_t *out) {
    while (n > 1 && *p == 0) {
        p++;
        n--;
    }
    size_t pad = *p >> 7;
    out[0] = 0x02;
    out[1] = (uint8_t)(n + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, p, n);
    return 2 + pad + n;
}

size_t tg_ecdsa_to_der(tg_str_t raw, uint8_t der[TG_ECDSA_DER_MAX]) {
    const uint8_t *p = (const uint8_t *)raw.p;
    size_t coord = raw.n / 2;
    uint8_t body[2 * (3 + TG_ECDSA_COORD_MAX)];

    size_t n = integer_to_der(p, coord, body);
    n += integer_to_der(p + coord, coord, body + n);

    size_t head = 0;
    der[head++] = 0x30;
    if (n > 127) {
        der[head++] = 0x81;
    }
    der[head++] = (uint8_t)n;
    memcpy(der + head, body, n);
    return head + n;
}

tg_err_t tg_ecdsa_from_der(tg_str_t der, size_t coord, uint8_t *raw) {
    const uint8_t *p = (const uint8_t *)der.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
    if (!sig) {
        return TG_ERR_INVALID;
    }
    const BIGNUM *r, *s;
    ECDSA_SIG_get0(sig, &r, &s);
    bool fits =
        BN_bn2binpad(r, raw, (int)coord) == (int)coord && BN_bn2binpad(s, raw + coord, (int)coord) == (int)coord;
    ECDSA_SIG_free(sig);
    return fits ? TG_OK : TG_ERR_INVALID;
}
