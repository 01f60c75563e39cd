#include "identity/database/database.h"

#include <stdlib.h>

#include "identity/database/aside.h"
#include "identity/database/row.h"
#include "identity/database/stored.h"
#include "model/sql_text.h"

#define LIST_MIN_US 60000000 /* a batch of a list may take as long as this */

typedef struct {
    tg_identity_t base;
    tg_session_t *session; /* of the thread; NULL: not open */
    tg_aside_t *aside;
    tg_aside_t *lost[TG_DATABASE_LOST_MAX];
} database_t;

static database_t *self(tg_identity_t *h) {
    return (database_t *)h; /* the first member */
}

static const tg_database_provider_t *settings(const tg_identity_t *h) {
    return &h->provider->of.database;
}

/* ---- the thread ---- */

/* A place for a thread that is given up; NULL: there is none. */
static tg_aside_t **place_for_lost(database_t *d) {
    tg_aside_t **place = NULL;
    for (size_t i = 0; i < TG_DATABASE_LOST_MAX; i++) {
        if (d->lost[i] != NULL && tg_aside_has_ended(d->lost[i])) {
            tg_aside_free(d->lost[i], 0);
            d->lost[i] = NULL;
        }
        if (d->lost[i] == NULL) {
            place = &d->lost[i];
        }
    }
    return place;
}

static tg_err_t new_session(tg_identity_t *h, tg_session_t **session, tg_aside_t **aside) {
    *session = tg_session_new(h->provider, &h->fault);
    *aside = *session != NULL ? tg_aside_new(*session, tg_session_free) : NULL;
    if (*session != NULL && *aside == NULL) {
        tg_session_free(*session);
        *session = NULL;
    }
    return *session != NULL ? TG_OK : TG_ERR_NOMEM;
}

static tg_err_t late(tg_identity_t *h, int64_t since) {
    return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "query", since, "no answer within %lld ms",
                            (long long)h->provider->timeout_ms);
}

/* What a session that is done with a question says of its steps. */
static tg_err_t tell(tg_identity_t *h, const tg_session_t *s) {
    for (size_t i = 0; i < TG_STEPS; i++) {
        const tg_session_step_t *step = &s->steps[i];
        int64_t since = tg_identity_now() - step->us;
        if (step->name != NULL && step->ok) {
            tg_identity_step(h, step->name, true, since, "%s", "");
        } else if (step->name != NULL) {
            tg_identity_failed(h, step->name, since, "%s", s->odbc.fault.text);
        }
    }
    return s->err;
}

static tg_err_t ask(tg_identity_t *h, tg_str_t username, tg_str_t password) {
    database_t *d = self(h);
    int64_t since = tg_identity_now();
    tg_aside_t **place = place_for_lost(d);
    if (place == NULL) {
        return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "connect", since,
                                "the driver does not come back from %d earlier questions", TG_DATABASE_LOST_MAX);
    }
    tg_err_t err = d->session == NULL ? new_session(h, &d->session, &d->aside) : TG_OK;
    if (!err && !tg_session_prepare(d->session, username, password)) {
        err = TG_ERR_NOMEM;
    }
    if (!err && !tg_aside_call(d->aside, tg_session_ask, tg_identity_deadline(h))) {
        *place = d->aside;
        d->aside = NULL;
        d->session = NULL;
        err = late(h, since);
    }
    return err || d->session == NULL ? err : tell(h, d->session);
}

/* ---- an answer ---- */

static tg_err_t claims(tg_identity_gather_t *g, const tg_database_provider_t *d, const tg_row_t *row) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < d->n_claims; i++) {
        const tg_cell_t *cell = &row->cells[TG_CELLS + i];
        if (cell->is_null) {
            continue;
        }
        json_t *value = tg_cell_json(cell);
        err = value != NULL ? tg_identity_claim_json(g, &d->claims[i], value) : TG_OK; /* no text: left out */
        json_decref(value);
    }
    return err;
}

static tg_err_t user(tg_identity_t *h, const tg_session_t *s, const tg_row_t *row, tg_str_t asked, tg_arena_t *a,
                     tg_identity_answer_t *answer) {
    const tg_database_provider_t *d = settings(h);
    tg_identity_gather_t g;
    tg_err_t err = tg_identity_gather(&g, h, a, d->n_claims, answer);
    if (!err) {
        err = tg_identity_subject(&g, row->cells[TG_CELL_NAME].text, asked);
    }
    if (!err) {
        err = tg_identity_text(&g, row->cells[TG_CELL_FULL_NAME].text, TG_IDENTITY_TEXT_MAX, &answer->full_name);
    }
    if (!err) {
        err = tg_identity_text(&g, row->cells[TG_CELL_EMAIL].text, TG_IDENTITY_TEXT_MAX, &answer->email);
    }
    if (!err) {
        err = claims(&g, d, row);
    }
    for (size_t i = 0; !err && i < s->n_roles; i++) {
        err = tg_identity_role(&g, s->role_names[i]);
    }
    bool enabled = d->enabled_column.n == 0 || tg_cell_is_yes(&row->cells[TG_CELL_ENABLED]);
    answer->verdict = enabled ? TG_IDENTITY_OK : TG_IDENTITY_DISABLED;
    return err;
}

/* ---- verbs ---- */

static tg_err_t found_none(tg_identity_t *h, tg_identity_verdict_t verdict, const char *why,
                           tg_identity_answer_t *answer) {
    tg_identity_step(h, "user", false, tg_identity_now(), "%s", why);
    answer->verdict = verdict;
    return TG_OK;
}

static tg_err_t password_check(tg_identity_t *h, const tg_row_t *row, tg_str_t password, bool *right) {
    int64_t since = tg_identity_now();
    tg_fault_t why = {0};
    *right = true;
    if (settings(h)->format == TG_PASSWORD_QUERY) {
        return TG_OK;
    }
    tg_err_t err = tg_stored_verify(settings(h), row->cells[TG_CELL_PASSWORD].text, row->cells[TG_CELL_SALT].text,
                                    password, right, &why);
    if (err && err != TG_ERR_INVALID) {
        return err;
    }
    tg_identity_step(h, "password", *right, since, "%s", err ? why.text : *right ? "" : "it is another one");
    return TG_OK;
}

static tg_err_t database_check(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a,
                               tg_identity_answer_t *answer) {
    bool by_query = settings(h)->format == TG_PASSWORD_QUERY;
    bool right;
    tg_err_t err = ask(h, q->username, by_query ? q->password : TG_STR_NONE);
    if (err) {
        return err;
    }
    const tg_session_t *s = self(h)->session;
    if (s->n_rows != 1) {
        tg_stored_pretend(settings(h), q->password);
        bool wrong = s->n_rows == 0 && by_query; /* either of the two: it is not told which */
        return found_none(h, wrong ? TG_IDENTITY_PASSWORD : TG_IDENTITY_NOBODY,
                          s->n_rows == 0 ? "there is no row" : "there are several rows", answer);
    }
    err = password_check(h, &s->rows[0], q->password, &right);
    if (err || !right) {
        answer->verdict = TG_IDENTITY_PASSWORD;
        return err;
    }
    return user(h, s, &s->rows[0], q->username, a, answer);
}

static tg_err_t database_look_up(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a,
                                 tg_identity_answer_t *answer) {
    if (settings(h)->format == TG_PASSWORD_QUERY) {
        return tg_fault(&h->fault, TG_ERR_INVALID, "passwordFormat", "QUERY finds no user without the password");
    }
    tg_err_t err = ask(h, q->username, TG_STR_NONE);
    if (err) {
        return err;
    }
    const tg_session_t *s = self(h)->session;
    if (s->n_rows != 1) {
        return found_none(h, TG_IDENTITY_NOBODY, s->n_rows == 0 ? "there is no row" : "there are several rows", answer);
    }
    return user(h, s, &s->rows[0], q->username, a, answer);
}

/* ---- the list ---- */

static tg_err_t list_row(tg_identity_t *h, const tg_session_t *s, const tg_row_t *row, tg_identity_user_fn each,
                         void *ctx) {
    tg_arena_t a;
    tg_identity_answer_t answer;
    tg_str_t name = row->cells[TG_CELL_NAME].text;
    if (name.n == 0 || name.n > TG_IDENTITY_USERNAME_MAX || !tg_str_is_utf8(name)) {
        return TG_OK; /* nobody can ask for this name */
    }
    tg_arena_init(&a, 1u << 20);
    tg_err_t err = user(h, s, row, name, &a, &answer);
    if (!err) {
        err = each(ctx, &answer);
    }
    tg_arena_release(&a);
    return err;
}

static tg_err_t list_batches(tg_identity_t *h, tg_session_t *s, tg_aside_t *aside, bool *lost, tg_identity_user_fn each,
                             void *ctx) {
    int64_t patience = h->provider->timeout_ms * 1000;
    patience = patience > LIST_MIN_US ? patience : LIST_MIN_US;
    tg_err_t err = TG_OK;
    do {
        int64_t since = tg_identity_now();
        *lost = !tg_aside_call(aside, tg_session_list, since + patience);
        if (*lost) {
            return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "query", since, "no rows within %lld ms",
                                    (long long)(patience / 1000));
        }
        err = s->err ? tell(h, s) : TG_OK;
        for (size_t i = 0; !err && i < s->n_rows; i++) {
            err = list_row(h, s, &s->rows[i], each, ctx);
        }
    } while (!err && s->n_rows > 0);
    return err;
}

static tg_err_t database_list(tg_identity_t *h, tg_identity_user_fn each, void *ctx) {
    tg_session_t *s;
    tg_aside_t *aside;
    bool lost;
    h->fault = (tg_fault_t){0};
    if (settings(h)->list_query.n == 0) {
        return tg_fault(&h->fault, TG_ERR_INVALID, "listQuery", "is not given: users cannot be listed");
    }
    tg_err_t err = new_session(h, &s, &aside);
    if (err) {
        return err;
    }
    err = list_batches(h, s, aside, &lost, each, ctx);
    tg_aside_free(aside, lost ? 0 : tg_identity_deadline(h));
    return err;
}

/* ---- open, close ---- */

static void database_close(tg_identity_t *h) {
    database_t *d = self(h);
    int64_t until = tg_identity_deadline(h);
    for (size_t i = 0; i < TG_DATABASE_LOST_MAX; i++) {
        if (d->lost[i] != NULL) {
            tg_aside_free(d->lost[i], 0);
        }
    }
    if (d->aside != NULL) {
        tg_aside_free(d->aside, until);
    }
    free(d);
}

static tg_err_t rule(const char *field, tg_str_t sql, bool username, bool password, tg_fault_t *fault) {
    const char *why = sql.n > 0 ? tg_sql_rule(sql, username, password) : NULL;
    return why == NULL ? TG_OK : tg_fault(fault, TG_ERR_INVALID, field, "%s", why);
}

static tg_err_t rules(const tg_database_provider_t *d, tg_fault_t *fault) {
    tg_err_t err = rule("query", d->query, true, d->format == TG_PASSWORD_QUERY, fault);
    if (!err) {
        err = rule("roleQuery", d->role_query, true, false, fault);
    }
    return err ? err : rule("listQuery", d->list_query, false, false, fault);
}

tg_err_t tg_identity_database_open(const tg_identity_provider_t *p, tg_identity_t **out, tg_fault_t *fault) {
    static const tg_identity_ops_t ops = {
        .close = database_close, .check = database_check, .look_up = database_look_up, .list = database_list};
    tg_err_t err = rules(&p->of.database, fault);
    if (err) {
        return err;
    }
    tg_session_t *probe = tg_session_new(p, fault); /* whether it can ever be */
    if (probe == NULL) {
        return fault != NULL && fault->text[0] != '\0' ? TG_ERR_INVALID : TG_ERR_NOMEM;
    }
    tg_session_free(probe);
    database_t *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return TG_ERR_NOMEM;
    }
    d->base = (tg_identity_t){.ops = &ops, .provider = p};
    *out = &d->base;
    return TG_OK;
}
