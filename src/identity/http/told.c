#include "identity/http/told.h"

#include <stdio.h>

#include "identity/http/path.h"

#define DEPTH_MAX 32
#define WORDS_MAX TG_IDENTITY_ROLES_MAX

typedef struct {
    tg_identity_t *h;
    const tg_api_provider_t *api;
    tg_str_t body;
    json_t *doc; /* NULL: it is none */
    tg_fault_t why;
    int64_t since;
} told_t;

static const json_t *one(const json_t *doc, tg_str_t path) {
    const json_t *value = NULL;
    size_t n;
    tg_json_path_find(doc, path, &value, 1, &n);
    return n > 0 ? value : NULL;
}

/* ---- the assertion ---- */

static bool same_scalar(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b) && !(json_is_integer(a) && json_is_integer(b))) {
        return json_number_value(a) == json_number_value(b);
    }
    return json_equal(a, b) != 0;
}

/* NULL if it holds, else what does not. */
static const char *value_rule(const told_t *t) {
    const json_t *value = one(t->doc, t->api->json_path);
    json_t *wanted = NULL;
    if (value == NULL) {
        return "jsonPath leads to nothing";
    }
    if (!t->api->has_json_value) {
        return NULL;
    }
    bool same = tg_json_parse(t->api->json_value, TG_IDENTITY_ANSWER_MAX, 1, &wanted, NULL) == TG_OK &&
                same_scalar(value, wanted);
    json_decref(wanted);
    return same ? NULL : "jsonPath leads to another value than jsonValue";
}

static const char *assertion_rule(const told_t *t) {
    tg_str_t text = t->api->contains;
    if (text.n > 0 && (t->body.n == 0 || memmem(t->body.p, t->body.n, text.p, text.n) == NULL)) {
        return "bodyContains is not in the answer";
    }
    return t->api->json_path.n > 0 ? value_rule(t) : NULL;
}

static bool wants_json(const tg_api_provider_t *api) {
    return api->json_path.n > 0 || api->roles_path.n > 0 || api->subject_path.n > 0 || api->n_claims > 0;
}

/* ---- the user ---- */

static tg_err_t subject(const told_t *t, tg_identity_gather_t *g, tg_str_t asked) {
    char number[24];
    tg_str_t name = TG_STR_NONE;
    if (t->api->subject_path.n == 0) {
        return tg_identity_subject(g, asked, asked);
    }
    const json_t *value = one(t->doc, t->api->subject_path);
    if (json_is_integer(value)) {
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        name = tg_str(number);
    } else if (json_is_string(value)) {
        name = tg_strn(json_string_value(value), json_string_length(value));
    }
    if (name.n == 0 || name.n > TG_IDENTITY_USERNAME_MAX) {
        return tg_identity_fail(t->h, TG_ERR_UNAVAILABLE, "subject", t->since, "subjectPath leads to no name");
    }
    return tg_identity_subject(g, name, asked);
}

static tg_err_t role_words(tg_identity_gather_t *g, tg_str_t words) {
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && words.n > 0; i++) {
        if (i == WORDS_MAX) {
            return tg_identity_fail(g->handle, TG_ERR_LIMIT, "roles", tg_identity_now(), "more than %d roles",
                                    WORDS_MAX);
        }
        tg_str_t word = tg_str_take(&words, ' ');
        err = word.n > 0 ? tg_identity_role(g, word) : TG_OK;
    }
    return err;
}

/* A string is words, a list is of strings. */
static tg_err_t role_value(tg_identity_gather_t *g, const json_t *value, bool in_list) { // NOLINT(misc-no-recursion)
    tg_err_t err = TG_OK;
    if (json_is_string(value)) {
        tg_str_t text = tg_strn(json_string_value(value), json_string_length(value));
        return in_list ? tg_identity_role(g, text) : role_words(g, text);
    }
    for (size_t i = 0; !err && !in_list && i < json_array_size(value); i++) {
        err = role_value(g, json_array_get(value, i), true);
    }
    return err;
}

static tg_err_t roles(const told_t *t, tg_identity_gather_t *g) {
    const json_t *values[TG_IDENTITY_ROLES_MAX];
    bool is_list = tg_json_path_is_list(t->api->roles_path);
    size_t n;
    tg_err_t err = TG_OK;
    tg_json_path_find(t->doc, t->api->roles_path, values, TG_IDENTITY_ROLES_MAX, &n);
    if (n > TG_IDENTITY_ROLES_MAX) {
        return tg_identity_fail(t->h, TG_ERR_LIMIT, "roles", t->since, "more than %d values", TG_IDENTITY_ROLES_MAX);
    }
    for (size_t i = 0; !err && i < n; i++) {
        err = role_value(g, values[i], is_list);
    }
    if (!err) {
        tg_identity_step(t->h, "roles", true, t->since, "%zu roles", g->answer->n_roles);
    }
    return err;
}

static tg_err_t claim_list(tg_identity_gather_t *g, const tg_provider_claim_t *rule, const json_t **values, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append(list, (json_t *)values[i]); /* counts it, and no more */
    }
    tg_err_t err = list == NULL || json_array_size(list) != n ? TG_ERR_NOMEM : tg_identity_claim_json(g, rule, list);
    json_decref(list);
    return err;
}

static tg_err_t claims(const told_t *t, tg_identity_gather_t *g) {
    const json_t *values[TG_IDENTITY_VALUES_MAX + 1];
    tg_err_t err = TG_OK;
    for (size_t i = 0; !err && i < t->api->n_claims; i++) {
        const tg_provider_claim_t *rule = &t->api->claims[i];
        size_t n;
        tg_json_path_find(t->doc, rule->source, values, TG_IDENTITY_VALUES_MAX + 1, &n);
        n = n <= TG_IDENTITY_VALUES_MAX ? n : TG_IDENTITY_VALUES_MAX + 1; /* which is refused as too many */
        if (tg_json_path_is_list(rule->source)) {
            err = claim_list(g, rule, values, n);
        } else if (n > 0) {
            err = tg_identity_claim_json(g, rule, values[0]);
        }
    }
    return err;
}

static tg_err_t response(const told_t *t, tg_identity_gather_t *g) {
    tg_buf_t text;
    if (!t->api->answer_in_response || t->doc == NULL) {
        return TG_OK;
    }
    tg_buf_init(&text, 8 * TG_IDENTITY_ANSWER_MAX); /* escapes may make it longer */
    tg_err_t err = tg_json_write(t->doc, &text);
    if (!err && !tg_arena_str(g->arena, tg_buf_str(&text), &g->answer->response)) {
        err = TG_ERR_NOMEM;
    }
    tg_buf_release(&text);
    return err;
}

static tg_err_t user(const told_t *t, tg_str_t asked, tg_arena_t *a, tg_identity_answer_t *answer) {
    tg_identity_gather_t g;
    tg_err_t err = tg_identity_gather(&g, t->h, a, t->api->n_claims, answer);
    if (!err) {
        err = subject(t, &g, asked);
    }
    if (!err && t->api->roles_path.n > 0) {
        err = roles(t, &g);
    }
    if (!err) {
        err = claims(t, &g);
    }
    answer->verdict = TG_IDENTITY_OK;
    return err ? err : response(t, &g);
}

/* ---- all of it ---- */

static tg_err_t judge(told_t *t, tg_str_t asked, tg_identity_verdict_t refused, tg_arena_t *a,
                      tg_identity_answer_t *answer) {
    if (wants_json(t->api) && t->doc == NULL) {
        return tg_identity_fail(t->h, TG_ERR_UNAVAILABLE, "assertion", t->since, "the answer is no JSON: %s",
                                t->why.text);
    }
    const char *why = assertion_rule(t);
    tg_identity_step(t->h, "assertion", why == NULL, t->since, "%s", why != NULL ? why : "");
    answer->verdict = refused;
    return why != NULL ? TG_OK : user(t, asked, a, answer);
}

tg_err_t tg_told(tg_identity_t *h, long status, tg_str_t body, tg_str_t asked, tg_identity_verdict_t refused,
                 tg_arena_t *a, tg_identity_answer_t *answer) {
    told_t t = {.h = h, .api = &h->provider->of.api, .body = body, .since = tg_identity_now()};
    if (status < t.api->status_from || status > t.api->status_to) {
        if (status >= 500 || status == 429) {
            return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "assertion", t.since, "status %ld", status);
        }
        tg_identity_step(h, "assertion", false, t.since, "status %ld", status);
        answer->verdict = refused;
        return TG_OK;
    }
    tg_err_t err = TG_OK;
    if (wants_json(t.api) || t.api->answer_in_response) {
        err = tg_json_parse(body, TG_IDENTITY_ANSWER_MAX, DEPTH_MAX, &t.doc, &t.why);
    }
    err = err == TG_ERR_NOMEM ? err : judge(&t, asked, refused, a, answer);
    json_decref(t.doc);
    return err;
}
