/*
 * The one table of the management API: it routes requests, says who may call, and is what /apiops/openapi.json is
 * written from.
 */
#ifndef TG_MANAGER_OPERATIONS_H
#define TG_MANAGER_OPERATIONS_H

#include "base/arena.h"
#include "model/fields.h"

typedef struct tg_call tg_call_t;

typedef enum { TG_ROLE_NONE = 0, TG_ROLE_VIEWER, TG_ROLE_OPERATOR, TG_ROLE_ADMIN } tg_role_t;

/* The least role that may call. */
typedef enum {
    TG_MAY_ANYONE = TG_ROLE_NONE, /* without login */
    TG_MAY_READ = TG_ROLE_VIEWER,
    TG_MAY_WRITE = TG_ROLE_OPERATOR,
    TG_MAY_ADMINISTRATE = TG_ROLE_ADMIN /* administrators and signing keys */
} tg_permission_t;

enum {
    TG_OP_WRITES = 1,        /* the handler begins a transaction (tg_call_begin) */
    TG_OP_BODY = 2,          /* a JSON object is required */
    TG_OP_BODY_OPTIONAL = 4, /* a JSON object, or nothing */
    TG_OP_FORM = 8,          /* application/x-www-form-urlencoded */
    TG_OP_LIST = 16,         /* page, pageSize, sort, q */
    TG_OP_PLAIN = 64,        /* answers without {"status":...}; errors of the login endpoint as in OAuth2 */
    TG_OP_ETAG = 128,        /* takes If-Match */
    TG_OP_CSV = 256,         /* text/csv, read by the handler */
    TG_OP_LARGE = 512,       /* a body of up to TG_BODY_LARGE_MAX */
    TG_OP_OWN_AUDIT = 1024,  /* the handler writes the audit rows */
    TG_OP_DEFINITION = 2048, /* an API definition in JSON or YAML, read by the handler */
    TG_OP_SELF = 4096,       /* the administrator of the path may call, logged in by password */
    TG_OP_ANY_PROJECT = 8192 /* a role in any project is enough to read; lists leave out what is of others */
};

typedef struct {
    const char *id; /* operationId */
    const char *method;
    const char *path; /* template, without the trailing slash that is optional */
    tg_permission_t permission;
    unsigned flags;
    int status; /* of success */
    tg_err_t (*handle)(tg_call_t *c);
    const char *schema; /* of the body: a name of openapi_schemas.c, or NULL; a PATCH takes any part of it */
    const char *summary;
    const char *result;      /* schema of "result", or of the elements of "resultList"; NULL: none */
    const tg_field_t *query; /* query parameters beside those of lists; ends with a row without a name; NULL: none */
} tg_operation_t;

#define TG_PARAMS_MAX 4

extern const tg_operation_t tg_operations[];
extern const size_t tg_operations_n;

typedef struct {
    const tg_operation_t *op; /* NULL: the path is known, the method is not */
    tg_str_t params[TG_PARAMS_MAX];
    char allow[64]; /* methods of this path */
} tg_match_t;

/* Finds the operation of a raw request path (escaped, without query). A literal segment wins over a {parameter}. HEAD
 * stands for GET. TG_ERR_NOTFOUND: no such path; TG_ERR_NOMEM. Parameters are decoded into the arena. */
tg_err_t tg_operation_match(tg_str_t method, tg_str_t path, tg_arena_t *a, tg_match_t *out) TG_MUST_CHECK;

#endif
