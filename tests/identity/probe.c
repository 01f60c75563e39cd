/*
 * One identity provider, asked from a pipe: for the tests of src/identity against real servers. The first line of stdin
 * is {"provider": a body of the management API}; each further line is a question, and each gets one line:
 *
 *     {"ask":"check"|"lookUp"|"list","username","password","clientId","address"}
 *
 * "usernameBytes" and "passwordBytes" are base64, for what is no JSON text. The handle stays open between questions.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/b64.h"
#include "identity/identity.h"
#include "identity/parts.h"

#define LINE_MAX_BYTES (1 << 20)
#define ARENA_MAX      (8 << 20)

static json_t *line_read(void) {
    static char line[LINE_MAX_BYTES];
    tg_fault_t fault = {0};
    json_t *value = NULL;
    if (fgets(line, sizeof(line), stdin) == NULL) {
        return NULL;
    }
    if (tg_json_parse(tg_str_trim(tg_strn(line, strcspn(line, "\n"))), sizeof(line), 16, &value, &fault)) {
        fprintf(stderr, "no JSON: %s\n", fault.text);
        exit(2);
    }
    return value;
}

static void line_write(json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT);
    json_decref(value);
    printf("%s\n", text != NULL ? text : "null");
    fflush(stdout);
    free(text);
}

static json_t *text(tg_str_t s) {
    return json_stringn(s.p != NULL ? s.p : "", s.n);
}

/* ---- a question ---- */

static tg_str_t member(const json_t *ask, const char *name, const char *bytes_name, tg_arena_t *a) {
    tg_str_t coded = tg_json_str(ask, bytes_name);
    if (coded.n == 0) {
        return tg_json_str(ask, name);
    }
    size_t n = 0, cap = TG_B64_DECODED_MAX(coded.n);
    char *bytes = tg_arena_alloc(a, cap);
    if (bytes == NULL || tg_b64_decode(coded, bytes, cap, &n)) {
        fprintf(stderr, "%s is no base64\n", bytes_name);
        exit(2);
    }
    return tg_strn(bytes, n);
}

static void tell_step(void *ctx, const char *step, bool ok, const char *detail, int64_t us) {
    json_array_append_new(
        ctx, json_pack("{s:s,s:b,s:s,s:I}", "step", step, "ok", ok, "detail", detail, "us", (json_int_t)us));
}

static json_t *claims_json(const tg_identity_answer_t *answer) {
    json_t *claims = json_object();
    for (size_t i = 0; i < answer->n_claims; i++) {
        const tg_identity_claim_t *c = &answer->claims[i];
        json_t *value = json_loadb(c->value.p, c->value.n, JSON_DECODE_ANY, NULL);
        json_object_setn_new(
            claims, c->claim.p, c->claim.n,
            json_pack("{s:o,s:b,s:b}", "value", value, "inJwt", c->in_jwt, "inResponse", c->in_response));
    }
    return claims;
}

static json_t *answer_json(const tg_identity_answer_t *answer) {
    json_t *roles = json_array();
    for (size_t i = 0; i < answer->n_roles; i++) {
        json_array_append_new(roles, text(answer->roles[i]));
    }
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "verdict", tg_identity_verdict_name(answer->verdict), "subject",
                     text(answer->subject), "fullName", text(answer->full_name), "email", text(answer->email), "roles",
                     roles, "claims", claims_json(answer), "response", text(answer->response));
}

static tg_err_t list_user(void *ctx, const tg_identity_answer_t *user) {
    return json_array_append_new(ctx, answer_json(user)) == 0 ? TG_OK : TG_ERR_NOMEM;
}

static json_t *list_all(tg_identity_t *h, tg_err_t *err) {
    json_t *users = json_array();
    h->fault = (tg_fault_t){0};
    *err = h->ops->list != NULL ? h->ops->list(h, list_user, users) : TG_ERR_INVALID;
    return json_pack("{s:o}", "users", users);
}

static json_t *ask_one(tg_identity_t *h, const json_t *ask, tg_arena_t *a, tg_err_t *err) {
    tg_identity_answer_t answer = {0};
    tg_str_t what = tg_json_str(ask, "ask");
    const tg_identity_question_t q = {
        .username = member(ask, "username", "usernameBytes", a),
        .password = member(ask, "password", "passwordBytes", a),
        .client_id = tg_json_str(ask, "clientId"),
        .address = tg_json_str(ask, "address"),
    };
    if (tg_str_eq(what, TG_STR("list"))) {
        return list_all(h, err);
    }
    *err = tg_str_eq(what, TG_STR("lookUp")) ? tg_identity_look_up(h, &q, a, &answer)
                                             : tg_identity_check(h, &q, a, &answer);
    return *err ? json_object() : answer_json(&answer);
}

static json_t *question_answer(tg_identity_t *h, const json_t *ask) {
    tg_arena_t a;
    tg_err_t err = TG_OK;
    json_t *steps = json_array();
    tg_arena_init(&a, ARENA_MAX);
    h->step = tell_step;
    h->step_ctx = steps;
    int64_t since = tg_identity_now();
    json_t *out = ask_one(h, ask, &a, &err);
    json_object_set_new(out, "ms", json_integer((tg_identity_now() - since) / 1000));
    json_object_set_new(out, "steps", steps);
    if (err) {
        json_object_set_new(out, "error", json_string(tg_err_name(err)));
        json_object_set_new(out, "fault", json_string(h->fault.text));
    }
    tg_arena_release(&a);
    return out;
}

/* ---- the provider ---- */

static tg_err_t provider_open(const json_t *first, tg_arena_t *a, tg_identity_provider_t *p, tg_identity_t **h,
                              tg_fault_t *fault) {
    tg_err_t err = tg_identity_provider_parse(json_object_get(first, "provider"), TG_STR("tests"), a, p, fault);
    return err ? err : tg_identity_open(p, h, fault);
}

int main(void) {
    tg_arena_t a;
    tg_identity_provider_t provider;
    tg_identity_t *h = NULL;
    tg_fault_t fault = {0};
    signal(SIGPIPE, SIG_IGN);
    tg_arena_init(&a, ARENA_MAX);
    json_t *line = line_read();
    tg_err_t err = tg_identity_init();
    if (!err) {
        err = provider_open(line, &a, &provider, &h, &fault);
    }
    json_decref(line);
    line_write(json_pack("{s:s,s:s,s:s}", "opened", tg_err_name(err), "field", fault.field, "fault", fault.text));
    while (!err && (line = line_read()) != NULL) {
        line_write(question_answer(h, line));
        json_decref(line);
    }
    if (h != NULL) {
        h->ops->close(h);
    }
    tg_arena_release(&a);
    return 0; /* a sanitizer ends it with another */
}
