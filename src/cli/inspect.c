/* `token inspect`: what a token says by itself. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/b64.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/issuer.h"
#include "cli/say.h"
#include "cli/token_input.h"
#include "jose/jws.h"
#include "oauth/opaque.h"

static tg_ms_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (tg_ms_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static json_t *moment(tg_ms_t at) {
    char mem[32];
    tg_buf_t b;
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_put_iso8601(&b, at);
    return json_stringn(b.p, b.n);
}

/* ---- opaque ---- */

/* Read as of 1970, a bucket that has ended is told as well. */
static tg_err_t opaque_show(tg_str_t token, json_t *out) {
    static const char *const classes[] = {"hour", "day", "month", "never"};
    tg_opaque_kind_t kind;
    tg_bucket_t bucket;
    if (tg_opaque_parse(token, 0, &kind, &bucket)) {
        tg_say("begins like an opaque token, and is none: unknown to every gateway");
        return TG_ERR_INVALID;
    }
    json_object_set_new(out, "format", json_string("opaque"));
    json_object_set_new(out, "kind", json_string(kind == TG_OPAQUE_REFRESH ? "refresh token" : "access token"));
    json_object_set_new(out, "bucket", json_string((size_t)bucket.cls < 4 ? classes[bucket.cls] : "?"));
    bool never = bucket.cls == TG_BUCKET_NEVER;
    json_object_set_new(out, "endsNotLaterThan", never ? json_null() : moment(tg_bucket_end(bucket)));
    json_object_set_new(out, "ended", json_boolean(!tg_bucket_is_open(bucket, now_ms())));
    json_object_set_new(out, "note", json_string("all else about it is with the gateway: tollgate token introspect"));
    return TG_OK;
}

/* ---- keys ---- */

static tg_err_t jwks_read(const tg_args_t *a, json_t **out) {
    const char *where = a->value[TG_FLAG_JWKS], *issuer = a->value[TG_FLAG_ISSUER];
    tg_transport_t t = tg_transport_of(a);
    json_t *metadata = NULL;
    *out = NULL;
    if (where && strncmp(where, "http://", 7) != 0 && strncmp(where, "https://", 8) != 0)
        return tg_input_parse(where, out, NULL);
    if (where)
        return tg_issuer_fetch(&t, where, out);
    tg_err_t err = tg_issuer_discover(&t, issuer, &metadata);
    const char *uri = json_string_value(json_object_get(metadata, "jwks_uri"));
    if (!err && !uri) {
        tg_say("%s: its metadata names no keys", issuer);
        err = TG_ERR_NOTFOUND;
    }
    if (!err)
        err = tg_issuer_fetch(&t, uri, out);
    json_decref(metadata);
    return err;
}

/* TG_OK: this key made the signature. */
static tg_err_t key_try(const json_t *jwk, const tg_jws_t *jws) {
    tg_buf_t text;
    tg_key_t *key = NULL;
    tg_str_t kid = tg_json_str(jwk, "kid");
    if (jws->kid.n && kid.n && !tg_str_eq(jws->kid, kid))
        return TG_ERR_NOTFOUND;
    tg_buf_init(&text, 65536);
    tg_err_t err = tg_json_write(jwk, &text);
    if (!err)
        err = tg_key_from_jwk(tg_buf_str(&text), tg_alg_parse(jws->alg), &key, NULL);
    if (!err)
        err = tg_jws_verify(jws, key);
    tg_key_free(key);
    tg_buf_release(&text);
    return err;
}

static tg_err_t signature_verify(const tg_args_t *a, const tg_jws_t *jws) {
    json_t *jwks = NULL, *jwk;
    size_t i;
    if (tg_alg_parse(jws->alg) == TG_ALG_NONE_SUCH) {
        tg_say("the token's algorithm \"%.*s\" is none that may sign a token", TG_STR_ARGS(jws->alg));
        return TG_ERR_INVALID;
    }
    tg_err_t err = jwks_read(a, &jwks);
    if (err)
        return err;
    err = TG_ERR_NOTFOUND;
    json_array_foreach(json_object_get(jwks, "keys"), i, jwk) {
        tg_err_t tried = key_try(jwk, jws);
        err = tried == TG_OK || err == TG_ERR_NOTFOUND ? tried : err;
        if (err == TG_OK)
            break;
    }
    json_decref(jwks);
    if (err)
        tg_say(err == TG_ERR_NOTFOUND ? "none of these keys is the token's" : "the signature is wrong");
    return err;
}

/* ---- claims ---- */

static tg_ms_t date_of(const json_t *claims, const char *name) {
    const json_t *value = json_object_get(claims, name);
    double seconds = json_number_value(value);
    return json_is_number(value) && seconds >= 0 && seconds < 1e12 ? (tg_ms_t)(seconds * 1000) : -1;
}

static tg_err_t claims_check(const tg_args_t *a, const json_t *claims) {
    tg_ms_t now = now_ms(), exp = date_of(claims, "exp"), nbf = date_of(claims, "nbf");
    tg_str_t iss = tg_json_str(claims, "iss");
    if (json_object_get(claims, "exp") && (exp < 0 || exp <= now))
        tg_say("the token has ended");
    else if (json_object_get(claims, "nbf") && (nbf < 0 || nbf > now))
        tg_say("the token does not begin yet");
    else if (a->value[TG_FLAG_ISSUER] && !tg_issuer_is(a->value[TG_FLAG_ISSUER], iss))
        tg_say("the token's issuer is \"%.*s\"", TG_STR_ARGS(iss));
    else
        return TG_OK;
    return TG_ERR_INVALID;
}

static void times_put(const json_t *claims, json_t *out) {
    static const char *const names[][2] = {{"iat", "issuedAt"}, {"nbf", "notBefore"}, {"exp", "expiresAt"}};
    for (size_t i = 0; i < 3; i++) {
        tg_ms_t at = date_of(claims, names[i][0]);
        if (at >= 0)
            json_object_set_new(out, names[i][1], moment(at));
    }
}

static json_t *header_parse(tg_str_t token) {
    char mem[TG_JWS_MAX];
    json_t *header = NULL;
    size_t n = 0;
    ptrdiff_t dot = tg_str_find_char(token, '.');
    if (dot < 0 || tg_b64url_decode(tg_strn(token.p, (size_t)dot), mem, sizeof(mem), &n) ||
        tg_json_parse(tg_strn(mem, n), sizeof(mem), 16, &header, NULL))
        return NULL;
    return header;
}

static tg_err_t jwt_show(const tg_args_t *a, tg_str_t token, json_t *out) {
    tg_arena_t arena;
    tg_jws_t jws;
    json_t *claims = NULL, *header = NULL;
    bool verify = a->value[TG_FLAG_JWKS] || a->value[TG_FLAG_ISSUER];
    tg_arena_init(&arena, 1 << 20);
    tg_err_t err = tg_jws_parse(token, &arena, &jws);
    if (!err)
        err = tg_json_parse(jws.payload, TG_JWS_MAX, 16, &claims, NULL);
    header = err ? NULL : header_parse(token);
    if (!header) {
        tg_say("neither a JWT nor an opaque token of Tollgate");
        err = TG_ERR_INVALID;
        goto done;
    }
    json_object_set_new(out, "format", json_string("jwt"));
    json_object_set(out, "header", header);
    json_object_set(out, "payload", claims);
    times_put(claims, out);
    if (verify)
        err = signature_verify(a, &jws);
    json_object_set_new(out, "signature", json_string(!verify ? "not checked" : err ? "wrong" : "verified"));
    if (verify && !err)
        err = claims_check(a, claims);
done:
    json_decref(header);
    json_decref(claims);
    tg_arena_release(&arena);
    return err;
}

/* What was found is shown also when something of it is wrong. */
int tg_token_inspect(const tg_args_t *a) {
    char mem[TG_SECRET_MAX];
    tg_buf_t token;
    tg_output_t format;
    json_t *out = json_object();
    tg_buf_init_fixed(&token, mem, sizeof(mem));
    tg_err_t err = tg_output_parse(a, &format), shown = TG_OK;
    if (!err)
        err = tg_token_input(a, &token);
    if (!err)
        err = tg_opaque_has_prefix(tg_buf_str(&token)) ? opaque_show(tg_buf_str(&token), out)
                                                       : jwt_show(a, tg_buf_str(&token), out);
    if (json_object_size(out) > 0)
        shown = format == TG_OUTPUT_TABLE ? tg_output_object(out) : tg_output_value(format, out);
    json_decref(out);
    tg_wipe(mem, sizeof(mem));
    return tg_exit_of(err ? err : shown);
}
