#include "base/b64.h"

static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t tg_b64url_encode(tg_str_t in, char *out) {
    const uint8_t *p = (const uint8_t *)in.p;
    char *to = out;
    size_t i = 0;
    for (; i + 2 < in.n; i += 3) {
        uint32_t bits = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        *to++ = url_alphabet[bits >> 18];
        *to++ = url_alphabet[bits >> 12 & 63];
        *to++ = url_alphabet[bits >> 6 & 63];
        *to++ = url_alphabet[bits & 63];
    }
    if (i < in.n) {
        uint32_t bits = (uint32_t)p[i] << 16 | (i + 1 < in.n ? (uint32_t)p[i + 1] << 8 : 0);
        *to++ = url_alphabet[bits >> 18];
        *to++ = url_alphabet[bits >> 12 & 63];
        if (i + 1 < in.n) {
            *to++ = url_alphabet[bits >> 6 & 63];
        }
    }
    return (size_t)(to - out);
}

/* The value of each digit and one more, so that everything else is 0. */
/* clang-format off */
#define LETTERS(base, at)                                                                                              \
    [(base)] = (at), [(base) + 1] = (at) + 1, [(base) + 2] = (at) + 2, [(base) + 3] = (at) + 3, [(base) + 4] = (at) + 4
#define ALPHANUMERIC                                                                                                   \
    LETTERS('A', 1), LETTERS('F', 6), LETTERS('K', 11), LETTERS('P', 16), LETTERS('U', 21), ['Z'] = 26,                \
        LETTERS('a', 27), LETTERS('f', 32), LETTERS('k', 37), LETTERS('p', 42), LETTERS('u', 47), ['z'] = 52,          \
        LETTERS('0', 53), LETTERS('5', 58)
/* clang-format on */

static const uint8_t url_digits[256] = {ALPHANUMERIC, ['-'] = 63, ['_'] = 64};
static const uint8_t std_digits[256] = {ALPHANUMERIC, ['+'] = 63, ['/'] = 64};

/* Up to four digits as 24 bits, the first one highest; negative if one of them is none. */
static int32_t group(const uint8_t *digits, const char *p, size_t n) {
    int32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        bits = bits * 64 + (i < n ? (int32_t)digits[(uint8_t)p[i]] - 1 : 0);
        if (i < n && digits[(uint8_t)p[i]] == 0) {
            return -1;
        }
    }
    return bits;
}

/* `in` is without padding. Unused bits of the last digit must be zero (RFC 4648 3.5). */
static tg_err_t decode(tg_str_t in, const uint8_t *digits, uint8_t *out, size_t cap, size_t *n) {
    size_t tail = in.n % 4;
    size_t len = in.n / 4 * 3 + (tail > 0 ? tail - 1 : 0);
    uint8_t last[3] = {0};
    if (tail == 1) {
        return TG_ERR_INVALID;
    }
    if (len > cap) {
        return TG_ERR_LIMIT;
    }
    const char *p = in.p;
    const char *end = p + (in.n - tail);
    for (; p < end; p += 4, out += 3) {
        uint32_t a = digits[(uint8_t)p[0]], b = digits[(uint8_t)p[1]], c = digits[(uint8_t)p[2]],
                 d = digits[(uint8_t)p[3]];
        if (!a | !b | !c | !d) {
            return TG_ERR_INVALID;
        }
        uint32_t bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    if (tail > 0) {
        int32_t bits = group(digits, p, tail);
        if (bits < 0) {
            return TG_ERR_INVALID;
        }
        last[0] = (uint8_t)(bits >> 16);
        last[1] = (uint8_t)(bits >> 8);
        last[2] = (uint8_t)bits;
        if (last[tail - 1] != 0) {
            return TG_ERR_INVALID;
        }
        memcpy(out, last, tail - 1);
    }
    *n = len;
    return TG_OK;
}

tg_err_t tg_b64url_decode(tg_str_t in, void *out, size_t cap, size_t *n) {
    return decode(in, url_digits, out, cap, n);
}

tg_err_t tg_b64_decode(tg_str_t in, void *out, size_t cap, size_t *n) {
    if (in.n % 4 != 0) {
        return TG_ERR_INVALID;
    }
    for (int padding = 0; padding < 2 && in.n > 0 && in.p[in.n - 1] == '='; padding++) {
        in.n--;
    }
    return decode(in, std_digits, out, cap, n);
}

size_t tg_hex_encode(tg_str_t in, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];
        out[2 * i] = digits[c >> 4];
        out[2 * i + 1] = digits[c & 15];
    }
    return in.n * 2;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

tg_err_t tg_hex_decode(tg_str_t in, void *out, size_t cap, size_t *n) {
    uint8_t *to = out;
    if (in.n % 2 != 0) {
        return TG_ERR_INVALID;
    }
    for (size_t i = 0; i < in.n; i += 2) {
        int high = hex_digit(in.p[i]);
        int low = hex_digit(in.p[i + 1]);
        if (high < 0 || low < 0) {
            return TG_ERR_INVALID;
        }
        if (i / 2 == cap) {
            return TG_ERR_LIMIT;
        }
        to[i / 2] = (uint8_t)(high << 4 | low);
    }
    *n = in.n / 2;
    return TG_OK;
}
