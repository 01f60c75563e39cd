#include "oauth/scope.h"

#include "store/token_store.h"

bool tg_scope_is_valid(tg_str_t scope) {
    bool in_token = false;
    for (size_t i = 0; i < scope.n; i++) {
        unsigned char c = (unsigned char)scope.p[i];
        if (c == ' ' ? !in_token : (c < 0x21 || c > 0x7e || c == '"' || c == '\\')) {
            return false;
        }
        in_token = c != ' ';
    }
    return in_token && scope.n <= TG_SCOPE_MAX;
}

bool tg_scope_has(tg_str_t scope, tg_str_t word) {
    while (scope.n > 0) {
        if (tg_str_eq(tg_str_take(&scope, ' '), word)) {
            return true;
        }
    }
    return false;
}

size_t tg_roles_effective(const tg_str_t *roles, size_t n_roles, bool has_scope, tg_str_t scope, tg_str_t *out) {
    size_t n = 0;
    for (size_t i = 0; i < n_roles; i++) {
        if (!has_scope || tg_scope_has(scope, roles[i])) {
            out[n++] = roles[i];
        }
    }
    return n;
}

static tg_oauth_error_t refuse(tg_oauth_error_t e, const char *text, const char **why) {
    *why = text;
    return e;
}

/* Words of a scope, each once. */
typedef struct {
    char text[TG_SCOPE_MAX];
    tg_buf_t buf;
} words_t;

static void words_add(words_t *w, tg_str_t word) {
    if (tg_scope_has(tg_buf_str(&w->buf), word)) {
        return;
    }
    if (w->buf.n > 0) {
        tg_buf_putc(&w->buf, ' ');
    }
    tg_buf_put(&w->buf, word);
}

static bool is_role(const tg_str_t *roles, size_t n_roles, tg_str_t word) {
    for (size_t i = 0; i < n_roles; i++) {
        if (tg_str_eq(roles[i], word)) {
            return true;
        }
    }
    return false;
}

static void words_add_all(words_t *w, const tg_str_t *roles, size_t n_roles) {
    for (size_t i = 0; i < n_roles; i++) {
        words_add(w, roles[i]);
    }
}

/* false: one of those requested is not available, and the rule is STRICT. */
static bool words_add_requested(words_t *w, tg_scope_mismatch_t rule, tg_str_t asked, const tg_str_t *roles,
                                size_t n_roles) {
    while (asked.n > 0) {
        tg_str_t word = tg_str_take(&asked, ' ');
        if (is_role(roles, n_roles, word)) {
            words_add(w, word);
        } else if (rule == TG_MISMATCH_STRICT) {
            return false;
        }
    }
    return true;
}

tg_oauth_error_t tg_scope_resolve(const tg_token_management_t *m, const tg_token_request_t *req, const tg_str_t *roles,
                                  size_t n_roles, tg_arena_t *a, tg_grant_plan_t *plan, const char **why) {
    words_t w;
    tg_buf_init_fixed(&w.buf, w.text, sizeof(w.text));
    if (n_roles == 0 && m->reject_when_no_roles && m->mismatch != TG_MISMATCH_IGNORE_REQUEST) {
        return refuse(TG_OAUTH_INVALID_SCOPE, "no roles are assigned, so no scope is available", why);
    }
    if (!req->has_scope && m->not_requested == TG_NOT_REQUESTED_NO_SCOPE) {
        return TG_OAUTH_OK;
    }
    if (!req->has_scope || m->mismatch == TG_MISMATCH_IGNORE_REQUEST) {
        words_add_all(&w, roles, n_roles);
    } else if (!words_add_requested(&w, m->mismatch, req->scope, roles, n_roles)) {
        return refuse(TG_OAUTH_INVALID_SCOPE, "the requested scope is not available", why);
    }
    if (w.buf.err || !tg_arena_str(a, tg_buf_str(&w.buf), &plan->scope)) {
        return refuse(TG_OAUTH_SERVER_ERROR, "the scope cannot be resolved", why);
    }
    plan->has_scope = true;
    return TG_OAUTH_OK;
}

tg_oauth_error_t tg_scope_carry(const tg_str_t *roles, size_t n_roles, tg_arena_t *a, tg_grant_plan_t *plan,
                                const char **why) {
    words_t w;
    tg_buf_init_fixed(&w.buf, w.text, sizeof(w.text));
    if (plan->has_scope) {
        return TG_OAUTH_OK;
    }
    words_add_all(&w, roles, n_roles);
    if (w.buf.err || !tg_arena_str(a, tg_buf_str(&w.buf), &plan->scope)) {
        return refuse(TG_OAUTH_SERVER_ERROR, "the roles of the user do not fit into a token", why);
    }
    return TG_OAUTH_OK;
}

tg_err_t tg_scope_narrow(tg_str_t scope, const tg_str_t *roles, size_t n_roles, tg_arena_t *a, tg_str_t *out) {
    words_t w;
    tg_buf_init_fixed(&w.buf, w.text, sizeof(w.text));
    while (scope.n > 0) {
        tg_str_t word = tg_str_take(&scope, ' ');
        if (is_role(roles, n_roles, word)) {
            words_add(&w, word);
        }
    }
    return !w.buf.err && tg_arena_str(a, tg_buf_str(&w.buf), out) ? TG_OK : TG_ERR_NOMEM;
}

size_t tg_scope_words(tg_str_t scope, tg_str_t *out) {
    size_t n = 0;
    while (scope.n > 0) {
        tg_str_t word = tg_str_take(&scope, ' ');
        if (word.n > 0) {
            out[n++] = word;
        }
    }
    return n;
}
