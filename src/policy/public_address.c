#include "policy/public_address.h"

#include <stddef.h>
#include <string.h>

typedef struct {
    uint8_t bytes[6];
    uint8_t bits;
} prefix_t;

static const prefix_t v4_special[] = {
    {{0}, 8},             /* this network; 0.0.0.0 is this host to connect() */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared, of carriers */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local; metadata services of clouds */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 3},           /* multicast, reserved, broadcast */
};

/* Only 2000::/3 is given out; of it: */
static const prefix_t v6_special[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

static bool has_prefix(const uint8_t *addr, const prefix_t *p) {
    unsigned whole = p->bits / 8, rest = p->bits % 8;
    if (memcmp(addr, p->bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || ((addr[whole] ^ p->bytes[whole]) >> (8 - rest)) == 0;
}

static bool is_one_of(const uint8_t *addr, const prefix_t *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (has_prefix(addr, &list[i])) {
            return true;
        }
    }
    return false;
}

static bool v4_is_public(const uint8_t addr[4]) {
    return !is_one_of(addr, v4_special, sizeof(v4_special) / sizeof(v4_special[0]));
}

bool tg_address_is_public(const uint8_t addr[16]) {
    if (memcmp(addr, v4_mapped, sizeof(v4_mapped)) == 0 || memcmp(addr, nat64, sizeof(nat64)) == 0) {
        return v4_is_public(addr + 12);
    }
    if (addr[0] == 0x20 && addr[1] == 0x02) { /* 6to4 */
        return v4_is_public(addr + 2);
    }
    return (addr[0] & 0xe0) == 0x20 && !is_one_of(addr, v6_special, sizeof(v6_special) / sizeof(v6_special[0]));
}
