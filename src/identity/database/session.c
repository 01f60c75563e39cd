#include "identity/database/session.h"

#include <stdlib.h>

#include "identity/database/row.h"

#define FIXED_MAX   (256u << 10)
#define SCRATCH_MAX (64u << 20) /* a batch of rows with every cell as long as may be */

/* ---- what the provider says ---- */

static bool is_plain(tg_str_t value) {
    for (size_t i = 0; i < value.n; i++) {
        if (strchr("[]{}(),;?*=!@ ", value.p[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/* ;KEY=value, in braces only if it must be: psqlodbc takes those of UID for a part of the name */
static void put_login(tg_buf_t *out, const char *key, tg_str_t value) {
    tg_buf_putf(out, ";%s=", key);
    if (is_plain(value)) {
        tg_buf_put(out, value);
        return;
    }
    tg_buf_putc(out, '{');
    for (size_t i = 0; i < value.n; i++) {
        tg_buf_putc(out, value.p[i]);
        if (value.p[i] == '}') {
            tg_buf_putc(out, '}');
        }
    }
    tg_buf_putc(out, '}');
}

static bool connection_write(tg_session_t *s, const tg_database_provider_t *d) {
    tg_buf_t text;
    tg_str_t given = tg_str_trim(d->connection);
    while (given.n > 0 && given.p[given.n - 1] == ';') {
        given.n--;
    }
    tg_buf_init(&text, FIXED_MAX / 4);
    tg_buf_put(&text, given);
    if (d->username.n > 0) {
        put_login(&text, "UID", d->username);
    }
    if (d->username.n > 0 && d->password.clear.n > 0) {
        put_login(&text, "PWD", d->password.clear);
    }
    bool good = !text.err && tg_wide(&s->fixed, tg_buf_str(&text), &s->connection) &&
                tg_arena_str(&s->fixed, d->password.clear, &s->login);
    tg_buf_release(&text);
    return good;
}

static bool wanted_write(tg_session_t *s, const tg_database_provider_t *d) {
    const tg_str_t fixed[TG_CELLS] = {
        [TG_CELL_PASSWORD] = d->password_column, [TG_CELL_SALT] = d->salt_column,
        [TG_CELL_ENABLED] = d->enabled_column,   [TG_CELL_NAME] = d->user_name,
        [TG_CELL_FULL_NAME] = d->full_name,      [TG_CELL_EMAIL] = d->email,
    };
    s->n_wanted = TG_CELLS + d->n_claims;
    s->wanted = tg_arena_array(&s->fixed, s->n_wanted, sizeof(*s->wanted));
    s->columns = tg_arena_array(&s->fixed, s->n_wanted, sizeof(*s->columns));
    s->kinds = tg_arena_array(&s->fixed, s->n_wanted, sizeof(*s->kinds));
    bool good = s->wanted != NULL && s->columns != NULL && s->kinds != NULL;
    for (size_t i = 0; good && i < s->n_wanted; i++) {
        good = tg_arena_str(&s->fixed, i < TG_CELLS ? fixed[i] : d->claims[i - TG_CELLS].source, &s->wanted[i]);
    }
    return good;
}

static tg_err_t statement(tg_session_t *s, const char *field, tg_str_t sql, tg_odbc_statement_t *out,
                          tg_fault_t *fault) {
    tg_err_t err = tg_odbc_statement(&s->fixed, sql, out);
    return err == TG_ERR_LIMIT ? tg_fault(fault, TG_ERR_INVALID, field, "has more than %d markers", TG_ODBC_MARKERS_MAX)
                               : err;
}

static tg_err_t init(tg_session_t *s, const tg_identity_provider_t *p, tg_fault_t *fault) {
    const tg_database_provider_t *d = &p->of.database;
    tg_arena_init(&s->fixed, FIXED_MAX);
    tg_arena_init(&s->scratch, SCRATCH_MAX);
    s->timeout_s = (int)((p->timeout_ms + 999) / 1000);
    s->name_may_miss = tg_str_eq(d->user_name, TG_STR("username"));
    if (!connection_write(s, d) || !wanted_write(s, d)) {
        return TG_ERR_NOMEM;
    }
    tg_err_t err = statement(s, "query", d->query, &s->user, fault);
    if (!err) {
        err = statement(s, "roleQuery", d->role_query, &s->roles, fault);
    }
    return err ? err : statement(s, "listQuery", d->list_query, &s->list, fault);
}

tg_session_t *tg_session_new(const tg_identity_provider_t *p, tg_fault_t *fault) {
    tg_session_t *s = calloc(1, sizeof(*s));
    if (s != NULL && init(s, p, fault)) {
        tg_session_free(s);
        return NULL;
    }
    return s;
}

void tg_session_free(void *session) {
    tg_session_t *s = session;
    tg_odbc_close(&s->odbc);
    tg_arena_release(&s->scratch);
    tg_arena_release(&s->fixed);
    free(s);
}

/* ---- a call ---- */

static void begin(tg_session_t *s) {
    tg_arena_release(&s->scratch);
    memset(s->steps, 0, sizeof(s->steps));
    s->values = (tg_odbc_values_t){0};
    s->role_names = NULL;
    s->n_rows = s->n_roles = 0;
    s->err = TG_OK;
}

bool tg_session_prepare(tg_session_t *s, tg_str_t username, tg_str_t password) {
    begin(s);
    return tg_arena_str(&s->scratch, username, &s->values.username) &&
           tg_arena_str(&s->scratch, password, &s->values.password) &&
           tg_wide(&s->scratch, username, &s->values.wide_username) &&
           tg_wide(&s->scratch, password, &s->values.wide_password);
}

static tg_err_t stepped(tg_session_t *s, int step, const char *name, int64_t since, tg_err_t err) {
    s->steps[step] = (tg_session_step_t){name, err == TG_OK, tg_identity_now() - since};
    return err;
}

static void disconnect(tg_session_t *s) {
    tg_odbc_close(&s->odbc);
    s->user.h = s->roles.h = s->list.h = NULL;
}

static tg_err_t connect_once(tg_session_t *s) {
    if (s->odbc.connected) {
        return TG_OK;
    }
    int64_t since = tg_identity_now();
    return stepped(s, TG_STEP_CONNECT, "connect", since,
                   tg_odbc_connect(&s->odbc, &s->connection, s->login, s->timeout_s));
}

/* ---- a user ---- */

static tg_err_t user_rows(tg_session_t *s) {
    bool more = false;
    tg_err_t err = tg_odbc_execute(&s->odbc, &s->user, &s->values, s->timeout_s);
    if (!err) {
        err = tg_row_columns(s, &s->user);
    }
    if (!err) {
        err = tg_odbc_next(&s->odbc, &s->user, &more);
    }
    if (!err && more) {
        err = tg_row_read(s, &s->user, &s->rows[0]);
        s->n_rows = 1;
    }
    if (!err && more && !(err = tg_odbc_next(&s->odbc, &s->user, &more)) && more) {
        s->n_rows = 2;
    }
    return err;
}

static tg_err_t role_rows(tg_session_t *s) {
    bool more = false, is_null;
    s->role_names = tg_arena_array(&s->scratch, TG_IDENTITY_ROLES_MAX, sizeof(*s->role_names));
    tg_err_t err =
        s->role_names == NULL ? TG_ERR_NOMEM : tg_odbc_execute(&s->odbc, &s->roles, &s->values, s->timeout_s);
    while (!err && !(err = tg_odbc_next(&s->odbc, &s->roles, &more)) && more) {
        if (s->n_roles == TG_IDENTITY_ROLES_MAX) {
            return tg_fault(&s->odbc.fault, TG_ERR_LIMIT, "", "more than %d roles", TG_IDENTITY_ROLES_MAX);
        }
        err = tg_odbc_cell(&s->odbc, &s->roles, 0, TG_SESSION_ROLE_MAX, &s->scratch, &s->role_names[s->n_roles],
                           &is_null);
        s->n_roles += !err && !is_null;
    }
    return err;
}

static tg_err_t attempt(tg_session_t *s) {
    tg_err_t err = connect_once(s);
    if (err) {
        return err;
    }
    int64_t since = tg_identity_now();
    err = stepped(s, TG_STEP_QUERY, "query", since, user_rows(s));
    tg_odbc_finish(&s->user);
    if (err == TG_ERR_NOTFOUND) {
        s->n_rows = 0;
        return TG_OK;
    }
    if (!err && s->n_rows == 1 && s->roles.sql.n > 0) {
        since = tg_identity_now();
        err = stepped(s, TG_STEP_ROLES, "roles", since, role_rows(s));
        tg_odbc_finish(&s->roles);
    }
    return err;
}

void tg_session_ask(void *session) {
    tg_session_t *s = session;
    bool was_there = s->odbc.connected;
    s->odbc.fault = (tg_fault_t){0};
    s->err = attempt(s);
    if (s->err == TG_ERR_UNAVAILABLE && was_there) {
        disconnect(s);
        s->n_rows = s->n_roles = 0;
        s->odbc.fault = (tg_fault_t){0};
        s->err = attempt(s);
    }
    if (s->err) {
        disconnect(s);
    }
}

/* ---- the list ---- */

static tg_err_t list_begin(tg_session_t *s) {
    tg_err_t err = connect_once(s);
    if (!err) {
        err = tg_odbc_execute(&s->odbc, &s->list, &s->values, s->timeout_s);
    }
    return err ? err : tg_row_columns(s, &s->list);
}

void tg_session_list(void *session) {
    tg_session_t *s = session;
    int64_t since = tg_identity_now();
    bool more = true;
    begin(s);
    s->err = s->list.h == NULL ? list_begin(s) : TG_OK;
    while (!s->err && s->n_rows < TG_SESSION_BATCH && more) {
        s->err = tg_odbc_next(&s->odbc, &s->list, &more);
        if (!s->err && more) {
            s->err = tg_row_read(s, &s->list, &s->rows[s->n_rows++]);
        }
    }
    s->err = stepped(s, TG_STEP_QUERY, "query", since, s->err);
}
