#include "oauth/authorization.h"
#include "oauth/check.h"

/* What a token68 is made of (RFC 9110 11.2), without the '=' at its end. Written for blocks of 16, which compilers turn
 * into a few vector instructions: a JWT has 700 bytes, and this is run for each request. */
static bool is_token68_byte(unsigned char c) {
    unsigned char letter = (unsigned char)((c | 0x20) - 'a');
    unsigned char digit = (unsigned char)(c - '-'); /* - . / 0-9 */
    return (letter < 26) | (digit < 13) | (c == '+') | (c == '_') | (c == '~');
}

static bool is_token68(tg_str_t s) {
    while (s.n > 0 && s.p[s.n - 1] == '=') {
        s.n--;
    }
    unsigned char good = s.n > 0;
    size_t i = 0;
    for (; i + 16 <= s.n; i += 16) {
        for (size_t j = 0; j < 16; j++) {
            good &= is_token68_byte((unsigned char)s.p[i + j]);
        }
    }
    for (; i < s.n; i++) {
        good &= is_token68_byte((unsigned char)s.p[i]);
    }
    return good != 0;
}

tg_token_verdict_t tg_bearer_find(tg_str_t authorization, size_t n_authorization, tg_str_t *token) {
    *token = TG_STR_NONE;
    if (n_authorization > 1) {
        return TG_TOKEN_MANY;
    }
    tg_str_t credentials;
    if (n_authorization == 0 || !tg_authorization_is(authorization, TG_STR("Bearer"), &credentials)) {
        return TG_TOKEN_NONE;
    }
    if (!is_token68(credentials)) {
        /* A comma is how a proxy on the way joins two headers. */
        return tg_str_find_char(credentials, ',') >= 0 ? TG_TOKEN_MANY : TG_TOKEN_MALFORMED;
    }
    *token = credentials;
    return TG_TOKEN_OK;
}

typedef struct {
    int status;
    const char *error;
    const char *text;
    bool challenge; /* with WWW-Authenticate */
    bool named;     /* ... that carries error and text (RFC 6750 3.1: not when there was no token) */
} refusal_t;

/* Beyond its expiry, which it could have known, a sender is not told what is wrong with its token. */
static refusal_t refusal_of(tg_token_verdict_t v) {
    switch (v) {
    case TG_TOKEN_NONE:
        return (refusal_t){401, "unauthorized", "an access token is required", true, false};
    case TG_TOKEN_MANY:
        return (refusal_t){400, "invalid_request", "more than one access token", true, true};
    case TG_TOKEN_EXPIRED:
        return (refusal_t){401, "invalid_token", "the access token expired", true, true};
    case TG_TOKEN_UNAVAILABLE:
        return (refusal_t){503, "server_error", "the access token cannot be checked now, try again later", false,
                           false};
    default:
        return (refusal_t){401, "invalid_token", "the access token is invalid or was ended", true, true};
    }
}

int tg_token_refusal_write(tg_token_verdict_t v, const tg_policy_t *policy, tg_buf_t *www_authenticate,
                           tg_buf_t *body) {
    refusal_t r = refusal_of(v);
    bool own = policy != NULL && v != TG_TOKEN_UNAVAILABLE; /* a fault of ours is never dressed up as a refusal */
    if (r.challenge) {
        tg_buf_put(www_authenticate, TG_STR("Bearer"));
    }
    if (r.named) {
        tg_buf_putf(www_authenticate, " error=\"%s\", error_description=\"%s\"", r.error, r.text);
    }
    tg_buf_put(body, TG_STR("{\"error\":"));
    tg_buf_put_json(body, own && policy->error_code.n > 0 ? policy->error_code : tg_str(r.error));
    tg_buf_put(body, TG_STR(",\"error_description\":"));
    tg_buf_put_json(body, own && policy->error_message.n > 0 ? policy->error_message : tg_str(r.text));
    tg_buf_putc(body, '}');
    return own && policy->error_status != 0 ? policy->error_status : r.status;
}
