#include "model/snapshot.h"

#include "model/deployed.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DEPTH_MAX 12
#define LIST_MAX  10000000

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

static tg_err_t read_key(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    return tg_signing_key_read(r, at, v, out);
}

static tg_err_t read_proxy(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    return tg_deployed_proxy_read(r, at, v, out);
}

static tg_err_t read_group(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)f;
    return tg_deployed_group_read(r, at, v, out);
}

/* ---- identity providers ---- */

typedef struct {
    tg_snapshot_provider_t of;
    tg_str_t project;
    const json_t *body;
} provider_t;

static const tg_field_t provider_fields[] = {
    TG_ID_FIELD("id", provider_t, of.id),
    TG_ID_FIELD("projectId", provider_t, of.project_id),
    TG_ID_FIELD("version", provider_t, of.version),
    {.name = "project", .read = tg_read_name, .offset = offsetof(provider_t, project), .required = true},
    {.name = "provider", .read = tg_read_kept, .offset = offsetof(provider_t, body), .required = true},
};

static tg_err_t read_provider(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f;
    provider_t p = {.body = NULL};
    tg_snapshot_provider_t *to = out;
    tg_err_t err = tg_fields_read(r, at, v, provider_fields, COUNT(provider_fields), &p);
    *to = p.of;
    return err ? err : tg_identity_provider_read(r, TG_MEMBER(at, "provider"), p.body, p.project, &to->provider);
}

static json_t *provider_write(const tg_snapshot_provider_t *p) {
    tg_writer_t w = tg_writer();
    tg_write_int(&w, "id", p->id);
    tg_write_int(&w, "projectId", p->project_id);
    tg_write_int(&w, "version", p->version);
    tg_write_str(&w, "project", p->provider.project);
    tg_write_json(&w, "provider", tg_identity_provider_write(&p->provider));
    return tg_writer_end(&w);
}

const tg_snapshot_provider_t *tg_snapshot_provider(const tg_snapshot_t *s, int64_t project_id, tg_str_t name) {
    for (size_t i = 0; i < s->n_providers; i++) {
        const tg_snapshot_provider_t *p = &s->providers[i];
        if (p->project_id == project_id && tg_str_eq(p->provider.name, name)) {
            return p;
        }
    }
    return NULL;
}

static const tg_field_t snapshot_fields[] = {
    {.name = "format", .read = read_format, .required = true},
    TG_ID_FIELD("environmentId", tg_snapshot_t, environment_id),
    TG_ID_FIELD("revision", tg_snapshot_t, revision),
    {.name = "madeAt", .read = tg_read_moment, .offset = offsetof(tg_snapshot_t, made_at), .required = true},
    {.name = "environment", .read = read_environment, .offset = offsetof(tg_snapshot_t, environment), .required = true},
    {.name = "tokenManagement", .read = read_token_management, .offset = offsetof(tg_snapshot_t, token_management)},
    {.name = "keys", TG_STRUCTS(tg_snapshot_t, keys, n_keys, read_key), .required = true, .max = LIST_MAX},
    {.name = "proxies", TG_STRUCTS(tg_snapshot_t, proxies, n_proxies, read_proxy), .required = true, .max = LIST_MAX},
    {.name = "groups", TG_STRUCTS(tg_snapshot_t, groups, n_groups, read_group), .max = LIST_MAX},
    {.name = "identityProviders", TG_STRUCTS(tg_snapshot_t, providers, n_providers, read_provider), .max = LIST_MAX},
};

/* Another format first: its other members would only be noise beside that reason. */
static tg_err_t snapshot_read(const tg_reader_t *r, const json_t *doc, tg_snapshot_t *out) {
    const json_t *format = json_object_get(doc, "format");
    tg_err_t err =
        json_is_object(doc) && format != NULL ? read_format(r, TG_MEMBER(NULL, "format"), NULL, format, NULL) : TG_OK;
    if (!err) {
        err = tg_fields_read(r, NULL, doc, snapshot_fields, COUNT(snapshot_fields), out);
    }
    /* Not while it is read: the elements of one list point into others. */
    return err || tg_snapshot_resolve(out) ? err : tg_refuse_nomem(r);
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
    tg_buf_put(out, TG_STR("],\n\"groups\":["));
    for (size_t i = 0; i < s->n_groups && !out->err; i++) {
        tg_buf_put(out, i > 0 ? TG_STR(",\n") : TG_STR_NONE);
        put_part(out, tg_deployed_group_write(&s->groups[i]));
    }
    /* Left out if there are none, so that gateways of earlier releases read it. */
    for (size_t i = 0; i < s->n_providers && !out->err; i++) {
        tg_buf_put(out, i > 0 ? TG_STR(",\n") : TG_STR("],\n\"identityProviders\":["));
        put_part(out, provider_write(&s->providers[i]));
    }
    tg_buf_put(out, TG_STR("]}\n"));
    return out->err;
}
