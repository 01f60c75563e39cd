#include "identity/parts.h"

tg_err_t tg_identity_gather(tg_identity_gather_t *g, tg_identity_t *h, tg_arena_t *a, size_t rules,
                            tg_identity_answer_t *answer) {
    *answer = (tg_identity_answer_t){0};
    *g = (tg_identity_gather_t){.handle = h, .arena = a, .answer = answer};
    answer->claims = rules > 0 ? tg_arena_array(a, rules, sizeof(answer->claims[0])) : NULL;
    return rules > 0 && answer->claims == NULL ? TG_ERR_NOMEM : TG_OK;
}

static bool is_text(tg_str_t s, size_t max) {
    return s.n <= max && tg_str_is_utf8(s);
}

tg_err_t tg_identity_text(tg_identity_gather_t *g, tg_str_t s, size_t max, tg_str_t *out) {
    *out = TG_STR_NONE;
    if (s.n == 0 || !is_text(s, max)) {
        return TG_OK;
    }
    return tg_arena_str(g->arena, s, out) ? TG_OK : TG_ERR_NOMEM;
}

tg_err_t tg_identity_subject(tg_identity_gather_t *g, tg_str_t name, tg_str_t asked) {
    bool good = name.n > 0 && is_text(name, TG_IDENTITY_USERNAME_MAX);
    return tg_arena_str(g->arena, good ? name : asked, &g->answer->subject) ? TG_OK : TG_ERR_NOMEM;
}

/* ---- roles ---- */

static bool has_role(const tg_identity_answer_t *answer, tg_str_t role) {
    for (size_t i = 0; i < answer->n_roles; i++) {
        if (tg_str_eq(answer->roles[i], role)) {
            return true;
        }
    }
    return false;
}

tg_err_t tg_identity_role(tg_identity_gather_t *g, tg_str_t role) {
    tg_identity_answer_t *answer = g->answer;
    tg_fault_t ignored = {0};
    if (tg_role_check(role, "", &ignored) || has_role(answer, role)) {
        return TG_OK;
    }
    if (answer->n_roles == TG_IDENTITY_ROLES_MAX) {
        return tg_fault(&g->handle->fault, TG_ERR_LIMIT, "", "the user has more than %d roles", TG_IDENTITY_ROLES_MAX);
    }
    if (answer->roles == NULL) {
        answer->roles = tg_arena_array(g->arena, TG_IDENTITY_ROLES_MAX, sizeof(answer->roles[0]));
    }
    if (answer->roles == NULL || !tg_arena_str(g->arena, role, &answer->roles[answer->n_roles])) {
        return TG_ERR_NOMEM;
    }
    answer->n_roles++;
    return TG_OK;
}

/* ---- claims ---- */

static tg_err_t too_much(tg_identity_gather_t *g, const tg_provider_claim_t *rule, const char *what) {
    return tg_fault(&g->handle->fault, TG_ERR_LIMIT, "", "claim \"%.*s\": %s", TG_STR_ARGS(rule->claim), what);
}

/* The claim whose JSON text has been written to `text`. */
static tg_err_t claim_add(tg_identity_gather_t *g, const tg_provider_claim_t *rule, const tg_buf_t *text) {
    if (text->err == TG_ERR_LIMIT) {
        return too_much(g, rule, "more than 8 KiB of claims");
    }
    tg_identity_claim_t *claim = &g->answer->claims[g->answer->n_claims];
    *claim = (tg_identity_claim_t){.in_jwt = rule->in_jwt, .in_response = rule->in_response};
    if (text->err || !tg_arena_str(g->arena, rule->claim, &claim->claim) ||
        !tg_arena_str(g->arena, tg_buf_str(text), &claim->value)) {
        return TG_ERR_NOMEM;
    }
    g->claim_bytes += text->n;
    g->answer->n_claims++;
    return TG_OK;
}

static void text_begin(const tg_identity_gather_t *g, tg_buf_t *text) {
    tg_buf_init(text, TG_IDENTITY_CLAIMS_MAX - g->claim_bytes);
}

tg_err_t tg_identity_claim_texts(tg_identity_gather_t *g, const tg_provider_claim_t *rule, const tg_str_t *values,
                                 size_t n) {
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        good += tg_str_is_utf8(values[i]);
    }
    if (good == 0) {
        return TG_OK;
    }
    if (good > TG_IDENTITY_VALUES_MAX) {
        return too_much(g, rule, "more than 64 values");
    }
    tg_buf_t text;
    text_begin(g, &text);
    const char *between = good > 1 ? "[" : "";
    for (size_t i = 0; i < n; i++) {
        if (tg_str_is_utf8(values[i])) {
            tg_buf_put(&text, tg_str(between));
            tg_buf_put_json(&text, values[i]);
            between = ",";
        }
    }
    tg_buf_put(&text, tg_str(good > 1 ? "]" : ""));
    tg_err_t err = claim_add(g, rule, &text);
    tg_buf_release(&text);
    return err;
}

static bool is_scalar(const json_t *v) {
    return json_is_string(v) || json_is_number(v) || json_is_boolean(v);
}

static bool can_be_claim(const json_t *value) {
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) {
        if (!is_scalar(item)) {
            return false;
        }
    }
    return is_scalar(value) || json_array_size(value) > 0;
}

tg_err_t tg_identity_claim_json(tg_identity_gather_t *g, const tg_provider_claim_t *rule, const json_t *value) {
    tg_buf_t text;
    if (!can_be_claim(value)) {
        return TG_OK;
    }
    if (json_array_size(value) > TG_IDENTITY_VALUES_MAX) {
        return too_much(g, rule, "more than 64 values");
    }
    text_begin(g, &text);
    tg_err_t err = tg_json_write(value, &text);
    if (!err || err == TG_ERR_LIMIT) {
        err = claim_add(g, rule, &text);
    }
    tg_buf_release(&text);
    return err;
}
