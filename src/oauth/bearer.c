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

static int hex_value(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decodes into out, which has room for all of it. What is no escape stays as it is: a backend may read it so. */
static size_t unescape(tg_str_t in, size_t max, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < in.n && n < max; i++) {
        int high = in.p[i] == '%' && i + 2 < in.n ? hex_value(in.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(in.p[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = in.p[i];
        }
    }
    return n;
}

static bool is_access_token(tg_str_t name) {
    static const tg_str_t wanted = {"access_token", 12};
    char text[sizeof("access_token")]; /* one more byte than wanted: longer names differ */
    size_t n = unescape(name, sizeof(text), text);
    return tg_str_eq(tg_strn(text, n), wanted);
}

typedef struct {
    char *at; /* where the next piece goes */
    bool any;
} rest_t;

static void rest_add(rest_t *rest, tg_str_t piece) {
    if (rest->any) {
        *rest->at++ = '&';
    }
    memcpy(rest->at, piece.p, piece.n);
    rest->at += piece.n;
    rest->any = true;
}

tg_token_verdict_t tg_bearer_query_find(tg_str_t query, char *scratch, tg_str_t *token, tg_str_t *rest) {
    rest_t kept = {scratch, false};
    size_t found = 0;
    *token = TG_STR_NONE;
    while (query.p != NULL) {
        tg_str_t piece = tg_str_take(&query, '&');
        tg_str_t value = piece;
        if (!is_access_token(tg_str_take(&value, '='))) {
            rest_add(&kept, piece);
        } else if (value.n > 0) {
            *token = value;
            found++;
        }
    }
    *rest = tg_strn(scratch, (size_t)(kept.at - scratch));
    if (found != 1) {
        *token = TG_STR_NONE;
        return found == 0 ? TG_TOKEN_NONE : TG_TOKEN_MANY;
    }
    *token = tg_strn(kept.at, unescape(*token, token->n, kept.at));
    if (!is_token68(*token)) {
        *token = TG_STR_NONE;
        return TG_TOKEN_MALFORMED;
    }
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
    case TG_TOKEN_METHOD:
    case TG_TOKEN_ROLE:
        return (refusal_t){403, "insufficient_scope", "the access token does not let its holder do this", true, true};
    case TG_TOKEN_ADDRESS:
        return (refusal_t){403, "access_denied", "this is not to be called from here", true, false};
    case TG_TOKEN_LIMIT:
        return (refusal_t){429, "slow_down", "too many requests, try again later", false, false};
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
    /* a fault of ours is never dressed up as a refusal, and who is to wait must understand that */
    bool own = policy != NULL && v != TG_TOKEN_UNAVAILABLE && v != TG_TOKEN_LIMIT;
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
