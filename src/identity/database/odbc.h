/*
 * One connection by ODBC and what is asked over it. Every call may hang for as long as the driver likes: they are made
 * in a thread of their own (aside.h). A failure leaves its words in `fault`, without values and without the login.
 *
 * UNAVAILABLE: not reached, refused, broken, timed out. INVALID: the driver is not there, or the database does not
 * understand the statement. NOTFOUND: a value that was bound cannot be one of the database's (SQLSTATE class 22: a name
 * that is no number, a character that its encoding does not have). Internal to the database kind.
 */
#ifndef TG_IDENTITY_DATABASE_ODBC_H
#define TG_IDENTITY_DATABASE_ODBC_H

#include "identity/database/wide.h"

#define TG_ODBC_MARKERS_MAX 16
#define TG_ODBC_COLUMNS_MAX 256

typedef struct {
    SQLHENV env;
    SQLHDBC dbc;
    bool connected;
    tg_fault_t fault;
} tg_odbc_t;

typedef struct {
    tg_wide_t sql; /* with `?` */
    size_t n_markers;
    bool is_password[TG_ODBC_MARKERS_MAX]; /* else the user's name */
    SQLHSTMT h;                            /* prepared over the connection, or NULL */
} tg_odbc_statement_t;

typedef struct {
    tg_str_t username, password; /* for the words of faults */
    tg_wide_t wide_username, wide_password;
} tg_odbc_values_t;

typedef enum { TG_COLUMN_TEXT, TG_COLUMN_NUMBER, TG_COLUMN_BOOLEAN } tg_odbc_kind_t;

typedef struct {
    tg_str_t name;
    tg_odbc_kind_t kind;
} tg_odbc_column_t;

/* Statements with :username and :password, which have passed tg_sql_rule, as ODBC writes them. LIMIT: more than
 * TG_ODBC_MARKERS_MAX of them; NOMEM. */
tg_err_t tg_odbc_statement(tg_arena_t *a, tg_str_t sql, tg_odbc_statement_t *out) TG_MUST_CHECK;

/* `login` is what must not be in a fault. Whether the time-outs count is up to the driver. */
tg_err_t tg_odbc_connect(tg_odbc_t *o, const tg_wide_t *connection, tg_str_t login, int timeout_s) TG_MUST_CHECK;
/* With it all statements end: their `h` is no more. */
void tg_odbc_close(tg_odbc_t *o);

/* Prepares the statement if it is not, and executes it. */
tg_err_t tg_odbc_execute(tg_odbc_t *o, tg_odbc_statement_t *s, const tg_odbc_values_t *v, int timeout_s) TG_MUST_CHECK;
/* Of the result, in the arena. LIMIT: more than TG_ODBC_COLUMNS_MAX. */
tg_err_t tg_odbc_columns(tg_odbc_t *o, const tg_odbc_statement_t *s, tg_arena_t *a, tg_odbc_column_t **out,
                         size_t *n) TG_MUST_CHECK;
tg_err_t tg_odbc_next(tg_odbc_t *o, const tg_odbc_statement_t *s, bool *row) TG_MUST_CHECK;
/* A column (from 0) of the row as text, in the arena; columns are asked for in their order. LIMIT: longer than `max`
 * bytes. */
tg_err_t tg_odbc_cell(tg_odbc_t *o, const tg_odbc_statement_t *s, size_t column, size_t max, tg_arena_t *a,
                      tg_str_t *out, bool *is_null) TG_MUST_CHECK;
/* The rows that are left are not wanted. */
void tg_odbc_finish(const tg_odbc_statement_t *s);

#endif
