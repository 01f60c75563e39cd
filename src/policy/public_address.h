/* Whether an address is one of the public internet: what a manager may be asked to fetch from, and nothing that only it
 * can reach (the IANA special-purpose registries; RFC 6890). */
#ifndef TG_POLICY_PUBLIC_ADDRESS_H
#define TG_POLICY_PUBLIC_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/* IPv4 as ::ffff:a.b.c.d. False: unspecified, loopback, private, link-local, shared, multicast, documentation,
 * reserved, and IPv6 forms that lead to such an IPv4 address (NAT64, 6to4, Teredo, compatible, mapped). */
bool tg_address_is_public(const uint8_t addr[16]);

#endif
