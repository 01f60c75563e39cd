/* The users that a provider lists. */
#include <stdlib.h>

#include "manager/provider_handle.h"
#include "manager/synchronisation.h"
#include "model/credential.h"
#include "model/fields.h"

static int compare_texts(tg_str_t a, tg_str_t b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_roles(const void *a, const void *b) {
    return compare_texts(*(const tg_str_t *)a, *(const tg_str_t *)b);
}

static int compare_users(const void *a, const void *b) {
    return compare_texts(((const tg_sync_user_t *)a)->name, ((const tg_sync_user_t *)b)->name);
}

/* ---- one of them ---- */

static tg_err_t keep(tg_sync_t *s, tg_str_t text, tg_str_t *out) {
    return tg_arena_str(&s->arena, text, out) ? TG_OK : TG_ERR_NOMEM;
}

static tg_err_t roles_take(tg_sync_t *s, const tg_identity_answer_t *a, tg_sync_user_t *out) {
    tg_err_t err = TG_OK;
    out->roles = tg_arena_array(&s->arena, a->n_roles, sizeof(*out->roles));
    if (out->roles == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; !err && i < a->n_roles; i++) {
        err = keep(s, a->roles[i], &out->roles[i]);
    }
    if (!err && a->n_roles > 1) {
        qsort(out->roles, a->n_roles, sizeof(*out->roles), compare_roles);
    }
    for (size_t i = 0; !err && i < a->n_roles; i++) {
        if (i == 0 || !tg_str_eq(out->roles[i], out->roles[i - 1])) {
            out->roles[out->n_roles++] = out->roles[i];
        }
    }
    return err;
}

/* What no credential can have is left out. */
static tg_str_t full_name_of(const tg_identity_answer_t *a) {
    return a->full_name.n <= 256 && tg_text_is_clean(a->full_name, false) ? a->full_name : TG_STR_NONE;
}

static tg_str_t email_of(const tg_identity_answer_t *a) {
    return tg_email_check(a->email) == NULL ? a->email : TG_STR_NONE;
}

static tg_err_t user_take(tg_sync_t *s, const tg_identity_answer_t *a, tg_sync_user_t *out) {
    *out = (tg_sync_user_t){.disabled = a->verdict == TG_IDENTITY_DISABLED};
    tg_err_t err = keep(s, a->subject, &out->name);
    if (!err) {
        err = keep(s, full_name_of(a), &out->full_name);
    }
    if (!err) {
        err = keep(s, email_of(a), &out->email);
    }
    return err ? err : roles_take(s, a, out);
}

/* ---- all of them ---- */

typedef struct {
    tg_call_t *c;
    tg_sync_t *s;
    bool too_many;
} listing_t;

static tg_err_t room_make(tg_sync_t *s) {
    if (s->n_users < s->users_room) {
        return TG_OK;
    }
    size_t room = s->users_room > 0 ? 2 * s->users_room : 256;
    tg_sync_user_t *more = tg_arena_array(&s->arena, room, sizeof(*more));
    if (more == NULL) {
        return TG_ERR_NOMEM;
    }
    if (s->n_users > 0) {
        memcpy(more, s->users, s->n_users * sizeof(*more));
    }
    s->users = more;
    s->users_room = room;
    return TG_OK;
}

static tg_err_t each_user(void *ctx, const tg_identity_answer_t *user) {
    listing_t *l = ctx;
    if (atomic_load(&l->c->m->stopping)) {
        return TG_ERR_UNAVAILABLE;
    }
    if ((int64_t)l->s->n_users >= l->s->provider->stored.sync.max_users) {
        l->too_many = true;
        return TG_ERR_LIMIT;
    }
    tg_err_t err = room_make(l->s);
    if (!err) {
        err = user_take(l->s, user, &l->s->users[l->s->n_users]);
    }
    l->s->n_users += !err;
    return err;
}

static tg_err_t list_refuse(tg_call_t *c, const listing_t *l, const tg_identity_t *h, tg_err_t err) {
    if (l->too_many) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "the provider has more than %lld users (maxUsers)",
                        (long long)l->s->provider->stored.sync.max_users);
    }
    if (err != TG_ERR_UNAVAILABLE && err != TG_ERR_LIMIT && err != TG_ERR_INVALID) {
        return err;
    }
    return tg_fault(&c->fault, err == TG_ERR_UNAVAILABLE ? err : TG_ERR_CONFLICT, "", "the users cannot be listed: %s",
                    h->fault.text[0] != '\0' ? h->fault.text : tg_err_name(err));
}

/* A list of a database has no roles: they are asked for one by one. */
static bool roles_are_asked(const tg_identity_provider_t *p) {
    return p->type == TG_PROVIDER_DATABASE && p->of.database.role_query.n > 0 && tg_identity_provider_looks_up(p);
}

static tg_err_t roles_ask(tg_call_t *c, tg_identity_t *h, tg_sync_t *s, tg_sync_user_t *user) {
    tg_arena_t a;
    tg_identity_answer_t answer;
    const tg_identity_question_t q = {.username = user->name};
    tg_arena_init(&a, 1 << 20);
    tg_err_t err = atomic_load(&c->m->stopping) ? TG_ERR_UNAVAILABLE : tg_identity_look_up(h, &q, &a, &answer);
    if (!err && answer.verdict == TG_IDENTITY_OK) {
        err = roles_take(s, &answer, user);
    }
    tg_arena_release(&a);
    return err;
}

static tg_err_t list(tg_call_t *c, tg_identity_t *h, void *ctx) {
    listing_t l = {.c = c, .s = ctx};
    if (h->ops->list == NULL) {
        return tg_fault(&c->fault, TG_ERR_CONFLICT, "", "this provider cannot list its users");
    }
    tg_err_t err = h->ops->list(h, each_user, &l);
    for (size_t i = 0; !err && roles_are_asked(h->provider) && i < l.s->n_users; i++) {
        err = roles_ask(c, h, l.s, &l.s->users[i]);
    }
    return err ? list_refuse(c, &l, h, err) : TG_OK;
}

/* Of a name that stands twice the first counts. */
static void sort(tg_sync_t *s) {
    size_t kept = 0;
    if (s->n_users > 1) {
        qsort(s->users, s->n_users, sizeof(*s->users), compare_users);
    }
    for (size_t i = 0; i < s->n_users; i++) {
        if (kept == 0 || !tg_str_eq(s->users[i].name, s->users[kept - 1].name)) {
            s->users[kept++] = s->users[i];
        }
    }
    s->n_users = kept;
}

tg_err_t tg_sync_users_read(tg_call_t *c, tg_sync_t *s) {
    tg_err_t err = tg_provider_use(c, &s->provider->stored, list, s);
    if (!err) {
        sort(s);
    }
    return err;
}
