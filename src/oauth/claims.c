#include "oauth/claims.h"

#include "jose/jws.h"

#define CLAIMS_DEPTH 8
#define SECONDS_MAX  ((int64_t)1 << 53) /* in milliseconds it still fits tg_ms_t */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    tg_str_t name;
    size_t offset;
} known[] = {
    {{"iss", 3}, offsetof(tg_claims_t, iss)},
    {{"sub", 3}, offsetof(tg_claims_t, sub)},
    {{"aud", 3}, offsetof(tg_claims_t, aud)},
    {{"client_id", 9}, offsetof(tg_claims_t, client_id)},
    {{"jti", 3}, offsetof(tg_claims_t, jti)},
    {{"scope", 5}, offsetof(tg_claims_t, scope)},
    {{"tg_gen", 6}, offsetof(tg_claims_t, tg_gen)},
    {{"tg_ugen", 7}, offsetof(tg_claims_t, tg_ugen)},
    {{"tg_fam", 6}, offsetof(tg_claims_t, tg_fam)},
    {{"iat", 3}, offsetof(tg_claims_t, iat)},
    {{"tg_bucket", 9}, offsetof(tg_claims_t, tg_bucket)},
    {{"tg_roles", 8}, offsetof(tg_claims_t, tg_roles)},
    {{"nbf", 3}, offsetof(tg_claims_t, nbf)},
    {{"exp", 3}, offsetof(tg_claims_t, exp)},
};

static tg_claim_t *claim_at(tg_claims_t *c, size_t i) {
    return (tg_claim_t *)((char *)c + known[i].offset);
}

static tg_ms_t date_of_int(int64_t s) {
    return s >= 0 && s <= SECONDS_MAX ? s * TG_SECOND_MS : -1;
}

/* ---- any JSON ---- */

static tg_ms_t date_of(const json_t *v) {
    if (json_is_integer(v)) {
        return date_of_int(json_integer_value(v));
    }
    double s = json_is_real(v) ? json_real_value(v) : -1;
    return s >= 0 && s <= (double)SECONDS_MAX ? (tg_ms_t)(s * TG_SECOND_MS) : -1; /* NaN compares false */
}

static tg_err_t json_read(tg_str_t payload, tg_claims_t *out) {
    tg_err_t err = tg_json_parse(payload, TG_JWS_MAX, CLAIMS_DEPTH, &out->json, NULL);
    if (err) {
        return err == TG_ERR_NOMEM ? err : TG_ERR_INVALID;
    }
    if (!json_is_object(out->json)) {
        tg_claims_release(out);
        return TG_ERR_INVALID;
    }
    for (size_t i = 0; i < COUNT(known); i++) {
        const json_t *v = json_object_get(out->json, known[i].name.p);
        bool is_text = json_is_string(v);
        tg_str_t text = is_text ? tg_strn(json_string_value(v), json_string_length(v)) : TG_STR_NONE;
        *claim_at(out, i) = (tg_claim_t){v != NULL, is_text, text, date_of(v)};
    }
    return TG_OK;
}

/* ---- the JSON that we write ourselves ----
 *
 * One flat object of ASCII strings without escapes and of whole numbers, without blanks: a tenth of the cost of a
 * document in memory, and a JWT that is seen for the first time pays it. Whatever is not exactly that is left to
 * json_read(), so this has no refusals of its own. */

#define PLAIN_NAMES_MAX 24

typedef struct {
    const char *p, *end;
    tg_str_t names[PLAIN_NAMES_MAX];
    size_t n;
} plain_t;

static bool plain_take(plain_t *r, char c) {
    if (r->p == r->end || *r->p != c) {
        return false;
    }
    r->p++;
    return true;
}

static bool plain_string(plain_t *r, tg_str_t *out) {
    if (!plain_take(r, '"')) {
        return false;
    }
    const char *start = r->p;
    while (r->p < r->end && *r->p >= ' ' && *r->p < 0x7f && *r->p != '"' && *r->p != '\\') {
        r->p++;
    }
    *out = tg_strn(start, (size_t)(r->p - start));
    return plain_take(r, '"');
}

static bool plain_number(plain_t *r, int64_t *out) {
    const char *start = r->p;
    for (*out = 0; r->p < r->end && *r->p >= '0' && *r->p <= '9' && r->p - start < 17; r->p++) {
        *out = *out * 10 + (*r->p - '0');
    }
    return r->p > start && r->p - start < 17 && (*start != '0' || r->p - start == 1);
}

static bool plain_name_is_new(plain_t *r, tg_str_t name) {
    if (r->n == PLAIN_NAMES_MAX) {
        return false;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (tg_str_eq(r->names[i], name)) {
            return false;
        }
    }
    r->names[r->n++] = name;
    return true;
}

static bool plain_member(plain_t *r, tg_claims_t *out) {
    tg_str_t name;
    int64_t number;
    tg_claim_t claim = {.there = true, .date = -1};
    if (!plain_string(r, &name) || !plain_take(r, ':') || !plain_name_is_new(r, name)) {
        return false;
    }
    if (r->p < r->end && *r->p == '"') {
        claim.is_text = true;
        if (!plain_string(r, &claim.text)) {
            return false;
        }
    } else if (plain_number(r, &number)) {
        claim.date = date_of_int(number);
    } else {
        return false;
    }
    for (size_t i = 0; i < COUNT(known); i++) {
        if (tg_str_eq(known[i].name, name)) {
            *claim_at(out, i) = claim;
        }
    }
    return true;
}

static bool plain_read(tg_str_t payload, tg_claims_t *out) {
    plain_t r = {.p = payload.p, .end = payload.p + payload.n};
    for (size_t i = 0; i < COUNT(known); i++) {
        claim_at(out, i)->date = -1;
    }
    if (payload.n > TG_JWS_MAX || !plain_take(&r, '{')) {
        return false;
    }
    do {
        if (!plain_member(&r, out)) {
            return false;
        }
    } while (plain_take(&r, ','));
    return plain_take(&r, '}') && r.p == r.end;
}

tg_err_t tg_claims_parse(tg_str_t payload, tg_claims_t *out) {
    *out = (tg_claims_t){.json = NULL};
    if (payload.n > 0 && plain_read(payload, out)) {
        return TG_OK;
    }
    *out = (tg_claims_t){.json = NULL};
    return json_read(payload, out);
}

void tg_claims_release(tg_claims_t *c) {
    json_decref(c->json);
    c->json = NULL;
}
