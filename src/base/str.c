#include "base/str.h"

static unsigned char lower(char c) {
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool tg_str_eq_ci(tg_str_t a, tg_str_t b) {
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

bool tg_str_starts(tg_str_t s, tg_str_t prefix) {
    return s.n >= prefix.n && tg_str_eq(tg_strn(s.p, prefix.n), prefix);
}

bool tg_str_ends(tg_str_t s, tg_str_t suffix) {
    return suffix.n == 0 || (s.n >= suffix.n && memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

ptrdiff_t tg_str_find_char(tg_str_t s, char c) {
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
    return at ? at - s.p : -1;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

tg_str_t tg_str_trim(tg_str_t s) {
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

tg_str_t tg_str_take(tg_str_t *rest, char sep) {
    tg_str_t part = *rest;
    ptrdiff_t at = tg_str_find_char(part, sep);
    if (at < 0) {
        *rest = TG_STR_NONE;
        return part;
    }
    part.n = (size_t)at;
    *rest = tg_strn(rest->p + at + 1, rest->n - part.n - 1);
    return part;
}

bool tg_str_to_u64(tg_str_t s, uint64_t max, uint64_t *out) {
    uint64_t value = 0;
    if (s.n == 0) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (digit > max || value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

/* How long the sequence at p is by its first byte and how its second byte is bounded (RFC 3629 4); 0 if no sequence
 * starts so. The bounds shut out overlong forms, surrogates and what lies above U+10FFFF. */
static size_t utf8_lead(unsigned char c, unsigned char *lo, unsigned char *hi) {
    *lo = 0x80;
    *hi = 0xBF;
    if (c < 0x80) {
        return 1;
    }
    if (c >= 0xC2 && c <= 0xDF) {
        return 2;
    }
    if (c >= 0xE0 && c <= 0xEF) {
        *lo = c == 0xE0 ? 0xA0 : 0x80;
        *hi = c == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        *lo = c == 0xF0 ? 0x90 : 0x80;
        *hi = c == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

size_t tg_utf8_len(const char *p, size_t n) {
    unsigned char lo;
    unsigned char hi;
    size_t len = n > 0 ? utf8_lead((unsigned char)p[0], &lo, &hi) : 0;
    if (len == 0 || len > n) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < lo || c > hi) {
            return 0;
        }
        lo = 0x80;
        hi = 0xBF;
    }
    return len;
}

bool tg_str_is_utf8(tg_str_t s) {
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] > 0) { /* most text is ASCII */
            i++;
            continue;
        }
        size_t len = tg_utf8_len(s.p + i, s.n - i);
        if (len == 0 || s.p[i] == '\0') {
            return false;
        }
        i += len;
    }
    return true;
}

bool tg_secret_eq(const void *a, const void *b, size_t n) {
    const volatile unsigned char *x = a;
    const volatile unsigned char *y = b;
    unsigned char differ = 0;
    for (size_t i = 0; i < n; i++) {
        differ |= (unsigned char)(x[i] ^ y[i]);
    }
    return differ == 0;
}

void tg_wipe(void *p, size_t n) {
    if (n > 0) {
        explicit_bzero(p, n);
    }
}
