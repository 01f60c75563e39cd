/* Classes of ASCII characters, without locale. Internal to the model room. */
#ifndef TG_MODEL_CHARS_H
#define TG_MODEL_CHARS_H

#include <stdbool.h>

static inline bool tg_is_digit(char c) {
    return c >= '0' && c <= '9';
}
static inline bool tg_is_alnum(char c) {
    return tg_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline char tg_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The value of a hexadecimal digit, or -1. */
static inline int tg_hex_value(char c) {
    if (tg_is_digit(c)) {
        return c - '0';
    }
    c = tg_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
