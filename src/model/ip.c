#include "model/ip.h"

#include <arpa/inet.h>

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

bool tg_ip_is_v4(const uint8_t addr[16]) {
    return memcmp(addr, v4_mapped, sizeof(v4_mapped)) == 0;
}

tg_err_t tg_ip_parse(tg_str_t s, uint8_t out[16]) {
    char text[INET6_ADDRSTRLEN];
    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n) != NULL) {
        return TG_ERR_INVALID;
    }
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET6, text, out) == 1) {
        return TG_OK;
    }
    memcpy(out, v4_mapped, sizeof(v4_mapped));
    return inet_pton(AF_INET, text, out + sizeof(v4_mapped)) == 1 ? TG_OK : TG_ERR_INVALID;
}

static void clear_behind(uint8_t addr[16], unsigned prefix_len) {
    for (unsigned bit = prefix_len; bit < 128; bit++) {
        addr[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
    }
}

tg_err_t tg_ip_network_parse(tg_str_t s, uint8_t out[16], uint8_t *prefix_len) {
    ptrdiff_t slash = tg_str_find_char(s, '/');
    tg_str_t address = slash < 0 ? s : tg_strn(s.p, (size_t)slash);
    if (tg_ip_parse(address, out)) {
        return TG_ERR_INVALID;
    }
    /* By the spelling: ::ffff:10.0.0.0/104 counts its bits as IPv6. */
    unsigned before = tg_str_find_char(address, ':') < 0 ? 96 : 0;
    uint64_t bits = 128 - before;
    if (slash >= 0 && !tg_str_to_u64(tg_strn(s.p + slash + 1, s.n - (size_t)slash - 1), bits, &bits)) {
        return TG_ERR_INVALID;
    }
    *prefix_len = (uint8_t)(before + bits);
    clear_behind(out, *prefix_len);
    return TG_OK;
}
