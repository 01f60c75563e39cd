#include "oauth/introspect.h"

#include "oauth/client_request.h"

static tg_token_hint_t hint_parse(tg_str_t name) {
    if (tg_str_eq(name, TG_STR("access_token"))) {
        return TG_HINT_ACCESS;
    }
    return tg_str_eq(name, TG_STR("refresh_token")) ? TG_HINT_REFRESH : TG_HINT_NONE;
}

tg_oauth_error_t tg_token_query_parse(const tg_oauth_input_t *in, tg_arena_t *a, tg_token_query_t *out,
                                      const char **why) {
    *out = (tg_token_query_t){0};
    tg_oauth_error_t e = tg_client_request_parse(in, TG_STR("token"), a, &out->asked, why);
    if (e != TG_OAUTH_OK) {
        return e;
    }
    out->token = tg_parameter_find(&out->asked.form, TG_STR("token"));
    out->hint = hint_parse(tg_parameter_find(&out->asked.form, TG_STR("token_type_hint")));
    return TG_OAUTH_OK;
}

tg_token_verdict_t tg_record_prove_refresh(const tg_record_t *r, tg_token_facts_t *facts) {
    tg_token_verdict_t v = tg_record_prove(r, facts);
    if (v != TG_TOKEN_OK || !r->has_refresh || r->refresh_expires_at == 0) {
        *facts = (tg_token_facts_t){0};
        return TG_TOKEN_UNKNOWN;
    }
    facts->expires_at = r->refresh_expires_at;
    facts->ended |= r->refresh_left < 1;
    return TG_TOKEN_OK;
}

void tg_introspection_inactive_write(tg_buf_t *out) {
    tg_buf_put(out, TG_STR("{\"active\":false}"));
}

static void text_put(tg_buf_t *out, const char *name, tg_str_t value) {
    tg_buf_putf(out, ",\"%s\":", name);
    tg_buf_put_json(out, value);
}

static void date_put(tg_buf_t *out, const char *name, tg_ms_t at) {
    tg_buf_putf(out, ",\"%s\":%lld", name, (long long)(at / TG_SECOND_MS));
}

void tg_introspection_write(const tg_introspection_t *i, tg_buf_t *out) {
    const tg_token_facts_t *f = i->facts;
    tg_str_t client_id = tg_strn(f->client_id, f->client_id_len);
    tg_buf_put(out, TG_STR("{\"active\":true"));
    if (i->has_scope) {
        text_put(out, "scope", i->scope);
    }
    text_put(out, "client_id", client_id);
    if (tg_facts_have_user(f)) {
        text_put(out, "username", tg_strn(f->subject, f->subject_len));
    }
    if (!i->refresh) {
        text_put(out, "token_type", TG_STR("Bearer"));
    }
    date_put(out, "iat", f->issued_at);
    if (f->expires_at != 0) {
        date_put(out, "exp", f->expires_at);
    }
    text_put(out, "aud", client_id);
    text_put(out, "sub", tg_strn(f->subject, f->subject_len));
    text_put(out, "iss", i->issuer);
    if (f->type == TG_TOKEN_JWT) {
        tg_buf_put(out, TG_STR(",\"jti\":\""));
        tg_buf_put_b64url(out, tg_strn(f->jti, sizeof(f->jti)));
        tg_buf_putc(out, '"');
    }
    tg_buf_putc(out, '}');
}
