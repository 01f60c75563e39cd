/*
 * A connection with its statements, a question put to it, and the rows that came: all that a thread aside (aside.h)
 * works on, in memory of its own, so that it can be left to itself. Internal to the database kind.
 */
#ifndef TG_IDENTITY_DATABASE_SESSION_H
#define TG_IDENTITY_DATABASE_SESSION_H

#include "identity/database/odbc.h"
#include "identity/parts.h"

#define TG_SESSION_BATCH    64         /* rows of a list that come at once */
#define TG_SESSION_CELL_MAX (8u << 10) /* bytes of a cell */
#define TG_SESSION_ROLE_MAX 256

/* What a row is asked for: these and then the claims. */
enum { TG_CELL_PASSWORD, TG_CELL_SALT, TG_CELL_ENABLED, TG_CELL_NAME, TG_CELL_FULL_NAME, TG_CELL_EMAIL, TG_CELLS };

typedef struct {
    tg_str_t text;
    bool is_null; /* or not asked for */
    tg_odbc_kind_t kind;
} tg_cell_t;

typedef struct {
    tg_cell_t *cells; /* TG_CELLS + claims */
} tg_row_t;

typedef struct {
    const char *name; /* NULL: it was not come to */
    bool ok;
    int64_t us;
} tg_session_step_t;

enum { TG_STEP_CONNECT, TG_STEP_QUERY, TG_STEP_ROLES, TG_STEPS };

typedef struct {
    /* what the provider says; set by tg_session_new */
    tg_arena_t fixed;
    tg_wide_t connection;
    tg_str_t login; /* the password in it */
    tg_odbc_statement_t user, roles, list;
    tg_str_t *wanted; /* columns; "" : not asked for */
    size_t n_wanted;
    bool name_may_miss; /* the default column of the user's name need not be there */
    int timeout_s;
    tg_odbc_t odbc;
    size_t *columns; /* of the list: where what is wanted stands */
    tg_odbc_kind_t *kinds;
    /* of one call */
    tg_arena_t scratch;
    tg_odbc_values_t values;
    tg_err_t err; /* words are in odbc.fault */
    tg_session_step_t steps[TG_STEPS];
    tg_row_t rows[TG_SESSION_BATCH];
    size_t n_rows; /* of a user: 2 are several */
    tg_str_t *role_names;
    size_t n_roles;
} tg_session_t;

/* NULL: no memory, or *fault says what it is that can never be. */
tg_session_t *tg_session_new(const tg_identity_provider_t *p, tg_fault_t *fault);
/* Closes the connection, which may hang. */
void tg_session_free(void *session);

/* Puts the question in place; false: no memory. The password is bound where the query has :password. */
bool tg_session_prepare(tg_session_t *s, tg_str_t username, tg_str_t password) TG_MUST_CHECK;
/* tg_aside_fn: connects if need be, asks for the user and the roles. A connection that was there before and has broken
 * is made anew once. */
void tg_session_ask(void *session);
/* tg_aside_fn: the first or next rows of the list; 0: there are no more. */
void tg_session_list(void *session);

#endif
