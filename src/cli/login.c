/* `login`, `logout`, `status`. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/http.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "cli/secret.h"
#include "cli/terminal.h"

static tg_ms_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (tg_ms_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- login ---- */

static tg_err_t name_ask(const tg_args_t *a, char *out, size_t cap) {
    const char *named = tg_args_or_env(a, TG_FLAG_NAME, "TOLLGATE_NAME");
    tg_buf_t text;
    tg_buf_init_fixed(&text, out, cap - 1);
    if (named)
        tg_buf_put(&text, tg_str(named));
    else if (tg_terminal_ask("Name [admin]: ", false, &text) || text.n == 0)
        tg_buf_put(&text, TG_STR("admin"));
    out[text.n] = '\0';
    if (text.err)
        tg_say("--name: must have 1 to %zu bytes", cap - 1);
    return text.err;
}

static tg_err_t password_ask(const tg_args_t *a, const char *name, tg_buf_t *out) {
    char question[320];
    snprintf(question, sizeof(question), "Password of %s: ", name);
    return tg_secret_read(
        &(tg_secret_source_t){.file = tg_args_or_env(a, TG_FLAG_PASSWORD_FILE, "TOLLGATE_PASSWORD_FILE"),
                              .question = question,
                              .what = "the password"},
        out);
}

static tg_err_t answer_take(long status, tg_str_t text, tg_saved_login_t *s) {
    json_t *answer = NULL;
    int64_t seconds = 0;
    tg_err_t err = tg_json_parse(text, 65536, 8, &answer, NULL);
    tg_str_t token = tg_json_str(answer, "access_token"), why = tg_json_str(answer, "error_description");
    if (status == 200 && !err && token.n > 0 && token.n < sizeof(s->token) &&
        tg_json_int(answer, "expires_in", &seconds)) {
        memcpy(s->token, token.p, token.n);
        s->token[token.n] = '\0';
        s->expires_at = now_ms() + seconds * 1000;
    } else {
        if (why.n > 0)
            tg_say("%.*s", TG_STR_ARGS(why));
        else
            tg_say("status %ld: what answered at %s is no manager", status, s->url);
        err = TG_ERR_INVALID;
    }
    json_decref(answer);
    return err;
}

static tg_err_t login_call(const tg_remote_t *c, tg_str_t password, tg_saved_login_t *s) {
    char url[1100];
    tg_buf_t form, answer;
    tg_fault_t fault = {"", ""};
    long status = 0;
    snprintf(url, sizeof(url), "%s/auth/token", c->url);
    tg_buf_init(&form, 65536);
    tg_buf_init(&answer, 65536);
    tg_buf_put(&form, TG_STR("grant_type=client_credentials&client_id="));
    tg_buf_put_percent(&form, tg_str(s->name));
    tg_buf_put(&form, TG_STR("&client_secret="));
    tg_buf_put_percent(&form, password);
    tg_buf_putc(&form, '\0');
    tg_http_call_t call = {.method = "POST",
                           .url = url,
                           .form = form.p,
                           .ca_file = c->ca_file,
                           .timeout_ms = 30000,
                           .insecure_http = c->insecure_http};
    tg_err_t err = form.err ? form.err : tg_http_run(&call, &status, &answer, &fault);
    if (err)
        tg_say("%s", fault.text);
    else
        err = answer_take(status, tg_buf_str(&answer), s);
    tg_buf_release(&form);
    tg_buf_release(&answer);
    return err;
}

int tg_login(const tg_args_t *a) {
    tg_remote_t c;
    tg_saved_login_t s = {0};
    char mem[TG_SECRET_MAX];
    tg_buf_t password;
    tg_buf_init_fixed(&password, mem, sizeof(mem));
    tg_err_t err = tg_remote_address(a, &c);
    if (!err)
        err = name_ask(a, s.name, sizeof(s.name));
    if (!err)
        err = password_ask(a, s.name, &password);
    if (!err) {
        memcpy(s.url, c.url, sizeof(s.url));
        err = login_call(&c, tg_buf_str(&password), &s);
    }
    if (!err)
        err = tg_saved_login_write(&s);
    if (!err)
        printf("logged in at %s as %s, for %lld minutes\n", s.url, s.name,
               (long long)((s.expires_at - now_ms() + 59999) / 60000));
    tg_wipe(mem, sizeof(mem));
    tg_saved_login_release(&s);
    return tg_exit_of(err);
}

/* The login is forgotten also where the manager does not answer; the session ends by itself then. */
static void session_end(const tg_args_t *a) {
    tg_saved_login_t s;
    tg_remote_t c;
    tg_fault_t why = {"", ""};
    json_t *answer = NULL;
    if (tg_saved_login_read(&s))
        return;
    if (s.expires_at > now_ms() && !tg_remote_of(a, &s, &c)) {
        tg_err_t err = tg_remote_try(&c, "DELETE", "/auth/token/", NULL, &answer, &why);
        if (err && err != TG_ERR_AGAIN)
            tg_say("the session goes on at %s until it expires: %s", s.url, why.text);
        json_decref(answer);
        tg_remote_release(&c);
    }
    tg_saved_login_release(&s);
}

int tg_logout(const tg_args_t *a) {
    session_end(a);
    tg_err_t err = tg_saved_login_remove();
    if (err == TG_ERR_NOTFOUND) {
        printf("you were not logged in\n");
        return TG_EXIT_DONE;
    }
    if (!err)
        printf("logged out\n");
    return tg_exit_of(err);
}

/* ---- status ---- */

static json_t *environment_row(const tg_remote_t *c, const json_t *environment) {
    char path[512];
    tg_buf_t b;
    json_t *nodes = NULL, *node;
    size_t i, behind = 0;
    tg_str_t name = tg_json_str(environment, "name");
    tg_buf_init_fixed(&b, path, sizeof(path) - 1);
    tg_buf_put(&b, TG_STR("/environments/"));
    tg_buf_put_percent(&b, name);
    tg_buf_put(&b, TG_STR("/nodes/"));
    path[b.n] = '\0';
    if (b.err || tg_remote_list(c, path, NULL, 0, &nodes))
        return NULL;
    json_array_foreach(nodes, i, node) {
        int64_t revision = 0, wanted = 0;
        tg_json_int(node, "revision", &revision);
        tg_json_int(node, "wantedRevision", &wanted);
        behind += revision != wanted;
    }
    json_t *row = json_pack("{s:s%,s:i,s:i}", "name", name.p, name.n, "nodes", (int)json_array_size(nodes), "behind",
                            (int)behind);
    json_decref(nodes);
    return row;
}

static tg_err_t environments_read(const tg_remote_t *c, json_t *rows) {
    json_t *environments = NULL, *environment;
    size_t i;
    tg_err_t err = tg_remote_list(c, "/environments/", NULL, 0, &environments);
    json_array_foreach(environments, i, environment) {
        json_t *row = environment_row(c, environment);
        if (!row || json_array_append_new(rows, row) != 0)
            err = TG_ERR_UNAVAILABLE;
    }
    json_decref(environments);
    return err;
}

int tg_status(const tg_args_t *a) {
    static const tg_column_t columns[] = {
        {"ENVIRONMENT", "name"}, {"LIVE NODES", "nodes"}, {"BEHIND", "behind"}, {NULL, NULL}};
    tg_remote_t c;
    tg_output_t format;
    json_t *health = NULL, *rows = json_array();
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = tg_remote_init(a, &c);
    if (!err)
        err = tg_remote_call(&c, "GET", "/health/ready", NULL, &health);
    if (!err)
        err = environments_read(&c, rows);
    if (!err) {
        json_t *all =
            json_pack("{s:s,s:s,s:O,s:O}", "url", c.url, "name", c.name, "health", health, "environments", rows);
        if (format == TG_OUTPUT_TABLE)
            printf("%s%s%s: %s\n", c.url, c.name[0] ? " as " : "", c.name,
                   json_string_value(json_object_get(health, "status")));
        err = all ? tg_output_rows(format, all, rows, columns, "name") : TG_ERR_NOMEM;
        json_decref(all);
    }
    json_decref(health);
    json_decref(rows);
    return tg_exit_of(err);
}
