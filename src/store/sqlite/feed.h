/*
 * Where a reader stands in the change log of a SQLite file: both files have one, a table change_log with an
 * AUTOINCREMENT seq.
 */
#ifndef TG_STORE_SQLITE_FEED_H
#define TG_STORE_SQLITE_FEED_H

#include "store/sqlite/db.h"

tg_err_t tg_feed_head(tg_sqlite_t *q, int64_t *seq) TG_MUST_CHECK;
/* In a read view. LIMIT: rows after `after` were pruned, or the head is before it. */
tg_err_t tg_feed_check(tg_sqlite_t *q, int64_t after) TG_MUST_CHECK;

#endif
