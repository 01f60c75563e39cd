/* The nginx configuration of a gateway, from the options. Pure: text in, text out. */
#ifndef TG_CLI_NGINX_CONF_H
#define TG_CLI_NGINX_CONF_H

#include "base/buf.h"
#include "cli/options.h"

typedef struct {
    const char *module;          /* path of the module */
    const char *tls_certificate; /* "" : plain HTTP */
    const char *tls_key;
} tg_nginx_parts_t;

void tg_nginx_conf_write(const tg_options_t *o, const tg_nginx_parts_t *parts, tg_buf_t *out);

#endif
