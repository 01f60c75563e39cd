#include <stdio.h>

#include "model/chars.h"
#include "model/json_path.h"
#include "model/metadata_entry.h"
#include "model/names.h"
#include "model/provider.h"
#include "model/url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define FIELDS_MAX     32
#define BODY_MAX       16384
#define BODY_DEPTH     16
#define API_URL_MAX    2048
#define API(member)    offsetof(tg_identity_provider_t, of.api.member)
#define NOT_PASSWORD   (TG_PLACE_USERNAME | TG_PLACE_CLIENT_ID | TG_PLACE_ADDRESS)
#define ANY_PLACE      (NOT_PASSWORD | TG_PLACE_PASSWORD)
#define FIELD_NAME_MAX 128

static const tg_choice_t method_choices[] = {
    {"GET", 1, false}, {"POST", 2, false}, {"PUT", 3, false}, {"PATCH", 4, false}, {NULL, 0, false}};
static const tg_choice_t body_choices[] = {
    {"NONE", TG_API_NO_BODY, false}, {"JSON", TG_API_JSON, false}, {"FORM", TG_API_FORM, false}, {NULL, 0, false}};

/* ---- address ---- */

/* Behind scheme and authority, so that nobody but the administrator says which host is asked. */
static tg_str_t behind_authority(tg_str_t url) {
    tg_str_t rest = url;
    for (int slashes = 0; slashes < 2 && rest.p != NULL; slashes++) {
        tg_str_take(&rest, '/');
    }
    size_t n = 0;
    while (rest.p != NULL && n < rest.n && rest.p[n] != '/' && rest.p[n] != '?') {
        n++;
    }
    return rest.p == NULL ? rest : tg_strn(rest.p + n, rest.n - n);
}

static bool is_query_char(char c) {
    return tg_is_alnum(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:@/?%", c) != NULL);
}

static const char *query_rule(tg_str_t query) {
    for (size_t i = 0; i < query.n; i++) {
        bool escape = query.p[i] == '%';
        if (escape && (i + 2 >= query.n || tg_hex_value(query.p[i + 1]) < 0 || tg_hex_value(query.p[i + 2]) < 0)) {
            return "must have '%' only before two hexadecimal digits";
        }
        if (!is_query_char(query.p[i])) {
            return "must have a query of characters that RFC 3986 3.4 allows";
        }
    }
    return NULL;
}

/* The text with "x" for each place. */
static tg_str_t filled_in(tg_str_t text, char *to) {
    tg_str_t before;
    int place;
    size_t n = 0;
    while (tg_template_take(&text, &before, &place)) {
        memcpy(to + n, before.p, before.n);
        n += before.n;
        if (place != 0) {
            to[n++] = 'x';
        }
    }
    return tg_strn(to, n);
}

/* The segment of a path that a user's name is all of could be "..". */
static const char *places_rule(tg_str_t url) {
    tg_str_t tail = behind_authority(url);
    const char *why = tg_template_rule(url, NOT_PASSWORD);
    if (why == NULL && tg_template_count(tail, ANY_PLACE) != tg_template_count(url, ANY_PLACE)) {
        why = "must not have {{...}} before its path";
    }
    return why;
}

static const char *url_rule(tg_str_t url) {
    char buf[API_URL_MAX];
    tg_url_t parts;
    const char *why = url.n > sizeof(buf) ? "must be at most 2048 bytes long" : places_rule(url);
    if (why != NULL) {
        return why;
    }
    tg_str_t query = filled_in(url, buf);
    tg_str_t address = tg_str_take(&query, '?');
    why = tg_url_parse(address, &parts);
    return why != NULL ? why : query_rule(query);
}

/* ---- headers and forms ---- */

typedef struct {
    tg_str_t name;
    const json_t *value;
    bool secret;
} field_t;

static const tg_field_t value_row = {.max = TG_PROVIDER_TEXT_MAX};

static json_t *value_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_text(&value_row);
}

static const tg_field_t field_fields[] = {
    {.name = "name",
     .read = tg_read_line,
     .offset = offsetof(field_t, name),
     .required = true,
     .min = 1,
     .max = FIELD_NAME_MAX},
    {.name = "value", .read = tg_read_kept, .offset = offsetof(field_t, value), .schema = value_schema},
    {.name = "secret", .read = tg_read_bool, .offset = offsetof(field_t, secret)},
};

static tg_err_t template_check(const tg_reader_t *r, const tg_place_t *at, tg_str_t text) {
    const char *why = tg_template_rule(text, ANY_PLACE);
    return why == NULL ? TG_OK : tg_refuse(r, at, "%s", why);
}

/* A secret one may leave its value out, as answers do. */
static tg_err_t read_value(const tg_reader_t *r, const tg_place_t *at, const json_t *v, tg_api_field_t *out) {
    tg_err_t err;
    if (v == NULL) {
        return out->secret ? TG_OK : tg_refuse(r, at, "is required");
    }
    if (!out->secret) {
        err = tg_read_line(r, at, &value_row, v, &out->value);
        return err ? err : template_check(r, at, out->value);
    }
    err = tg_read_secret(r, at, &value_row, v, &out->kept);
    return err ? err : template_check(r, at, out->kept.clear);
}

static tg_err_t read_field(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    tg_api_field_t *field = out;
    field_t got = {.value = NULL};
    tg_err_t err = tg_fields_read(r, at, v, field_fields, COUNT(field_fields), &got);
    field->name = got.name;
    field->secret = got.secret;
    return err ? err : read_value(r, TG_MEMBER(at, "value"), got.value, field);
}

/* Those that the connection and the message's framing own. */
static bool is_framing(tg_str_t name) {
    static const tg_str_t names[] = {
        TG_STR("Connection"),     TG_STR("Keep-Alive"),        TG_STR("Proxy-Connection"), TG_STR("TE"),
        TG_STR("Trailer"),        TG_STR("Transfer-Encoding"), TG_STR("Upgrade"),          TG_STR("Host"),
        TG_STR("Content-Length"), TG_STR("Content-Encoding"),  TG_STR("Expect"),           TG_STR("Accept-Encoding"),
        TG_STR("Range")};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (tg_str_eq_ci(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool is_header_value(tg_str_t s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static tg_err_t read_header(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    const tg_api_field_t *header = out;
    tg_err_t err = read_field(r, at, f, v, out);
    if (!err && !tg_is_token(header->name)) {
        err = tg_refuse(r, TG_MEMBER(at, "name"), "must be a header name (RFC 9110 5.1)");
    }
    if (!err && is_framing(header->name)) {
        err = tg_refuse(r, TG_MEMBER(at, "name"), "must not be a header that the connection or the message owns");
    }
    if (!err && (!is_header_value(header->value) || !is_header_value(header->kept.clear))) {
        err = tg_refuse(r, TG_MEMBER(at, "value"), "must be visible ASCII characters and spaces");
    }
    return err;
}

static tg_err_t names_check(const tg_reader_t *r, const tg_place_t *at, const tg_api_field_t *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (tg_str_eq_ci(list[i].name, list[j].name)) {
                return tg_refuse(r, TG_MEMBER(TG_ELEMENT(at, i), "name"), "stands in the list twice");
            }
        }
    }
    return TG_OK;
}

/* ---- claims ---- */

static const char *value_path_rule(tg_str_t path) {
    return tg_json_path_rule(path, false);
}

static const char *values_path_rule(tg_str_t path) {
    return tg_json_path_rule(path, true);
}

static tg_err_t read_claim(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    const tg_provider_claim_t *c = out;
    tg_err_t err = tg_read_claim(r, at, f, v, out);
    return err ? err : tg_want_rule(r, at, "source", c->source, values_path_rule);
}

/* ---- the table ---- */

#define FIELD_LIST(key, list, count, one)                                                                              \
    {                                                                                                                  \
        .name = (key), TG_STRUCTS(tg_identity_provider_t, of.api.list, of.api.count, one), .max = FIELDS_MAX,          \
        TG_INNER(field_fields)                                                                                         \
    }
#define PATH(key, member)                                                                                              \
    { .name = (key), .read = tg_read_line, .offset = API(member), .max = TG_JSON_PATH_MAX }
#define STATUS(key, member)                                                                                            \
    { .name = (key), .read = tg_read_int, .offset = API(member), .min = 100, .max = 599 }

static const tg_field_t fields[] = {
    {.name = "method", .read = tg_read_word, .offset = API(method), .more = method_choices, .schema = tg_schema_choice},
    {.name = "url", .read = tg_read_line, .offset = API(url), .required = true, .min = 1, .max = API_URL_MAX},
    {.name = "tls",
     .read = tg_read_provider_tls,
     .offset = API(tls),
     .inner = tg_provider_tls_fields,
     .n_inner = TG_PROVIDER_TLS_FIELDS_N},
    FIELD_LIST("headerList", headers, n_headers, read_header),
    {.name = "bodyType", .read = tg_read_choice, .offset = API(body_type), .more = body_choices},
    {.name = "body", .read = tg_read_text, .offset = API(body), .max = BODY_MAX},
    FIELD_LIST("formList", form, n_form, read_field),
    STATUS("statusFrom", status_from),
    STATUS("statusTo", status_to),
    {.name = "bodyContains", .read = tg_read_text, .offset = API(contains), .max = 1024},
    PATH("jsonPath", json_path),
    {.name = "jsonValue", .read = tg_read_scalar, .offset = API(json_value), .schema = tg_schema_scalar},
    PATH("rolesPath", roles_path),
    PATH("subjectPath", subject_path),
    {.name = "pathsToFetch", TG_CLAIMS_ROW(of.api.claims, of.api.n_claims, read_claim)},
    {.name = "includeInTokenResponse", .read = tg_read_bool, .offset = API(answer_in_response)},
};

static void init(tg_identity_provider_t *p) {
    p->of.api = (tg_api_provider_t){
        .method = TG_STR("POST"), .tls.verify = true, .body_type = TG_API_JSON, .status_from = 200, .status_to = 299};
}

/* ---- rules between fields ---- */

/* What is filled in must not name members. */
static bool has_place_in_names(json_t *v) {
    const char *name;
    json_t *member;
    size_t i;
    json_object_foreach(v, name, member) {
        if (strstr(name, "{{") != NULL || has_place_in_names(member)) {
            return true;
        }
    }
    json_array_foreach(v, i, member) {
        if (has_place_in_names(member)) {
            return true;
        }
    }
    return false;
}

static tg_err_t json_check(const tg_reader_t *r, const tg_place_t *at, tg_str_t body) {
    json_t *v = NULL;
    tg_fault_t why = {.field = ""};
    tg_err_t err = template_check(r, at, body);
    if (err) {
        return err;
    }
    err = tg_json_parse(body, BODY_MAX, BODY_DEPTH, &v, &why);
    if (err == TG_ERR_NOMEM) {
        return tg_refuse_nomem(r);
    }
    bool in_names = !err && has_place_in_names(v);
    json_decref(v);
    if (err) {
        return tg_refuse(r, at, "must be JSON, with {{...}} only inside of strings");
    }
    return in_names ? tg_refuse(r, at, "must not have {{...}} in the name of a member") : TG_OK;
}

static tg_err_t body_check(const tg_reader_t *r, const tg_place_t *at, const tg_api_provider_t *api) {
    bool json = api->body_type == TG_API_JSON, form = api->body_type == TG_API_FORM;
    if (api->body_type != TG_API_NO_BODY && tg_str_eq(api->method, TG_STR("GET"))) {
        return tg_refuse(r, TG_MEMBER(at, "bodyType"), "must be NONE with method GET");
    }
    if (json != (api->body.n > 0)) {
        return tg_refuse(r, TG_MEMBER(at, "body"), json ? "is required with bodyType JSON" : "is for bodyType JSON");
    }
    if (form != (api->n_form > 0)) {
        return tg_refuse(r, TG_MEMBER(at, "formList"),
                         form ? "must not be empty with bodyType FORM" : "is for bodyType FORM");
    }
    return json ? json_check(r, TG_MEMBER(at, "body"), api->body)
                : names_check(r, TG_MEMBER(at, "formList"), api->form, api->n_form);
}

static tg_err_t tls_check(const tg_reader_t *r, const tg_place_t *at, const tg_provider_tls_t *tls) {
    bool key = tls->key.clear.n > 0 || tls->key.sealed.n > 0;
    return key && tls->certificate.n == 0 ? tg_refuse(r, TG_MEMBER(at, "clientKey"), "is for a clientCertificate")
                                          : TG_OK;
}

static tg_err_t assertion_check(const tg_reader_t *r, const tg_place_t *at, tg_api_provider_t *api) {
    api->has_json_value = api->json_value.n > 0;
    if (api->status_from > api->status_to) {
        return tg_refuse(r, TG_MEMBER(at, "statusTo"), "must not be less than statusFrom");
    }
    if (api->has_json_value && api->json_path.n == 0) {
        return tg_refuse(r, TG_MEMBER(at, "jsonValue"), "is for a jsonPath");
    }
    tg_err_t err = tg_want_rule(r, at, "jsonPath", api->json_path, value_path_rule);
    if (!err) {
        err = tg_want_rule(r, at, "rolesPath", api->roles_path, values_path_rule);
    }
    return err ? err : tg_want_rule(r, at, "subjectPath", api->subject_path, value_path_rule);
}

static tg_err_t check(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, tg_identity_provider_t *p) {
    (void)doc;
    tg_api_provider_t *api = &p->of.api;
    tg_err_t err = tg_want_rule(r, at, "url", api->url, url_rule);
    if (!err) {
        err = tls_check(r, TG_MEMBER(at, "tls"), &api->tls);
    }
    if (!err) {
        err = names_check(r, TG_MEMBER(at, "headerList"), api->headers, api->n_headers);
    }
    if (!err) {
        err = body_check(r, at, api);
    }
    if (!err) {
        err = assertion_check(r, at, api);
    }
    return err ? err : tg_claims_check(r, TG_MEMBER(at, "pathsToFetch"), api->claims, api->n_claims);
}

/* ---- writing ---- */

static void write_fields(tg_writer_t *w, const char *name, const tg_api_field_t *list, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        tg_writer_t one = tg_writer();
        tg_write_str(&one, "name", list[i].name);
        if (list[i].secret) {
            tg_write_secret(&one, "value", &list[i].kept);
        } else {
            tg_write_str(&one, "value", list[i].value);
        }
        tg_write_bool(&one, "secret", list[i].secret);
        tg_list_put(&all, tg_writer_end(&one));
    }
    tg_write_json(w, name, all);
}

static void write(tg_writer_t *w, const tg_identity_provider_t *p) {
    const tg_api_provider_t *api = &p->of.api;
    tg_write_str(w, "method", api->method);
    tg_write_str(w, "url", api->url);
    tg_write_provider_tls(w, &api->tls, true);
    write_fields(w, "headerList", api->headers, api->n_headers);
    tg_write_cstr(w, "bodyType", tg_choice_name(body_choices, (int)api->body_type));
    tg_write_str(w, "body", api->body);
    write_fields(w, "formList", api->form, api->n_form);
    tg_write_int(w, "statusFrom", api->status_from);
    tg_write_int(w, "statusTo", api->status_to);
    tg_write_str(w, "bodyContains", api->contains);
    tg_write_str(w, "jsonPath", api->json_path);
    tg_write_json(w, "jsonValue", api->has_json_value ? tg_json_new_scalar(api->json_value) : json_null());
    tg_write_str(w, "rolesPath", api->roles_path);
    tg_write_str(w, "subjectPath", api->subject_path);
    tg_write_claims(w, "pathsToFetch", api->claims, api->n_claims);
    tg_write_bool(w, "includeInTokenResponse", api->answer_in_response);
}

/* ---- secrets ---- */

static tg_err_t fields_secrets(const char *list, tg_api_field_t *all, size_t n, tg_provider_secret_fn each, void *ctx) {
    char place[64];
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < n; i++) {
        snprintf(place, sizeof(place), "%s[%zu].value", list, i);
        err = all[i].secret ? each(ctx, place, &all[i].kept) : TG_OK;
    }
    return err;
}

static tg_err_t secrets(tg_identity_provider_t *p, tg_provider_secret_fn each, void *ctx) {
    tg_api_provider_t *api = &p->of.api;
    tg_err_t err = each(ctx, "tls.clientKey", &api->tls.key);
    if (!err) {
        err = fields_secrets("headerList", api->headers, api->n_headers, each, ctx);
    }
    return err ? err : fields_secrets("formList", api->form, api->n_form, each, ctx);
}

const tg_provider_kind_t tg_api_kind = {TG_PROVIDER_API, "API", fields, COUNT(fields), init, check, write, secrets};
