/* The command line of the commands that call a manager or a gateway: which options there are, and reading them. */
#ifndef TG_CLI_ARGS_H
#define TG_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

typedef enum {
    TG_FLAG_HELP,
    TG_FLAG_OUTPUT,
    TG_FLAG_URL,
    TG_FLAG_TOKEN_FILE,
    TG_FLAG_CA_FILE,
    TG_FLAG_INSECURE_HTTP,
    TG_FLAG_NAME,
    TG_FLAG_PASSWORD_FILE,
    TG_FLAG_PROJECT,
    TG_FLAG_ENVIRONMENT,
    TG_FLAG_PROXY,
    TG_FLAG_GROUP,
    TG_FLAG_POLICY_GROUP,
    TG_FLAG_FILE,
    TG_FLAG_REPLACE,
    TG_FLAG_YES,
    TG_FLAG_MESSAGE,
    TG_FLAG_SEARCH,
    TG_FLAG_ALG,
    TG_FLAG_NOW,
    TG_FLAG_GATEWAY,
    TG_FLAG_CLIENT_ID,
    TG_FLAG_SECRET_FILE,
    TG_FLAG_USER,
    TG_FLAG_SCOPE,
    TG_FLAG_JWT,
    TG_FLAG_JWKS,
    TG_FLAG_ISSUER,
    TG_FLAG_FROM,
    TG_FLAG_TO,
    TG_FLAG_CLIENT,
    TG_FLAG_STATUS_CODE,
    TG_FLAG_ERROR,
    TG_FLAG_LIMIT,
    TG_FLAG_FOLLOW,
    TG_FLAG_STATUS_URL,
    TG_FLAG_INTERVAL,
    TG_FLAG_ONCE,
    TG_FLAG_OUT,
    TG_FLAG_PRUNE,
    TG_FLAG_SET_SECRETS,
    TG_FLAG_DATA,
    TG_FLAG_WITH_MASTER_KEY,
    TG_FLAG_HEAD,
    TG_FLAG_SOURCE,
    TG_FLAG_CANCEL,
    TG_FLAG_WAIT,
    TG_FLAG_LOOK_UP,
    TG_FLAG_DRY_RUN,
    TG_FLAG_ALLOW_EMPTY,
    TG_FLAG_FROM_STORE,
    TG_FLAG_TO_STORE,
    TG_FLAG_FORCE,
    TG_FLAG_COUNT
} tg_flag_t;

#define TG_FLAG_BIT(flag) ((uint64_t)1 << (flag))
_Static_assert(TG_FLAG_COUNT <= 64, "flags of a command are bits of a number");

/* How an option is written and what it says. */
typedef struct {
    char letter; /* 0: none */
    const char *name;
    const char *arg; /* NULL: it takes none */
    const char *help;
    const char *words; /* its values, separated by blanks, for completion; NULL: any */
} tg_flag_info_t;

const tg_flag_info_t *tg_flag_info(tg_flag_t flag);

typedef struct tg_command tg_command_t;

#define TG_OPERANDS_MAX 8

/* How a command ends. */
enum {
    TG_EXIT_DONE = 0,
    TG_EXIT_FAILED = 1,  /* refused, not there, not reached: said on stderr */
    TG_EXIT_CHANGES = 2, /* `diff` found changes */
    TG_EXIT_USAGE = 64   /* the command line is wrong; nothing was tried */
};

typedef struct {
    const tg_command_t *command;
    const char *value[TG_FLAG_COUNT]; /* NULL: not given; "" for one without a value */
    const char *operands[TG_OPERANDS_MAX];
    int n_operands;
} tg_args_t;

struct tg_command {
    const char *name; /* "get", or two words: "token get" */
    const char *group;
    const char *operands; /* as the help shows them */
    const char *summary;
    const char *details; /* for the manual page and --help; NULL: none */
    uint64_t flags;
    int min, max; /* operands */
    int (*run)(const tg_args_t *a);
};

/* argv[0] is the command's last word. TG_ERR_INVALID: said what is wrong. --help is in out->value. */
tg_err_t tg_args_parse(const tg_command_t *command, int argc, char **argv, tg_args_t *out) TG_MUST_CHECK;
/* A number from min to max; `fallback` if the option was not given. TG_ERR_INVALID: said. */
tg_err_t tg_args_number(const tg_args_t *a, tg_flag_t flag, int64_t min, int64_t max, int64_t fallback,
                        int64_t *out) TG_MUST_CHECK;
/* The option, else the environment's variable, else NULL. */
const char *tg_args_or_env(const tg_args_t *a, tg_flag_t flag, const char *variable);
void tg_args_help(const tg_command_t *command);

/* What a command that calls ends with: 0, or 1. */
static inline int tg_exit_of(tg_err_t err) {
    return err ? TG_EXIT_FAILED : TG_EXIT_DONE;
}

#endif
