/* Where the parts of this installation are: beside the command (a build folder), else where packages put them. */
#ifndef TG_CLI_INSTALL_H
#define TG_CLI_INSTALL_H

#include <stdbool.h>

#include "base/err.h"

typedef struct {
    char self[4096];    /* this executable */
    char manager[4096]; /* tollgate-manager */
    char module[4096];  /* ngx_http_tollgate_module.so */
    char nginx[4096];   /* TOLLGATE_NGINX in the environment, /usr/sbin/nginx, or of the PATH */
} tg_install_t;

/* TG_ERR_NOTFOUND: a part that `manager` or `gateway` needs is missing; said which. */
tg_err_t tg_install_find(bool manager, bool gateway, tg_install_t *out) TG_MUST_CHECK;

#endif
