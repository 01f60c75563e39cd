#include "model/token_settings.h"

#include "model/credential.h"

const tg_choice_t tg_grant_choices[] = {{"CLIENT_CREDENTIALS", TG_GRANT_CLIENT_CREDENTIALS, false},
                                        {"PASSWORD", TG_GRANT_PASSWORD, false},
                                        {NULL, 0, false}};

/* Plural forms; a singular is one without its last letter. */
static const tg_str_t units[] = {
    TG_STR("MILLI_SECONDS"), TG_STR("SECONDS"), TG_STR("MINUTES"), TG_STR("HOURS"),
    TG_STR("DAYS"),          TG_STR("WEEKS"),   TG_STR("MONTHS"),  TG_STR("YEARS"),
};

/* RFC 7518 3.1, RFC 8037 3.1, as in the algorithm table of the jose room. */
static const tg_str_t algorithms[] = {
    TG_STR("RS256"), TG_STR("RS384"), TG_STR("RS512"), TG_STR("PS256"), TG_STR("PS384"),
    TG_STR("PS512"), TG_STR("ES256"), TG_STR("ES384"), TG_STR("ES512"), TG_STR("EdDSA"),
};

tg_err_t tg_read_unit(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (tg_str_eq(s, units[i]) || tg_str_eq(s, tg_strn(units[i].p, units[i].n - 1))) {
            *(tg_str_t *)out = units[i];
            return TG_OK;
        }
    }
    return tg_refuse(r, at, "must be one of MILLI_SECONDS, SECONDS, MINUTES, HOURS, DAYS, WEEKS, MONTHS, YEARS");
}

static json_t *enum_of(const tg_str_t *names, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        tg_list_put(&list, tg_json_new_str(names[i]));
    }
    return tg_schema_enum(list);
}

json_t *tg_schema_unit(const tg_field_t *f) {
    (void)f;
    return enum_of(units, sizeof(units) / sizeof(units[0]));
}

json_t *tg_schema_algorithm(const tg_field_t *f) {
    (void)f;
    return enum_of(algorithms, sizeof(algorithms) / sizeof(algorithms[0]));
}

json_t *tg_schema_identity_provider(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^([A-Za-z0-9][A-Za-z0-9._-]*)?$", 0, TG_NAME_MAX);
}

tg_str_t tg_algorithm_find(tg_str_t name) {
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (tg_str_eq(name, algorithms[i])) {
            return algorithms[i];
        }
    }
    return TG_STR_NONE;
}

tg_err_t tg_read_algorithm(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    s = tg_algorithm_find(s);
    if (s.n == 0) {
        return tg_refuse(r, at, "must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA");
    }
    *(tg_str_t *)out = s;
    return TG_OK;
}

tg_err_t tg_read_identity_provider(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                   void *out) {
    if (json_is_string(v) && json_string_length(v) == 0) {
        *(tg_str_t *)out = TG_STR_NONE;
        return TG_OK;
    }
    return tg_read_name(r, at, f, v, out);
}

void tg_token_settings_init(tg_token_settings_t *s) {
    *s = (tg_token_settings_t){.grant = TG_GRANT_CLIENT_CREDENTIALS,
                               .refresh_count = 1,
                               .refresh_rotation = true,
                               .jwt_algorithm = TG_STR("RS256")};
}

typedef struct {
    const char *amount_name, *unit_name;
    int64_t default_hours;
} lifetime_t;

static const lifetime_t access_lifetime = {"tokenExpiresInAmount", "tokenExpiresInUnit", 1};
static const lifetime_t refresh_lifetime = {"refreshTokenExpiresInAmount", "refreshTokenExpiresInUnit", 24};

static void lifetime_default(const lifetime_t *l, int64_t *amount, tg_str_t *unit) {
    *amount = l->default_hours;
    *unit = TG_STR("HOURS");
}

static tg_err_t lifetime_finish(const tg_reader_t *r, const tg_place_t *at, const lifetime_t *l, int64_t *amount,
                                tg_str_t *unit, int64_t *seconds) {
    if (*amount == 0 && unit->n == 0) {
        lifetime_default(l, amount, unit);
    }
    if (*amount == 0) {
        return tg_refuse(r, TG_MEMBER(at, l->amount_name), "is required with %s", l->unit_name);
    }
    if (unit->n == 0) {
        return tg_refuse(r, TG_MEMBER(at, l->unit_name), "is required with %s", l->amount_name);
    }
    *seconds = tg_lifetime_seconds(*amount, *unit);
    return *seconds > 0 ? TG_OK : tg_refuse(r, TG_MEMBER(at, l->amount_name), "must be at most 100 years");
}

static tg_err_t lifetimes_finish(const tg_reader_t *r, const tg_place_t *at, tg_token_settings_t *s) {
    tg_err_t err = lifetime_finish(r, at, &access_lifetime, &s->expires_in_amount, &s->expires_in_unit, &s->expires_in);
    if (err) {
        return err;
    }
    if (s->never_expires) {
        s->expires_in = 0;
    }
    return lifetime_finish(r, at, &refresh_lifetime, &s->refresh_amount, &s->refresh_unit, &s->refresh_expires_in);
}

tg_err_t tg_token_settings_finish(const tg_reader_t *r, const tg_place_t *at, tg_token_settings_t *s) {
    if (s->never_expires && s->refresh_allowed) {
        return tg_refuse(r, TG_MEMBER(at, "refreshTokenAllowed"),
                         "must be false with tokenNeverExpires: a token that never expires needs no refresh");
    }
    if (s->grant == TG_GRANT_PASSWORD) {
        s->identity_provider = s->identity_provider.n > 0 ? s->identity_provider : TG_SECRET_MANAGER;
    } else if (s->identity_provider.n > 0) {
        return tg_refuse(r, TG_MEMBER(at, "identityProvider"), "is for grantType PASSWORD");
    }
    return lifetimes_finish(r, at, s);
}

void tg_token_settings_default(tg_token_settings_t *out) {
    tg_token_settings_init(out);
    lifetime_default(&access_lifetime, &out->expires_in_amount, &out->expires_in_unit);
    lifetime_default(&refresh_lifetime, &out->refresh_amount, &out->refresh_unit);
    out->expires_in = tg_lifetime_seconds(out->expires_in_amount, out->expires_in_unit);
    out->refresh_expires_in = tg_lifetime_seconds(out->refresh_amount, out->refresh_unit);
}

bool tg_token_settings_equal(const tg_token_settings_t *a, const tg_token_settings_t *b) {
    return a->grant == b->grant && a->never_expires == b->never_expires && a->expires_in == b->expires_in &&
           a->refresh_allowed == b->refresh_allowed && a->refresh_count == b->refresh_count &&
           a->refresh_expires_in == b->refresh_expires_in && a->refresh_rotation == b->refresh_rotation &&
           a->allow_url_parameters == b->allow_url_parameters && a->delete_previous == b->delete_previous &&
           a->check_client_ip == b->check_client_ip && tg_str_eq(a->jwt_algorithm, b->jwt_algorithm) &&
           tg_str_eq(a->identity_provider, b->identity_provider);
}

void tg_token_settings_write(tg_writer_t *w, const tg_token_settings_t *s) {
    tg_write_cstr(w, "grantType", tg_choice_name(tg_grant_choices, (int)s->grant));
    tg_write_bool(w, "tokenNeverExpires", s->never_expires);
    tg_write_int(w, "tokenExpiresInAmount", s->expires_in_amount);
    tg_write_str(w, "tokenExpiresInUnit", s->expires_in_unit);
    tg_write_bool(w, "refreshTokenAllowed", s->refresh_allowed);
    tg_write_int(w, "refreshTokenCount", s->refresh_count);
    tg_write_int(w, "refreshTokenExpiresInAmount", s->refresh_amount);
    tg_write_str(w, "refreshTokenExpiresInUnit", s->refresh_unit);
    tg_write_bool(w, "refreshTokenRotation", s->refresh_rotation);
    tg_write_bool(w, "allowUrlParameters", s->allow_url_parameters);
    tg_write_bool(w, "deletePrevious", s->delete_previous);
    tg_write_str(w, "jwtSignatureAlgorithm", s->jwt_algorithm);
    tg_write_str(w, "identityProvider", s->identity_provider);
    tg_write_bool(w, "checkClientIpAddress", s->check_client_ip);
}
