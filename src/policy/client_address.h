/* The client's address and the advertised scheme and host, from the peer and the forwarded headers (token-api.md "CORS
 * and client address"). */
#ifndef TG_POLICY_CLIENT_ADDRESS_H
#define TG_POLICY_CLIENT_ADDRESS_H

#include "base/buf.h"
#include "model/model.h"

typedef struct {
    uint8_t addr[16];   /* IPv4 as ::ffff:a.b.c.d */
    uint8_t prefix_len; /* of 128 */
} tg_cidr_t;

/* An IPv4 or IPv6 address, or address/prefix; bits behind the prefix are cleared. 0.0.0.0/0 is every IPv4 address, ::/0
 * every address. */
tg_err_t tg_cidr_parse(tg_str_t s, tg_cidr_t *out) TG_MUST_CHECK;
bool tg_cidr_has(const tg_cidr_t *c, const uint8_t addr[16]);
bool tg_cidrs_have(const tg_cidr_t *c, size_t n, const uint8_t addr[16]);
/* The environment's trusted proxies as CIDRs in the arena. */
tg_err_t tg_trusted_parse(const tg_environment_t *e, tg_arena_t *a, tg_cidr_t **out, size_t *n) TG_MUST_CHECK;

/* The address at position `order` (0 LAST, 1 FIRST, ... 5 FIFTH) of a comma-separated list, with an optional port taken
 * off; empty elements do not count (RFC 9110 5.6.1.2). TG_ERR_NOTFOUND if the list is shorter, TG_ERR_INVALID if it is
 * no address. */
tg_err_t tg_forwarded_pick(tg_str_t list, int order, uint8_t out[16]) TG_MUST_CHECK;

/* The client's address. The peer's, unless it is one of the trusted and `f` is enabled: then what `list` (the header's
 * values joined by commas, "" if absent) has at its place; the peer's again if there is none. TG_ERR_INVALID: what
 * stands there is no address (the caller refuses: it would be a guess). */
tg_err_t tg_client_address(const tg_forwarded_t *f, bool peer_is_trusted, const uint8_t peer[16], tg_str_t list,
                           uint8_t out[16]) TG_MUST_CHECK;
/* Text of an address: IPv4 in four parts, IPv6 as RFC 5952. */
void tg_address_write(const uint8_t addr[16], tg_buf_t *out);
/* Whether a list of addresses and CIDRs (as the model checked it) has this one; an empty list has all. */
bool tg_ips_have(const tg_str_t *ips, size_t n, const uint8_t addr[16]);

/* Syntax of a Host header (RFC 9110 7.2): reg-name, IPv4 or [IPv6], optional port. */
bool tg_host_is_valid(tg_str_t host);

#endif
