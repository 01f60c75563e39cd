/*
 * A backup file: a tar archive (POSIX pax) whose first entry, tollgate-backup.json, says what is in it.
 *
 *     {"tollgateBackup":1,"release":"0.1.0","createdAt":"...","parts":[{"name":"config.db","size":N,"sha256":"...",
 *      "schema":3}, ...,{"name":"master.key",...,"schema":0}]}
 *
 * Reading trusts nothing: only these names, each once, with the size and the sum that the first entry tells.
 */
#ifndef TG_CLI_BACKUP_FILE_H
#define TG_CLI_BACKUP_FILE_H

#include <jansson.h>

#include "base/err.h"

#define TG_ARCHIVE_FORMAT 1
#define TG_ARCHIVE_HEADER "tollgate-backup.json"

/* Says how far something is. */
typedef void (*tg_archive_progress_fn)(const char *name, long long done, long long all);

/* Writes the archive of these files of `folder`, mode 0600, under a name of its own beside `path`, synced, then renames
 * it. `header` is as above. TG_ERR_UNAVAILABLE: said; nothing is left behind. */
tg_err_t tg_archive_write(const char *path, const char *folder, const json_t *header,
                          tg_archive_progress_fn progress) TG_MUST_CHECK;
/* Size and SHA-256 (64 hexadecimal digits and a NUL) of a file. Said. */
tg_err_t tg_archive_sum(const char *path, long long *size, char sum[65]) TG_MUST_CHECK;

/* Reads the archive at `path` and puts its files into `folder`, each named with `prefix` before it, mode 0600; with
 * `only` (NULL: all) just that file. Sizes and sums are checked. *header is a new reference. Said; on failure the
 * caller removes what was written. */
tg_err_t tg_archive_read(const char *path, const char *folder, const char *prefix, const char *only, json_t **header,
                         tg_archive_progress_fn progress) TG_MUST_CHECK;

#endif
