/* `deploy`, `undeploy`, `rollback`. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/place.h"
#include "cli/remote.h"
#include "cli/say.h"

tg_err_t tg_deployment_show(tg_output_t format, const json_t *answer) {
    static const tg_column_t columns[] = {
        {"ENVIRONMENT", "environmentName"}, {"SERVED", "success"}, {"MESSAGE", "message"}, {NULL, NULL}};
    const json_t *result = json_object_get(answer, "deploymentResult");
    tg_err_t err =
        tg_output_rows(format, result, json_object_get(result, "deploymentResults"), columns, "environmentName");
    return err ? err : tg_json_bool(result, "success", false) ? TG_OK : TG_ERR_UNAVAILABLE;
}

/* Each environment by a call of its own; what they answer comes together in `all`. */
static tg_err_t environment_call(const tg_remote_t *c, const char *method, const char *place, tg_str_t environment,
                                 const json_t *body, json_t *all) {
    char path[TG_PATH_MAX + 512];
    tg_buf_t b;
    json_t *answer = NULL;
    tg_buf_init_fixed(&b, path, sizeof(path) - 1);
    tg_buf_putf(&b, "%s/environments/", place);
    tg_buf_put_percent(&b, environment);
    tg_buf_putc(&b, '/');
    path[b.n] = '\0';
    tg_err_t err = b.err ? TG_ERR_INVALID : tg_remote_call(c, method, path, body, &answer);
    json_t *result = json_object_get(answer, "deploymentResult");
    if (!err && json_array_extend(json_object_get(all, "deploymentResults"),
                                  json_object_get(result, "deploymentResults")) != 0) {
        tg_say("the manager's answer holds no deployment result");
        err = TG_ERR_UNAVAILABLE;
    }
    if (err || !tg_json_bool(result, "success", false))
        json_object_set_new(all, "success", json_false());
    json_decref(answer);
    return err;
}

static tg_err_t environments_call(const tg_args_t *a, const tg_remote_t *c, const char *method, const json_t *body,
                                  json_t *all) {
    char place[TG_PATH_MAX];
    tg_str_t names = tg_str(a->value[TG_FLAG_ENVIRONMENT]);
    tg_err_t err = tg_deployable_write(a, a->operands[0], place), first = TG_OK;
    if (err || names.n == 0) {
        if (!err)
            tg_say("where? Say -e ENVIRONMENT");
        return TG_ERR_INVALID;
    }
    while (names.n) {
        tg_str_t name = tg_str_take(&names, ',');
        err = name.n ? environment_call(c, method, place, name, body, all) : TG_OK;
        first = first ? first : err;
    }
    return first;
}

/* *body is NULL if there is nothing to say. */
static tg_err_t message_take(const tg_args_t *a, json_t **body) {
    const char *message = a->value[TG_FLAG_MESSAGE];
    *body = message ? json_pack("{s:s}", "description", message) : NULL;
    if (!message || *body)
        return TG_OK;
    tg_say("--message: must be UTF-8");
    return TG_ERR_INVALID;
}

static int run(const tg_args_t *a, const char *method) {
    tg_remote_t client = {0};
    tg_output_t format;
    json_t *all = json_pack("{s:{s:b,s:[]}}", "deploymentResult", "success", 1, "deploymentResults");
    json_t *body = NULL;
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = message_take(a, &body);
    if (!err)
        err = tg_remote_init(a, &client);
    if (!err)
        err = environments_call(a, &client, method, body, json_object_get(all, "deploymentResult"));
    json_t *results = json_object_get(json_object_get(all, "deploymentResult"), "deploymentResults");
    if (json_array_size(results) > 0) {
        tg_err_t shown = tg_deployment_show(format, all);
        err = err ? err : shown;
    }
    json_decref(all);
    json_decref(body);
    tg_remote_release(&client);
    return tg_exit_of(err);
}

int tg_deploy(const tg_args_t *a) {
    return run(a, "POST");
}

int tg_undeploy(const tg_args_t *a) {
    return run(a, "DELETE");
}

static void rollback_path(const tg_args_t *a, const char *place, uint64_t revision, char *out, size_t cap) {
    const char *to = a->value[TG_FLAG_ENVIRONMENT], *source = a->value[TG_FLAG_SOURCE];
    tg_buf_t b;
    tg_buf_init_fixed(&b, out, cap - 1);
    tg_buf_putf(&b, "%s/deploy-histories/%llu/rollback/", place, (unsigned long long)revision);
    if (to) {
        tg_buf_put(&b, TG_STR("?environmentName="));
        tg_buf_put_percent(&b, tg_str(to));
    }
    if (source) {
        tg_buf_putf(&b, "%csourceEnvironmentName=", to ? '&' : '?');
        tg_buf_put_percent(&b, tg_str(source));
    }
    out[b.n] = '\0';
}

int tg_rollback(const tg_args_t *a) {
    char place[TG_PATH_MAX], path[2 * TG_PATH_MAX];
    tg_remote_t client = {0};
    tg_output_t format;
    uint64_t revision = 0;
    json_t *answer = NULL, *body = NULL;
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = message_take(a, &body);
    if (!err && (!tg_str_to_u64(tg_str(a->operands[1]), INT64_MAX, &revision) || revision == 0)) {
        tg_say("REV: must be a revision's number; tollgate get deployments shows them");
        err = TG_ERR_INVALID;
    }
    if (!err)
        err = tg_deployable_write(a, a->operands[0], place);
    if (!err)
        err = tg_remote_init(a, &client);
    if (!err) {
        rollback_path(a, place, revision, path, sizeof(path));
        err = tg_remote_call(&client, "POST", path, body, &answer);
    }
    if (!err)
        err = tg_deployment_show(format, answer);
    json_decref(answer);
    json_decref(body);
    tg_remote_release(&client);
    return tg_exit_of(err);
}
