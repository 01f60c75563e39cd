#include "model/deployed.h"

#include "model/endpoint.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The names by which a thing, its policy and its project are known stand beside them, not in them: bodies of the
 * management API do not hold their own path. Members come in any order, so they are read once all are known to be
 * right. */
typedef struct {
    int64_t id, project_id, revision, key_id;
    tg_str_t project;
    tg_str_t policy_name;
    const json_t *body; /* proxy or group */
    const json_t *policy;
    int kind;
    int64_t *group_ids;
    size_t n_groups;
    tg_endpoint_policy_t *endpoint_policies;
    size_t n_endpoint_policies;
} deployed_t;

static tg_err_t read_later(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    (void)r, (void)at, (void)f;
    *(const json_t **)out = v;
    return TG_OK;
}

/* Absent in documents of earlier releases: projectId, groupIds, endpointPolicies. */
#define DEPLOYED_FIELDS                                                                                                \
    TG_ID_FIELD("id", deployed_t, id), TG_ID_FIELD("revision", deployed_t, revision),                                  \
        TG_ID_FIELD("keyId", deployed_t, key_id),                                                                      \
        {.name = "projectId", .read = tg_read_int64, .offset = offsetof(deployed_t, project_id), .max = INT64_MAX},    \
        {.name = "project", .read = tg_read_name, .offset = offsetof(deployed_t, project), .required = true},          \
        {.name = "policyName", .read = tg_read_name, .offset = offsetof(deployed_t, policy_name)}, {                   \
        .name = "policy", .read = read_later, .offset = offsetof(deployed_t, policy)                                   \
    }

static tg_err_t read_policy(const tg_reader_t *r, const tg_place_t *at, const deployed_t *d, tg_policy_t **out) {
    *out = NULL;
    if (d->policy == NULL) {
        return TG_OK;
    }
    if (d->policy_name.n == 0) {
        return tg_refuse(r, TG_MEMBER(at, "policyName"), "is required with policy");
    }
    *out = tg_arena_alloc(r->arena, sizeof(**out));
    if (*out == NULL) {
        return tg_refuse_nomem(r);
    }
    tg_err_t err = tg_policy_read(r, TG_MEMBER(at, "policy"), d->policy, d->policy_name, *out);
    return err || (*out)->endpoint_path.n == 0 ? err : tg_refuse(r, TG_MEMBER(at, "policy"), "is one of an endpoint");
}

static void policy_write(tg_writer_t *w, const tg_policy_t *policy) {
    tg_write_json(w, "policyName", policy != NULL ? tg_json_new_str(policy->name) : json_null());
    tg_write_json(w, "policy", policy != NULL ? tg_policy_write(policy) : json_null());
}

/* ---- proxies ---- */

static tg_err_t read_group_id(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    const tg_field_t id = {.min = 1, .max = INT64_MAX};
    (void)f;
    return tg_read_int64(r, at, &id, v, out);
}

static const tg_field_t endpoint_policy_fields[] = {
    {.name = "policyName", .read = tg_read_name, .offset = offsetof(deployed_t, policy_name), .required = true},
    {.name = "policy", .read = read_later, .offset = offsetof(deployed_t, policy), .required = true},
};

static tg_err_t read_endpoint_policy(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                     void *out) {
    (void)f;
    deployed_t d = {.body = NULL};
    tg_endpoint_policy_t *p = out;
    tg_err_t err = tg_fields_read(r, at, v, endpoint_policy_fields, COUNT(endpoint_policy_fields), &d);
    return err ? err : tg_policy_read(r, TG_MEMBER(at, "policy"), d.policy, d.policy_name, &p->policy);
}

/* A policy whose endpoint is not there would leave what it is for without it. */
static tg_err_t endpoint_policies_bind(const tg_reader_t *r, const tg_place_t *at, tg_deployed_proxy_t *p) {
    for (size_t i = 0; i < p->n_endpoint_policies; i++) {
        tg_endpoint_policy_t *e = &p->endpoint_policies[i];
        e->proxy = p;
        e->endpoint = e->policy.endpoint_path.n > 0
                          ? tg_api_endpoint_at(&p->proxy, e->policy.endpoint_method, e->policy.endpoint_path)
                          : NULL;
        if (e->endpoint == NULL) {
            return tg_refuse(r, TG_ELEMENT(TG_MEMBER(at, "endpointPolicies"), i), "is of no endpoint of the proxy");
        }
    }
    return TG_OK;
}

static json_t *endpoint_policies_write(const tg_deployed_proxy_t *p) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_endpoint_policies; i++) {
        tg_writer_t w = tg_writer();
        policy_write(&w, &p->endpoint_policies[i].policy);
        tg_list_put(&list, tg_writer_end(&w));
    }
    return list;
}

static const tg_field_t proxy_fields[] = {
    DEPLOYED_FIELDS,
    {.name = "proxy", .read = read_later, .offset = offsetof(deployed_t, body), .required = true},
    {.name = "groupIds", TG_STRUCTS(deployed_t, group_ids, n_groups, read_group_id), .max = TG_GROUPS_OF_PROXY},
    {.name = "endpointPolicies",
     TG_STRUCTS(deployed_t, endpoint_policies, n_endpoint_policies, read_endpoint_policy),
     .max = TG_ENDPOINT_POLICIES_MAX},
};

static void proxy_alone(tg_deployed_proxy_t *p) {
    p->policy = p->own_policy;
    p->key_id = p->own_key_id;
    p->cors = &p->proxy.cors;
    p->forwarded = &p->proxy.forwarded;
    p->targets[0] = p->id;
    p->n_targets = 1;
}

tg_err_t tg_deployed_proxy_read(const tg_reader_t *r, const tg_place_t *at, const json_t *doc,
                                tg_deployed_proxy_t *out) {
    deployed_t d = {.body = NULL};
    tg_err_t err = tg_fields_read(r, at, doc, proxy_fields, COUNT(proxy_fields), &d);
    *out = (tg_deployed_proxy_t){.id = d.id,
                                 .project_id = d.project_id,
                                 .revision = d.revision,
                                 .own_key_id = d.key_id,
                                 .n_groups = d.n_groups,
                                 .endpoint_policies = d.endpoint_policies,
                                 .n_endpoint_policies = d.n_endpoint_policies};
    for (size_t i = 0; !err && i < d.n_groups; i++) {
        out->group_ids[i] = d.group_ids[i];
    }
    if (!err) {
        err = tg_proxy_read(r, TG_MEMBER(at, "proxy"), d.body, d.project, &out->proxy);
    }
    if (!err) {
        err = read_policy(r, at, &d, &out->own_policy);
    }
    proxy_alone(out);
    return err ? err : endpoint_policies_bind(r, at, out);
}

tg_err_t tg_deployed_proxy_parse(const json_t *doc, tg_arena_t *a, tg_deployed_proxy_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_deployed_proxy_read(&r, NULL, doc, out);
}

json_t *tg_deployed_proxy_write(const tg_deployed_proxy_t *p) {
    json_t *groups = json_array();
    for (size_t i = 0; i < p->n_groups; i++) {
        tg_list_put(&groups, json_integer(p->group_ids[i]));
    }
    tg_writer_t w = tg_writer();
    tg_write_int(&w, "id", p->id);
    tg_write_int(&w, "projectId", p->project_id);
    tg_write_int(&w, "revision", p->revision);
    tg_write_int(&w, "keyId", p->own_key_id);
    tg_write_str(&w, "project", p->proxy.project);
    tg_write_json(&w, "proxy", tg_proxy_write(&p->proxy));
    policy_write(&w, p->own_policy);
    tg_write_json(&w, "groupIds", groups);
    tg_write_json(&w, "endpointPolicies", endpoint_policies_write(p));
    return tg_writer_end(&w);
}

/* ---- groups ---- */

static const tg_choice_t kind_choices[] = {
    {"API_PROXY_GROUP", TG_OWNER_PROXY_GROUP, false}, {"POLICY_GROUP", TG_OWNER_POLICY_GROUP, false}, {NULL, 0, false}};

static const tg_field_t group_fields[] = {
    DEPLOYED_FIELDS,
    {.name = "kind",
     .read = tg_read_choice,
     .offset = offsetof(deployed_t, kind),
     .required = true,
     .more = kind_choices},
    {.name = "group", .read = read_later, .offset = offsetof(deployed_t, body), .required = true},
};

tg_err_t tg_deployed_group_read(const tg_reader_t *r, const tg_place_t *at, const json_t *doc,
                                tg_deployed_group_t *out) {
    deployed_t d = {.body = NULL};
    tg_err_t err = tg_fields_read(r, at, doc, group_fields, COUNT(group_fields), &d);
    *out = (tg_deployed_group_t){.kind = (tg_owner_kind_t)d.kind,
                                 .id = d.id,
                                 .project_id = d.project_id,
                                 .revision = d.revision,
                                 .key_id = d.key_id};
    if (!err) {
        err = tg_group_read(r, TG_MEMBER(at, "group"), d.body, d.project, &out->group);
    }
    return err ? err : read_policy(r, at, &d, &out->policy);
}

tg_err_t tg_deployed_group_parse(const json_t *doc, tg_arena_t *a, tg_deployed_group_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_deployed_group_read(&r, NULL, doc, out);
}

json_t *tg_deployed_group_write(const tg_deployed_group_t *g) {
    tg_writer_t w = tg_writer();
    tg_write_cstr(&w, "kind", tg_choice_name(kind_choices, (int)g->kind));
    tg_write_int(&w, "id", g->id);
    tg_write_int(&w, "projectId", g->project_id);
    tg_write_int(&w, "revision", g->revision);
    tg_write_int(&w, "keyId", g->key_id);
    tg_write_str(&w, "project", g->group.project);
    tg_write_json(&w, "group", tg_group_write(&g->group));
    policy_write(&w, g->policy);
    return tg_writer_end(&w);
}
