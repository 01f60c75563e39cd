#include "model/identity_provider.h"

#include "model/parts.h"
#include "model/provider.h"
#include "model/token_settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define QUEUE_MAX    10000
#define OPEN_MAX_MS  3600000
#define USERS_MAX    10000000
#define INTERVAL_MIN (60 * TG_SECOND_MS)
#define INTERVAL_MAX (365 * TG_DAY_MS)

static const tg_provider_kind_t *const kinds[] = {&tg_ldap_kind, &tg_database_kind, &tg_api_kind};

static const tg_choice_t type_choices[] = {{"LDAP", TG_PROVIDER_LDAP, false},
                                           {"DATABASE", TG_PROVIDER_DATABASE, false},
                                           {"API", TG_PROVIDER_API, false},
                                           {NULL, 0, false}};

static const tg_provider_kind_t *kind_of(tg_provider_type_t type) {
    return kinds[type - TG_PROVIDER_LDAP];
}

/* ---- synchronisation ---- */

static const tg_choice_t missing_choices[] = {{"DISABLE", TG_SYNC_DISABLE, false},
                                              {"DELETE", TG_SYNC_DELETE, false},
                                              {"KEEP", TG_SYNC_KEEP, false},
                                              {NULL, 0, false}};

typedef struct {
    tg_provider_sync_t sync;
    int64_t amount;
    tg_str_t unit;
} sync_t;

static const tg_field_t sync_fields[] = {
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(sync_t, sync.enabled)},
    {.name = "intervalAmount",
     .read = tg_read_int64,
     .offset = offsetof(sync_t, amount),
     .min = 1,
     .max = INTERVAL_MAX},
    {.name = "intervalUnit", .read = tg_read_unit, .offset = offsetof(sync_t, unit)},
    {.name = "missingUsers", .read = tg_read_choice, .offset = offsetof(sync_t, sync.missing), .more = missing_choices},
    {.name = "organization", .read = tg_read_name, .offset = offsetof(sync_t, sync.organization)},
    {.name = "maxUsers", .read = tg_read_int64, .offset = offsetof(sync_t, sync.max_users), .min = 1, .max = USERS_MAX},
};

static tg_err_t interval_finish(const tg_reader_t *r, const tg_place_t *at, const sync_t *s, int64_t *interval_ms) {
    if (s->amount == 0 && s->unit.n == 0) {
        return TG_OK;
    }
    if (s->amount == 0 || s->unit.n == 0) {
        return tg_refuse(r, TG_MEMBER(at, s->amount == 0 ? "intervalAmount" : "intervalUnit"),
                         "is required with the other half of the interval");
    }
    tg_ms_t unit = tg_unit_ms(s->unit);
    if (s->amount > INTERVAL_MAX / unit || s->amount * unit < INTERVAL_MIN) {
        return tg_refuse(r, TG_MEMBER(at, "intervalAmount"), "must be at least a minute and at most one year");
    }
    *interval_ms = s->amount * unit;
    return TG_OK;
}

static tg_err_t read_sync(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    tg_provider_sync_t *sync = out;
    sync_t s = {.sync = *sync};
    tg_err_t err = tg_fields_read(r, at, v, sync_fields, COUNT(sync_fields), &s);
    *sync = s.sync;
    return err ? err : interval_finish(r, at, &s, &sync->interval_ms);
}

static json_t *sync_write(const tg_provider_sync_t *s) {
    tg_writer_t w = tg_writer();
    tg_str_t unit = tg_unit_for(s->interval_ms);
    tg_write_bool(&w, "enabled", s->enabled);
    tg_write_int(&w, "intervalAmount", s->interval_ms / tg_unit_ms(unit));
    tg_write_str(&w, "intervalUnit", unit);
    tg_write_cstr(&w, "missingUsers", tg_choice_name(missing_choices, (int)s->missing));
    tg_write_str_or_null(&w, "organization", s->organization);
    tg_write_int(&w, "maxUsers", s->max_users);
    return tg_writer_end(&w);
}

/* ---- what every provider has ---- */

static tg_err_t read_provider_name(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                   void *out) {
    tg_err_t err = tg_read_name(r, at, f, v, out);
    if (!err && tg_str_eq_ci(*(tg_str_t *)out, TG_SECRET_MANAGER)) {
        err = tg_refuse(r, at, "must not be SECRET_MANAGER: it is built in");
    }
    return err;
}

static json_t *name_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_pattern("^[A-Za-z0-9][A-Za-z0-9._-]*$", 1, TG_NAME_MAX);
}

static const tg_field_t breaker_fields[] = {
    {.name = "failures",
     .read = tg_read_int64,
     .offset = offsetof(tg_identity_provider_t, breaker_failures),
     .max = 1000},
    {.name = "openMillis",
     .read = tg_read_int64,
     .offset = offsetof(tg_identity_provider_t, breaker_open_ms),
     .min = 100,
     .max = OPEN_MAX_MS},
};

static tg_err_t read_breaker(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    (void)f;
    return tg_fields_read(r, at, v, breaker_fields, COUNT(breaker_fields), out);
}

#define NUMBER(key, member, least, most)                                                                               \
    {                                                                                                                  \
        .name = (key), .read = tg_read_int64, .offset = offsetof(tg_identity_provider_t, member), .min = (least),      \
        .max = (most)                                                                                                  \
    }

static const tg_field_t common_fields[] = {
    {.name = "name",
     .read = read_provider_name,
     .offset = offsetof(tg_identity_provider_t, name),
     .required = true,
     .schema = name_schema},
    {.name = "description", .read = tg_read_text, .offset = offsetof(tg_identity_provider_t, description), .max = 1024},
    {.name = "type",
     .read = tg_read_choice,
     .offset = offsetof(tg_identity_provider_t, type),
     .required = true,
     .more = type_choices},
    {.name = "enabled", .read = tg_read_bool, .offset = offsetof(tg_identity_provider_t, enabled)},
    NUMBER("timeoutMillis", timeout_ms, 100, 60000),
    NUMBER("poolSize", pool_size, 1, TG_PROVIDER_POOL_MAX),
    NUMBER("queueSize", queue_size, 0, QUEUE_MAX),
    {.name = "circuitBreaker", .read = read_breaker, TG_INNER(breaker_fields)},
    NUMBER("cacheSeconds", cache_s, 0, TG_PROVIDER_CACHE_MAX_S),
    {.name = "checkAtRefresh", .read = tg_read_bool, .offset = offsetof(tg_identity_provider_t, check_at_refresh)},
    {.name = "synchronisation",
     .read = read_sync,
     .offset = offsetof(tg_identity_provider_t, sync),
     TG_INNER(sync_fields)},
};

static void init(tg_identity_provider_t *p, tg_str_t project) {
    *p = (tg_identity_provider_t){.project = project,
                                  .enabled = true,
                                  .timeout_ms = 5000,
                                  .pool_size = 4,
                                  .queue_size = 64,
                                  .breaker_failures = 5,
                                  .breaker_open_ms = 10000,
                                  .sync = {.interval_ms = TG_DAY_MS, .missing = TG_SYNC_DISABLE, .max_users = 100000}};
}

/* ---- reading ---- */

static bool has_field(const tg_field_t *table, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Another type's member would otherwise only be unknown. */
static tg_err_t member_check(const tg_reader_t *r, const tg_place_t *at, const tg_provider_kind_t *kind,
                             const char *name) {
    if (has_field(common_fields, COUNT(common_fields), name) || has_field(kind->fields, kind->n_fields, name)) {
        return TG_OK;
    }
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (has_field(kinds[i]->fields, kinds[i]->n_fields, name)) {
            return tg_refuse(r, TG_MEMBER(at, name), "is for providers of type %s", kinds[i]->name);
        }
    }
    return TG_OK;
}

static tg_err_t members_check(const tg_reader_t *r, const tg_place_t *at, const tg_provider_kind_t *kind,
                              const json_t *doc) {
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)doc, name, member) {
        tg_err_t err = member_check(r, at, kind, name);
        if (err) {
            return err;
        }
    }
    return TG_OK;
}

/* Which members there may be depends on it. */
static tg_err_t type_read(const tg_reader_t *r, const tg_place_t *at, const json_t *doc,
                          const tg_provider_kind_t **kind) {
    const tg_field_t choices = {.more = type_choices};
    const json_t *v = json_object_get(doc, "type");
    int type = 0;
    if (!json_is_object(doc)) {
        return tg_refuse(r, at, "must be an object");
    }
    if (v == NULL || json_is_null(v)) {
        return tg_refuse(r, TG_MEMBER(at, "type"), "is required");
    }
    tg_err_t err = tg_read_choice(r, TG_MEMBER(at, "type"), &choices, v, &type);
    if (!err) {
        *kind = kind_of((tg_provider_type_t)type);
    }
    return err;
}

static tg_err_t fields_read(const tg_reader_t *r, const tg_place_t *at, const json_t *doc,
                            const tg_provider_kind_t *kind, tg_identity_provider_t *out) {
    tg_field_t table[COUNT(common_fields) + 32];
    size_t n = COUNT(common_fields);
    if (n + kind->n_fields > COUNT(table)) {
        return tg_fault(r->fault, TG_ERR_BUG, "type", "has more fields than there is room for");
    }
    memcpy(table, common_fields, sizeof(common_fields));
    memcpy(table + n, kind->fields, kind->n_fields * sizeof(table[0]));
    kind->init(out);
    return tg_fields_read(r, at, doc, table, n + kind->n_fields, out);
}

static tg_err_t common_check(const tg_reader_t *r, const tg_place_t *at, const tg_identity_provider_t *p) {
    if (p->check_at_refresh && !tg_identity_provider_looks_up(p)) {
        return tg_refuse(r, TG_MEMBER(at, "checkAtRefresh"),
                         "needs a provider that tells of users without their password: LDAP with ADVANCED, or DATABASE "
                         "with another passwordFormat than QUERY");
    }
    if (p->sync.enabled && !tg_identity_provider_lists(p)) {
        return tg_refuse(r, TG_MEMBER(TG_MEMBER(at, "synchronisation"), "enabled"),
                         "needs a provider that lists users: LDAP with ADVANCED, or DATABASE with a listQuery");
    }
    return TG_OK;
}

/* The place of a walker's secret, in the document that is read. */
typedef struct {
    const tg_reader_t *r;
    const tg_place_t *at;
    bool stored;
} secrets_t;

static tg_err_t secret_check(void *ctx, const char *place, tg_provider_secret_t *secret) {
    const secrets_t *s = ctx;
    if (s->stored ? secret->clear.n > 0 : secret->sealed.n > 0) {
        return tg_refuse(s->r, TG_MEMBER(s->at, place), s->stored ? "must be sealed" : "must be a string");
    }
    return TG_OK;
}

static tg_err_t provider_read(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, tg_str_t project,
                              bool stored, tg_identity_provider_t *out) {
    const tg_provider_kind_t *kind = kinds[0];
    init(out, TG_STR_NONE);
    tg_err_t err = type_read(r, at, doc, &kind);
    if (!err) {
        err = members_check(r, at, kind, doc);
    }
    if (!err) {
        err = tg_keep(r, project, &out->project);
    }
    if (!err) {
        err = fields_read(r, at, doc, kind, out);
    }
    if (!err) {
        err = kind->check(r, at, doc, out);
    }
    if (!err) {
        err = common_check(r, at, out);
    }
    secrets_t s = {r, at, stored};
    return err ? err : kind->secrets(out, secret_check, &s);
}

tg_err_t tg_identity_provider_parse(const json_t *body, tg_str_t project, tg_arena_t *a, tg_identity_provider_t *out,
                                    tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return provider_read(&r, NULL, body, project, false, out);
}

/* What a stored one cannot do without; in a body it may be left out for the one that is stored. */
static tg_err_t secrets_complete(const tg_reader_t *r, const tg_place_t *at, const tg_identity_provider_t *p) {
    const tg_api_provider_t *api = &p->of.api;
    if (p->type == TG_PROVIDER_LDAP) {
        const tg_ldap_provider_t *l = &p->of.ldap;
        return l->bind_dn.n > 0 && l->bind_password.sealed.n == 0
                   ? tg_refuse(r, TG_MEMBER(at, "bindPassword"), "is required with bindDn")
                   : TG_OK;
    }
    if (p->type == TG_PROVIDER_DATABASE) {
        return TG_OK;
    }
    if (api->tls.certificate.n > 0 && api->tls.key.sealed.n == 0) {
        return tg_refuse(r, TG_MEMBER(TG_MEMBER(at, "tls"), "clientKey"), "is required with clientCertificate");
    }
    for (size_t i = 0; i < api->n_headers + api->n_form; i++) {
        bool header = i < api->n_headers;
        size_t k = header ? i : i - api->n_headers;
        const tg_api_field_t *field = header ? &api->headers[k] : &api->form[k];
        if (field->secret && field->kept.sealed.n == 0) {
            const tg_place_t *list = TG_MEMBER(at, header ? "headerList" : "formList");
            return tg_refuse(r, TG_MEMBER(TG_ELEMENT(list, k), "value"), "is required");
        }
    }
    return TG_OK;
}

tg_err_t tg_identity_provider_read(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, tg_str_t project,
                                   tg_identity_provider_t *out) {
    tg_err_t err = provider_read(r, at, doc, project, true, out);
    return err ? err : secrets_complete(r, at, out);
}

tg_err_t tg_identity_provider_read_stored(const json_t *doc, tg_str_t project, tg_arena_t *a,
                                          tg_identity_provider_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_identity_provider_read(&r, NULL, doc, project, out);
}

/* ---- writing ---- */

json_t *tg_identity_provider_write(const tg_identity_provider_t *p) {
    tg_writer_t w = tg_writer(), breaker = tg_writer();
    tg_write_int(&breaker, "failures", p->breaker_failures);
    tg_write_int(&breaker, "openMillis", p->breaker_open_ms);
    tg_write_str(&w, "name", p->name);
    tg_write_str(&w, "description", p->description);
    tg_write_cstr(&w, "type", kind_of(p->type)->name);
    tg_write_bool(&w, "enabled", p->enabled);
    tg_write_int(&w, "timeoutMillis", p->timeout_ms);
    tg_write_int(&w, "poolSize", p->pool_size);
    tg_write_int(&w, "queueSize", p->queue_size);
    tg_write_json(&w, "circuitBreaker", tg_writer_end(&breaker));
    tg_write_int(&w, "cacheSeconds", p->cache_s);
    tg_write_bool(&w, "checkAtRefresh", p->check_at_refresh);
    tg_write_json(&w, "synchronisation", sync_write(&p->sync));
    kind_of(p->type)->write(&w, p);
    return tg_writer_end(&w);
}

/* ---- what it can do ---- */

tg_err_t tg_identity_provider_secrets(tg_identity_provider_t *p, tg_provider_secret_fn each, void *ctx) {
    return kind_of(p->type)->secrets(p, each, ctx);
}

bool tg_identity_provider_looks_up(const tg_identity_provider_t *p) {
    return (p->type == TG_PROVIDER_LDAP && p->of.ldap.authentication == TG_LDAP_ADVANCED) ||
           (p->type == TG_PROVIDER_DATABASE && p->of.database.format != TG_PASSWORD_QUERY);
}

bool tg_identity_provider_lists(const tg_identity_provider_t *p) {
    return (p->type == TG_PROVIDER_LDAP && p->of.ldap.authentication == TG_LDAP_ADVANCED) ||
           (p->type == TG_PROVIDER_DATABASE && p->of.database.list_query.n > 0);
}

static bool fields_ask(const tg_api_field_t *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (tg_template_count(list[i].value, TG_PLACE_PASSWORD) > 0) {
            return true;
        }
    }
    return false;
}

bool tg_identity_provider_asks_password(const tg_identity_provider_t *p) {
    const tg_api_provider_t *api = &p->of.api;
    return p->type != TG_PROVIDER_API || tg_template_count(api->body, TG_PLACE_PASSWORD) > 0 ||
           fields_ask(api->headers, api->n_headers) || fields_ask(api->form, api->n_form);
}

/* ---- schema: the members of all types; which of them go together is the type's to say ---- */

static json_t *kind_schema(const tg_provider_kind_t *kind) {
    tg_identity_provider_t none;
    tg_writer_t w = tg_writer();
    init(&none, TG_STR_NONE);
    none.type = kind->type;
    kind->init(&none);
    kind->write(&w, &none);
    return tg_schema_defaults(tg_fields_schema(kind->fields, kind->n_fields), tg_writer_end(&w));
}

static json_t *common_schema(void) {
    tg_identity_provider_t none;
    init(&none, TG_STR_NONE);
    none.type = TG_PROVIDER_API;
    return tg_schema_defaults(tg_fields_schema(common_fields, COUNT(common_fields)), tg_identity_provider_write(&none));
}

json_t *tg_identity_provider_schema(void) {
    json_t *schema = common_schema();
    /* The first that has a member says of it: url of API is the widest. */
    for (size_t i = COUNT(kinds); schema != NULL && i > 0; i--) {
        json_t *more = kind_schema(kinds[i - 1]);
        json_t *members = json_object_get(more, "properties");
        if (members == NULL || json_object_update_missing(json_object_get(schema, "properties"), members) != 0) {
            json_decref(schema);
            schema = NULL;
        }
        json_decref(more);
    }
    return schema;
}
