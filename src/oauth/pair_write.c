#include "oauth/bucket_text.h"
#include "oauth/refresh.h"

static void member_put(tg_buf_t *out, const char *name, tg_str_t value) {
    tg_buf_putf(out, ",\"%s\":", name);
    tg_buf_put_json(out, value);
}

static void id_put(tg_buf_t *out, const char *name, const uint8_t id[16]) {
    tg_buf_putf(out, ",\"%s\":\"", name);
    tg_buf_put_b64url(out, tg_strn(id, 16));
    tg_buf_putc(out, '"');
}

/* iss, sub, aud, exp (left out if never), iat, jti, client_id, tg_gen; the object stays open. */
static void claims_begin(const tg_pair_t *p, tg_str_t issuer, tg_ms_t expires_at, const uint8_t jti[16],
                         tg_buf_t *out) {
    tg_buf_put(out, TG_STR("{\"iss\":"));
    tg_buf_put_json(out, issuer);
    member_put(out, "sub", p->plan.subject);
    member_put(out, "aud", p->plan.client_id);
    if (expires_at != 0) {
        tg_buf_putf(out, ",\"exp\":%lld", (long long)(expires_at / TG_SECOND_MS));
    }
    tg_buf_putf(out, ",\"iat\":%lld", (long long)(p->issued_at / TG_SECOND_MS));
    id_put(out, "jti", jti);
    member_put(out, "client_id", p->plan.client_id);
    tg_buf_putf(out, ",\"tg_gen\":\"%016llx\"", (unsigned long long)p->plan.generation);
}

void tg_pair_claims_write(const tg_pair_t *pair, tg_str_t issuer, tg_buf_t *out) {
    claims_begin(pair, issuer, pair->record.access_expires_at, pair->jti, out);
    if (pair->plan.has_scope) {
        member_put(out, "scope", pair->plan.scope);
    }
    if (pair->has_refresh) {
        id_put(out, "tg_fam", pair->record.family);
    }
    tg_buf_putc(out, '}');
}

void tg_refresh_claims_write(const tg_pair_t *pair, tg_str_t issuer, tg_buf_t *out) {
    claims_begin(pair, issuer, pair->refresh_ends_at, pair->refresh_jti, out);
    id_put(out, "tg_fam", pair->record.family);
    tg_buf_put(out, TG_STR(",\"tg_bucket\":\""));
    tg_bucket_text_write(pair->record.bucket, out);
    tg_buf_put(out, TG_STR("\"}"));
}

/* Rounded up, as lifetimes are: at the moment of issue it is the whole of the life. */
static int64_t seconds_left(tg_ms_t end, tg_ms_t now) {
    return end <= now ? 0 : (end - now + TG_SECOND_MS - 1) / TG_SECOND_MS;
}

void tg_pair_response_write(const tg_pair_t *pair, tg_str_t access, tg_str_t refresh, tg_ms_t now, tg_buf_t *out) {
    tg_buf_put(out, TG_STR("{\"access_token\":"));
    tg_buf_put_json(out, access);
    tg_buf_put(out, TG_STR(",\"token_type\":\"Bearer\""));
    if (pair->record.access_expires_at != 0) {
        tg_buf_putf(out, ",\"expires_in\":%lld", (long long)seconds_left(pair->record.access_expires_at, now));
    }
    if (pair->has_refresh) {
        member_put(out, "refresh_token", refresh);
    }
    if (pair->plan.has_scope) {
        member_put(out, "scope", pair->plan.scope);
    }
    tg_buf_putc(out, '}');
}
