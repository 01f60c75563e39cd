#include "store/postgres/feed.h"

tg_err_t tg_pg_feed_head(tg_pg_t *q, int64_t *seq) {
    tg_pgquery_t s;
    *seq = 0;
    tg_pgquery_read(&s, q, "SELECT seq FROM head");
    if (tg_pgquery_step(&s)) {
        *seq = tg_pgquery_col_int(&s, 0);
    }
    return tg_pgquery_done(&s);
}

bool tg_pg_feed_step(tg_pgquery_t *s, int64_t after) {
    if (!tg_pgquery_step(s)) {
        return false;
    }
    if (after > tg_pgquery_col_int(s, 0) || after + 1 < tg_pgquery_col_int(s, 1)) {
        tg_pgquery_fail(s, TG_ERR_LIMIT);
        return false;
    }
    return !tg_pgquery_col_null(s, 2);
}
