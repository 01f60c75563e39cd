/* .../identityProviders/{name}/test: asks it, and tells each step. */
#include <stdio.h>

#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/password.h"
#include "manager/provider_handle.h"
#include "manager/schemas.h"

#define NAME_MAX_BYTES 4096 /* longer than any can be: the steps tell so */

typedef struct {
    tg_str_t username, password;
} body_t;

static const tg_field_t body_fields[] = {
    {.name = "username", .read = tg_read_text, .offset = offsetof(body_t, username), .max = NAME_MAX_BYTES},
    {.name = "password", .read = tg_read_text, .offset = offsetof(body_t, password), .max = 2 * NAME_MAX_BYTES},
};

json_t *tg_provider_test_schema(void) {
    return tg_fields_schema(body_fields, sizeof(body_fields) / sizeof(body_fields[0]));
}

typedef struct {
    tg_call_t *c;
    body_t asked;
    json_t *steps, *result;
} test_t;

/* Details may have been cut in the middle of a character. */
static json_t *line(const char *text) {
    json_t *value = json_string(text);
    return value != NULL ? value : json_string("");
}

static void step_note(void *ctx, const char *step, bool ok, const char *detail, int64_t us) {
    test_t *t = ctx;
    json_t *o = json_object();
    tg_call_put_to(t->c, o, "step", json_string(step));
    tg_call_put_to(t->c, o, "success", json_boolean(ok));
    tg_call_put_to(t->c, o, "detail", line(detail != NULL ? detail : ""));
    tg_call_put_to(t->c, o, "durationMillis", json_real((double)us / 1000));
    tg_call_append_to(t->c, t->steps, o);
}

static json_t *user_show(tg_call_t *c, const tg_identity_answer_t *a) {
    json_t *o = json_object(), *roles = json_array(), *claims = json_object();
    tg_call_put_to(c, o, "subject", tg_text(a->subject));
    tg_call_put_to(c, o, "fullName", tg_text_or_null(a->full_name));
    tg_call_put_to(c, o, "email", tg_text_or_null(a->email));
    for (size_t i = 0; i < a->n_roles; i++) {
        tg_call_append_to(c, roles, tg_text(a->roles[i]));
    }
    for (size_t i = 0; i < a->n_claims; i++) {
        char name[256];
        json_t *value = NULL;
        snprintf(name, sizeof(name), "%.*s", TG_STR_ARGS(a->claims[i].claim));
        if (tg_json_parse(a->claims[i].value, TG_IDENTITY_CLAIMS_MAX, 4, &value, NULL) == TG_OK) {
            tg_call_put_to(c, claims, name, value);
        }
    }
    tg_call_put_to(c, o, "roles", roles);
    tg_call_put_to(c, o, "claims", claims);
    return o;
}

/* Somebody who is nobody: whether it can be asked at all is what is wanted then. */
static tg_err_t nobody_ask(tg_identity_t *h, tg_arena_t *a, tg_identity_answer_t *answer) {
    char name[64], password[64];
    snprintf(name, sizeof(name), "tollgate-test-%llx", (unsigned long long)tg_random_number());
    snprintf(password, sizeof(password), "%llx%llx", (unsigned long long)tg_random_number(),
             (unsigned long long)tg_random_number());
    const tg_identity_question_t q = {.username = tg_str(name), .password = tg_str(password)};
    return h->ops->look_up != NULL ? tg_identity_look_up(h, &q, a, answer) : tg_identity_check(h, &q, a, answer);
}

static tg_err_t ask(tg_call_t *c, tg_identity_t *h, const body_t *asked, tg_identity_answer_t *answer) {
    const tg_identity_question_t q = {.username = asked->username, .password = asked->password};
    if (asked->username.n == 0) {
        return nobody_ask(h, &c->arena, answer);
    }
    return asked->password.p == NULL ? tg_identity_look_up(h, &q, &c->arena, answer)
                                     : tg_identity_check(h, &q, &c->arena, answer);
}

static tg_err_t run(tg_call_t *c, tg_identity_t *h, void *ctx) {
    test_t *t = ctx;
    tg_identity_answer_t answer = {.n_roles = 0};
    h->step = step_note;
    h->step_ctx = t;
    tg_err_t err = ask(c, h, &t->asked, &answer);
    if (err == TG_ERR_NOMEM || err == TG_ERR_BUG) {
        return err;
    }
    bool found = !err && answer.verdict == TG_IDENTITY_OK;
    const char *verdict = err                        ? tg_err_name(err)
                          : t->asked.username.n == 0 ? "reached"
                                                     : tg_identity_verdict_name(answer.verdict);
    tg_call_put_to(c, t->result, "success", json_boolean(!err && (found || t->asked.username.n == 0)));
    tg_call_put_to(c, t->result, "verdict", json_string(verdict));
    tg_call_put_to(c, t->result, "message", line(err ? h->fault.text : ""));
    tg_call_put_to(c, t->result, "user", found && t->asked.username.n > 0 ? user_show(c, &answer) : json_null());
    return TG_OK;
}

static tg_err_t asked_check(tg_call_t *c, const tg_identity_provider_t *p, const body_t *asked) {
    if (asked->username.n == 0 && asked->password.p != NULL) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "username", "is required with password");
    }
    if (asked->username.n > 0 && asked->password.p == NULL && !tg_identity_provider_looks_up(p)) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "password",
                        "is required: this provider does not tell of users without it");
    }
    return TG_OK;
}

static tg_err_t noted_end(tg_call_t *c, test_t *t) {
    tg_err_t err = tg_call_begin(c);
    c->after = json_object();
    tg_call_put_to(c, c->after, "username", tg_text_or_null(t->asked.username));
    tg_call_put_to(c, c->after, "verdict", json_incref(json_object_get(t->result, "verdict")));
    tg_call_put(c, "result", json_incref(t->result));
    return err;
}

tg_err_t tg_identity_provider_test(tg_call_t *c) {
    tg_provider_row_t p;
    test_t t = {.c = c, .steps = json_array(), .result = json_object()};
    tg_err_t err = tg_body_read(c, c->body, body_fields, sizeof(body_fields) / sizeof(body_fields[0]), &t.asked);
    if (!err) {
        err = tg_provider_need(c, &p);
    }
    if (!err) {
        err = asked_check(c, &p.stored, &t.asked);
    }
    if (!err) {
        err = tg_provider_use(c, &p.stored, run, &t);
    }
    tg_call_put_to(c, t.result, "steps", t.steps);
    if (!err) {
        err = noted_end(c, &t);
    }
    json_decref(t.result);
    return err;
}
