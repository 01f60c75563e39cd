/*
 * POST /projects/{project}/credentials/import: text/csv, a line "user#password" for each credential; all or nothing.
 * argon2id is what takes the time, some 100 lines a second; it runs before the transaction.
 */
#include <stdio.h>
#include <stdlib.h>

#include "manager/credential_keys.h"
#include "manager/credential_secrets.h"
#include "manager/handlers.h"
#include "manager/password_batch.h"
#include "manager/resources.h"

#define LINES_MAX 10000

typedef struct {
    size_t number;     /* of the line, from 1 */
    tg_str_t username; /* a view into the body */
} line_t;

typedef struct {
    line_t *lines;
    tg_password_job_t *jobs; /* of each line */
    size_t n;
} import_t;

static tg_err_t line_fault(tg_call_t *c, size_t number, const char *why) {
    char field[32];
    snprintf(field, sizeof(field), "line %zu", number);
    return tg_fault(&c->fault, TG_ERR_INVALID, field, "%s", why);
}

/* ---- reading ---- */

static tg_err_t line_read(tg_call_t *c, tg_str_t text, size_t number, line_t *out, tg_str_t *password) {
    tg_fault_t why = {.text = ""};
    tg_str_t rest = text;
    if (!tg_str_is_utf8(text)) {
        return line_fault(c, number, "is not UTF-8");
    }
    out->number = number;
    out->username = tg_str_take(&rest, '#');
    if (rest.p == NULL) {
        return line_fault(c, number, "must be user#password");
    }
    *password = rest;
    tg_err_t err = tg_client_id_check(out->username, "the user", &why);
    if (!err && tg_str_eq(out->username, TG_STR("import"))) {
        err = tg_fault(&why, TG_ERR_INVALID, "the user", "\"import\" is reserved");
    }
    if (!err) {
        err = tg_client_secret_check(*password, "the password", &why);
    }
    if (err) {
        char message[sizeof(why.field) + sizeof(why.text) + 2];
        snprintf(message, sizeof(message), "%s %s", why.field, why.text);
        return line_fault(c, number, message);
    }
    return TG_OK;
}

static tg_err_t lines_read(tg_call_t *c, import_t *in) {
    tg_str_t rest = c->raw_body;
    if (rest.n >= 3 && memcmp(rest.p, "\xef\xbb\xbf", 3) == 0) { /* the mark that spreadsheets put in front */
        rest = tg_strn(rest.p + 3, rest.n - 3);
    }
    in->lines = tg_arena_array(&c->arena, LINES_MAX, sizeof(*in->lines));
    in->jobs = tg_arena_array(&c->arena, LINES_MAX, sizeof(*in->jobs));
    tg_err_t err = in->lines == NULL || in->jobs == NULL ? TG_ERR_NOMEM : TG_OK;
    for (size_t number = 1; !err && rest.p != NULL; number++) {
        tg_str_t text = tg_str_take(&rest, '\n');
        text.n -= text.n > 0 && text.p[text.n - 1] == '\r';
        if (text.n == 0) {
            continue;
        }
        if (in->n == LINES_MAX) {
            return tg_fault(&c->fault, TG_ERR_INVALID, "", "more than %d lines", LINES_MAX);
        }
        err = line_read(c, text, number, &in->lines[in->n], &in->jobs[in->n].password);
        in->n += !err;
    }
    return err || in->n > 0 ? err : tg_fault(&c->fault, TG_ERR_INVALID, "", "there is no line in the body");
}

static int by_username(const void *a, const void *b) {
    const line_t *x = *(line_t *const *)a, *y = *(line_t *const *)b;
    size_t n = x->username.n < y->username.n ? x->username.n : y->username.n;
    int order = memcmp(x->username.p, y->username.p, n);
    order = order != 0 ? order : (x->username.n > y->username.n) - (x->username.n < y->username.n);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

static tg_err_t names_differ(tg_call_t *c, const import_t *in) {
    const line_t **sorted = tg_arena_array(&c->arena, in->n, sizeof(*sorted));
    const line_t *twice = NULL;
    if (sorted == NULL) {
        return TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < in->n; i++) {
        sorted[i] = &in->lines[i];
    }
    qsort(sorted, in->n, sizeof(*sorted), by_username);
    for (size_t i = 1; i < in->n; i++) {
        if (tg_str_eq(sorted[i - 1]->username, sorted[i]->username) &&
            (twice == NULL || sorted[i]->number < twice->number)) {
            twice = sorted[i];
        }
    }
    return twice == NULL ? TG_OK : line_fault(c, twice->number, "names a user of an earlier line again");
}

/* ---- writing ---- */

static tg_err_t line_write(tg_call_t *c, const tg_resource_t *project, const line_t *line, const char *encoded) {
    tg_credential_t fresh = {.username = line->username, .enabled = true};
    tg_secret_form_t form = {.kind = TG_SECRET_ARGON2ID, .bytes = tg_str(encoded)};
    tg_client_t client = {.key_id = 0};
    tg_secret_take(&client, &form);
    tg_err_t err = tg_credential_add(c, project, &fresh, &client);
    if (err == TG_ERR_CONFLICT) {
        memset(&c->fault, 0, sizeof(c->fault));
        char field[32];
        snprintf(field, sizeof(field), "line %zu", line->number);
        return tg_fault(&c->fault, err, field, "\"%.*s\" is taken", TG_STR_ARGS(line->username));
    }
    return err;
}

static tg_err_t lines_write(tg_call_t *c, const import_t *in) {
    tg_resource_t project;
    tg_token_settings_t token;
    tg_token_settings_default(&token);
    json_t *names = json_array();
    tg_err_t err = tg_project_need(c, &project);
    for (size_t i = 0; !err && i < in->n; i++) {
        err = line_write(c, &project, &in->lines[i], in->jobs[i].encoded);
        tg_call_append_to(c, names, tg_text(in->lines[i].username));
    }
    if (!err) {
        err = tg_credential_keys_want(c, &token);
    }
    c->etag = 0;
    c->after = json_object();
    tg_call_put_to(c, c->after, "usernames", names);
    json_t *result = json_object();
    tg_call_put_to(c, result, "imported", json_integer((json_int_t)in->n));
    tg_call_put(c, "result", result);
    return err;
}

tg_err_t tg_credential_import(tg_call_t *c) {
    tg_resource_t project;
    import_t in = {.n = 0};
    tg_err_t err = tg_project_need(c, &project); /* before the slow part */
    if (!err) {
        err = lines_read(c, &in);
    }
    if (!err) {
        err = names_differ(c, &in);
    }
    if (!err) {
        err = tg_passwords_hash(in.jobs, in.n, &c->m->stopping);
    }
    if (!err) {
        err = tg_call_begin(c);
    }
    return err ? err : lines_write(c, &in);
}
