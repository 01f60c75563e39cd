/* The command line of tollgate-manager. */
#ifndef TG_MANAGER_OPTIONS_H
#define TG_MANAGER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef struct {
    const char *store;  /* URI */
    const char *data;   /* where manager.lock lies; NULL: the directory of the store */
    const char *listen; /* as given */
    char host[256];     /* of listen, without brackets */
    uint16_t port;      /* 0: any free one */
    const char *master_key_file;
    const char *environment;         /* NULL: none is made */
    const char *user;                /* NULL: stays who it is */
    const char *admin_password_file; /* NULL: one is generated */
    const char *ready_file;          /* NULL: none */
    const char *definition_networks; /* NULL: none */
    bool log_json;
    int ready_fd; /* -1: none */
} tg_options_t;

/* TG_ERR_NOTFOUND: --help or --version was asked for and printed. TG_ERR_INVALID: stderr says what is wrong. */
tg_err_t tg_options_parse(int argc, char **argv, tg_options_t *out) TG_MUST_CHECK;

#endif
