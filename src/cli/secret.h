/* Where a secret comes from: a file, the environment, the terminal. Never from the command line, which everybody on the
 * machine can read. */
#ifndef TG_CLI_SECRET_H
#define TG_CLI_SECRET_H

#include "base/buf.h"

#define TG_SECRET_MAX 16384

typedef struct {
    const char *file;     /* first; "-" is the standard input; NULL: none */
    const char *variable; /* then this variable of the environment; NULL: none */
    const char *question; /* then it is asked for; NULL: not */
    const char *what;     /* "the password" */
} tg_secret_source_t;

/* Replaces what out held with the secret, without the end of its line; out's memory is wiped in its release.
 * TG_ERR_INVALID: empty, or nowhere to be had; said. */
tg_err_t tg_secret_read(const tg_secret_source_t *source, tg_buf_t *out) TG_MUST_CHECK;
/* A whole file, or the standard input for "-". Said. */
tg_err_t tg_input_read(const char *path, tg_buf_t *out) TG_MUST_CHECK;

#endif
