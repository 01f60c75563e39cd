/* Where an object is in the management API: a kind's path with the names of this call in it. */
#ifndef TG_CLI_PLACE_H
#define TG_CLI_PLACE_H

#include "cli/args.h"
#include "cli/kinds.h"

#define TG_PATH_MAX 2048

/* The project: -p, TOLLGATE_PROJECT, "default". */
const char *tg_project_of(const tg_args_t *a);
/* Fills a template of kinds.h; `name` may be NULL where it has no {name}. TG_ERR_INVALID: an option is needed; said. */
tg_err_t tg_place_write(const tg_args_t *a, const char *template, const char *name,
                        char out[TG_PATH_MAX]) TG_MUST_CHECK;
/* "NAME" or "KIND/NAME" of something that can be deployed: "/projects/P/apiProxies/NAME". Said. */
tg_err_t tg_deployable_write(const tg_args_t *a, const char *text, char out[TG_PATH_MAX]) TG_MUST_CHECK;

#endif
