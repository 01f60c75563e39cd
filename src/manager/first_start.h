/* What a store needs before anybody can log in: the first administrator; and what the command line asks for: an
 * environment with a project `default`. */
#ifndef TG_MANAGER_FIRST_START_H
#define TG_MANAGER_FIRST_START_H

#include "manager/manager.h"

/* Makes what is missing. `password` is for the administrator `admin`, "" for a generated one, which is printed on
 * stdout, this once. `environment` may be NULL. Says on stderr what went wrong. */
tg_err_t tg_first_start(tg_manager_t *m, const char *password, const char *environment) TG_MUST_CHECK;

#endif
