#include "oauth/metadata.h"

#define METHODS "[\"client_secret_basic\",\"client_secret_post\"]"

static void address_put(tg_buf_t *out, const char *name, tg_str_t issuer, const char *path) {
    char text[2048];
    tg_buf_t address;
    tg_buf_init_fixed(&address, text, sizeof(text));
    tg_buf_put(&address, issuer);
    tg_buf_put(&address, tg_str(path));
    if (address.err) {
        out->err = address.err;
        return;
    }
    tg_buf_putf(out, "\"%s\":", name);
    tg_buf_put_json(out, tg_buf_str(&address));
    tg_buf_putc(out, ',');
}

void tg_metadata_write(tg_str_t issuer, const tg_metadata_t *m, tg_buf_t *out) {
    tg_buf_putc(out, '{');
    address_put(out, "issuer", issuer, "");
    address_put(out, "token_endpoint", issuer, "/token");
    address_put(out, "jwt_endpoint", issuer, "/jwt");
    address_put(out, "introspection_endpoint", issuer, "/introspect");
    address_put(out, "revocation_endpoint", issuer, "/revoke");
    address_put(out, "jwks_uri", issuer, "/.well-known/jwks.json");
    tg_buf_put(out, TG_STR("\"grant_types_supported\":[\"client_credentials\""));
    if (m->password) {
        tg_buf_put(out, TG_STR(",\"password\""));
    }
    tg_buf_put(out, TG_STR(",\"refresh_token\"],"
                           "\"response_types_supported\":[],"
                           "\"token_endpoint_auth_methods_supported\":" METHODS ","
                           "\"introspection_endpoint_auth_methods_supported\":" METHODS ","
                           "\"revocation_endpoint_auth_methods_supported\":" METHODS));
    tg_buf_putc(out, '}');
}

void tg_jwks_write(const tg_signing_key_t *keys, size_t n, tg_ms_t now, tg_buf_t *out) {
    bool first = true;
    tg_buf_put(out, TG_STR("{\"keys\":["));
    for (size_t i = 0; i < n; i++) {
        if (tg_signing_key_state(keys, n, i, now) == TG_KEY_REVOKED) {
            continue;
        }
        if (!first) {
            tg_buf_putc(out, ',');
        }
        tg_buf_put(out, keys[i].jwk);
        first = false;
    }
    tg_buf_put(out, TG_STR("]}"));
}

void tg_issuer_write(const tg_environment_t *e, tg_str_t scheme, tg_str_t host, tg_str_t prefix, tg_buf_t *out) {
    if (e->access_url.n > 0) {
        tg_buf_put(out, e->access_url);
    } else {
        tg_buf_put(out, scheme);
        tg_buf_put(out, TG_STR("://"));
        tg_buf_put(out, host);
    }
    tg_buf_put(out, prefix);
}
