/*
 * The files of a store on disk, one at a time: copying one while others write to it, and looking whether a copy is
 * sound. For backups.
 */
#ifndef TG_STORE_PARTS_H
#define TG_STORE_PARTS_H

#include "base/err.h"
#include "base/str.h"

/* The parts of a store: "config", "tokens", "requests"; NULL behind the last one. */
const char *tg_store_part(size_t i);
/* The schema version that this release writes of a part; 0: there is no such part. */
int tg_store_part_schema(const char *part);

/* Called now and then while a part is copied: how much is done of how much. */
typedef void (*tg_store_progress_fn)(void *arg, int done, int all);

/* Copies a part of the store at `uri` (sqlite:DIR) to a new file `to`, as it was at one moment; writers go on
 * meanwhile. *version is its schema. TG_ERR_NOTFOUND: the store has no such part; TG_ERR_INVALID: no store on disk, or
 * another program's file, or newer than this release; TG_ERR_UNAVAILABLE. On failure a file may be left at `to`. */
tg_err_t tg_store_part_copy(tg_str_t uri, const char *part, const char *to, tg_store_progress_fn progress, void *arg,
                            int *version, tg_fault_t *fault) TG_MUST_CHECK;
/* Whether the file at `path` is this part, whole, and not newer than this release. TG_ERR_INVALID: no; *fault says why.
 */
tg_err_t tg_store_part_check(const char *path, const char *part, int *version, tg_fault_t *fault) TG_MUST_CHECK;

#endif
