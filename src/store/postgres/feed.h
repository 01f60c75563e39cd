/*
 * Where a reader stands in a change log: both schemas have one, a table change_log and a table head of one row, whose
 * seq is that of the last change ever.
 */
#ifndef TG_STORE_POSTGRES_FEED_H
#define TG_STORE_POSTGRES_FEED_H

#include "store/postgres/db.h"

/* Rows behind $1, at most $2, each behind the head and the first row that is still there (as of one moment). Without
 * any there is one row whose third column is NULL. */
#define TG_PG_FEED(columns)                                                                                            \
    "SELECT h.seq, coalesce((SELECT min(seq) FROM change_log), h.seq + 1), c.seq, " columns                            \
    " FROM head h LEFT JOIN LATERAL (SELECT * FROM change_log WHERE seq > $1 ORDER BY seq LIMIT $2) c ON true"         \
    " ORDER BY c.seq"

tg_err_t tg_pg_feed_head(tg_pg_t *q, int64_t *seq) TG_MUST_CHECK;
/* Steps through a TG_PG_FEED. LIMIT in s->err: rows after `after` were pruned, or the head is before it. */
bool tg_pg_feed_step(tg_pgquery_t *s, int64_t after);

/* As change_fd of a store; `listen` is the statement "LISTEN ...". */
int tg_pg_feed_fd(tg_pg_t *q, const char *listen, bool *told);

#endif
