/*
 * The writer lock of a SQLite file: one writer at a time among all handles of all processes. SQLite's own waiting is a
 * sleep that grows and knows no order, so that concurrent writers starve each other; here a writer that waits is the
 * next one.
 *
 * Two byte ranges of a lock file beside the database, under OFD locks (fcntl F_OFD_SETLK): a holder that is killed lets
 * go, and handles in one process exclude each other as well. Never open the database file itself for this: closing it
 * would drop SQLite's own locks.
 */
#ifndef TG_STORE_SQLITE_LOCK_H
#define TG_STORE_SQLITE_LOCK_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"

typedef struct {
    int fd; /* -1 until first taken: a reader needs no lock file */
    char path[PATH_MAX];
} tg_filelock_t;

void tg_filelock_init(tg_filelock_t *l, const char *path);
void tg_filelock_release(tg_filelock_t *l);

/* TG_ERR_AGAIN: not within wait_ms. TG_ERR_UNAVAILABLE: the lock file cannot be made or opened (errno says why). */
tg_err_t tg_filelock_take(tg_filelock_t *l, int wait_ms) TG_MUST_CHECK;
void tg_filelock_drop(tg_filelock_t *l);

#endif
