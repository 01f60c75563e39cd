/* IP addresses and networks as text. IPv4 is held as ::ffff:a.b.c.d, so that there is one form to compare. */
#ifndef TG_MODEL_IP_H
#define TG_MODEL_IP_H

#include "base/err.h"
#include "base/str.h"

/* An IPv4 address (four decimal numbers) or an IPv6 address (RFC 4291 2.2), without brackets, zone or port. */
tg_err_t tg_ip_parse(tg_str_t s, uint8_t out[16]) TG_MUST_CHECK;
/* The same, or address/prefix; bits behind the prefix are cleared. prefix_len is of 128, also for IPv4. */
tg_err_t tg_ip_network_parse(tg_str_t s, uint8_t out[16], uint8_t *prefix_len) TG_MUST_CHECK;
/* True for ::ffff:a.b.c.d. */
bool tg_ip_is_v4(const uint8_t addr[16]);

#endif
