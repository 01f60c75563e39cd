#include "model/url.h"

#include "model/chars.h"
#include "model/ip.h"

static bool label_is_valid(tg_str_t label) {
    for (size_t i = 0; i < label.n; i++) {
        if (!tg_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_') {
            return false;
        }
    }
    return label.n > 0 && label.n <= 63;
}

/* Resolvers read 127.1, 2130706433 and 0x7f.1 as addresses: a host that ends like a number must be one in four parts.
 */
static bool ends_in_number(tg_str_t label) {
    size_t digits = 0;
    if (label.n >= 2 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x') {
        return true;
    }
    while (digits < label.n && tg_is_digit(label.p[digits])) {
        digits++;
    }
    return digits == label.n;
}

bool tg_host_name_is_valid(tg_str_t host) {
    uint8_t addr[16];
    tg_str_t last = TG_STR_NONE;
    if (host.n == 0 || host.n > TG_HOST_MAX || host.p[host.n - 1] == '.') {
        return false;
    }
    for (tg_str_t rest = host; rest.n > 0;) {
        last = tg_str_take(&rest, '.');
        if (!label_is_valid(last)) {
            return false;
        }
    }
    return !ends_in_number(last) || tg_ip_parse(host, addr) == TG_OK;
}

/* Splits host[:port]; false if either is malformed. *port is TG_STR_NONE without one. */
static bool split_host_port(tg_str_t text, tg_str_t *host, bool *ipv6, tg_str_t *port) {
    uint8_t addr[16];
    ptrdiff_t end;
    *ipv6 = text.n > 0 && text.p[0] == '[';
    if (*ipv6) {
        end = tg_str_find_char(text, ']');
        if (end < 0) {
            return false;
        }
        *host = tg_strn(text.p + 1, (size_t)end - 1);
        text = tg_strn(text.p + end + 1, text.n - (size_t)end - 1);
        /* inet_pton would take an IPv4 address here as well. */
        if (tg_str_find_char(*host, ':') < 0 || tg_ip_parse(*host, addr)) {
            return false;
        }
    } else {
        end = tg_str_find_char(text, ':');
        *host = end < 0 ? text : tg_strn(text.p, (size_t)end);
        text = end < 0 ? TG_STR_NONE : tg_strn(text.p + end, text.n - (size_t)end);
        if (!tg_host_name_is_valid(*host)) {
            return false;
        }
    }
    *port = text.n > 0 ? tg_strn(text.p + 1, text.n - 1) : TG_STR_NONE;
    return text.n == 0 || text.p[0] == ':';
}

static bool port_parse(tg_str_t text, uint16_t *out) {
    uint64_t value;
    if (text.n > 5 || !tg_str_to_u64(text, 65535, &value) || value == 0) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

bool tg_host_port_is_valid(tg_str_t text) {
    tg_str_t host;
    tg_str_t port;
    bool ipv6;
    uint16_t number;
    return split_host_port(text, &host, &ipv6, &port) && (port.p == NULL || port_parse(port, &number));
}

/* pchar without '%' (RFC 3986 3.3). */
static bool is_path_char(char c) {
    return tg_is_alnum(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

/* Takes one byte, decoded, off the front of an escaped path; -1: it may not stand there. */
static int take_byte(tg_str_t *s) {
    char c = s->p[0];
    size_t len = c == '%' ? 3 : 1;
    if (s->n < len) {
        return -1;
    }
    int value = (unsigned char)c;
    if (c == '%') {
        int high = tg_hex_value(s->p[1]);
        int low = tg_hex_value(s->p[2]);
        value = high < 0 || low < 0 ? -1 : high << 4 | low;
    } else if (!is_path_char(c)) {
        value = -1;
    }
    *s = tg_strn(s->p + len, s->n - len);
    return value;
}

static const char *segment_check(tg_str_t segment) {
    size_t dots = 0;
    size_t n = 0;
    if (segment.n == 0) {
        return "must not have '//' in its path";
    }
    while (segment.n > 0) {
        int byte = take_byte(&segment);
        if (byte < 0x20 || byte == 0x7f) {
            return "must have a path of characters that RFC 3986 3.3 allows, without control characters";
        }
        dots += byte == '.';
        n++;
    }
    return dots == n && n <= 2 ? "must not have '.' or '..' as a segment of its path" : NULL;
}

/* path: "" or from the first slash on. */
static const char *path_check(tg_str_t path) {
    const char *why = NULL;
    tg_str_t rest = path.n > 0 ? tg_strn(path.p + 1, path.n - 1) : TG_STR_NONE;
    while (why == NULL && rest.n > 0) {
        why = segment_check(tg_str_take(&rest, '/'));
    }
    return why;
}

static const char *characters_check(tg_str_t text) {
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f) {
            return "must not have control characters";
        }
        if (c == '?' || c == '#') {
            return "must not have a query or a fragment";
        }
        if (c == ' ' || c == '\\' || c >= 0x80) {
            return "must not have spaces, backslashes or characters outside ASCII";
        }
    }
    return NULL;
}

static bool take_scheme(tg_str_t *text, bool *tls) {
    static const tg_str_t schemes[] = {TG_STR("http://"), TG_STR("https://")};
    for (size_t i = 0; i < 2; i++) {
        tg_str_t s = schemes[i];
        if (text->n >= s.n && tg_str_eq_ci(tg_strn(text->p, s.n), s)) {
            *tls = i == 1;
            *text = tg_strn(text->p + s.n, text->n - s.n);
            return true;
        }
    }
    return false;
}

const char *tg_url_parse(tg_str_t text, tg_url_t *out) {
    tg_str_t port;
    const char *why = text.n > TG_URL_MAX ? "must be at most 1024 bytes long" : characters_check(text);
    if (why != NULL) {
        return why;
    }
    if (!take_scheme(&text, &out->tls)) {
        return "must begin with http:// or https://";
    }
    ptrdiff_t slash = tg_str_find_char(text, '/');
    tg_str_t authority = slash < 0 ? text : tg_strn(text.p, (size_t)slash);
    out->path = slash < 0 ? TG_STR_NONE : tg_strn(text.p + slash, text.n - (size_t)slash);
    if (tg_str_find_char(authority, '@') >= 0) {
        return "must not have a user name or password";
    }
    if (!split_host_port(authority, &out->host, &out->ipv6, &port)) {
        return "must have a host name, an IPv4 address or an IPv6 address in brackets";
    }
    out->port = out->tls ? 443 : 80;
    if (port.p != NULL && !port_parse(port, &out->port)) {
        return "must have a port from 1 to 65535";
    }
    why = path_check(out->path);
    if (why == NULL && tg_str_ends(out->path, TG_STR("/"))) {
        out->path.n--;
    }
    return why;
}
