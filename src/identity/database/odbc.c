#include "identity/database/odbc.h"

#include <stdio.h>

#include "model/sql_text.h"

#define MESSAGE_MAX 512 /* units of a driver's message */
#define NAME_MAX    256 /* units of a column's name or type */
#define CHUNK       1024

/* ---- statements ---- */

tg_err_t tg_odbc_statement(tg_arena_t *a, tg_str_t sql, tg_odbc_statement_t *out) {
    tg_str_t before, marker;
    tg_buf_t text;
    tg_buf_init(&text, sql.n + 1);
    *out = (tg_odbc_statement_t){0};
    tg_err_t err = TG_OK;
    while (!err && tg_sql_take(&sql, &before, &marker)) {
        tg_buf_put(&text, before);
        if (marker.n > 0 && out->n_markers == TG_ODBC_MARKERS_MAX) {
            err = TG_ERR_LIMIT;
        } else if (marker.n > 0) {
            tg_buf_putc(&text, '?');
            out->is_password[out->n_markers++] = tg_str_eq(marker, TG_STR("password"));
        }
    }
    if (!err) {
        err = !text.err && tg_wide(a, tg_buf_str(&text), &out->sql) ? TG_OK : TG_ERR_NOMEM;
    }
    tg_buf_release(&text);
    return err;
}

/* ---- what a driver says of a failure ---- */

typedef struct {
    char state[6];
    char text[MESSAGE_MAX * 3 + 1];
} said_t;

static void listen(SQLSMALLINT type, SQLHANDLE h, said_t *out) {
    SQLWCHAR state[6] = {0}, message[MESSAGE_MAX] = {0};
    SQLINTEGER native = 0;
    SQLSMALLINT n = 0;
    tg_buf_t text;
    *out = (said_t){0};
    if (!SQL_SUCCEEDED(SQLGetDiagRecW(type, h, 1, state, &native, message, MESSAGE_MAX, &n))) {
        snprintf(out->state, sizeof(out->state), "?????");
        return;
    }
    tg_buf_init_fixed(&text, out->text, sizeof(out->text) - 1);
    tg_buf_put_wide(&text, message, n < 0 ? 0 : n < MESSAGE_MAX ? (size_t)n : MESSAGE_MAX - 1);
    for (size_t i = 0; i < 5; i++) {
        out->state[i] = state[i] > 0x20 && state[i] < 0x7f ? (char)state[i] : '?';
    }
}

static bool mentions(const char *text, tg_str_t value) {
    return value.n > 0 && memmem(text, strlen(text), value.p, value.n) != NULL;
}

static tg_err_t out_of_memory(tg_odbc_t *o) {
    return tg_fault(&o->fault, TG_ERR_NOMEM, "", "out of memory");
}

static tg_err_t connect_failed(tg_odbc_t *o, tg_str_t login) {
    said_t said;
    listen(SQL_HANDLE_DBC, o->dbc, &said);
    /* IM: the driver manager has no such driver or source; 01000 is what it says of a library that does not load. */
    bool absent = said.state[0] == 'I' || strcmp(said.state, "01000") == 0;
    return tg_fault(&o->fault, absent ? TG_ERR_INVALID : TG_ERR_UNAVAILABLE, "", "%s %s", said.state,
                    !absent && mentions(said.text, login) ? "" : said.text);
}

/* A message about a statement may quote values: those of class 42 are about its text, and where a password was bound,
 * one with a literal in it is not trusted even so. */
static bool may_be_told(const said_t *said, const tg_odbc_statement_t *s, const tg_odbc_values_t *v) {
    bool about_text = said->state[0] == '4' && said->state[1] == '2';
    bool has_password = false;
    for (size_t i = 0; i < s->n_markers; i++) {
        has_password |= s->is_password[i];
    }
    if (mentions(said->text, v->username) || mentions(said->text, v->password)) {
        return false;
    }
    return has_password ? about_text && strchr(said->text, '\'') == NULL
                        : about_text || strcmp(said->state, "HY000") == 0;
}

static tg_err_t statement_failed(tg_odbc_t *o, const tg_odbc_statement_t *s, const tg_odbc_values_t *v) {
    said_t said;
    listen(SQL_HANDLE_STMT, s->h, &said);
    if (strcmp(said.state, "HYC00") == 0) {
        return tg_fault(&o->fault, TG_ERR_INVALID, "", "HYC00 the driver takes no UTF-16: its Unicode variant does");
    }
    if (said.state[0] == '2' && said.state[1] == '2') {
        return tg_fault(&o->fault, TG_ERR_NOTFOUND, "", "%s no value of the column can be this", said.state);
    }
    bool wrong = said.state[0] == '4' && said.state[1] == '2';
    return tg_fault(&o->fault, wrong ? TG_ERR_INVALID : TG_ERR_UNAVAILABLE, "", "%s %s", said.state,
                    may_be_told(&said, s, v) ? said.text : "");
}

static tg_err_t read_failed(tg_odbc_t *o, const tg_odbc_statement_t *s) {
    said_t said;
    listen(SQL_HANDLE_STMT, s->h, &said);
    if (said.state[0] == '2' && said.state[1] == '2') {
        return tg_fault(&o->fault, TG_ERR_NOTFOUND, "", "%s no value of the column can be this", said.state);
    }
    return tg_fault(&o->fault, TG_ERR_UNAVAILABLE, "", "%s while rows were read", said.state);
}

/* ---- the connection ---- */

static SQLPOINTER number(int n) {
    return (SQLPOINTER)(intptr_t)n; // NOLINT(performance-no-int-to-ptr): so ODBC wants it
}

static bool handles(tg_odbc_t *o) {
    return SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &o->env)) &&
           SQL_SUCCEEDED(SQLSetEnvAttr(o->env, SQL_ATTR_ODBC_VERSION, number(SQL_OV_ODBC3), 0)) &&
           SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, o->env, &o->dbc));
}

tg_err_t tg_odbc_connect(tg_odbc_t *o, const tg_wide_t *connection, tg_str_t login, int timeout_s) {
    SQLWCHAR full[MESSAGE_MAX];
    SQLSMALLINT n;
    *o = (tg_odbc_t){0};
    if (!handles(o)) {
        tg_odbc_close(o);
        return out_of_memory(o);
    }
    SQLSetConnectAttrW(o->dbc, SQL_ATTR_LOGIN_TIMEOUT, number(timeout_s), SQL_IS_UINTEGER);
    SQLRETURN got = SQLDriverConnectW(o->dbc, NULL, connection->p, (SQLSMALLINT)connection->n, full, MESSAGE_MAX, &n,
                                      SQL_DRIVER_NOPROMPT);
    tg_wipe(full, sizeof(full)); /* the login is in it */
    o->connected = SQL_SUCCEEDED(got);
    if (!o->connected) {
        tg_err_t err = connect_failed(o, login);
        tg_odbc_close(o);
        return err;
    }
    return TG_OK;
}

void tg_odbc_close(tg_odbc_t *o) {
    if (o->connected) {
        SQLDisconnect(o->dbc); /* frees statements */
    }
    if (o->dbc != NULL) {
        SQLFreeHandle(SQL_HANDLE_DBC, o->dbc);
    }
    if (o->env != NULL) {
        SQLFreeHandle(SQL_HANDLE_ENV, o->env);
    }
    o->env = o->dbc = NULL;
    o->connected = false;
}

/* ---- a statement ---- */

static tg_err_t prepare(tg_odbc_t *o, tg_odbc_statement_t *s, const tg_odbc_values_t *v, int timeout_s) {
    if (s->h != NULL) {
        return TG_OK;
    }
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, o->dbc, &s->h))) {
        s->h = NULL;
        return tg_fault(&o->fault, TG_ERR_UNAVAILABLE, "", "no statement can be made");
    }
    SQLSetStmtAttrW(s->h, SQL_ATTR_QUERY_TIMEOUT, number(timeout_s), SQL_IS_UINTEGER);
    return SQL_SUCCEEDED(SQLPrepareW(s->h, s->sql.p, (SQLINTEGER)s->sql.n)) ? TG_OK : statement_failed(o, s, v);
}

tg_err_t tg_odbc_execute(tg_odbc_t *o, tg_odbc_statement_t *s, const tg_odbc_values_t *v, int timeout_s) {
    SQLLEN sizes[TG_ODBC_MARKERS_MAX];
    tg_err_t err = prepare(o, s, v, timeout_s);
    for (size_t i = 0; !err && i < s->n_markers; i++) {
        const tg_wide_t *w = s->is_password[i] ? &v->wide_password : &v->wide_username;
        sizes[i] = (SQLLEN)(w->n * sizeof(*w->p));
        if (!SQL_SUCCEEDED(SQLBindParameter(s->h, (SQLUSMALLINT)(i + 1), SQL_PARAM_INPUT, SQL_C_WCHAR, SQL_WVARCHAR,
                                            w->n > 0 ? w->n : 1, 0, w->p, sizes[i], &sizes[i]))) {
            err = statement_failed(o, s, v);
        }
    }
    if (!err) {
        SQLRETURN got = SQLExecute(s->h);
        err = SQL_SUCCEEDED(got) || got == SQL_NO_DATA ? TG_OK : statement_failed(o, s, v);
    }
    return err;
}

void tg_odbc_finish(const tg_odbc_statement_t *s) {
    if (s->h != NULL) {
        SQLFreeStmt(s->h, SQL_CLOSE);
        SQLFreeStmt(s->h, SQL_RESET_PARAMS); /* the values are not there for long */
    }
}

/* ---- columns ---- */

static bool is_boolean(tg_str_t type) {
    return tg_str_eq_ci(type, TG_STR("bool")) || tg_str_eq_ci(type, TG_STR("boolean")) ||
           tg_str_eq_ci(type, TG_STR("bit"));
}

static tg_odbc_kind_t kind_of(SQLSMALLINT type, tg_str_t type_name) {
    if (type == SQL_BIT || is_boolean(type_name)) { /* psqlodbc has booleans as text unless it is told otherwise */
        return TG_COLUMN_BOOLEAN;
    }
    switch (type) {
    case SQL_TINYINT:
    case SQL_SMALLINT:
    case SQL_INTEGER:
    case SQL_BIGINT:
    case SQL_DECIMAL:
    case SQL_NUMERIC:
    case SQL_REAL:
    case SQL_FLOAT:
    case SQL_DOUBLE:
        return TG_COLUMN_NUMBER;
    default:
        return TG_COLUMN_TEXT;
    }
}

static bool wide_copy(tg_arena_t *a, const SQLWCHAR *p, size_t units, tg_str_t *out) {
    tg_buf_t text;
    tg_buf_init(&text, units * 3 + 1);
    tg_buf_put_wide(&text, p, units);
    bool good = !text.err && tg_arena_str(a, tg_buf_str(&text), out);
    tg_buf_release(&text);
    return good;
}

static size_t units_in(SQLSMALLINT n) {
    return n < 0 ? 0 : n < NAME_MAX ? (size_t)n : NAME_MAX - 1;
}

static tg_err_t column(tg_odbc_t *o, const tg_odbc_statement_t *s, SQLUSMALLINT i, tg_arena_t *a,
                       tg_odbc_column_t *out) {
    SQLWCHAR name[NAME_MAX] = {0}, type_name[NAME_MAX] = {0};
    SQLSMALLINT n = 0, type = 0, digits = 0, nullable = 0, bytes = 0;
    SQLULEN size = 0;
    tg_str_t type_text;
    if (!SQL_SUCCEEDED(SQLDescribeColW(s->h, i, name, NAME_MAX, &n, &type, &size, &digits, &nullable))) {
        return read_failed(o, s);
    }
    if (!SQL_SUCCEEDED(SQLColAttributeW(s->h, i, SQL_DESC_TYPE_NAME, type_name, sizeof(type_name), &bytes, NULL))) {
        bytes = 0;
    }
    if (!wide_copy(a, name, units_in(n), &out->name) ||
        !wide_copy(a, type_name, units_in((SQLSMALLINT)(bytes / 2)), &type_text)) {
        return out_of_memory(o);
    }
    out->kind = kind_of(type, type_text);
    return TG_OK;
}

tg_err_t tg_odbc_columns(tg_odbc_t *o, const tg_odbc_statement_t *s, tg_arena_t *a, tg_odbc_column_t **out, size_t *n) {
    SQLSMALLINT count = 0;
    if (!SQL_SUCCEEDED(SQLNumResultCols(s->h, &count))) {
        return read_failed(o, s);
    }
    if (count < 1 || count > TG_ODBC_COLUMNS_MAX) {
        return tg_fault(&o->fault, TG_ERR_INVALID, "", "gives %d columns, not 1 to %d", count, TG_ODBC_COLUMNS_MAX);
    }
    *n = (size_t)count;
    *out = tg_arena_array(a, *n, sizeof(**out));
    tg_err_t err = *out != NULL ? TG_OK : out_of_memory(o);
    for (size_t i = 0; !err && i < *n; i++) {
        err = column(o, s, (SQLUSMALLINT)(i + 1), a, &(*out)[i]);
    }
    return err;
}

/* ---- rows ---- */

tg_err_t tg_odbc_next(tg_odbc_t *o, const tg_odbc_statement_t *s, bool *row) {
    SQLRETURN got = SQLFetch(s->h);
    *row = SQL_SUCCEEDED(got);
    return *row || got == SQL_NO_DATA ? TG_OK : read_failed(o, s);
}

/* Units of a piece: what is left of the value, or as much as there was room for. */
static size_t piece(const SQLWCHAR *p, SQLLEN left) {
    size_t room = CHUNK - 1, n = 0;
    if (left >= 0) {
        n = (size_t)left / sizeof(SQLWCHAR);
        return n < room ? n : room;
    }
    while (n < room && p[n] != 0) { /* the driver does not know how much is left */
        n++;
    }
    return n;
}

static tg_err_t gather(tg_odbc_t *o, const tg_odbc_statement_t *s, size_t column, tg_buf_t *units, bool *is_null) {
    SQLWCHAR chunk[CHUNK];
    SQLRETURN got = SQL_SUCCESS_WITH_INFO;
    *is_null = false;
    while (got == SQL_SUCCESS_WITH_INFO && !units->err) {
        SQLLEN left = SQL_NO_TOTAL;
        chunk[0] = 0;
        got = SQLGetData(s->h, (SQLUSMALLINT)(column + 1), SQL_C_WCHAR, chunk, sizeof(chunk), &left);
        if (SQL_SUCCEEDED(got) && left == SQL_NULL_DATA) {
            *is_null = true;
            break;
        }
        size_t n = SQL_SUCCEEDED(got) ? piece(chunk, left) : 0;
        tg_buf_put(units, tg_strn(chunk, n * sizeof(SQLWCHAR)));
        if (left >= 0 && n * sizeof(SQLWCHAR) >= (size_t)left) {
            break; /* info of another kind */
        }
    }
    tg_wipe(chunk, sizeof(chunk));
    return SQL_SUCCEEDED(got) || got == SQL_NO_DATA ? units->err : read_failed(o, s);
}

tg_err_t tg_odbc_cell(tg_odbc_t *o, const tg_odbc_statement_t *s, size_t column, size_t max, tg_arena_t *a,
                      tg_str_t *out, bool *is_null) {
    tg_buf_t units;
    tg_buf_init(&units, max * sizeof(SQLWCHAR));
    *out = TG_STR_NONE;
    tg_err_t err = gather(o, s, column, &units, is_null);
    if (!err && !*is_null) {
        err = wide_copy(a, (const SQLWCHAR *)(const void *)units.p, units.n / sizeof(SQLWCHAR), out) ? TG_OK
                                                                                                     : TG_ERR_NOMEM;
    }
    tg_buf_release(&units);
    if (err == TG_ERR_LIMIT) {
        return tg_fault(&o->fault, err, "", "column %zu is longer than %zu bytes", column + 1, max);
    }
    return err == TG_ERR_NOMEM ? out_of_memory(o) : err;
}
