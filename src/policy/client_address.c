#include "policy/client_address.h"

#include "model/ip.h"
#include "model/url.h"

tg_err_t tg_cidr_parse(tg_str_t s, tg_cidr_t *out) {
    return tg_ip_network_parse(s, out->addr, &out->prefix_len);
}

bool tg_cidr_has(const tg_cidr_t *c, const uint8_t addr[16]) {
    size_t whole = c->prefix_len / 8;
    unsigned rest = c->prefix_len % 8;
    if (whole > 16 || memcmp(c->addr, addr, whole) != 0) {
        return false;
    }
    return rest == 0 || ((c->addr[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

bool tg_cidrs_have(const tg_cidr_t *c, size_t n, const uint8_t addr[16]) {
    for (size_t i = 0; i < n; i++) {
        if (tg_cidr_has(&c[i], addr)) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_trusted_parse(const tg_environment_t *e, tg_arena_t *a, tg_cidr_t **out, size_t *n) {
    tg_cidr_t *list = tg_arena_array(a, e->n_trusted_proxies, sizeof(*list));
    if (list == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < e->n_trusted_proxies; i++) {
        tg_err_t err = tg_cidr_parse(e->trusted_proxies[i], &list[i]);
        if (err) {
            return err;
        }
    }
    *out = list;
    *n = e->n_trusted_proxies;
    return TG_OK;
}

/* Takes the next element that is not empty off the list (RFC 9110 5.6.1.2); TG_STR_NONE at the end. */
static tg_str_t take_element(tg_str_t *list) {
    while (list->n > 0) {
        tg_str_t element = tg_str_trim(tg_str_take(list, ','));
        if (element.n > 0) {
            return element;
        }
    }
    return TG_STR_NONE;
}

static bool is_port(tg_str_t s) {
    uint64_t port;
    return s.n <= 5 && tg_str_to_u64(s, 65535, &port);
}

/* a.b.c.d, a.b.c.d:port, IPv6, [IPv6] or [IPv6]:port. */
static tg_err_t element_parse(tg_str_t s, uint8_t out[16]) {
    ptrdiff_t colon = tg_str_find_char(s, ':');
    if (s.p[0] == '[') {
        ptrdiff_t end = tg_str_find_char(s, ']');
        tg_str_t behind = end < 0 ? TG_STR("?") : tg_strn(s.p + end + 1, s.n - (size_t)end - 1);
        if (colon < 0 || end < 0 ||
            (behind.n > 0 && (behind.p[0] != ':' || !is_port(tg_strn(behind.p + 1, behind.n - 1))))) {
            return TG_ERR_INVALID;
        }
        return tg_ip_parse(tg_strn(s.p + 1, (size_t)end - 1), out);
    }
    if (tg_ip_parse(s, out) == TG_OK) {
        return TG_OK;
    }
    if (colon < 0 || !is_port(tg_strn(s.p + colon + 1, s.n - (size_t)colon - 1))) {
        return TG_ERR_INVALID;
    }
    return tg_ip_parse(tg_strn(s.p, (size_t)colon), out);
}

tg_err_t tg_forwarded_pick(tg_str_t list, int order, uint8_t out[16]) {
    tg_str_t picked = TG_STR_NONE;
    int position = 0;
    for (tg_str_t element = take_element(&list); element.n > 0; element = take_element(&list)) {
        picked = element;
        if (++position == order) {
            break;
        }
    }
    if (position == 0 || position < order) {
        return TG_ERR_NOTFOUND;
    }
    return element_parse(picked, out);
}

tg_err_t tg_client_address(const tg_forwarded_t *f, bool peer_is_trusted, const uint8_t peer[16], tg_str_t list,
                           uint8_t out[16]) {
    tg_err_t err = f->enabled && peer_is_trusted ? tg_forwarded_pick(list, f->order, out) : TG_ERR_NOTFOUND;
    if (err == TG_ERR_NOTFOUND) {
        memcpy(out, peer, 16);
        return TG_OK;
    }
    return err;
}

static unsigned group_at(const uint8_t addr[16], size_t i) {
    return (unsigned)addr[2 * i] << 8 | addr[2 * i + 1];
}

/* RFC 5952 4.2: the first of the longest runs of two and more groups of 0; its length is 0 if there is none. */
static size_t zeros_find(const uint8_t addr[16], size_t *at) {
    size_t longest = 1;
    for (size_t i = 0, run = 0; i < 8; i++) {
        run = group_at(addr, i) == 0 ? run + 1 : 0;
        if (run > longest) {
            longest = run;
            *at = i + 1 - run;
        }
    }
    return longest > 1 ? longest : 0;
}

void tg_address_write(const uint8_t addr[16], tg_buf_t *out) {
    size_t at = 8, zeros = zeros_find(addr, &at);
    if (tg_ip_is_v4(addr)) {
        tg_buf_putf(out, "%u.%u.%u.%u", addr[12], addr[13], addr[14], addr[15]);
        return;
    }
    for (size_t i = 0; i < 8; i++) {
        if (i == at) {
            tg_buf_put(out, TG_STR("::"));
            i += zeros - 1;
            continue;
        }
        tg_buf_putf(out, i > 0 && i != at + zeros ? ":%x" : "%x", group_at(addr, i));
    }
}

bool tg_ips_have(const tg_str_t *ips, size_t n, const uint8_t addr[16]) {
    for (size_t i = 0; i < n; i++) {
        tg_cidr_t c;
        if (tg_cidr_parse(ips[i], &c) == TG_OK && tg_cidr_has(&c, addr)) {
            return true;
        }
    }
    return n == 0;
}

bool tg_host_is_valid(tg_str_t host) {
    return tg_host_port_is_valid(host);
}
