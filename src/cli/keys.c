/* `keys rotate`, `keys upload`, `keys revoke`. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/kinds.h"
#include "cli/output.h"
#include "cli/place.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "cli/secret.h"
#include "cli/terminal.h"

#define PEM_MAX 32768

static tg_err_t key_call(const tg_args_t *a, const char *template, const char *kid, const json_t *body) {
    tg_remote_t client = {0};
    tg_args_t in = *a; /* the environment is an operand here, an option elsewhere */
    char path[TG_PATH_MAX];
    tg_output_t format;
    json_t *answer = NULL;
    in.value[TG_FLAG_ENVIRONMENT] = a->operands[0];
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = tg_place_write(&in, template, kid, path);
    if (!err)
        err = tg_remote_init(a, &client);
    if (!err)
        err = tg_remote_call(&client, "POST", path, body, &answer);
    json_t *key = json_object_get(answer, "result");
    if (!err && format == TG_OUTPUT_TABLE && json_is_object(key)) {
        json_t *rows = json_pack("[O]", key);
        err = tg_output_rows(format, key, rows, tg_kind_find("keys")->columns, "kid");
        json_decref(rows);
    } else if (!err) {
        err = tg_output_value(format == TG_OUTPUT_YAML ? TG_OUTPUT_YAML : TG_OUTPUT_JSON, key ? key : answer);
    }
    json_decref(answer);
    tg_remote_release(&client);
    return err;
}

static const char *algorithm_of(const tg_args_t *a) {
    return a->value[TG_FLAG_ALG] ? a->value[TG_FLAG_ALG] : "RS256";
}

int tg_keys_rotate(const tg_args_t *a) {
    json_t *body = json_pack("{s:s,s:b}", "algorithm", algorithm_of(a), "activateNow", a->value[TG_FLAG_NOW] != NULL);
    tg_err_t err = key_call(a, "/environments/{environment}/keys/regenerate", NULL, body);
    json_decref(body);
    return tg_exit_of(err);
}

int tg_keys_upload(const tg_args_t *a) {
    tg_buf_t pem;
    tg_buf_init(&pem, PEM_MAX);
    tg_err_t err = TG_ERR_INVALID;
    if (a->value[TG_FLAG_FILE])
        err = tg_input_read(a->value[TG_FLAG_FILE], &pem);
    else
        tg_say("which key? Say -f FILE: a private key, PEM");
    json_t *body = err ? NULL
                       : json_pack("{s:s,s:s%,s:b}", "algorithm", algorithm_of(a), "privateKey", pem.p, pem.n,
                                   "activateNow", a->value[TG_FLAG_NOW] != NULL);
    if (!err && !body) {
        tg_say("%s: is no PEM file", a->value[TG_FLAG_FILE]);
        err = TG_ERR_INVALID;
    }
    if (!err)
        err = key_call(a, "/environments/{environment}/keys/upload", NULL, body);
    json_decref(body);
    tg_buf_release(&pem);
    return tg_exit_of(err);
}

int tg_keys_revoke(const tg_args_t *a) {
    char question[512];
    snprintf(question, sizeof(question), "Refuse at once all that key %.200s signed? [y/N] ", a->operands[1]);
    if (!a->value[TG_FLAG_YES] && !tg_terminal_confirm(question))
        return TG_EXIT_FAILED;
    json_t *body = json_object();
    tg_err_t err = key_call(a, "/environments/{environment}/keys/{name}/revoke", a->operands[1], body);
    json_decref(body);
    return tg_exit_of(err);
}
