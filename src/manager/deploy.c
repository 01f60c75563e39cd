#include "manager/deploy.h"

#include <stdio.h>

#include "manager/bodies.h"
#include "manager/identity_providers.h"
#include "manager/members.h"
#include "manager/owners.h"
#include "manager/password.h"
#include "manager/policy_scopes.h"
#include "manager/publish.h"
#include "manager/resources.h"
#include "manager/signing_keys.h"
#include "policy/route.h"

/* What one deploy freezes. */
typedef struct {
    tg_deployed_proxy_t *proxies;
    size_t n_proxies;
    tg_deployed_group_t *groups;
    size_t n_groups;
} batch_t;

static tg_err_t batch_init(tg_call_t *c, size_t proxies, batch_t *b) {
    memset(b, 0, sizeof(*b));
    b->proxies = tg_arena_array(&c->arena, proxies + 1, sizeof(*b->proxies));
    b->groups = tg_arena_array(&c->arena, TG_GROUPS_OF_PROXY * proxies + 1, sizeof(*b->groups));
    return b->proxies == NULL || b->groups == NULL ? TG_ERR_NOMEM : TG_OK;
}

static bool batch_has(const batch_t *b, int64_t id) {
    for (size_t i = 0; i < b->n_proxies; i++) {
        if (b->proxies[i].id == id) {
            return true;
        }
    }
    for (size_t i = 0; i < b->n_groups; i++) {
        if (b->groups[i].id == id) {
            return true;
        }
    }
    return false;
}

/* ---- freezing ---- */

/* What the rows of proxies and groups have in common. *doc is a new reference. */
static tg_err_t owner_read(tg_call_t *c, const tg_resource_t *row, tg_resource_t *project, int64_t *key_id,
                           tg_policies_t *policies, json_t **doc) {
    tg_client_t client;
    tg_err_t err = c->store->ops->resource_get(c->store, row->parent, &c->arena, project);
    if (!err) {
        err = c->store->ops->client_find_owner(c->store, row->id, &c->arena, &client);
    }
    if (err) {
        return err;
    }
    *key_id = client.key_id;
    err = tg_policies_read(c, row, policies);
    return err ? err : tg_doc_parse(row->doc, doc);
}

static tg_err_t groups_of_proxy(tg_call_t *c, tg_deployed_proxy_t *p) {
    static const tg_resource_kind_t kinds[TG_GROUPS_OF_PROXY] = {TG_RES_POLICY_GROUP, TG_RES_PROXY_GROUP};
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < TG_GROUPS_OF_PROXY; i++) {
        err = tg_member_group(c, p->id, kinds[i], &p->group_ids[p->n_groups]);
        p->n_groups += !err && p->group_ids[p->n_groups] != 0;
    }
    return err;
}

static tg_err_t proxy_freeze(tg_call_t *c, const tg_resource_t *row, batch_t *b) {
    tg_resource_t project;
    json_t *doc = NULL;
    tg_policies_t policies;
    tg_deployed_proxy_t *p = &b->proxies[b->n_proxies];
    tg_err_t err = owner_read(c, row, &project, &p->own_key_id, &policies, &doc);
    if (!err) {
        p->own_policy = policies.own;
        p->endpoint_policies = policies.endpoints;
        p->n_endpoint_policies = policies.n_endpoints;
        p->id = row->id;
        p->project_id = project.id;
        err = tg_proxy_parse(doc, project.name, &c->arena, &p->proxy, &c->fault);
    }
    if (!err) {
        err = groups_of_proxy(c, p);
    }
    b->n_proxies += !err;
    json_decref(doc);
    return err;
}

static tg_err_t group_freeze(tg_call_t *c, const tg_resource_t *row, batch_t *b) {
    tg_resource_t project;
    json_t *doc = NULL;
    tg_policies_t policies;
    tg_deployed_group_t *g = &b->groups[b->n_groups];
    tg_err_t err = owner_read(c, row, &project, &g->key_id, &policies, &doc);
    if (!err) {
        g->policy = policies.own;
        g->kind = tg_owner_type(row->kind)->owner;
        g->id = row->id;
        g->project_id = project.id;
        err = tg_group_parse(doc, project.name, &c->arena, &g->group, &c->fault);
    }
    b->n_groups += !err;
    json_decref(doc);
    return err;
}

static tg_err_t group_freeze_missing(tg_call_t *c, const tg_resource_t *environment, int64_t id, batch_t *b) {
    tg_deployment_t there;
    tg_resource_t row;
    if (batch_has(b, id)) {
        return TG_OK;
    }
    tg_err_t err = c->store->ops->deployment_find(c->store, environment->id, id, &c->arena, &there);
    if (err != TG_ERR_NOTFOUND) {
        return err;
    }
    err = c->store->ops->resource_get(c->store, id, &c->arena, &row);
    return err ? err : group_freeze(c, &row, b);
}

static tg_err_t batch_read(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owner, batch_t *b) {
    tg_resource_t single = *owner, *proxies = &single;
    size_t n = 1;
    tg_err_t err = TG_OK;
    if (owner->kind != TG_RES_PROXY) {
        err = tg_group_members(c, owner, TG_STR_NONE, false, &proxies, &n);
    }
    if (!err) {
        err = batch_init(c, n, b);
    }
    if (!err && owner->kind != TG_RES_PROXY) {
        err = group_freeze(c, owner, b);
    }
    for (size_t i = 0; !err && i < n; i++) {
        err = proxy_freeze(c, &proxies[i], b);
        for (size_t j = 0; !err && j < b->proxies[i].n_groups; j++) {
            err = group_freeze_missing(c, environment, b->proxies[i].group_ids[j], b);
        }
    }
    return err;
}

/* ---- what is deployed ---- */

/* Names are sorted in our documents, and only a group's has "group", which no other member comes before. */
bool tg_deployment_is_group(const tg_deployment_t *row) {
    static const char start[] = "{\"group\":";
    return row->doc.n > sizeof(start) && memcmp(row->doc.p, start, sizeof(start) - 1) == 0;
}

static tg_err_t deployed_proxy_read(const tg_deployment_t *row, tg_arena_t *a, tg_deployed_proxy_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (!err) {
        err = tg_deployed_proxy_parse(doc, a, out, NULL);
    }
    json_decref(doc);
    return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
}

static tg_err_t deployed_group_read(const tg_deployment_t *row, tg_arena_t *a, tg_deployed_group_t *out) {
    json_t *doc = NULL;
    tg_err_t err = tg_doc_parse(row->doc, &doc);
    if (!err) {
        err = tg_deployed_group_parse(doc, a, out, NULL);
    }
    json_decref(doc);
    return err == TG_ERR_INVALID ? TG_ERR_BUG : err;
}

static bool makes_jwts(const tg_policy_t *p) {
    return p->type == TG_TOKEN_JWT && p->managed_from_policy;
}

/* Those of one owner agree on their tokens, so that any of them will do. */
static const tg_policy_t *jwt_policy(const tg_policy_t *own, const tg_endpoint_policy_t *endpoints, size_t n) {
    if (own != NULL && makes_jwts(own)) {
        return own;
    }
    for (size_t i = 0; i < n; i++) {
        if (makes_jwts(&endpoints[i].policy)) {
            return &endpoints[i].policy;
        }
    }
    return NULL;
}

tg_err_t tg_deployment_policy(const tg_deployment_t *row, tg_arena_t *a, const tg_policy_t **policy) {
    tg_deployed_proxy_t p = {.id = 0};
    tg_deployed_group_t g = {.id = 0};
    bool group = tg_deployment_is_group(row);
    tg_err_t err = group ? deployed_group_read(row, a, &g) : deployed_proxy_read(row, a, &p);
    *policy =
        group ? jwt_policy(g.policy, NULL, 0) : jwt_policy(p.own_policy, p.endpoint_policies, p.n_endpoint_policies);
    return err;
}

static bool is_member(const tg_deployed_proxy_t *p, int64_t group_id) {
    for (size_t i = 0; i < p->n_groups; i++) {
        if (p->group_ids[i] == group_id) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_deployed_as_member(tg_call_t *c, int64_t environment_id, int64_t proxy_id, int64_t group_id, bool *is) {
    tg_deployment_t row;
    tg_deployed_proxy_t p;
    *is = false;
    tg_err_t err = c->store->ops->deployment_find(c->store, environment_id, proxy_id, &c->arena, &row);
    if (err) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    err = deployed_proxy_read(&row, &c->arena, &p);
    *is = !err && is_member(&p, group_id);
    return err;
}

/* ---- deploy ---- */

/* Every proxy that would be deployed there, the fresh ones included, parsed into the arena. */
static tg_err_t deployed_read(tg_call_t *c, int64_t environment_id, const batch_t *fresh, tg_arena_t *a,
                              tg_snapshot_t *out) {
    tg_deployment_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = c->store->ops->deployment_list(c->store, environment_id, a, &rows, &n);
    if (err) {
        return err;
    }
    out->proxies = tg_arena_array(a, n + fresh->n_proxies, sizeof(*out->proxies));
    if (out->proxies == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < fresh->n_proxies; i++) {
        out->proxies[out->n_proxies++] = fresh->proxies[i];
    }
    for (size_t i = 0; !err && i < n; i++) {
        if (!tg_deployment_is_group(&rows[i]) && !batch_has(fresh, rows[i].proxy_id)) {
            err = deployed_proxy_read(&rows[i], a, &out->proxies[out->n_proxies++]);
        }
    }
    return err;
}

static tg_err_t route_refuse(tg_call_t *c, const tg_resource_t *environment, const tg_deployed_proxy_t *other,
                             tg_str_t path) {
    if (!tg_permission_sees(c, other->project_id)) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "clientRoute",
                        "an API proxy of another project has the same route \"%.*s\" in environment \"%.*s\"",
                        TG_STR_ARGS(path), TG_STR_ARGS(environment->name));
    }
    return tg_fault(&c->fault, TG_ERR_CONFLICT, "clientRoute",
                    "API proxy \"%.*s\" of project \"%.*s\" has the same route \"%.*s\" in environment \"%.*s\"",
                    TG_STR_ARGS(other->proxy.name), TG_STR_ARGS(other->proxy.project), TG_STR_ARGS(path),
                    TG_STR_ARGS(environment->name));
}

/* Two deployed proxies with one route would make it a matter of luck who gets a request. */
static tg_err_t routes_check(tg_call_t *c, const tg_resource_t *environment, const batch_t *fresh) {
    tg_arena_t a;
    tg_snapshot_t all = {.environment_id = environment->id};
    tg_router_t *router = NULL;
    tg_route_conflict_t found;
    if (fresh->n_proxies == 0) {
        return TG_OK;
    }
    tg_arena_init(&a, 4 * (size_t)TG_SNAPSHOT_MAX);
    tg_err_t err = deployed_read(c, environment->id, fresh, &a, &all);
    if (!err) {
        err = tg_router_new(&all, &router);
    }
    if (!err && tg_router_conflict(router, &found)) {
        err = route_refuse(c, environment, batch_has(fresh, found.first->id) ? found.second : found.first, found.path);
    }
    tg_router_free(router);
    tg_arena_release(&a);
    return err;
}

/* In ACL mode the settings of credentials say which algorithms are needed. */
static tg_err_t key_want(tg_call_t *c, const tg_resource_t *environment, const tg_policy_t *p) {
    if (p == NULL) {
        return TG_OK;
    }
    return tg_signing_keys_want(c, environment, p->token.jwt_algorithm, tg_token_lifetime(&p->token));
}

static tg_err_t deployment_write(tg_call_t *c, tg_deployment_t *row, int64_t id, json_t *doc) {
    row->proxy_id = id;
    tg_err_t err = tg_doc_text(c, doc, &row->doc);
    return err ? err : c->store->ops->deployment_put(c->store, row);
}

static tg_err_t batch_write(tg_call_t *c, const tg_resource_t *environment, batch_t *b, int64_t revision,
                            tg_str_t description) {
    tg_deployment_t row = {.environment_id = environment->id,
                           .revision = revision,
                           .at = c->now,
                           .by = c->who,
                           .description = description};
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < b->n_groups; i++) {
        b->groups[i].revision = revision;
        err = deployment_write(c, &row, b->groups[i].id, tg_deployed_group_write(&b->groups[i]));
    }
    for (size_t i = 0; !err && i < b->n_proxies; i++) {
        b->proxies[i].revision = revision;
        err = deployment_write(c, &row, b->proxies[i].id, tg_deployed_proxy_write(&b->proxies[i]));
    }
    for (size_t i = 0; !err && i < b->n_groups; i++) {
        err = key_want(c, environment, jwt_policy(b->groups[i].policy, NULL, 0));
    }
    for (size_t i = 0; !err && i < b->n_proxies; i++) {
        const tg_deployed_proxy_t *p = &b->proxies[i];
        err = key_want(c, environment, jwt_policy(p->own_policy, p->endpoint_policies, p->n_endpoint_policies));
    }
    return err;
}

/* ---- deploy what is not there yet ---- */

/* Whether this is what is deployed, but for the revision; takes the reference. `revision` is in the document. */
static tg_err_t text_is(tg_call_t *c, const tg_deployment_t *there, json_t *doc, bool *same) {
    tg_str_t text;
    tg_err_t err = tg_doc_text(c, doc, &text);
    *same = !err && tg_str_eq(text, there->doc);
    return err;
}

static tg_err_t proxy_is_there(tg_call_t *c, int64_t environment_id, tg_deployed_proxy_t *p, bool *same) {
    tg_deployment_t there;
    *same = false;
    tg_err_t err = c->store->ops->deployment_find(c->store, environment_id, p->id, &c->arena, &there);
    if (err) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    p->revision = there.revision;
    return text_is(c, &there, tg_deployed_proxy_write(p), same);
}

static tg_err_t group_is_there(tg_call_t *c, int64_t environment_id, tg_deployed_group_t *g, bool *same) {
    tg_deployment_t there;
    *same = false;
    tg_err_t err = c->store->ops->deployment_find(c->store, environment_id, g->id, &c->arena, &there);
    if (err) {
        return err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    g->revision = there.revision;
    return text_is(c, &there, tg_deployed_group_write(g), same);
}

static tg_err_t batch_keep_changed(tg_call_t *c, const tg_resource_t *environment, batch_t *b) {
    size_t kept = 0;
    bool same;
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < b->n_groups; i++) {
        err = group_is_there(c, environment->id, &b->groups[i], &same);
        if (!err && !same) {
            b->groups[kept++] = b->groups[i];
        }
    }
    b->n_groups = kept;
    kept = 0;
    for (size_t i = 0; !err && i < b->n_proxies; i++) {
        err = proxy_is_there(c, environment->id, &b->proxies[i], &same);
        if (!err && !same) {
            b->proxies[kept++] = b->proxies[i];
        }
    }
    b->n_proxies = kept;
    return err;
}

static tg_err_t batch_read_all(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owners, size_t n,
                               batch_t *b) {
    tg_err_t err = batch_init(c, 2 * n, b);
    for (size_t i = 0; !err && i < n; i++) {
        if (owners[i].kind != TG_RES_PROXY) {
            err = batch_has(b, owners[i].id) ? TG_OK : group_freeze(c, &owners[i], b);
            continue;
        }
        err = proxy_freeze(c, &owners[i], b);
        const tg_deployed_proxy_t *p = &b->proxies[b->n_proxies - (err ? 0 : 1)];
        for (size_t j = 0; !err && j < p->n_groups; j++) {
            err = group_freeze_missing(c, environment, p->group_ids[j], b);
        }
    }
    return err ? err : batch_keep_changed(c, environment, b);
}

static tg_err_t batch_deploy(tg_call_t *c, const tg_resource_t *environment, batch_t *b, tg_str_t description) {
    int64_t revision;
    tg_err_t err = routes_check(c, environment, b);
    if (!err) {
        err = tg_publish_number(c, environment->id, &revision);
    }
    if (!err) {
        err = batch_write(c, environment, b, revision, description);
    }
    return err ? err : tg_publish(c, environment, revision);
}

tg_err_t tg_deploy(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owner, tg_str_t description) {
    batch_t batch;
    tg_err_t err = batch_read(c, environment, owner, &batch);
    return err ? err : batch_deploy(c, environment, &batch, description);
}

tg_err_t tg_deploy_changed(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owners, size_t n,
                           bool *done) {
    batch_t batch;
    tg_err_t err = batch_read_all(c, environment, owners, n, &batch);
    for (size_t i = 0; !err && i < n; i++) {
        done[i] = batch_has(&batch, owners[i].id);
    }
    if (err || (batch.n_proxies == 0 && batch.n_groups == 0)) {
        return err;
    }
    return batch_deploy(c, environment, &batch, TG_STR_NONE);
}

/* ---- deploy what was there once ---- */

/* A later release may have stricter rules than the one that froze it. */
static tg_err_t frozen_refuse(tg_call_t *c, const tg_deployment_t *frozen, const char *why) {
    return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "revision %lld cannot be deployed again: %s",
                    (long long)frozen->revision, why);
}

static tg_err_t frozen_read(tg_call_t *c, const tg_deployment_t *frozen, batch_t *b) {
    json_t *doc = NULL;
    tg_fault_t why = {.field = ""};
    char text[sizeof(why.field) + sizeof(why.text) + 4];
    tg_err_t err = tg_doc_parse(frozen->doc, &doc);
    if (!err && tg_deployment_is_group(frozen)) {
        err = tg_deployed_group_parse(doc, &c->arena, &b->groups[b->n_groups], &why);
        b->n_groups += !err;
    } else if (!err) {
        err = tg_deployed_proxy_parse(doc, &c->arena, &b->proxies[b->n_proxies], &why);
        b->n_proxies += !err;
    }
    json_decref(doc);
    if (err != TG_ERR_INVALID) {
        return err;
    }
    snprintf(text, sizeof(text), "%s: %s", why.field, why.text);
    return frozen_refuse(c, frozen, text);
}

static tg_err_t frozen_policy_check(tg_call_t *c, const tg_resource_t *owner, const tg_deployment_t *frozen,
                                    const tg_policy_t *policy) {
    tg_fault_t before = c->fault;
    char why[sizeof(c->fault.text)];
    tg_err_t err = policy != NULL ? tg_provider_policy_check(c, owner->parent, policy) : TG_OK;
    if (err != TG_ERR_INVALID) {
        return err;
    }
    memcpy(why, c->fault.text, sizeof(why));
    c->fault = before;
    return frozen_refuse(c, frozen, why);
}

static tg_err_t frozen_policies_check(tg_call_t *c, const tg_resource_t *owner, const tg_deployment_t *frozen,
                                      const batch_t *b) {
    const tg_deployed_proxy_t *p = &b->proxies[0];
    tg_err_t err = TG_OK;
    if (b->n_groups > 0) {
        return frozen_policy_check(c, owner, frozen, b->groups[0].policy);
    }
    err = frozen_policy_check(c, owner, frozen, p->own_policy);
    for (size_t i = 0; !err && i < p->n_endpoint_policies; i++) {
        err = frozen_policy_check(c, owner, frozen, &p->endpoint_policies[i].policy);
    }
    return err;
}

static tg_err_t frozen_key_check(tg_call_t *c, const tg_resource_t *owner, const tg_deployment_t *frozen,
                                 const batch_t *b) {
    tg_client_t client;
    int64_t key_id = b->n_groups > 0 ? b->groups[0].key_id : b->proxies[0].own_key_id;
    tg_err_t err = c->store->ops->client_find_owner(c->store, owner->id, &c->arena, &client);
    if (err == TG_ERR_NOTFOUND || (!err && client.key_id != key_id)) {
        return frozen_refuse(c, frozen, "its application key is not there any more");
    }
    return err;
}

static tg_err_t frozen_groups_need(tg_call_t *c, const tg_resource_t *environment, const tg_deployment_t *frozen,
                                   batch_t *b) {
    tg_err_t err = TG_OK;
    const tg_deployed_proxy_t *p = &b->proxies[0];
    for (size_t i = 0; b->n_proxies > 0 && !err && i < p->n_groups; i++) {
        err = group_freeze_missing(c, environment, p->group_ids[i], b);
        if (err == TG_ERR_NOTFOUND) {
            return frozen_refuse(c, frozen, "a group that it was a member of is not there any more");
        }
    }
    return err;
}

tg_err_t tg_deploy_frozen(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owner,
                          const tg_deployment_t *frozen, tg_str_t description) {
    batch_t batch;
    tg_err_t err = batch_init(c, 1, &batch);
    if (!err) {
        err = frozen_read(c, frozen, &batch);
    }
    if (!err) {
        err = frozen_key_check(c, owner, frozen, &batch);
    }
    if (!err) {
        err = frozen_policies_check(c, owner, frozen, &batch);
    }
    if (!err) {
        err = frozen_groups_need(c, environment, frozen, &batch);
    }
    return err ? err : batch_deploy(c, environment, &batch, description);
}

/* ---- undeploy ---- */

static tg_err_t tokens_end(tg_call_t *c, const tg_resource_t *environment, int64_t owner) {
    tg_client_t client;
    tg_err_t err = c->store->ops->client_find_owner(c->store, owner, &c->arena, &client);
    if (!err) {
        err = c->store->ops->client_turn(c->store, client.key_id, environment->id, tg_random_number());
    }
    return err ? err : tg_publish_client(c, environment->id, client.kind, client.client_id);
}

static tg_err_t take_away(tg_call_t *c, const tg_resource_t *environment, tg_deployment_t *row, int64_t id) {
    row->proxy_id = id;
    tg_err_t err = c->store->ops->deployment_put(c->store, row);
    return err ? err : tokens_end(c, environment, id);
}

static tg_err_t members_take_away(tg_call_t *c, const tg_resource_t *environment, tg_deployment_t *row,
                                  int64_t group_id) {
    tg_arena_t a;
    tg_deployment_t *rows = NULL;
    size_t n = 0;
    tg_arena_init(&a, 4 * (size_t)TG_SNAPSHOT_MAX);
    tg_err_t err = c->store->ops->deployment_list(c->store, environment->id, &a, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        tg_deployed_proxy_t p;
        if (tg_deployment_is_group(&rows[i])) {
            continue;
        }
        err = deployed_proxy_read(&rows[i], &a, &p);
        if (!err && is_member(&p, group_id)) {
            err = take_away(c, environment, row, p.id);
        }
    }
    tg_arena_release(&a);
    return err;
}

tg_err_t tg_undeploy(tg_call_t *c, const tg_resource_t *environment, const tg_resource_t *owner, tg_str_t description) {
    tg_deployment_t old;
    tg_err_t err = c->store->ops->deployment_find(c->store, environment->id, owner->id, &c->arena, &old);
    if (err == TG_ERR_NOTFOUND) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "\"%.*s\" is not deployed in \"%.*s\"",
                        TG_STR_ARGS(owner->name), TG_STR_ARGS(environment->name));
    }
    tg_deployment_t row = {
        .environment_id = environment->id, .at = c->now, .by = c->who, .description = description, .undeploy = true};
    if (!err) {
        err = tg_publish_number(c, environment->id, &row.revision);
    }
    if (!err) {
        err = take_away(c, environment, &row, owner->id);
    }
    if (!err && owner->kind != TG_RES_PROXY) {
        err = members_take_away(c, environment, &row, owner->id);
    }
    return err ? err : tg_publish(c, environment, row.revision);
}
