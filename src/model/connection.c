#include "model/parts.h"

#include "model/chars.h"
#include "model/url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TIMEOUT_MAX_MS 3600000

void tg_connection_init(tg_connection_t *c) {
    *c = (tg_connection_t){
        .connect_timeout_ms = 5000, .read_timeout_ms = 60000, .retries = TG_RETRIES_ALL, .tls_verify = true};
}

static tg_err_t read_server_name(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                 void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (s.n > 0 && !tg_host_name_is_valid(s)) {
        return tg_refuse(r, at, "must be a host name");
    }
    return tg_keep(r, s, out);
}

static tg_err_t read_host_header(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                 void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (s.n > 0 && !tg_host_port_is_valid(s)) {
        return tg_refuse(r, at, "must be a host with or without a port");
    }
    return tg_keep(r, s, out);
}

static const tg_str_t pem_begin = TG_STR("-----BEGIN CERTIFICATE-----");
static const tg_str_t pem_end = TG_STR("-----END CERTIFICATE-----");

static bool is_base64_line(tg_str_t line) {
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];
        if (!tg_is_alnum(c) && c != '+' && c != '/' && c != '=') {
            return false;
        }
    }
    return line.n > 0;
}

static tg_str_t take_line(tg_str_t *rest) {
    tg_str_t line = tg_str_take(rest, '\n');
    line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
    return tg_str_trim(line);
}

/* One or more certificates (RFC 7468 5); comment lines may stand between, no other kind of block. Whether the bytes are
 * a certificate is for libcrypto to say, which is not in this room. */
static bool is_pem_certificates(tg_str_t text) {
    size_t blocks = 0;
    size_t lines = 0;
    bool inside = false;
    while (text.n > 0) {
        tg_str_t line = take_line(&text);
        if (!inside && tg_str_eq(line, pem_begin)) {
            inside = true;
            lines = 0;
        } else if (inside && tg_str_eq(line, pem_end) && lines > 0) {
            inside = false;
            blocks++;
        } else if (inside ? !is_base64_line(line) : tg_str_starts(line, TG_STR("-----"))) {
            return false;
        } else {
            lines++;
        }
    }
    return blocks > 0 && !inside;
}

tg_err_t tg_read_certificates(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    tg_str_t *pem = out;
    tg_err_t err = tg_read_text(r, at, f, v, out);
    if (!err && pem->n > 0 && !is_pem_certificates(*pem)) {
        err = tg_refuse(r, at, "must be one or more certificates in PEM");
    }
    return err;
}

static const tg_field_t connection_fields[] = {
    {.name = "connectTimeoutMillis",
     .read = tg_read_int64,
     .offset = offsetof(tg_connection_t, connect_timeout_ms),
     .min = 1,
     .max = TIMEOUT_MAX_MS},
    {.name = "readTimeoutMillis",
     .read = tg_read_int64,
     .offset = offsetof(tg_connection_t, read_timeout_ms),
     .min = 1,
     .max = TIMEOUT_MAX_MS},
    {.name = "retries", .read = tg_read_int, .offset = offsetof(tg_connection_t, retries), .min = 0, .max = 100},
    {.name = "tlsVerify", .read = tg_read_bool, .offset = offsetof(tg_connection_t, tls_verify)},
    {.name = "tlsServerName",
     .read = read_server_name,
     .offset = offsetof(tg_connection_t, tls_server_name),
     .schema = tg_schema_string},
    {.name = "tlsCa",
     .read = tg_read_certificates,
     .offset = offsetof(tg_connection_t, tls_ca),
     .max = TG_PEM_MAX,
     .schema = tg_schema_text},
    {.name = "hostHeader",
     .read = read_host_header,
     .offset = offsetof(tg_connection_t, host_header),
     .schema = tg_schema_string},
};

tg_err_t tg_read_connection(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    (void)f;
    return tg_fields_read(r, at, v, connection_fields, COUNT(connection_fields), out);
}

json_t *tg_connection_schema(void) {
    tg_connection_t none;
    tg_connection_init(&none);
    return tg_schema_defaults(tg_fields_schema(connection_fields, COUNT(connection_fields)),
                              tg_connection_write(&none));
}

json_t *tg_connection_write(const tg_connection_t *c) {
    tg_writer_t w = tg_writer();
    tg_write_int(&w, "connectTimeoutMillis", c->connect_timeout_ms);
    tg_write_int(&w, "readTimeoutMillis", c->read_timeout_ms);
    tg_write_json(&w, "retries", c->retries != TG_RETRIES_ALL ? json_integer(c->retries) : json_null());
    tg_write_bool(&w, "tlsVerify", c->tls_verify);
    tg_write_str(&w, "tlsServerName", c->tls_server_name);
    tg_write_str(&w, "tlsCa", c->tls_ca);
    tg_write_str(&w, "hostHeader", c->host_header);
    return tg_writer_end(&w);
}
