/* What a manager does as a process: files it starts from, rights, its lock, telling that it is ready. Each says on
 * stderr what went wrong. */
#ifndef TG_MANAGER_PROCESS_H
#define TG_MANAGER_PROCESS_H

#include "keyring/keyring.h"
#include "manager/options.h"

/* Everything but the listening socket that needs the rights the process was started with. */
tg_err_t tg_keyring_read(const char *path, tg_keyring_t *out) TG_MUST_CHECK;
/* The first line of the file, at most cap - 1 bytes, NUL-terminated. */
tg_err_t tg_password_read(const char *path, char *out, size_t cap) TG_MUST_CHECK;
/* The directory of a store in files, "" of any other. */
tg_err_t tg_data_dir(const tg_options_t *o, char *out, size_t cap) TG_MUST_CHECK;
/* Makes the directory if it is missing (0700, owned by `user` if that is not NULL). */
tg_err_t tg_data_make(const char *dir, const char *user) TG_MUST_CHECK;

/* setgroups, setgid, setuid; NULL, or not root: nothing. Never goes on with more rights than asked for. */
tg_err_t tg_privileges_drop(const char *user) TG_MUST_CHECK;

/* One manager per directory, for as long as *fd is open (-1: no directory, no lock). CONFLICT: another one has it. */
tg_err_t tg_manager_lock(const char *dir, int *fd) TG_MUST_CHECK;

/* Writes "host:port\n" to the ready file (at once, by rename) and descriptor. */
tg_err_t tg_ready_tell(const tg_options_t *o, const char *address) TG_MUST_CHECK;

#endif
