#include "model/token_management.h"

#include "model/chars.h"
#include "model/parts.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const tg_choice_t mismatch_choices[] = {{"STRICT", TG_MISMATCH_STRICT, false},
                                               {"LENIENT", TG_MISMATCH_LENIENT, false},
                                               {"IGNORE_REQUEST", TG_MISMATCH_IGNORE_REQUEST, false},
                                               {NULL, 0, false}};
static const tg_choice_t not_requested_choices[] = {{"NO_SCOPE", TG_NOT_REQUESTED_NO_SCOPE, false},
                                                    {"ALL_SCOPES", TG_NOT_REQUESTED_ALL_SCOPES, false},
                                                    {NULL, 0, false}};
static const tg_choice_t unit_choices[] = {
    {"SECONDS", TG_EXPIRES_IN_SECONDS, false}, {"MILLISECONDS", TG_EXPIRES_IN_MILLISECONDS, false}, {NULL, 0, false}};

/* RFC 6749 5.1 */
static const char *const standard[TG_FIELDS_N] = {
    [TG_FIELD_ACCESS_TOKEN] = "access_token",
    [TG_FIELD_TOKEN_TYPE] = "token_type",
    [TG_FIELD_EXPIRES_IN] = "expires_in",
    [TG_FIELD_REFRESH_TOKEN] = "refresh_token",
    [TG_FIELD_SCOPE] = "scope",
};

static const char *const taken[] = {
    "error",
    "error_description",
    "error_uri",
    "X-ApplicationName",
    "X-ClientInfo",
    "X-IssuedAt",
    "X-ExpiresAt",
    "X-ExpiresInMillis",
    "X-RefreshTokenIssuedAt",
    "X-RefreshTokenExpiresAt",
    "X-RefreshTokenExpiresInMillis",
    "X-RefreshCount",
    "X-MaxRefreshCount",
    "X-ApiResponse",
    "X-RefreshToken",
};

bool tg_response_name_is_taken(tg_str_t name) {
    for (size_t i = 0; i < COUNT(taken); i++) {
        if (tg_str_eq_ci(name, tg_str(taken[i]))) {
            return true;
        }
    }
    return name.n >= 3 && tg_str_eq_ci(tg_strn(name.p, 3), TG_STR("tg_"));
}

bool tg_response_name_is_standard(tg_str_t name) {
    for (size_t i = 0; i < TG_FIELDS_N; i++) {
        if (tg_str_eq_ci(name, tg_str(standard[i]))) {
            return true;
        }
    }
    return false;
}

tg_str_t tg_response_name(const tg_token_management_t *m, tg_response_field_t field) {
    const tg_response_name_t *name = &m->names[field];
    if (name->left_out) {
        return TG_STR_NONE;
    }
    return name->name.n > 0 ? name->name : tg_str(standard[field]);
}

/* ---- fieldNames ---- */

static bool name_is_plain(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        if (!tg_is_alnum(s.p[i]) && strchr("_-.", s.p[i]) == NULL) {
            return false;
        }
    }
    return s.n <= TG_RESPONSE_FIELD_MAX;
}

static tg_err_t read_name(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    tg_response_name_t *name = out;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    if (!name_is_plain(s)) {
        return tg_refuse(r, at, "must be at most %d of the characters A-Z a-z 0-9 _ - .", TG_RESPONSE_FIELD_MAX);
    }
    name->left_out = s.n == 0;
    /* The standard name is kept as "", so that the same settings always look the same. */
    return tg_str_eq(s, tg_str(f->name)) ? TG_OK : tg_keep(r, s, &name->name);
}

static json_t *name_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^[A-Za-z0-9_.-]*$", 0, TG_RESPONSE_FIELD_MAX);
}

#define NAME_FIELD(key, field)                                                                                         \
    { .name = key, .read = read_name, .offset = (field) * sizeof(tg_response_name_t), .schema = name_schema }

static const tg_field_t name_fields[] = {
    NAME_FIELD("access_token", TG_FIELD_ACCESS_TOKEN),
    NAME_FIELD("token_type", TG_FIELD_TOKEN_TYPE),
    NAME_FIELD("expires_in", TG_FIELD_EXPIRES_IN),
    NAME_FIELD("refresh_token", TG_FIELD_REFRESH_TOKEN),
    NAME_FIELD("scope", TG_FIELD_SCOPE),
};

static tg_err_t name_check(const tg_reader_t *r, const tg_place_t *at, const tg_token_management_t *m, size_t i) {
    tg_str_t name = tg_response_name(m, (tg_response_field_t)i);
    if (name.n == 0) {
        return TG_OK;
    }
    if (tg_response_name_is_taken(name)) {
        return tg_refuse(r, at, "is a name that means something else in a response");
    }
    for (size_t j = 0; j < TG_FIELDS_N; j++) {
        if (j != i && tg_str_eq_ci(name, tg_str(standard[j]))) {
            return tg_refuse(r, at, "is the standard name of another field");
        }
        if (j < i && tg_str_eq_ci(name, tg_response_name(m, (tg_response_field_t)j))) {
            return tg_refuse(r, at, "is the name of %s already", standard[j]);
        }
    }
    return TG_OK;
}

static tg_err_t read_names(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    tg_token_management_t *m = out;
    tg_err_t err = tg_fields_read(r, at, v, name_fields, COUNT(name_fields), m->names);
    if (!err && m->names[TG_FIELD_ACCESS_TOKEN].left_out) {
        err = tg_refuse(r, TG_MEMBER(at, "access_token"), "cannot be left out");
    }
    for (size_t i = 0; !err && i < TG_FIELDS_N; i++) {
        err = name_check(r, TG_MEMBER(at, standard[i]), m, i);
    }
    return err;
}

/* ---- the settings ---- */

static const tg_field_t fields[] = {
    {.name = "scopeMismatchBehavior",
     .read = tg_read_choice,
     .offset = offsetof(tg_token_management_t, mismatch),
     .more = mismatch_choices},
    {.name = "scopeNotRequestedBehavior",
     .read = tg_read_choice,
     .offset = offsetof(tg_token_management_t, not_requested),
     .more = not_requested_choices},
    {.name = "rejectWhenNoRoles",
     .read = tg_read_bool,
     .offset = offsetof(tg_token_management_t, reject_when_no_roles)},
    {.name = "fieldNames", .read = read_names, TG_INNER(name_fields)},
    {.name = "expiresInUnit",
     .read = tg_read_choice,
     .offset = offsetof(tg_token_management_t, expires_in_unit),
     .more = unit_choices},
    {.name = "extendedFields", .read = tg_read_bool, .offset = offsetof(tg_token_management_t, extended_fields)},
};

tg_err_t tg_token_management_read(const tg_reader_t *r, const tg_place_t *at, const json_t *doc,
                                  tg_token_management_t *out) {
    *out = (tg_token_management_t){.mismatch = TG_MISMATCH_STRICT};
    return tg_fields_read(r, at, doc, fields, COUNT(fields), out);
}

tg_err_t tg_token_management_parse(const json_t *body, tg_arena_t *a, tg_token_management_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_token_management_read(&r, NULL, body, out);
}

json_t *tg_token_management_schema(void) {
    const tg_token_management_t none = {.mismatch = TG_MISMATCH_STRICT};
    return tg_schema_defaults(tg_fields_schema(fields, COUNT(fields)), tg_token_management_write(&none));
}

json_t *tg_token_management_write(const tg_token_management_t *m) {
    tg_writer_t names = tg_writer();
    for (size_t i = 0; i < TG_FIELDS_N; i++) {
        tg_write_str(&names, standard[i], tg_response_name(m, (tg_response_field_t)i));
    }
    tg_writer_t w = tg_writer();
    tg_write_cstr(&w, "scopeMismatchBehavior", tg_choice_name(mismatch_choices, (int)m->mismatch));
    tg_write_cstr(&w, "scopeNotRequestedBehavior", tg_choice_name(not_requested_choices, (int)m->not_requested));
    tg_write_bool(&w, "rejectWhenNoRoles", m->reject_when_no_roles);
    tg_write_json(&w, "fieldNames", tg_writer_end(&names));
    tg_write_cstr(&w, "expiresInUnit", tg_choice_name(unit_choices, (int)m->expires_in_unit));
    tg_write_bool(&w, "extendedFields", m->extended_fields);
    return tg_writer_end(&w);
}
