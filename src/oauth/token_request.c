#include "oauth/client_request.h"

static tg_grant_t grant_parse(tg_str_t name) {
    if (tg_str_eq(name, TG_STR("client_credentials"))) {
        return TG_GRANT_CLIENT_CREDENTIALS;
    }
    if (tg_str_eq(name, TG_STR("password"))) {
        return TG_GRANT_PASSWORD;
    }
    return tg_str_eq(name, TG_STR("refresh_token")) ? TG_GRANT_REFRESH : TG_GRANT_NONE;
}

tg_oauth_error_t tg_token_request_parse(const tg_oauth_input_t *in, tg_arena_t *a, tg_token_request_t *out,
                                        const char **why) {
    tg_oauth_error_t e = tg_str_eq(in->method, TG_STR("GET")) ? tg_client_request_parse_url(in, a, out, why)
                                                              : tg_client_request_parse(in, TG_STR_NONE, a, out, why);
    if (e != TG_OAUTH_OK) {
        return e;
    }
    out->grant = grant_parse(tg_parameter_find(&out->form, TG_STR("grant_type")));
    out->refresh_token = tg_parameter_find(&out->form, TG_STR("refresh_token"));
    out->username = tg_parameter_find(&out->form, TG_STR("username"));
    out->password = tg_parameter_find(&out->form, TG_STR("password"));
    out->scope = tg_parameter_find(&out->form, TG_STR("scope"));
    out->has_scope = out->scope.n > 0;
    return TG_OAUTH_OK;
}
