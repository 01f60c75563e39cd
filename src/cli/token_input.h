/* The token that a command is about: from a file, the standard input or the terminal. */
#ifndef TG_CLI_TOKEN_INPUT_H
#define TG_CLI_TOKEN_INPUT_H

#include "cli/args.h"
#include "cli/secret.h"

/* The first operand names a file; - or none is the standard input, and a terminal is asked. One that looks like a token
 * itself is refused. Said. */
tg_err_t tg_token_input(const tg_args_t *a, tg_buf_t *out) TG_MUST_CHECK;

#endif
