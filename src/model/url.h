/*
 * The http and https addresses that administrators give (RFC 3986, RFC 9110 4.2), and the syntax of hosts. Narrower
 * than the RFC where its freedom only serves tricks: no userinfo, query or fragment, no dot segments, no
 * percent-escapes in hosts, and what ends in a number is an IPv4 address in four parts or nothing.
 */
#ifndef TG_MODEL_URL_H
#define TG_MODEL_URL_H

#include "base/str.h"

#define TG_URL_MAX  1024
#define TG_HOST_MAX 253

/* Views into the text. */
typedef struct {
    bool tls;
    tg_str_t host; /* as given; IPv6 without brackets */
    bool ipv6;
    uint16_t port; /* 80 or 443 if none is given */
    tg_str_t path; /* "" or "/v1", escaped as given; no trailing slash */
} tg_url_t;

/* NULL if text is such an address, else the rule that it breaks. */
const char *tg_url_parse(tg_str_t text, tg_url_t *out);

/* A name of letters, digits, '-' and '_' in labels, or an IPv4 address; at most TG_HOST_MAX bytes. */
bool tg_host_name_is_valid(tg_str_t host);
/* A host name, or [IPv6], with or without a port. */
bool tg_host_port_is_valid(tg_str_t text);

#endif
