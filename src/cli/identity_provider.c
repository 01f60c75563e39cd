/* `identity-provider test`, `identity-provider sync`. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/place.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "cli/secret.h"
#include "cli/terminal.h"

static const tg_column_t step_columns[TG_COLUMNS_MAX] = {
    {"STEP", "step"}, {"OK", "success"}, {"MS", "durationMillis"}, {"DETAIL", "detail"}};
static const tg_column_t change_columns[TG_COLUMNS_MAX] = {
    {"ACTION", "action"}, {"USERNAME", "username"}, {"REASON", "reason"}};

static tg_err_t provider_call(const tg_args_t *a, const char *what, const json_t *body, json_t **answer) {
    tg_remote_t client = {0};
    char template[128], path[TG_PATH_MAX];
    snprintf(template, sizeof(template), "/projects/{project}/identityProviders/{name}/%s/", what);
    tg_err_t err = tg_place_write(a, template, a->operands[0], path);
    if (!err)
        err = tg_remote_init(a, &client);
    if (!err)
        err = tg_remote_call(&client, "POST", path, body, answer);
    tg_remote_release(&client);
    return err;
}

/* ---- test ---- */

static tg_err_t password_put(const tg_args_t *a, json_t *body) {
    char mem[TG_SECRET_MAX];
    tg_buf_t secret;
    const tg_secret_source_t source = {.file = tg_args_or_env(a, TG_FLAG_PASSWORD_FILE, "TOLLGATE_PASSWORD_FILE"),
                                       .question = "Password: ",
                                       .what = "the user's password"};
    if (a->value[TG_FLAG_LOOK_UP])
        return TG_OK;
    tg_buf_init_fixed(&secret, mem, sizeof(mem));
    tg_err_t err = tg_secret_read(&source, &secret);
    if (!err && json_object_set_new(body, "password", json_stringn(secret.p, secret.n)) != 0) {
        tg_say("the password is not UTF-8");
        err = TG_ERR_INVALID;
    }
    tg_wipe(mem, sizeof(mem));
    return err;
}

static tg_err_t question_make(const tg_args_t *a, json_t **body) {
    const char *user = a->value[TG_FLAG_USER];
    *body = json_object();
    if (!user)
        return *body ? TG_OK : TG_ERR_NOMEM;
    if (json_object_set_new(*body, "username", json_string(user)) != 0) {
        tg_say("--user is not UTF-8");
        return TG_ERR_INVALID;
    }
    return password_put(a, *body);
}

/* The steps, then who it is. */
static tg_err_t test_show(tg_output_t format, const json_t *result) {
    const json_t *user = json_object_get(result, "user");
    if (format != TG_OUTPUT_TABLE)
        return tg_output_value(format == TG_OUTPUT_YAML ? TG_OUTPUT_YAML : TG_OUTPUT_JSON, result);
    tg_err_t err = tg_output_rows(format, result, json_object_get(result, "steps"), step_columns, "step");
    if (!err && json_is_object(user)) {
        printf("\n");
        err = tg_output_object(user);
    }
    return err;
}

static tg_err_t verdict_say(const json_t *result) {
    tg_str_t verdict = tg_json_str(result, "verdict"), message = tg_json_str(result, "message");
    if (tg_json_bool(result, "success", false))
        return TG_OK;
    tg_say("%.*s%s%.*s", TG_STR_ARGS(verdict), message.n ? ": " : "", TG_STR_ARGS(message));
    return TG_ERR_INVALID;
}

int tg_provider_test(const tg_args_t *a) {
    tg_output_t format;
    json_t *body = NULL, *answer = NULL;
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = question_make(a, &body);
    if (!err)
        err = provider_call(a, "test", body, &answer);
    if (!err)
        err = test_show(format, json_object_get(answer, "result"));
    if (!err)
        err = verdict_say(json_object_get(answer, "result"));
    json_decref(body);
    json_decref(answer);
    return tg_exit_of(err);
}

/* ---- sync ---- */

static int64_t count_of(const json_t *result, const char *name) {
    int64_t n = 0;
    return tg_json_int(json_object_get(result, "counts"), name, &n) ? n : 0;
}

static int64_t changes_of(const json_t *result) {
    return count_of(result, "create") + count_of(result, "update") + count_of(result, "disable") +
           count_of(result, "delete");
}

static tg_err_t sync_show(tg_output_t format, const json_t *result) {
    if (format != TG_OUTPUT_TABLE)
        return tg_output_value(format == TG_OUTPUT_YAML ? TG_OUTPUT_YAML : TG_OUTPUT_JSON, result);
    tg_err_t err = tg_output_rows(format, result, json_object_get(result, "changes"), change_columns, "username");
    if (!err && !tg_json_bool(result, "changesComplete", true))
        printf("...\n");
    if (!err)
        printf("%lld to create, %lld to update, %lld to disable, %lld to delete, %lld to keep\n",
               (long long)count_of(result, "create"), (long long)count_of(result, "update"),
               (long long)count_of(result, "disable"), (long long)count_of(result, "delete"),
               (long long)count_of(result, "keep"));
    return err;
}

static tg_err_t sync_call(const tg_args_t *a, bool dry_run, json_t **answer) {
    json_t *body = json_pack("{s:b, s:b}", "dryRun", dry_run, "allowEmpty", a->value[TG_FLAG_ALLOW_EMPTY] != NULL);
    tg_err_t err = body ? provider_call(a, "sync", body, answer) : TG_ERR_NOMEM;
    json_decref(body);
    return err;
}

/* What would change is shown first, and asked about. */
static tg_err_t sync_agreed(const tg_args_t *a, tg_output_t format, bool *go) {
    json_t *answer = NULL;
    tg_err_t err = sync_call(a, true, &answer);
    const json_t *result = json_object_get(answer, "result");
    bool shown = !err && (format == TG_OUTPUT_TABLE || a->value[TG_FLAG_DRY_RUN]);
    if (shown)
        err = sync_show(format, result);
    *go = !err && !a->value[TG_FLAG_DRY_RUN] && changes_of(result) > 0;
    if (*go && !a->value[TG_FLAG_YES] && !tg_terminal_confirm("Do it? [y/N] ")) {
        *go = false;
        err = TG_ERR_INVALID;
    }
    json_decref(answer);
    return err;
}

int tg_provider_sync(const tg_args_t *a) {
    tg_output_t format;
    json_t *answer = NULL;
    bool go = false;
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = sync_agreed(a, format, &go);
    if (!err && go)
        err = sync_call(a, false, &answer);
    if (!err && go && format != TG_OUTPUT_TABLE)
        err = sync_show(format, json_object_get(answer, "result"));
    json_decref(answer);
    return tg_exit_of(err);
}
