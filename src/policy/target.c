#include "policy/route.h"

#include "policy/segment.h"

/* pchar and '/' without '%' (RFC 3986 3.3): what may stand in the path of a request target as it is. One bit for each
 * byte value; all above 0x7e is escaped. */
static const uint32_t raw_in_path[4] = {
    0,          /* control characters */
    0x2fffffd2, /* ! $ & ' ( ) * + , - . / 0-9 : ; = */
    0x87ffffff, /* @ A-Z _ */
    0x47fffffe, /* a-z ~ */
};

static bool is_raw(unsigned char c) {
    return c < 0x80 && (raw_in_path[c / 32] >> (c % 32) & 1) != 0;
}

bool tg_path_has_control(tg_str_t path) {
    for (size_t i = 0; i < path.n; i++) {
        if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static void put_escape(tg_buf_t *out, unsigned char c) {
    static const char hex[] = "0123456789ABCDEF";
    const char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
    tg_buf_put(out, tg_strn(escape, 3));
}

static void put_path(tg_buf_t *out, tg_str_t path) {
    for (size_t i = 0; i < path.n;) {
        size_t run = i;
        while (run < path.n && is_raw((unsigned char)path.p[run])) {
            run++;
        }
        tg_buf_put(out, tg_strn(path.p + i, run - i));
        if (run < path.n) {
            put_escape(out, (unsigned char)path.p[run++]);
        }
        i = run;
    }
}

/* Byte for byte, except for what would end the target or the line in the request to the backend; no server lets such a
 * byte through to here, and none may leave from here. */
static void put_query(tg_buf_t *out, tg_str_t query) {
    for (size_t i = 0; i < query.n;) {
        size_t run = i;
        while (run < query.n && (unsigned char)query.p[run] > 0x20 && query.p[run] != 0x7f) {
            run++;
        }
        tg_buf_put(out, tg_strn(query.p + i, run - i));
        if (run < query.n) {
            put_escape(out, (unsigned char)query.p[run++]);
        }
        i = run;
    }
}

/* The segment of the path where the pattern has this parameter. Both match; the model let no parameter be named twice,
 * and none that the pattern does not have. */
static tg_str_t parameter_find(tg_str_t pattern, tg_str_t path, tg_str_t parameter) {
    tg_str_t name = TG_STR_NONE, value = TG_STR_NONE;
    while (tg_segment_take(&pattern, &name) && tg_segment_take(&path, &value)) {
        if (tg_str_eq(name, parameter)) {
            return value;
        }
    }
    return TG_STR_NONE;
}

static void put_template(tg_buf_t *out, const tg_api_endpoint_t *e, tg_str_t below) {
    tg_str_t rest = e->backend_path, segment = TG_STR_NONE;
    while (tg_segment_take(&rest, &segment)) {
        tg_buf_putc(out, '/');
        put_path(out, segment.n > 0 && segment.p[0] == '{' ? parameter_find(e->path, below, segment) : segment);
    }
    put_path(out, rest); /* a slash at the end */
}

void tg_target_write(const tg_deployed_proxy_t *p, const tg_api_endpoint_t *endpoint, const tg_address_t *address,
                     size_t prefix_len, tg_str_t path, bool has_query, tg_str_t query, tg_buf_t *out) {
    tg_str_t rest = tg_route_below(path, p->proxy.route.strip_path ? prefix_len : 0);
    tg_buf_put(out, address->base_path);
    if (endpoint != NULL && endpoint->backend_path.n > 0) {
        put_template(out, endpoint, tg_route_below(path, prefix_len));
    } else {
        if (rest.p[0] != '/') {
            tg_buf_putc(out, '/'); /* or it would go on where base_path ends */
        }
        put_path(out, rest);
    }
    if (has_query) {
        tg_buf_putc(out, '?');
        put_query(out, query);
    }
}
