/* `token get`, `refresh`, `introspect`, `revoke`: calls of a gateway's endpoints. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/http.h"
#include "cli/issuer.h"
#include "cli/say.h"
#include "cli/token_input.h"

typedef struct {
    const tg_args_t *args;
    tg_output_t format;
    tg_transport_t transport;
    json_t *metadata;
    tg_buf_t form; /* holds secrets; wiped */
} call_t;

static void call_release(call_t *c) {
    json_decref(c->metadata);
    tg_buf_release(&c->form);
}

static void field_put(call_t *c, const char *name, tg_str_t value) {
    if (c->form.n)
        tg_buf_putc(&c->form, '&');
    tg_buf_put(&c->form, tg_str(name));
    tg_buf_putc(&c->form, '=');
    tg_buf_put_percent(&c->form, value);
}

static tg_err_t secret_put(call_t *c, const char *name, const tg_secret_source_t *source) {
    char mem[TG_SECRET_MAX];
    tg_buf_t secret;
    tg_buf_init_fixed(&secret, mem, sizeof(mem));
    tg_err_t err = tg_secret_read(source, &secret);
    if (!err)
        field_put(c, name, tg_buf_str(&secret));
    tg_wipe(mem, sizeof(mem));
    return err;
}

/* Finds the gateway and puts the client's id and secret into the form. */
static tg_err_t call_init(call_t *c, const tg_args_t *a) {
    const char *gateway = tg_args_or_env(a, TG_FLAG_GATEWAY, "TOLLGATE_GATEWAY");
    const char *id = tg_args_or_env(a, TG_FLAG_CLIENT_ID, "TOLLGATE_CLIENT_ID");
    *c = (call_t){.args = a, .transport = tg_transport_of(a)};
    tg_buf_init(&c->form, 1 << 20);
    tg_err_t err = tg_output_parse(a, &c->format);
    if (err)
        return err;
    if (!gateway || !id) {
        tg_say(gateway ? "who asks? Say --client-id ID" : "which gateway? Say --gateway URL");
        return TG_ERR_INVALID;
    }
    err = tg_issuer_discover(&c->transport, gateway, &c->metadata);
    if (err)
        return err;
    field_put(c, "client_id", tg_str(id));
    return secret_put(c, "client_secret",
                      &(tg_secret_source_t){.file = a->value[TG_FLAG_SECRET_FILE],
                                            .variable = "TOLLGATE_CLIENT_SECRET",
                                            .question = "Client secret: ",
                                            .what = "the client's secret"});
}

static tg_err_t refusal_say(long status, const json_t *answer) {
    tg_str_t error = tg_json_str(answer, "error"), text = tg_json_str(answer, "error_description");
    if (error.n)
        tg_say("%.*s%s%.*s (status %ld)", TG_STR_ARGS(error), text.n ? ": " : "", TG_STR_ARGS(text), status);
    else
        tg_say("the gateway answered with status %ld", status);
    return TG_ERR_INVALID;
}

/* Posts the form to an endpoint of the metadata. *answer is NULL if the body is no JSON object. */
static tg_err_t form_post(call_t *c, const char *endpoint, json_t **answer) {
    const char *url = json_string_value(json_object_get(c->metadata, endpoint));
    tg_buf_t body;
    tg_fault_t fault = {"", ""};
    long status = 0;
    *answer = NULL;
    if (!url) {
        tg_say("this gateway has no %s", endpoint);
        return TG_ERR_NOTFOUND;
    }
    tg_buf_putc(&c->form, '\0');
    if (c->form.err)
        return c->form.err;
    tg_buf_init(&body, 1 << 20);
    tg_err_t err = tg_http_run(&(tg_http_call_t){.method = "POST",
                                                 .url = url,
                                                 .form = c->form.p,
                                                 .ca_file = c->transport.ca_file,
                                                 .timeout_ms = 30000,
                                                 .insecure_http = c->transport.insecure_http},
                               &status, &body, &fault);
    if (err)
        tg_say("%s", fault.text);
    else if (tg_json_parse(tg_buf_str(&body), 1 << 20, 32, answer, NULL))
        *answer = NULL;
    tg_buf_release(&body);
    return err ? err : status == 200 ? TG_OK : refusal_say(status, *answer);
}

/* ---- tokens in ---- */

static tg_err_t token_show(const call_t *c, const json_t *answer, bool both) {
    const char *access = json_string_value(json_object_get(answer, "access_token"));
    const char *refresh = json_string_value(json_object_get(answer, "refresh_token"));
    if (c->format == TG_OUTPUT_JSON || c->format == TG_OUTPUT_YAML || !access)
        return tg_output_value(c->format, answer);
    if (both)
        printf("access_token: %s\nrefresh_token: %s\n", access, refresh ? refresh : "-");
    else
        printf("%s\n", access);
    return TG_OK;
}

static const char *token_endpoint(const tg_args_t *a) {
    return a->value[TG_FLAG_JWT] ? "jwt_endpoint" : "token_endpoint";
}

static tg_err_t grant_put(call_t *c) {
    const tg_args_t *a = c->args;
    const char *user = a->value[TG_FLAG_USER];
    if (a->value[TG_FLAG_SCOPE])
        field_put(c, "scope", tg_str(a->value[TG_FLAG_SCOPE]));
    field_put(c, "grant_type", user ? TG_STR("password") : TG_STR("client_credentials"));
    if (!user)
        return TG_OK;
    field_put(c, "username", tg_str(user));
    return secret_put(c, "password",
                      &(tg_secret_source_t){.file = tg_args_or_env(a, TG_FLAG_PASSWORD_FILE, "TOLLGATE_PASSWORD_FILE"),
                                            .question = "Password: ",
                                            .what = "the user's password"});
}

int tg_token_get(const tg_args_t *a) {
    call_t c;
    json_t *answer = NULL;
    tg_err_t err = call_init(&c, a);
    if (!err)
        err = grant_put(&c);
    if (!err)
        err = form_post(&c, token_endpoint(a), &answer);
    if (!err)
        err = token_show(&c, answer, false);
    json_decref(answer);
    call_release(&c);
    return tg_exit_of(err);
}

static tg_err_t given_token_put(call_t *c, const char *name) {
    char mem[TG_SECRET_MAX];
    tg_buf_t token;
    tg_buf_init_fixed(&token, mem, sizeof(mem));
    tg_err_t err = tg_token_input(c->args, &token);
    if (!err)
        field_put(c, name, tg_buf_str(&token));
    tg_wipe(mem, sizeof(mem));
    return err;
}

int tg_token_refresh(const tg_args_t *a) {
    call_t c;
    json_t *answer = NULL;
    tg_err_t err = call_init(&c, a);
    if (!err) {
        field_put(&c, "grant_type", TG_STR("refresh_token"));
        if (a->value[TG_FLAG_SCOPE])
            field_put(&c, "scope", tg_str(a->value[TG_FLAG_SCOPE]));
        err = given_token_put(&c, "refresh_token");
    }
    if (!err)
        err = form_post(&c, token_endpoint(a), &answer);
    if (!err)
        err = token_show(&c, answer, true);
    json_decref(answer);
    call_release(&c);
    return tg_exit_of(err);
}

int tg_token_introspect(const tg_args_t *a) {
    call_t c;
    json_t *answer = NULL;
    tg_err_t err = call_init(&c, a);
    if (!err)
        err = given_token_put(&c, "token");
    if (!err)
        err = form_post(&c, "introspection_endpoint", &answer);
    if (!err)
        err = c.format == TG_OUTPUT_TABLE ? tg_output_object(answer) : tg_output_value(c.format, answer);
    json_decref(answer);
    call_release(&c);
    return tg_exit_of(err);
}

int tg_token_revoke(const tg_args_t *a) {
    call_t c;
    json_t *answer = NULL;
    tg_err_t err = call_init(&c, a);
    if (!err)
        err = given_token_put(&c, "token");
    if (!err)
        err = form_post(&c, "revocation_endpoint", &answer);
    if (!err && c.format == TG_OUTPUT_TABLE)
        printf("revoked\n"); /* RFC 7009 2.2: also for a token that there is not */
    json_decref(answer);
    call_release(&c);
    return tg_exit_of(err);
}
