/* Small files, whole at a time. */
#ifndef TG_CLI_FILES_H
#define TG_CLI_FILES_H

#include <sys/types.h>

#include "base/buf.h"

/* Appends the file's bytes. TG_ERR_NOTFOUND: not there; TG_ERR_LIMIT; TG_ERR_UNAVAILABLE (errno). */
tg_err_t tg_file_read(const char *path, tg_buf_t *out) TG_MUST_CHECK;
/* Writes beside it and renames, so that a reader sees the old or the new file; synced. TG_ERR_UNAVAILABLE (errno). */
tg_err_t tg_file_write(const char *path, tg_str_t text, mode_t mode) TG_MUST_CHECK;
/* As tg_file_write, but TG_ERR_CONFLICT if the file is there already; nothing is changed then. */
tg_err_t tg_file_create(const char *path, tg_str_t text, mode_t mode) TG_MUST_CHECK;

#endif
