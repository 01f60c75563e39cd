/* What a snapshot means: which policy, key and settings count for each proxy, and whose each application key is. */
#include "model/deployed.h"

#include <stdlib.h>

/* ---- proxies ---- */

static int compare_ids(int64_t a, int64_t b) {
    return a < b ? -1 : a > b;
}

static int compare_groups(const void *a, const void *b) {
    const tg_deployed_group_t *const *left = a;
    const tg_deployed_group_t *const *right = b;
    return compare_ids((*left)->id, (*right)->id);
}

/* Groups by id; NULL: out of memory. */
static const tg_deployed_group_t **groups_sort(tg_snapshot_t *s) {
    const tg_deployed_group_t **sorted = tg_arena_array(&s->arena, s->n_groups, sizeof(const tg_deployed_group_t *));
    if (sorted == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < s->n_groups; i++) {
        sorted[i] = &s->groups[i];
    }
    if (s->n_groups > 1) {
        qsort((void *)sorted, s->n_groups, sizeof(*sorted), compare_groups);
    }
    return sorted;
}

static const tg_deployed_group_t *group_find(const tg_deployed_group_t **sorted, size_t n, int64_t id) {
    while (n > 0) {
        size_t half = n / 2;
        if (sorted[half]->id == id) {
            return sorted[half];
        }
        if (sorted[half]->id < id) {
            sorted += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return NULL;
}

static void take_policy_of(tg_deployed_proxy_t *p, const tg_deployed_group_t *g) {
    p->policy = g->policy;
    p->key_id = g->key_id;
    p->cors = &g->group.cors;
    p->forwarded = &g->group.forwarded;
}

static bool is_of_policy_mode(const tg_policy_t *p) {
    return p != NULL && p->active && p->managed_from_policy;
}

/* Nobody is known in ACL mode to whose settings one could go. */
static void take_settings(const tg_snapshot_t *s, tg_deployed_proxy_t *p) {
    if (p->policy != NULL && p->policy->active && !p->policy->managed_from_policy) {
        p->cors = &s->environment.cors;
        p->forwarded = &s->environment.forwarded;
    }
}

static void proxy_resolve(const tg_snapshot_t *s, const tg_deployed_group_t **groups, tg_deployed_proxy_t *p) {
    for (size_t i = 0; i < p->n_groups; i++) {
        const tg_deployed_group_t *g = group_find(groups, s->n_groups, p->group_ids[i]);
        p->targets[p->n_targets++] = p->group_ids[i];
        if (p->policy == NULL && g != NULL && g->policy != NULL) {
            take_policy_of(p, g);
        }
    }
    take_settings(s, p);
}

/* Copies of the proxy, one for each policy of an endpoint: whoever decides on a request sees one proxy with one policy.
 */
static bool endpoints_resolve(tg_snapshot_t *s, tg_deployed_proxy_t *p) {
    tg_deployed_proxy_t *copies = tg_arena_array(&s->arena, p->n_endpoint_policies, sizeof(*copies));
    if (copies == NULL) {
        return false;
    }
    for (size_t i = 0; i < p->n_endpoint_policies; i++) {
        copies[i] = *p;
        copies[i].policy = &p->endpoint_policies[i].policy;
        copies[i].key_id = p->own_key_id;
        copies[i].cors = &p->proxy.cors;
        copies[i].forwarded = &p->proxy.forwarded;
        take_settings(s, &copies[i]);
        p->endpoint_policies[i].proxy = &copies[i];
    }
    return true;
}

/* ---- applications ---- */

static int compare_applications(const void *a, const void *b) {
    const tg_application_t *left = a;
    const tg_application_t *right = b;
    return compare_ids(left->key_id, right->key_id);
}

/* The first of the endpoints' policies that make tokens, of that type if one is wanted. */
static const tg_policy_t *endpoint_policy_find(const tg_deployed_proxy_t *p, tg_token_type_t type) {
    for (size_t i = 0; i < p->n_endpoint_policies; i++) {
        const tg_policy_t *policy = &p->endpoint_policies[i].policy;
        if (is_of_policy_mode(policy) && policy->type == type) {
            return policy;
        }
    }
    return NULL;
}

/* Of policies that make tokens of one type any will do: the manager sees to it that their settings are equal. */
static void policies_of_proxy(const tg_deployed_proxy_t *p, tg_application_t *a) {
    a->policy = p->own_policy;
    if (p->n_endpoint_policies == 0) {
        return;
    }
    const tg_policy_t *opaque = endpoint_policy_find(p, TG_TOKEN_OPAQUE);
    const tg_policy_t *jwt = endpoint_policy_find(p, TG_TOKEN_JWT);
    if (is_of_policy_mode(p->own_policy)) {
        a->other = p->own_policy->type == TG_TOKEN_JWT ? opaque : jwt;
    } else if (opaque != NULL || jwt != NULL) {
        a->policy = opaque != NULL ? opaque : jwt;
        a->other = opaque != NULL ? jwt : NULL;
    }
}

static tg_application_t application_of_proxy(const tg_deployed_proxy_t *p) {
    tg_application_t a = (tg_application_t){.kind = TG_OWNER_PROXY,
                                            .id = p->id,
                                            .key_id = p->own_key_id,
                                            .project_id = p->project_id,
                                            .name = p->proxy.name,
                                            .cors = &p->proxy.cors,
                                            .forwarded = &p->proxy.forwarded};
    policies_of_proxy(p, &a);
    return a;
}

static tg_application_t application_of_group(const tg_deployed_group_t *g) {
    return (tg_application_t){.kind = g->kind,
                              .id = g->id,
                              .key_id = g->key_id,
                              .project_id = g->project_id,
                              .name = g->group.name,
                              .policy = g->policy,
                              .cors = &g->group.cors,
                              .forwarded = &g->group.forwarded};
}

static bool applications_make(tg_snapshot_t *s) {
    size_t n = s->n_proxies + s->n_groups;
    s->applications = tg_arena_array(&s->arena, n, sizeof(*s->applications));
    if (s->applications == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        s->applications[i] = i < s->n_proxies ? application_of_proxy(&s->proxies[i])
                                              : application_of_group(&s->groups[i - s->n_proxies]);
    }
    s->n_applications = n;
    if (n > 1) {
        qsort(s->applications, n, sizeof(*s->applications), compare_applications);
    }
    return true;
}

const tg_application_t *tg_snapshot_application(const tg_snapshot_t *s, int64_t key_id) {
    const tg_application_t key = {.key_id = key_id};
    return s->n_applications == 0
               ? NULL
               : bsearch(&key, s->applications, s->n_applications, sizeof(key), compare_applications);
}

const tg_policy_t *tg_application_policy(const tg_application_t *a, tg_token_type_t type) {
    if (a->policy != NULL && a->policy->type == type) {
        return a->policy;
    }
    return a->other != NULL && a->other->type == type ? a->other : NULL;
}

bool tg_application_issues(const tg_application_t *a) {
    return is_of_policy_mode(a->policy);
}

bool tg_snapshot_resolve(tg_snapshot_t *s) {
    const tg_deployed_group_t **groups = groups_sort(s);
    if (groups == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->n_proxies; i++) {
        proxy_resolve(s, groups, &s->proxies[i]);
        if (s->proxies[i].n_endpoint_policies > 0 && !endpoints_resolve(s, &s->proxies[i])) {
            return false;
        }
    }
    return applications_make(s);
}
