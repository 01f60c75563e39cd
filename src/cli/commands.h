/* The commands that call a manager or a gateway, and the one table that runs them, helps with them, completes them and
 * writes their manual. */
#ifndef TG_CLI_COMMANDS_H
#define TG_CLI_COMMANDS_H

#include <jansson.h>

#include "cli/args.h"
#include "cli/output.h"

/* NULL behind the last one. */
const tg_command_t *tg_command_at(size_t i);
/* Runs argv[0] (two words for those of two). *status is how it ends; false: there is no such command. */
bool tg_command_run(int argc, char **argv, int *status);
/* The command whose name is nearest, NULL if none is near. */
const char *tg_command_near(const char *typed);

/* What each command does; the result is the command's exit status. */
int tg_login(const tg_args_t *a);
int tg_logout(const tg_args_t *a);
int tg_status(const tg_args_t *a);
int tg_get(const tg_args_t *a);
int tg_create(const tg_args_t *a);
int tg_update(const tg_args_t *a);
int tg_delete(const tg_args_t *a);
int tg_deploy(const tg_args_t *a);
int tg_undeploy(const tg_args_t *a);
int tg_rollback(const tg_args_t *a);
int tg_keys_rotate(const tg_args_t *a);
int tg_keys_upload(const tg_args_t *a);
int tg_keys_revoke(const tg_args_t *a);
int tg_token_get(const tg_args_t *a);
int tg_token_refresh(const tg_args_t *a);
int tg_token_inspect(const tg_args_t *a);
int tg_token_introspect(const tg_args_t *a);
int tg_token_revoke(const tg_args_t *a);
int tg_provider_test(const tg_args_t *a);
int tg_provider_sync(const tg_args_t *a);
int tg_export(const tg_args_t *a);
int tg_diff(const tg_args_t *a);
int tg_apply(const tg_args_t *a);
int tg_requests(const tg_args_t *a);
int tg_nodes(const tg_args_t *a);
int tg_drain(const tg_args_t *a);
int tg_top(const tg_args_t *a);
int tg_audit_verify(const tg_args_t *a);
int tg_backup(const tg_args_t *a);
int tg_restore(const tg_args_t *a);
int tg_migrate(const tg_args_t *a);
int tg_completion(const tg_args_t *a);
int tg_man(const tg_args_t *a);

/* What a deploy answered, environment by environment. TG_ERR_UNAVAILABLE: one of them is not served. */
tg_err_t tg_deployment_show(tg_output_t format, const json_t *answer) TG_MUST_CHECK;

#endif
