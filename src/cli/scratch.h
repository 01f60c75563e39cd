/* A folder for work in progress, of mode 0700, that is removed with what is in it. */
#ifndef TG_CLI_SCRATCH_H
#define TG_CLI_SCRATCH_H

#include <limits.h>

#include "base/err.h"

typedef struct {
    char path[PATH_MAX]; /* "" : none */
} tg_scratch_t;

/* Beside `path`, since what is made there can be as large as it. Said. */
tg_err_t tg_scratch_make(tg_scratch_t *s, const char *path) TG_MUST_CHECK;
void tg_scratch_remove(tg_scratch_t *s);

#endif
