/* The options of `tollgate up`, `manager`, `gateway` and `demo`. */
#ifndef TG_CLI_OPTIONS_H
#define TG_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* An address to listen on. */
typedef struct {
    char host[256]; /* without brackets */
    uint16_t port;  /* never 0 once tg_endpoint_settle ran */
    bool given;     /* named on the command line: never replaced by another */
} tg_endpoint_t;

typedef struct {
    bool run_manager, run_gateway; /* which planes */
    bool demo;
    bool once;        /* demo: stop after the first calls */
    char data[1024];  /* absolute; "" : demo makes one */
    char store[4160]; /* URI */
    char master_key_file[4160];
    char admin_password_file[4096]; /* "" : none */
    char ready_file[4096];          /* "" : none */
    char definition_networks[4096]; /* "" : none */
    char tls_certificate[4096], tls_key[4096];
    char environment[129];
    char log_format[8]; /* "" : the manager's default */
    char user[64];      /* "" : not started as root, stays who it is */
    uid_t uid;          /* of user */
    gid_t gid;
    int workers;       /* 0: one for each core */
    int drain_seconds; /* of a gateway that is stopped */
    tg_endpoint_t gateway, manager, status;
} tg_options_t;

/* Reads argv[1..] of the command `name` ("up", ...). TG_OK; TG_ERR_NOTFOUND: --help was asked for and printed;
 * TG_ERR_INVALID: said what is wrong. */
tg_err_t tg_options_parse(const char *name, int argc, char **argv, tg_options_t *out) TG_MUST_CHECK;

/* The i-th option that the command takes, for completion and the manual; *arg is "" if it takes no value. false: there
 * are no more. */
bool tg_option_at(const char *name, size_t i, const char **option, const char **arg, const char **help);
/* What the command does, a sentence. */
const char *tg_option_purpose(const char *name);

/* "ADDR:PORT", "[v6]:PORT", ":PORT" or "PORT". */
tg_err_t tg_endpoint_parse(const char *text, tg_endpoint_t *out) TG_MUST_CHECK;
/* Writes "host:port", with brackets around IPv6. */
void tg_endpoint_write(const tg_endpoint_t *e, char *out, size_t cap);
/* Makes sure that the endpoint can be bound now. A port of 0 gets a free one. If it is in use: one that was given is
 * TG_ERR_CONFLICT, said with the option's name; another port is taken for one that was not, and said. TG_ERR_INVALID:
 * the address is not this machine's. */
tg_err_t tg_endpoint_settle(tg_endpoint_t *e, const char *option) TG_MUST_CHECK;

#endif
