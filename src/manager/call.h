/*
 * One request on its way: what came in, who asks, the transaction, what goes out.
 *
 * A handler reads c->body, c->params and c->query, fills c->answer with tg_call_put, and returns TG_OK or an error
 * whose text is in c->fault. A handler that writes calls tg_call_begin once it has all it needs (slow work such as
 * hashing and making keys comes before), then reads again what it decides on. The dispatcher adds the audit row and
 * commits, or rolls back.
 */
#ifndef TG_MANAGER_CALL_H
#define TG_MANAGER_CALL_H

#include "base/form.h"
#include "base/json.h"
#include "manager/manager.h"
#include "manager/operations.h"
#include "manager/permissions.h"
#include "policy/trace.h"

/* An environment that got a new revision in this call. */
typedef struct {
    int64_t environment_id;
    tg_str_t environment;
    int64_t revision;
} tg_target_t;

#define TG_TARGETS_MAX 256

struct tg_call {
    tg_manager_t *m;
    tg_arena_t arena;
    const tg_operation_t *op;
    tg_ms_t now;

    tg_str_t method, path; /* path without the trailing slash */
    tg_str_t params[TG_PARAMS_MAX];
    tg_str_t authorization, content_type, if_match_text, address;
    tg_str_t raw_body;
    bool body_too_long; /* and is not in raw_body */
    char request_id[TG_REQUEST_ID_MAX + 1];
    tg_form_t query, form;
    json_t *body;     /* NULL: none */
    int64_t if_match; /* version that the caller expects; 0: any */

    int64_t administrator; /* resource id */
    tg_str_t who;
    int64_t access_token; /* resource id of the access token that the caller came with; 0: none */
    tg_rights_t rights;
    tg_role_t role;       /* that counts in this call */
    tg_refusal_t refusal; /* to be told in the audit log */
    tg_str_t project;     /* name of the project that the call is about; "": none */

    tg_config_store_t *store;
    bool writing;

    int status; /* 0: as the operation or the error says */
    json_t *answer;
    tg_fault_t fault;
    const char *oauth_error; /* login endpoint */
    int64_t etag;            /* version of the answer's object; 0: none */
    int64_t retry_after;     /* seconds */
    char allow[64];
    tg_buf_t text;   /* an answer that is no JSON */
    tg_err_t failed; /* memory ran out while the answer was built */

    json_t *before, *after; /* for the audit log; secrets masked */
    tg_target_t targets[TG_TARGETS_MAX];
    size_t n_targets;
    bool publish_later;  /* one revision per environment for all that this call does: tg_publish_all */
    json_t *keys_made;   /* signing keys that were missing and were made, by kid; NULL: none */
    size_t keys_written; /* signing keys that were made or changed: their environment wants a new revision */
};

/* false: out of memory. */
bool tg_call_init(tg_call_t *c, tg_manager_t *m) TG_MUST_CHECK;
void tg_call_release(tg_call_t *c);

/* Begins the write transaction. */
tg_err_t tg_call_begin(tg_call_t *c) TG_MUST_CHECK;
/* Likewise, unless others of this process write for longer than that: UNAVAILABLE. */
tg_err_t tg_call_begin_within(tg_call_t *c, int wait_ms) TG_MUST_CHECK;
/* One row of the audit log: `what` changed from c->before to c->after, which are taken off the call. */
tg_err_t tg_call_audit(tg_call_t *c, tg_str_t what) TG_MUST_CHECK;
/* The same about "<method> <path>/". */
tg_err_t tg_call_audit_path(tg_call_t *c) TG_MUST_CHECK;
/* Writes the audit row and commits. On failure everything is rolled back. */
tg_err_t tg_call_commit(tg_call_t *c) TG_MUST_CHECK;
/* Commits without one. */
tg_err_t tg_call_end(tg_call_t *c) TG_MUST_CHECK;
/* Nothing happens outside a transaction. */
void tg_call_rollback(tg_call_t *c);

/* A refusal with a status of its own; returns TG_ERR_INVALID. */
tg_err_t tg_call_refuse(tg_call_t *c, int status, const char *field, const char *fmt, ...) TG_PRINTF(4, 5);
/* The HTTP status that an error stands for. */
int tg_call_error_status(tg_err_t err);

/* Puts a member (takes the reference, NULL is out of memory) into the answer, or into another object. */
void tg_call_put(tg_call_t *c, const char *name, json_t *value);
void tg_call_put_to(tg_call_t *c, json_t *object, const char *name, json_t *value);
void tg_call_append_to(tg_call_t *c, json_t *array, json_t *value);

/* Whether `name` is one of the query parameters; its value. */
bool tg_call_query(const tg_call_t *c, const char *name, tg_str_t *value);

json_t *tg_text(tg_str_t s) TG_MUST_CHECK;
/* null for "". */
json_t *tg_text_or_null(tg_str_t s) TG_MUST_CHECK;
/* ISO 8601, or null for 0. */
json_t *tg_time(tg_ms_t at) TG_MUST_CHECK;

#endif
