#include "manager/dispatch.h"

#include <stdio.h>

#include "manager/auth.h"
#include "manager/deploy.h"
#include "manager/queries.h"

#define PAIRS_MAX  64
#define BODY_DEPTH 32

/* ---- what came in ---- */

static tg_err_t route(tg_call_t *c) {
    tg_match_t match;
    tg_err_t err = tg_operation_match(c->method, c->path, &c->arena, &match);
    if (err == TG_ERR_NOTFOUND) {
        return tg_fault(&c->fault, err, "", "there is no such path");
    }
    if (err) {
        return err;
    }
    memcpy(c->allow, match.allow, sizeof(c->allow));
    if (match.op == NULL) {
        return tg_call_refuse(c, 405, "", "this path takes %s", match.allow);
    }
    c->allow[0] = '\0';
    c->op = match.op;
    memcpy(c->params, match.params, sizeof(c->params));
    if (c->path.n > 1 && c->path.p[c->path.n - 1] == '/') {
        c->path.n--;
    }
    return TG_OK;
}

/* "application/json; charset=utf-8" is application/json. */
static bool type_is(tg_str_t content_type, tg_str_t want) {
    tg_str_t rest = content_type;
    return tg_str_eq_ci(tg_str_trim(tg_str_take(&rest, ';')), want);
}

static tg_err_t form_read(tg_call_t *c) {
    if (!type_is(c->content_type, TG_STR("application/x-www-form-urlencoded"))) {
        return tg_call_refuse(c, 415, "", "the body must be application/x-www-form-urlencoded");
    }
    tg_err_t err = tg_form_parse(c->raw_body, PAIRS_MAX, &c->arena, &c->form);
    return err == TG_OK || err == TG_ERR_NOMEM ? err
                                               : tg_fault(&c->fault, TG_ERR_INVALID, "", "the form cannot be read");
}

static size_t body_max(const tg_call_t *c) {
    return c->op->flags & TG_OP_LARGE ? TG_BODY_LARGE_MAX : TG_BODY_MAX;
}

static tg_err_t json_read(tg_call_t *c) {
    if (!type_is(c->content_type, TG_STR("application/json"))) {
        return tg_call_refuse(c, 415, "", "the body must be application/json");
    }
    tg_fault_t why = {0};
    tg_err_t err = tg_json_parse(c->raw_body, body_max(c), BODY_DEPTH, &c->body, &why);
    if (err == TG_ERR_NOMEM) {
        return err;
    }
    if (err) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "", "the body is no JSON: %s", why.text);
    }
    return json_is_object(c->body) ? TG_OK : tg_fault(&c->fault, TG_ERR_INVALID, "", "the body must be a JSON object");
}

static bool type_is_definition(tg_str_t content_type) {
    static const char *const types[] = {"application/json", "application/yaml", "application/x-yaml", "text/yaml",
                                        "text/x-yaml"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (type_is(content_type, tg_str(types[i]))) {
            return true;
        }
    }
    return false;
}

static tg_err_t definition_check(tg_call_t *c) {
    if (!type_is_definition(c->content_type)) {
        return tg_call_refuse(c, 415, "", "the body must be application/json or application/yaml");
    }
    return c->raw_body.n > 0 ? TG_OK : tg_fault(&c->fault, TG_ERR_INVALID, "", "a body is needed");
}

static tg_err_t length_refuse(tg_call_t *c) {
    return tg_call_refuse(c, 413, "", "the body is longer than %zu bytes", body_max(c));
}

static tg_err_t body_read(tg_call_t *c) {
    if (c->body_too_long || c->raw_body.n > body_max(c)) {
        return length_refuse(c);
    }
    if (c->op->flags & TG_OP_FORM) {
        return form_read(c);
    }
    if (c->op->flags & TG_OP_CSV) {
        return type_is(c->content_type, TG_STR("text/csv")) ? TG_OK
                                                            : tg_call_refuse(c, 415, "", "the body must be text/csv");
    }
    if (c->op->flags & TG_OP_DEFINITION) {
        return definition_check(c);
    }
    if (c->op->flags & TG_OP_BODY) {
        return c->raw_body.n > 0 ? json_read(c) : tg_fault(&c->fault, TG_ERR_INVALID, "", "a JSON body is needed");
    }
    if (c->raw_body.n > 0 && (c->op->flags & TG_OP_BODY_OPTIONAL)) {
        return json_read(c);
    }
    return c->raw_body.n > 0 ? tg_fault(&c->fault, TG_ERR_INVALID, "", "this call takes no body") : TG_OK;
}

static tg_err_t query_read(tg_call_t *c, tg_str_t query) {
    const tg_field_t *list = c->op->flags & TG_OP_LIST ? tg_query_list : NULL;
    return tg_params_parse(query, list, c->op->query, &c->arena, &c->query, &c->fault);
}

/* An ETag of ours is "<version>"; * stands for any (RFC 9110 13.1.1). */
static tg_err_t if_match_read(tg_call_t *c) {
    tg_str_t t = tg_str_trim(c->if_match_text);
    uint64_t version = 0;
    if (t.n == 0 || tg_str_eq(t, TG_STR("*")) || !(c->op->flags & TG_OP_ETAG)) {
        return TG_OK;
    }
    if (t.n < 3 || t.p[0] != '"' || t.p[t.n - 1] != '"' ||
        !tg_str_to_u64(tg_strn(t.p + 1, t.n - 2), INT64_MAX, &version) || version == 0) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "", "If-Match must be an ETag of this object, or *");
    }
    c->if_match = (int64_t)version;
    return TG_OK;
}

static tg_err_t request_read(tg_call_t *c, tg_str_t query) {
    tg_err_t err = query_read(c, query);
    if (!err) {
        err = if_match_read(c);
    }
    return err ? err : body_read(c);
}

/* ---- the handler and its transaction ---- */

static tg_err_t handle(tg_call_t *c) {
    if (c->op->flags & TG_OP_WRITES || c->op->flags & TG_OP_FORM) {
        tg_err_t err = c->op->handle(c);
        if (err || c->failed) {
            tg_call_rollback(c);
            return err ? err : c->failed;
        }
        return tg_call_commit(c);
    }
    tg_err_t err = c->store->ops->read_begin(c->store);
    if (!err) {
        err = c->op->handle(c);
        c->store->ops->read_end(c->store);
    }
    return err ? err : c->failed;
}

/* What is done with a handle of the store; the call is refused in the audit log where that is due. */
static tg_err_t with_store(tg_call_t *c, tg_err_t (*what)(tg_call_t *c, tg_str_t query), tg_str_t query) {
    tg_err_t err = route(c);
    if (err) {
        return err;
    }
    void *handle_taken = NULL;
    err = tg_pool_take(&c->m->configs, &handle_taken);
    c->store = handle_taken;
    if (!err) {
        err = tg_auth_check(c);
    }
    if (!err) {
        err = what(c, query);
    }
    if (err) {
        tg_refusal_audit(c);
    }
    tg_pool_give(&c->m->configs, c->store);
    c->store = NULL;
    return err;
}

static tg_err_t answer_make(tg_call_t *c, tg_str_t query) {
    tg_err_t err = request_read(c, query);
    return err ? err : handle(c);
}

/* Waiting for gateways must not hold a handle back from others. */
static tg_err_t run(tg_call_t *c, tg_str_t query) {
    tg_err_t err = with_store(c, answer_make, query);
    if (!err) {
        tg_deploy_confirm(c);
        err = c->failed;
    }
    return err;
}

/* ---- what goes out ---- */

static const char *fallback_text(tg_err_t err) {
    switch (err) {
    case TG_ERR_UNAVAILABLE:
        return "the store cannot be used now; nothing was changed";
    case TG_ERR_NOMEM:
        return "out of memory; nothing was changed";
    case TG_ERR_LIMIT:
        return "a limit was reached; nothing was changed";
    case TG_ERR_BUG:
        return "an error in the manager; nothing was changed";
    default:
        return tg_err_name(err);
    }
}

/* Text may have been cut in the middle of a character. */
static json_t *clean_text(const char *text) {
    size_t n = strlen(text), good = 0;
    while (good < n) {
        size_t len = tg_utf8_len(text + good, n - good);
        if (len == 0) {
            break;
        }
        good += len;
    }
    return json_stringn(text, good);
}

static void failure_write(tg_call_t *c, tg_err_t err) {
    char text[sizeof(c->fault.field) + sizeof(c->fault.text) + 4];
    const char *why = c->fault.text[0] != '\0' ? c->fault.text : fallback_text(err);
    snprintf(text, sizeof(text), "%s%s%s", c->fault.field, c->fault.field[0] != '\0' ? ": " : "", why);
    if (c->status == 0) {
        c->status = tg_call_error_status(err);
    }
    tg_buf_reset(&c->text);
    json_object_clear(c->answer);
    if (c->op != NULL && c->op->flags & TG_OP_FORM && c->status != 413 && c->status != 415) {
        const char *error = c->oauth_error != NULL ? c->oauth_error
                            : c->status >= 500     ? "server_error"
                                                   : "invalid_request";
        json_object_set_new(c->answer, "error", json_string(error));
        json_object_set_new(c->answer, "error_description", clean_text(text));
        return;
    }
    json_object_set_new(c->answer, "status", json_string("FAILURE"));
    json_object_set_new(c->answer, "resultMessage", clean_text(text));
}

static void failure_answer(tg_call_t *c, tg_err_t err) {
    if (err == TG_ERR_UNAVAILABLE) {
        atomic_fetch_add(&c->m->metrics.store_errors, 1);
    }
    c->etag = 0;
    failure_write(c, err);
    if (c->status == 503 && c->retry_after == 0) {
        c->retry_after = 1;
    }
}

static tg_err_t length_check(tg_call_t *c, tg_str_t query) {
    (void)query;
    return c->raw_body.n > body_max(c) ? length_refuse(c) : TG_OK;
}

size_t tg_dispatch_head(tg_call_t *c, uint64_t length) {
    c->raw_body.n = length;
    tg_err_t err = with_store(c, length_check, TG_STR_NONE);
    c->raw_body.n = 0;
    if (err) {
        failure_answer(c, err);
        return 0;
    }
    return body_max(c);
}

void tg_dispatch(tg_call_t *c, tg_str_t query) {
    tg_err_t err = run(c, query);
    if (err) {
        failure_answer(c, err);
        return;
    }
    if (c->status == 0) {
        c->status = c->op->status;
    }
    if (!(c->op->flags & TG_OP_PLAIN)) {
        json_object_set_new(c->answer, "status", json_string("SUCCESS"));
    }
}
