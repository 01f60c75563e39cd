#include "model/names.h"

#include "model/chars.h"
#include "model/ip.h"

bool tg_name_char(char c) {
    return tg_is_alnum(c) || c == '.' || c == '_' || c == '-';
}

tg_err_t tg_name_check(tg_str_t name, const char *field, tg_fault_t *fault) {
    if (name.n == 0 || name.n > TG_NAME_MAX) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must be 1 to %d characters long", TG_NAME_MAX);
    }
    for (size_t i = 0; i < name.n; i++) {
        if (i == 0 ? !tg_is_alnum(name.p[i]) : !tg_name_char(name.p[i])) {
            return tg_fault(fault, TG_ERR_INVALID, field,
                            "must begin with a letter or digit and have only letters, digits, '.', '_' and '-'");
        }
    }
    return TG_OK;
}

bool tg_is_visible_ascii(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x21 || s.p[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

tg_err_t tg_client_id_check(tg_str_t id, const char *field, tg_fault_t *fault) {
    if (id.n == 0 || id.n > TG_CLIENT_ID_MAX) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must be 1 to %d characters long", TG_CLIENT_ID_MAX);
    }
    /* RFC 7617 2: a colon would end the user-id. */
    if (!tg_is_visible_ascii(id) || tg_str_find_char(id, ':') >= 0) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must be visible ASCII characters without ':'");
    }
    return TG_OK;
}

tg_err_t tg_client_secret_check(tg_str_t secret, const char *field, tg_fault_t *fault) {
    if (secret.n < TG_CLIENT_SECRET_MIN || secret.n > TG_CLIENT_SECRET_MAX) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must be %d to %d characters long", TG_CLIENT_SECRET_MIN,
                        TG_CLIENT_SECRET_MAX);
    }
    if (!tg_is_visible_ascii(secret)) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must be visible ASCII characters");
    }
    return TG_OK;
}

tg_err_t tg_role_check(tg_str_t role, const char *field, tg_fault_t *fault) {
    if (role.n == 0 || role.n > TG_NAME_MAX) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must be 1 to %d characters long", TG_NAME_MAX);
    }
    /* RFC 6749 3.3: a scope-token has neither. */
    if (!tg_is_visible_ascii(role) || tg_str_find_char(role, '"') >= 0 || tg_str_find_char(role, '\\') >= 0) {
        return tg_fault(fault, TG_ERR_INVALID, field, "must be visible ASCII characters without '\"' and '\\'");
    }
    return TG_OK;
}

bool tg_is_token(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        if (!tg_is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s.p[i]) == NULL)) {
            return false;
        }
    }
    return s.n > 0;
}

tg_err_t tg_read_method(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    bool valid = s.n > 0 && s.n <= TG_METHOD_MAX;
    for (size_t i = 0; valid && i < s.n; i++) {
        valid = (s.p[i] >= 'A' && s.p[i] <= 'Z') || (i > 0 && (s.p[i] == '-' || s.p[i] == '_'));
    }
    return valid ? tg_keep(r, s, out) : tg_refuse(r, at, "must be an HTTP method in capital letters");
}

typedef tg_err_t (*check_fn)(tg_str_t text, const char *field, tg_fault_t *fault);

/* A string that keeps the rule of a check that knows no places. */
static tg_err_t read_checked(const tg_reader_t *r, const tg_place_t *at, const json_t *v, check_fn check,
                             tg_str_t *out) {
    tg_str_t s;
    tg_fault_t why = {.field = "", .text = ""};
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    return check(s, "", &why) ? tg_refuse(r, at, "%s", why.text) : tg_keep(r, s, out);
}

tg_err_t tg_read_name(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    return read_checked(r, at, v, tg_name_check, out);
}

tg_err_t tg_read_role(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    return read_checked(r, at, v, tg_role_check, out);
}

tg_err_t tg_read_client_id(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    return read_checked(r, at, v, tg_client_id_check, out);
}

tg_err_t tg_read_client_secret(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                               void *out) {
    (void)f;
    return read_checked(r, at, v, tg_client_secret_check, out);
}

tg_err_t tg_read_network(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    uint8_t addr[16];
    uint8_t prefix_len;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (tg_ip_network_parse(s, addr, &prefix_len)) {
        return tg_refuse(r, at, "must be an IP address or address/prefix");
    }
    return tg_keep(r, s, out);
}

/* Headers that the connection, the message's framing or the client's authentication own (RFC 9110 7.6.1, 8, 11), and
 * those by which proxies tell each other about the client. */
static const tg_str_t owned_headers[] = {
    TG_STR("Connection"),
    TG_STR("Keep-Alive"),
    TG_STR("Proxy-Connection"),
    TG_STR("TE"),
    TG_STR("Trailer"),
    TG_STR("Transfer-Encoding"),
    TG_STR("Upgrade"),
    TG_STR("Proxy-Authenticate"),
    TG_STR("Proxy-Authorization"),
    TG_STR("Proxy-Authentication-Info"),
    TG_STR("WWW-Authenticate"),
    TG_STR("Authorization"),
    TG_STR("Host"),
    TG_STR("Content-Length"),
    TG_STR("Content-Type"),
    TG_STR("Content-Encoding"),
    TG_STR("Content-Range"),
    TG_STR("Expect"),
    TG_STR("Cookie"),
    TG_STR("Range"),
    TG_STR("HTTP2-Settings"),
    TG_STR("Max-Forwards"),
    TG_STR("Via"),
    TG_STR("Date"),
    TG_STR("Forwarded"),
    TG_STR("X-Forwarded-For"),
    TG_STR("X-Forwarded-Host"),
    TG_STR("X-Forwarded-Proto"),
    TG_STR("X-Real-IP"),
    TG_STR("X-Request-Id"),
    TG_STR("Sec-WebSocket-Key"),
    TG_STR("Sec-WebSocket-Version"),
    TG_STR("Sec-WebSocket-Accept"),
    TG_STR("Sec-WebSocket-Protocol"),
    TG_STR("Sec-WebSocket-Extensions"),
};

bool tg_header_is_owned(tg_str_t name) {
    for (size_t i = 0; i < sizeof(owned_headers) / sizeof(owned_headers[0]); i++) {
        if (tg_str_eq_ci(name, owned_headers[i])) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_read_header_name(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (s.n == 0 || s.n > TG_NAME_MAX) {
        return tg_refuse(r, at, "must be 1 to %d characters long", TG_NAME_MAX);
    }
    /* Many servers take '_' and '-' in header names for the same, which would open a second spelling. */
    if (!tg_is_token(s) || tg_str_find_char(s, '_') >= 0) {
        return tg_refuse(r, at, "must be a header name (RFC 9110 5.1) without '_'");
    }
    return tg_keep(r, s, out);
}

tg_err_t tg_read_identity_header_name(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                      void *out) {
    tg_err_t err = tg_read_header_name(r, at, f, v, out);
    const tg_str_t *name = out;
    if (!err && tg_header_is_owned(*name)) {
        err = tg_refuse(r, at, "must not be a header that the connection, the message or its authentication owns");
    }
    return err;
}
