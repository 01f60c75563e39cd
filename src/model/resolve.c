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

static void proxy_resolve(const tg_snapshot_t *s, const tg_deployed_group_t **groups, tg_deployed_proxy_t *p) {
    for (size_t i = 0; i < p->n_groups; i++) {
        const tg_deployed_group_t *g = group_find(groups, s->n_groups, p->group_ids[i]);
        p->targets[p->n_targets++] = p->group_ids[i];
        if (p->policy == NULL && g != NULL && g->policy != NULL) {
            take_policy_of(p, g);
        }
    }
    bool acl_mode = p->policy != NULL && p->policy->active && !p->policy->managed_from_policy;
    if (acl_mode) {
        p->cors = &s->environment.cors;
        p->forwarded = &s->environment.forwarded;
    }
}

/* ---- applications ---- */

static int compare_applications(const void *a, const void *b) {
    const tg_application_t *left = a;
    const tg_application_t *right = b;
    return compare_ids(left->key_id, right->key_id);
}

static tg_application_t application_of_proxy(const tg_deployed_proxy_t *p) {
    return (tg_application_t){.kind = TG_OWNER_PROXY,
                              .id = p->id,
                              .key_id = p->own_key_id,
                              .project_id = p->project_id,
                              .name = p->proxy.name,
                              .policy = p->own_policy,
                              .cors = &p->proxy.cors,
                              .forwarded = &p->proxy.forwarded};
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

bool tg_snapshot_resolve(tg_snapshot_t *s) {
    const tg_deployed_group_t **groups = groups_sort(s);
    if (groups == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->n_proxies; i++) {
        proxy_resolve(s, groups, &s->proxies[i]);
    }
    return applications_make(s);
}
