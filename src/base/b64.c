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

static int url_digit(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static int std_digit(char c) {
    if (c == '-' || c == '_') {
        return -1;
    }
    return c == '+' ? 62 : c == '/' ? 63 : url_digit(c);
}

/* `in` is without padding. Unused bits of the last digit must be zero (RFC 4648 3.5). */
static tg_err_t decode(tg_str_t in, int (*digit)(char), uint8_t *out, size_t cap, size_t *n) {
    size_t tail = in.n % 4;
    size_t len = in.n / 4 * 3 + (tail > 0 ? tail - 1 : 0);
    uint32_t bits = 0;
    size_t have = 0; /* bits collected and not yet written */
    size_t at = 0;
    if (tail == 1) {
        return TG_ERR_INVALID;
    }
    for (size_t i = 0; i < in.n; i++) {
        int value = digit(in.p[i]);
        if (value < 0) {
            return TG_ERR_INVALID;
        }
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (at == cap) {
                return TG_ERR_LIMIT;
            }
            out[at++] = (uint8_t)(bits >> have);
        }
    }
    if ((bits & ((1U << have) - 1)) != 0) {
        return TG_ERR_INVALID;
    }
    *n = len;
    return TG_OK;
}

tg_err_t tg_b64url_decode(tg_str_t in, void *out, size_t cap, size_t *n) {
    return decode(in, url_digit, out, cap, n);
}

tg_err_t tg_b64_decode(tg_str_t in, void *out, size_t cap, size_t *n) {
    if (in.n % 4 != 0) {
        return TG_ERR_INVALID;
    }
    for (int padding = 0; padding < 2 && in.n > 0 && in.p[in.n - 1] == '='; padding++) {
        in.n--;
    }
    return decode(in, std_digit, out, cap, n);
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
