#include "identity/ldap/ldap.h"

#include <stdlib.h>

#include "identity/ldap/directory.h"
#include "identity/ldap/text.h"

#define ARENA_MAX (1 << 20)

tg_err_t tg_identity_ldap_init(void) {
    int unused;
    /* Files and variables of whoever started the process could turn verification off or chase referrals. */
    if (setenv("LDAPNOINIT", "1", 1) != 0) {
        return TG_ERR_NOMEM;
    }
    int failed = ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &unused);
    unsetenv("LDAPNOINIT");
    return failed ? TG_ERR_BUG : TG_OK;
}

/* ---- a question ---- */

typedef struct {
    const tg_identity_question_t *q;
    tg_arena_t *arena;
    tg_identity_answer_t *answer;
    int64_t deadline;
    tg_ldap_found_t found;
} ask_t;

static tg_err_t decide(ask_t *ask, tg_identity_verdict_t verdict) {
    if (verdict == TG_IDENTITY_OK) {
        ask->answer->verdict = verdict;
    } else {
        *ask->answer = (tg_identity_answer_t){.verdict = verdict};
    }
    return TG_OK;
}

/* The name that is bound with, in the arena. */
static tg_err_t own_dn(const tg_ldap_t *d, const ask_t *ask, const char **out) {
    tg_buf_t text;
    tg_str_t copy = TG_STR_NONE;
    tg_buf_init(&text, TG_LDAP_TEXT_MAX);
    tg_err_t err = tg_ldap_user_dn(d->p->user_expression, ask->q->username, &text);
    if (!err && !tg_arena_str(ask->arena, tg_buf_str(&text), &copy)) {
        err = TG_ERR_NOMEM;
    }
    *out = copy.p;
    tg_buf_release(&text);
    return err;
}

static tg_err_t check_simple(tg_ldap_t *d, ask_t *ask) {
    tg_identity_verdict_t verdict = (tg_identity_verdict_t)0;
    const char *dn;
    tg_err_t err = own_dn(d, ask, &dn);
    if (!err) {
        err = tg_ldap_user(d, dn, ask->q->password, ask->deadline, &verdict);
    }
    if (err || verdict != TG_IDENTITY_OK) {
        return err ? err : decide(ask, verdict);
    }
    err = tg_ldap_read_own(d, dn, ask->q->username, ask->deadline, &ask->found);
    if (!err && ask->found.locked) {
        return decide(ask, TG_IDENTITY_DISABLED);
    }
    if (!err) {
        const char *found = ask->found.dn != NULL ? ask->found.dn : dn;
        err = tg_ldap_groups(d, &d->user, found, ask->deadline, &ask->found.gather);
    }
    return err ? err : decide(ask, TG_IDENTITY_OK);
}

static tg_err_t check_advanced(tg_ldap_t *d, ask_t *ask) {
    tg_identity_verdict_t verdict = (tg_identity_verdict_t)0;
    tg_err_t err = tg_ldap_service(d, ask->deadline);
    if (!err) {
        err = tg_ldap_find(d, ask->q->username, ask->deadline, &ask->found);
    }
    if (!err && (ask->found.entries != 1 || ask->found.dn[0] == '\0')) {
        return decide(ask, TG_IDENTITY_NOBODY);
    }
    if (!err) {
        err = tg_ldap_user(d, ask->found.dn, ask->q->password, ask->deadline, &verdict);
    }
    if (err || verdict != TG_IDENTITY_OK || ask->found.locked) {
        return err ? err : decide(ask, verdict == TG_IDENTITY_OK ? TG_IDENTITY_DISABLED : verdict);
    }
    err = tg_ldap_groups(d, &d->service, ask->found.dn, ask->deadline, &ask->found.gather);
    return err ? err : decide(ask, TG_IDENTITY_OK);
}

static tg_err_t look_up_advanced(tg_ldap_t *d, ask_t *ask) {
    tg_err_t err = tg_ldap_service(d, ask->deadline);
    if (!err) {
        err = tg_ldap_find(d, ask->q->username, ask->deadline, &ask->found);
    }
    if (!err && (ask->found.entries != 1 || ask->found.locked)) {
        return decide(ask, ask->found.entries != 1 ? TG_IDENTITY_NOBODY : TG_IDENTITY_DISABLED);
    }
    if (!err) {
        err = tg_ldap_groups(d, &d->service, ask->found.dn, ask->deadline, &ask->found.gather);
    }
    return err ? err : decide(ask, TG_IDENTITY_OK);
}

typedef tg_err_t (*attempt_fn)(tg_ldap_t *d, ask_t *ask);

static tg_err_t attempt(tg_ldap_t *d, attempt_fn how, ask_t *ask) {
    tg_ldap_link_begin(&d->service);
    tg_ldap_link_begin(&d->user);
    ask->found = (tg_ldap_found_t){.directory = d};
    tg_err_t err = tg_identity_gather(&ask->found.gather, &d->base, ask->arena, d->p->n_claims, ask->answer);
    return err ? err : how(d, ask);
}

static bool was_idle(const tg_ldap_link_t *l) {
    return l->lost && l->reused;
}

/* A server that has gone away between two questions is no news: the question is put once more. */
static tg_err_t question(tg_ldap_t *d, attempt_fn how, const tg_identity_question_t *q, tg_arena_t *a,
                         tg_identity_answer_t *answer) {
    ask_t ask = {.q = q, .arena = a, .answer = answer, .deadline = tg_identity_deadline(&d->base)};
    tg_err_t err = attempt(d, how, &ask);
    if (err == TG_ERR_UNAVAILABLE && (was_idle(&d->service) || was_idle(&d->user))) {
        tg_ldap_link_close(&d->service);
        tg_ldap_link_close(&d->user);
        d->base.fault = (tg_fault_t){0};
        err = attempt(d, how, &ask);
    }
    return err;
}

/* ---- a handle ---- */

static tg_err_t check(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a, tg_identity_answer_t *answer) {
    tg_ldap_t *d = (tg_ldap_t *)h;
    return question(d, d->p->authentication == TG_LDAP_SIMPLE ? check_simple : check_advanced, q, a, answer);
}

static tg_err_t look_up(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a,
                        tg_identity_answer_t *answer) {
    return question((tg_ldap_t *)h, look_up_advanced, q, a, answer);
}

static void close_all(tg_identity_t *h) {
    tg_ldap_t *d = (tg_ldap_t *)h;
    tg_ldap_link_close(&d->service);
    tg_ldap_link_close(&d->user);
    tg_ldap_server_release(&d->server);
    tg_arena_release(&d->arena);
    free(d);
}

static const tg_identity_ops_t simple_ops = {.close = close_all, .check = check};
static const tg_identity_ops_t advanced_ops = {
    .close = close_all, .check = check, .look_up = look_up, .list = tg_ldap_list};

tg_err_t tg_identity_ldap_open(const tg_identity_provider_t *p, tg_identity_t **out, tg_fault_t *fault) {
    tg_ldap_t *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return TG_ERR_NOMEM;
    }
    d->base.provider = p;
    d->base.ops = p->of.ldap.authentication == TG_LDAP_SIMPLE ? &simple_ops : &advanced_ops;
    d->p = &p->of.ldap;
    d->service = (tg_ldap_link_t){.handle = &d->base, .server = &d->server};
    d->user = (tg_ldap_link_t){.handle = &d->base, .server = &d->server};
    tg_arena_init(&d->arena, ARENA_MAX);
    tg_err_t err = tg_ldap_prepare(d, fault);
    if (err) {
        close_all(&d->base);
        return err;
    }
    *out = &d->base;
    return TG_OK;
}
