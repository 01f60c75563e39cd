#include "oauth/bucket_text.h"
#include "oauth/refresh.h"

/* What is written for each token is put together piece by piece: printf costs many times as much. */
static void name_put(tg_buf_t *out, const char *name) {
    tg_buf_put(out, TG_STR(",\""));
    tg_buf_put(out, tg_str(name));
    tg_buf_put(out, TG_STR("\":"));
}

static void member_put(tg_buf_t *out, const char *name, tg_str_t value) {
    name_put(out, name);
    tg_buf_put_json(out, value);
}

static void seconds_put(tg_buf_t *out, const char *name, tg_ms_t at) {
    name_put(out, name);
    tg_buf_put_int(out, at / TG_SECOND_MS);
}

static void id_put(tg_buf_t *out, const char *name, const uint8_t id[16]) {
    name_put(out, name);
    tg_buf_putc(out, '"');
    tg_buf_put_b64url(out, tg_strn(id, 16));
    tg_buf_putc(out, '"');
}

static void generation_put(tg_buf_t *out, const char *name, uint64_t generation) {
    uint8_t bytes[sizeof(generation)];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(generation >> 8 * (sizeof(bytes) - 1 - i));
    }
    name_put(out, name);
    tg_buf_putc(out, '"');
    tg_buf_put_hex(out, tg_strn(bytes, sizeof(bytes)));
    tg_buf_putc(out, '"');
}

/* ---- metadata ---- */

/* Claims that are the token's own (RFC 7519 4.1, RFC 9068 2.2); parts of the gateway's rules, and of those that verify
 * beside it, hang on them. The model refuses such names; what it let through once must not get through here. */
static bool claim_is_own(tg_str_t name) {
    static const tg_str_t own[] = {{"iss", 3}, {"sub", 3}, {"aud", 3}, {"exp", 3},       {"nbf", 3},
                                   {"iat", 3}, {"jti", 3}, {"cnf", 3}, {"client_id", 9}, {"scope", 5}};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (tg_str_eq(name, own[i])) {
            return true;
        }
    }
    return tg_str_starts(name, TG_STR("tg_"));
}

/* The name under which an entry stands in the access JWT; "" : it does not. */
static tg_str_t claim_name(const tg_metadata_entry_t *e) {
    tg_str_t name = e->jwt_claim.n > 0 ? e->jwt_claim : e->key;
    return e->in_jwt && !e->secret && !claim_is_own(name) ? name : TG_STR_NONE;
}

/* ... and in the response. */
static tg_str_t field_name(const tg_metadata_entry_t *e, const tg_token_management_t *m) {
    bool taken = !e->in_response || tg_response_name_is_taken(e->key);
    for (tg_response_field_t f = TG_FIELD_ACCESS_TOKEN; f < TG_FIELDS_N; f++) {
        taken |= tg_str_eq(e->key, tg_response_name(m, f));
    }
    return taken ? TG_STR_NONE : e->key;
}

static tg_str_t entry_name(const tg_metadata_entry_t *e, const tg_token_management_t *m) {
    return m != NULL ? field_name(e, m) : claim_name(e);
}

/* Metadata, then what a provider told. */
static const tg_metadata_entry_t *entry_at(const tg_grant_plan_t *plan, size_t i) {
    return i < plan->n_metadata ? &plan->metadata[i] : &plan->claims[i - plan->n_metadata];
}

/* Of two entries with one name the first counts. */
static bool entry_counts(const tg_grant_plan_t *plan, size_t i, const tg_token_management_t *m) {
    tg_str_t name = entry_name(entry_at(plan, i), m);
    bool again = name.n == 0;
    for (size_t j = 0; j < i && !again; j++) {
        again = tg_str_eq(name, entry_name(entry_at(plan, j), m));
    }
    return !again;
}

/* Into the response by `m`, into the access JWT with NULL. */
static void entries_put(tg_buf_t *out, const tg_grant_plan_t *plan, const tg_token_management_t *m) {
    for (size_t i = 0; i < plan->n_metadata + plan->n_claims; i++) {
        if (entry_counts(plan, i, m)) {
            tg_buf_putc(out, ',');
            tg_buf_put_json(out, entry_name(entry_at(plan, i), m));
            tg_buf_putc(out, ':');
            tg_buf_put(out, entry_at(plan, i)->value);
        }
    }
}

/* Which claims of the access JWT a provider told, so that a new one can have them, too. */
static void claim_names_put(tg_buf_t *out, const tg_grant_plan_t *plan) {
    bool any = false;
    for (size_t i = plan->n_metadata; i < plan->n_metadata + plan->n_claims; i++) {
        if (entry_counts(plan, i, NULL)) {
            tg_buf_put(out, any ? TG_STR(",") : TG_STR(",\"tg_claims\":["));
            tg_buf_put_json(out, claim_name(entry_at(plan, i)));
            any = true;
        }
    }
    tg_buf_put(out, any ? TG_STR("]") : TG_STR_NONE);
}

/* In the refresh JWT: all of them, for the access JWTs to come; those of the metadata's names, too, since the metadata
 * is read afresh for each. */
static void claims_put(tg_buf_t *out, const tg_grant_plan_t *plan) {
    const tg_grant_plan_t alone = {.claims = plan->claims, .n_claims = plan->n_claims};
    bool any = false;
    for (size_t i = 0; i < alone.n_claims; i++) {
        if (entry_counts(&alone, i, NULL)) {
            tg_buf_put(out, any ? TG_STR(",") : TG_STR(",\"tg_claims\":{"));
            tg_buf_put_json(out, claim_name(&alone.claims[i]));
            tg_buf_putc(out, ':');
            tg_buf_put(out, alone.claims[i].value);
            any = true;
        }
    }
    tg_buf_put(out, any ? TG_STR("}") : TG_STR_NONE);
}

static void size_check(tg_buf_t *out, size_t start) {
    if (out->err == TG_OK && out->n - start > TG_CLAIMS_MAX) {
        out->err = TG_ERR_LIMIT;
    }
}

/* ---- claims ---- */

/* As long as most are. */
#define CLAIMS_MOST 512

/* iss, sub, aud, exp (left out if never), iat, jti, client_id, tg_gen; the object stays open. */
static void claims_begin(const tg_pair_t *p, tg_str_t issuer, tg_ms_t expires_at, const uint8_t jti[16],
                         tg_buf_t *out) {
    tg_buf_expect(out, CLAIMS_MOST);
    tg_buf_put(out, TG_STR("{\"iss\":"));
    tg_buf_put_json(out, issuer);
    member_put(out, "sub", p->plan.subject);
    member_put(out, "aud", p->plan.client_id);
    if (expires_at != 0) {
        seconds_put(out, "exp", expires_at);
    }
    seconds_put(out, "iat", p->issued_at);
    id_put(out, "jti", jti);
    member_put(out, "client_id", p->plan.client_id);
    generation_put(out, "tg_gen", p->plan.generation);
}

void tg_pair_claims_write(const tg_pair_t *pair, tg_str_t issuer, tg_buf_t *out) {
    size_t start = out->n;
    claims_begin(pair, issuer, pair->record.access_expires_at, pair->jti, out);
    if (pair->plan.user_generation != 0) {
        generation_put(out, "tg_ugen", pair->plan.user_generation);
    }
    if (pair->plan.has_scope) {
        member_put(out, "scope", pair->plan.scope);
    } else if (pair->plan.scope.n > 0) {
        member_put(out, "tg_roles", pair->plan.scope);
    }
    if (pair->has_refresh || pair->has_family) {
        id_put(out, "tg_fam", pair->record.family);
    }
    entries_put(out, &pair->plan, NULL);
    claim_names_put(out, &pair->plan);
    tg_buf_putc(out, '}');
    size_check(out, start);
}

void tg_refresh_claims_write(const tg_pair_t *pair, tg_str_t issuer, tg_buf_t *out) {
    size_t start = out->n;
    claims_begin(pair, issuer, pair->refresh_ends_at, pair->refresh_jti, out);
    id_put(out, "tg_fam", pair->record.family);
    tg_buf_put(out, TG_STR(",\"tg_bucket\":\""));
    tg_bucket_text_write(pair->record.bucket, out);
    tg_buf_putc(out, '"');
    claims_put(out, &pair->plan);
    tg_buf_putc(out, '}');
    size_check(out, start);
}

/* Rounded up, as lifetimes are: at the moment of issue it is the whole of the life. */
static int64_t seconds_left(tg_ms_t end, tg_ms_t now) {
    return end <= now ? 0 : (end - now + TG_SECOND_MS - 1) / TG_SECOND_MS;
}

/* ---- the response ---- */

/* What most answers have beside their tokens. */
#define RESPONSE_REST 256

/* The object's members so far; a comma goes between two. */
typedef struct {
    const tg_token_management_t *m;
    tg_buf_t *out;
    bool any;
} response_t;

/* false: the field is left out. */
static bool field_begin(response_t *r, tg_response_field_t field) {
    tg_str_t name = tg_response_name(r->m, field);
    if (name.n == 0) {
        return false;
    }
    tg_buf_putc(r->out, r->any ? ',' : '{');
    tg_buf_put_json(r->out, name);
    tg_buf_putc(r->out, ':');
    r->any = true;
    return true;
}

static void field_put(response_t *r, tg_response_field_t field, tg_str_t value) {
    if (field_begin(r, field)) {
        tg_buf_put_json(r->out, value);
    }
}

static void expires_in_put(response_t *r, int64_t seconds) {
    if (field_begin(r, TG_FIELD_EXPIRES_IN)) {
        int64_t unit = r->m->expires_in_unit == TG_EXPIRES_IN_MILLISECONDS ? TG_SECOND_MS : 1;
        tg_buf_put_int(r->out, seconds * unit);
    }
}

static void moment_put(tg_buf_t *out, const char *name, tg_ms_t at) {
    name_put(out, name);
    tg_buf_putc(out, '"');
    tg_buf_put_iso8601(out, at);
    tg_buf_putc(out, '"');
}

/* A refresh token's life starts anew at each refresh, also if the token is the same. */
static void extended_put(const tg_pair_t *pair, tg_str_t application, tg_buf_t *out) {
    member_put(out, "X-ApplicationName", application);
    member_put(out, "X-ClientInfo", pair->plan.client_id);
    moment_put(out, "X-IssuedAt", pair->issued_at);
    if (pair->record.access_expires_at != 0) {
        moment_put(out, "X-ExpiresAt", pair->record.access_expires_at);
    }
    if (pair->has_refresh) {
        moment_put(out, "X-RefreshTokenIssuedAt", pair->issued_at);
        moment_put(out, "X-RefreshTokenExpiresAt", pair->record.refresh_expires_at);
        name_put(out, "X-RefreshCount");
        tg_buf_put_int(out, pair->record.refresh_used);
    }
}

void tg_pair_response_write(const tg_pair_t *pair, const tg_token_management_t *m, tg_str_t application,
                            tg_str_t access, tg_str_t refresh, tg_ms_t now, tg_buf_t *out) {
    response_t r = {m, out, false};
    tg_buf_expect(out, access.n + refresh.n + RESPONSE_REST);
    field_put(&r, TG_FIELD_ACCESS_TOKEN, access);
    field_put(&r, TG_FIELD_TOKEN_TYPE, TG_STR("Bearer"));
    if (pair->record.access_expires_at != 0) {
        expires_in_put(&r, seconds_left(pair->record.access_expires_at, now));
    }
    if (pair->has_refresh) {
        field_put(&r, TG_FIELD_REFRESH_TOKEN, refresh);
    }
    if (pair->plan.has_scope) {
        field_put(&r, TG_FIELD_SCOPE, pair->plan.scope);
    }
    if (m->extended_fields) {
        extended_put(pair, application, out);
    }
    entries_put(out, &pair->plan, m);
    if (pair->plan.api_response.n > 0) {
        tg_buf_put(out, TG_STR(",\"X-ApiResponse\":"));
        tg_buf_put(out, pair->plan.api_response);
    }
    tg_buf_putc(out, '}');
}
