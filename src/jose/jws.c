#include "jose/jws.h"

#include "base/b64.h"
#include "jose/key.h"

#define HEADER_DEPTH_MAX 8 /* a `jwk` with its `x5c` fits; both are ignored */

/* --- parse --- */

/* Three parts with exactly two dots between them (RFC 7515 3.1, 7.1). */
static bool compact_split(tg_str_t compact, tg_str_t part[3]) {
    const char *end = compact.p + compact.n;
    const char *dot = compact.n ? memchr(compact.p, '.', compact.n) : NULL;
    const char *dot2 = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
    if (!dot2) {
        return false;
    }
    part[0] = tg_strn(compact.p, (size_t)(dot - compact.p));
    part[1] = tg_strn(dot + 1, (size_t)(dot2 - dot - 1));
    part[2] = tg_strn(dot2 + 1, (size_t)(end - dot2 - 1));
    return true; /* a third dot is none of base64url's characters */
}

static tg_err_t part_decode(tg_str_t text, tg_arena_t *a, tg_str_t *out) {
    size_t cap = TG_B64_DECODED_MAX(text.n);
    char *p = tg_arena_alloc(a, cap);
    size_t n;
    if (!p) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = tg_b64url_decode(text, p, cap, &n);
    if (!err) {
        *out = tg_strn(p, n);
    }
    return err;
}

/* A member that may be absent, as a copy in the arena: the JSON tree does not outlive the parser. */
static tg_err_t header_str(const json_t *header, const char *name, tg_arena_t *a, tg_str_t *out) {
    const json_t *value = json_object_get(header, name);
    if (!value) {
        *out = TG_STR("");
        return TG_OK;
    }
    if (!json_is_string(value)) {
        return TG_ERR_INVALID;
    }
    return tg_arena_str(a, tg_strn(json_string_value(value), json_string_length(value)), out) ? TG_OK : TG_ERR_NOMEM;
}

static tg_err_t header_read(const json_t *header, tg_arena_t *a, tg_jws_t *out) {
    /* RFC 7515 4.1.11: an extension named by `crit` must be understood, and we understand none. RFC 7797 6: `b64` is
     * such an extension; without its `crit` the sender and we might disagree on what was signed. */
    if (!json_is_object(header) || json_object_get(header, "crit") || json_object_get(header, "b64")) {
        return TG_ERR_INVALID;
    }
    tg_err_t err = header_str(header, "alg", a, &out->alg);
    if (!err && out->alg.n == 0) {
        err = TG_ERR_INVALID; /* RFC 7515 4.1.1: must be present */
    }
    if (!err) {
        err = header_str(header, "kid", a, &out->kid);
    }
    return err ? err : header_str(header, "typ", a, &out->typ);
}

static bool literal_skip(tg_str_t *rest, tg_str_t literal) {
    if (!tg_str_starts(*rest, literal)) {
        return false;
    }
    *rest = tg_strn(rest->p + literal.n, rest->n - literal.n);
    return true;
}

/* Characters that mean themselves in a JSON string, up to the closing quote. */
static bool plain_take(tg_str_t *rest, tg_str_t *out) {
    size_t n = 0;
    while (n < rest->n && rest->p[n] >= 0x20 && rest->p[n] < 0x7f && rest->p[n] != '"' && rest->p[n] != '\\') {
        n++;
    }
    if (n == 0 || n == rest->n || rest->p[n] != '"') {
        return false;
    }
    *out = tg_strn(rest->p, n);
    *rest = tg_strn(rest->p + n + 1, rest->n - n - 1);
    return true;
}

/* The header exactly as tg_jws_sign writes it, without a JSON tree: that would cost 1.3 us where a whole RS256 check
 * takes 20. Every other spelling is left to the JSON parser, which finds the same values. */
static bool own_header_read(tg_str_t text, tg_jws_t *out) {
    tg_str_t rest = text, alg, typ, kid;
    if (!literal_skip(&rest, TG_STR("{\"alg\":\"")) || !plain_take(&rest, &alg) ||
        !literal_skip(&rest, TG_STR(",\"typ\":\"")) || !plain_take(&rest, &typ) ||
        !literal_skip(&rest, TG_STR(",\"kid\":\"")) || !plain_take(&rest, &kid) || !tg_str_eq(rest, TG_STR("}"))) {
        return false;
    }
    out->alg = alg;
    out->typ = typ;
    out->kid = kid;
    return true;
}

static tg_err_t header_parse(tg_str_t text, tg_arena_t *a, tg_jws_t *out) {
    if (own_header_read(text, out)) {
        return TG_OK;
    }
    json_t *header = NULL;
    tg_err_t err = tg_json_parse(text, TG_JWS_MAX, HEADER_DEPTH_MAX, &header, NULL);
    if (!err) {
        err = header_read(header, a, out);
    }
    json_decref(header);
    return err == TG_ERR_LIMIT ? TG_ERR_INVALID : err; /* nested too deep */
}

tg_err_t tg_jws_parse(tg_str_t compact, tg_arena_t *a, tg_jws_t *out) {
    tg_str_t part[3], header;
    tg_jws_t jws = {0};
    tg_err_t err;

    if (compact.n > TG_JWS_MAX) {
        return TG_ERR_LIMIT;
    }
    if (!compact_split(compact, part)) {
        return TG_ERR_INVALID;
    }
    jws.signing_input = tg_strn(compact.p, part[0].n + 1 + part[1].n);
    if ((err = part_decode(part[0], a, &header)) || (err = part_decode(part[1], a, &jws.payload)) ||
        (err = part_decode(part[2], a, &jws.signature)) || (err = header_parse(header, a, &jws))) {
        return err;
    }
    *out = jws;
    return TG_OK;
}

/* --- verify, sign --- */

/* As text, with a key of 2048 bits. */
#define HEADER_AND_SIGNATURE 512

tg_err_t tg_jws_verify(const tg_jws_t *jws, const tg_key_t *key) {
    /* RFC 8725 3.1: the key names the algorithm; a header that names another is refused before any cryptography. */
    if (!tg_str_eq(jws->alg, tg_str(tg_alg_name(tg_key_alg(key))))) {
        return TG_ERR_INVALID;
    }
    tg_err_t err = tg_key_verify(key, jws->signing_input, jws->signature);
    return err == TG_OK || err == TG_ERR_NOMEM ? err : TG_ERR_INVALID;
}

static tg_err_t header_put(const tg_key_t *key, tg_str_t typ, tg_buf_t *out) {
    char mem[64 + 6 * (TG_KID_MAX + 64)]; /* a control character takes six in JSON */
    tg_buf_t b;

    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_put(&b, TG_STR("{\"alg\":\""));
    tg_buf_put(&b, tg_str(tg_alg_name(tg_key_alg(key))));
    tg_buf_putc(&b, '"');
    if (typ.n) {
        tg_buf_put(&b, TG_STR(",\"typ\":"));
        tg_buf_put_json(&b, typ);
    }
    tg_buf_put(&b, TG_STR(",\"kid\":"));
    tg_buf_put_json(&b, tg_key_kid(key));
    tg_buf_putc(&b, '}');
    tg_buf_put_b64url(out, tg_buf_str(&b));
    return b.err;
}

tg_err_t tg_jws_sign(const tg_key_t *key, tg_str_t typ, tg_str_t payload, tg_buf_t *out) {
    uint8_t sig[TG_SIG_MAX];
    size_t n, start = out->n;

    tg_buf_expect(out, TG_B64URL_LEN(payload.n) + HEADER_AND_SIGNATURE);
    tg_err_t err = header_put(key, typ, out);
    tg_buf_putc(out, '.');
    tg_buf_put_b64url(out, payload);
    err = err ? err : out->err;
    if (!err) {
        err = tg_key_sign(key, tg_strn(out->p + start, out->n - start), sig, &n);
    }
    if (!err) {
        tg_buf_putc(out, '.');
        tg_buf_put_b64url(out, tg_strn(sig, n));
        err = out->err ? out->err : out->n - start > TG_JWS_MAX ? TG_ERR_LIMIT : TG_OK;
    }
    if (err) {
        out->n = start;
    }
    return err;
}
