#include "model/snapshot.h"

#include "model/parts.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DEPTH_MAX 12
#define LIST_MAX  10000000

/* ---- one deployed proxy ---- */

/* The names by which proxy and policy are known stand beside them, not in them: bodies of the management API do not
 * hold their own path. Members come in any order, so they are read once all are known to be right. */
typedef struct {
    tg_deployed_proxy_t out;
    tg_str_t project;
    tg_str_t policy_name;
    const json_t *proxy;
    const json_t *policy;
} deployed_t;

static tg_err_t read_later(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)r, (void)at, (void)f;
    *(const json_t **)out = v;
    return TG_OK;
}

#define ID_FIELD(key, type, member)                                                                                    \
    { .name = key, .read = tg_read_int64, .offset = offsetof(type, member), .required = true, .max = INT64_MAX }

static const tg_field_t deployed_fields[] = {
    ID_FIELD("id", deployed_t, out.id),
    ID_FIELD("revision", deployed_t, out.revision),
    ID_FIELD("keyId", deployed_t, out.key_id),
    {.name = "project", .read = tg_read_name, .offset = offsetof(deployed_t, project), .required = true},
    {.name = "proxy", .read = read_later, .offset = offsetof(deployed_t, proxy), .required = true},
    {.name = "policyName", .read = tg_read_name, .offset = offsetof(deployed_t, policy_name)},
    {.name = "policy", .read = read_later, .offset = offsetof(deployed_t, policy)},
};

static tg_err_t read_deployed_policy(const tg_reader_t *r, const tg_place_t *at, deployed_t *d) {
    if (d->policy == NULL) {
        return TG_OK;
    }
    if (d->policy_name.n == 0) {
        return tg_refuse(r, TG_MEMBER(at, "policyName"), "is required with policy");
    }
    d->out.policy = tg_arena_alloc(r->arena, sizeof(*d->out.policy));
    if (d->out.policy == NULL) {
        return tg_refuse_nomem(r);
    }
    return tg_policy_read(r, TG_MEMBER(at, "policy"), d->policy, d->policy_name, d->out.policy);
}

static tg_err_t read_deployed(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, tg_deployed_proxy_t *out) {
    deployed_t d = {.proxy = NULL};
    tg_err_t err = tg_fields_read(r, at, doc, deployed_fields, COUNT(deployed_fields), &d);
    if (!err) {
        err = tg_proxy_read(r, TG_MEMBER(at, "proxy"), d.proxy, d.project, &d.out.proxy);
    }
    if (!err) {
        err = read_deployed_policy(r, at, &d);
    }
    *out = d.out;
    return err;
}

tg_err_t tg_deployed_proxy_parse(const json_t *doc, tg_arena_t *a, tg_deployed_proxy_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return read_deployed(&r, NULL, doc, out);
}

json_t *tg_deployed_proxy_write(const tg_deployed_proxy_t *p) {
    tg_writer_t w = tg_writer();
    tg_write_int(&w, "id", p->id);
    tg_write_int(&w, "revision", p->revision);
    tg_write_int(&w, "keyId", p->key_id);
    tg_write_str(&w, "project", p->proxy.project);
    tg_write_json(&w, "proxy", tg_proxy_write(&p->proxy));
    tg_write_json(&w, "policyName", p->policy != NULL ? tg_json_new_str(p->policy->name) : json_null());
    tg_write_json(&w, "policy", p->policy != NULL ? tg_policy_write(p->policy) : json_null());
    return tg_writer_end(&w);
}

/* ---- the document ---- */

static tg_err_t read_format(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                            void *out) {
    (void)f, (void)out;
    tg_str_t s;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (!err && !tg_str_eq(s, TG_STR(TG_SNAPSHOT_FORMAT))) {
        err = tg_refuse(r, at, "is not %s, the format that this release reads", TG_SNAPSHOT_FORMAT);
    }
    return err;
}

static tg_err_t read_environment(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                 void *out) {
    (void)f;
    return tg_environment_read(r, at, v, out);
}

static tg_err_t read_token_management(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                      void *out) {
    (void)f;
    return tg_token_management_read(r, at, v, out);
}

static tg_err_t read_keys(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    tg_snapshot_t *s = out;
    size_t n;
    tg_err_t err = tg_want_array(r, at, f, v, &n);
    if (err) {
        return err;
    }
    s->keys = tg_arena_array(r->arena, n, sizeof(*s->keys));
    if (s->keys == NULL) {
        return tg_refuse_nomem(r);
    }
    for (size_t i = 0; !err && i < n; i++) {
        err = tg_signing_key_read(r, TG_ELEMENT(at, i), json_array_get(v, i), &s->keys[i]);
    }
    s->n_keys = n;
    return err;
}

static tg_err_t read_proxies(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    tg_snapshot_t *s = out;
    size_t n;
    tg_err_t err = tg_want_array(r, at, f, v, &n);
    if (err) {
        return err;
    }
    s->proxies = tg_arena_array(r->arena, n, sizeof(*s->proxies));
    if (s->proxies == NULL) {
        return tg_refuse_nomem(r);
    }
    for (size_t i = 0; !err && i < n; i++) {
        err = read_deployed(r, TG_ELEMENT(at, i), json_array_get(v, i), &s->proxies[i]);
    }
    s->n_proxies = n;
    return err;
}

static const tg_field_t snapshot_fields[] = {
    {.name = "format", .read = read_format, .required = true},
    ID_FIELD("environmentId", tg_snapshot_t, environment_id),
    ID_FIELD("revision", tg_snapshot_t, revision),
    {.name = "madeAt", .read = tg_read_moment, .offset = offsetof(tg_snapshot_t, made_at), .required = true},
    {.name = "environment", .read = read_environment, .offset = offsetof(tg_snapshot_t, environment), .required = true},
    {.name = "tokenManagement", .read = read_token_management, .offset = offsetof(tg_snapshot_t, token_management)},
    {.name = "keys", .read = read_keys, .required = true, .max = LIST_MAX},
    {.name = "proxies", .read = read_proxies, .required = true, .max = LIST_MAX},
};

/* Another format first: its other members would only be noise beside that reason. */
static tg_err_t snapshot_read(const tg_reader_t *r, const json_t *doc, tg_snapshot_t *out) {
    const json_t *format = json_object_get(doc, "format");
    tg_err_t err =
        json_is_object(doc) && format != NULL ? read_format(r, TG_MEMBER(NULL, "format"), NULL, format, NULL) : TG_OK;
    return err ? err : tg_fields_read(r, NULL, doc, snapshot_fields, COUNT(snapshot_fields), out);
}

tg_err_t tg_snapshot_parse(tg_str_t document, tg_snapshot_t *out, tg_fault_t *fault) {
    json_t *doc = NULL;
    *out = (tg_snapshot_t){.revision = 0};
    /* What is read takes about as much as its text; lists of nothing are the exception that the bound is for. */
    tg_arena_init(&out->arena, 2ul * TG_SNAPSHOT_MAX);
    tg_err_t err = tg_json_parse(document, TG_SNAPSHOT_MAX, DEPTH_MAX, &doc, fault);
    if (!err) {
        tg_reader_t r = {&out->arena, fault};
        err = snapshot_read(&r, doc, out);
    }
    json_decref(doc);
    if (err) {
        tg_snapshot_release(out);
    }
    return err;
}

void tg_snapshot_release(tg_snapshot_t *s) {
    tg_arena_release(&s->arena);
    *s = (tg_snapshot_t){.revision = 0};
}

/* ---- writing: part by part, so that no second copy of a large document is held as json_t ---- */

static void put_part(tg_buf_t *out, json_t *part) {
    tg_err_t err = part != NULL ? tg_json_write(part, out) : TG_ERR_NOMEM;
    if (err && !out->err) {
        out->err = err;
    }
    json_decref(part);
}

tg_err_t tg_snapshot_write(const tg_snapshot_t *s, tg_buf_t *out) {
    tg_buf_putf(out, "{\"format\":\"%s\",\"environmentId\":%lld,\"revision\":%lld,\"madeAt\":\"", TG_SNAPSHOT_FORMAT,
                (long long)s->environment_id, (long long)s->revision);
    tg_buf_put_iso8601(out, s->made_at);
    tg_buf_put(out, TG_STR("\",\n\"environment\":"));
    put_part(out, tg_environment_write(&s->environment));
    tg_buf_put(out, TG_STR(",\n\"tokenManagement\":"));
    put_part(out, tg_token_management_write(&s->token_management));
    tg_buf_put(out, TG_STR(",\n\"keys\":["));
    for (size_t i = 0; i < s->n_keys && !out->err; i++) {
        tg_buf_put(out, i > 0 ? TG_STR(",\n") : TG_STR_NONE);
        put_part(out, tg_signing_key_write(&s->keys[i]));
    }
    tg_buf_put(out, TG_STR("],\n\"proxies\":["));
    for (size_t i = 0; i < s->n_proxies && !out->err; i++) {
        tg_buf_put(out, i > 0 ? TG_STR(",\n") : TG_STR_NONE);
        put_part(out, tg_deployed_proxy_write(&s->proxies[i]));
    }
    tg_buf_put(out, TG_STR("]}\n"));
    return out->err;
}
