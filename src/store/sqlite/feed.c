#include "store/sqlite/feed.h"

tg_err_t tg_feed_head(tg_sqlite_t *q, int64_t *seq) {
    tg_query_t s;
    *seq = 0;
    tg_query_read(&s, q, "SELECT seq FROM sqlite_sequence WHERE name = 'change_log'");
    if (tg_query_step(&s)) {
        *seq = sqlite3_column_int64(s.st, 0);
    }
    return tg_query_done(&s);
}

/* The first row that is still there, or the one that comes next. */
static tg_err_t first(tg_sqlite_t *q, int64_t head, int64_t *seq) {
    tg_query_t s;
    *seq = head + 1;
    tg_query_read(&s, q, "SELECT seq FROM change_log ORDER BY seq LIMIT 1");
    if (tg_query_step(&s)) {
        *seq = sqlite3_column_int64(s.st, 0);
    }
    return tg_query_done(&s);
}

tg_err_t tg_feed_check(tg_sqlite_t *q, int64_t after) {
    int64_t head, oldest;
    tg_err_t err = tg_feed_head(q, &head);
    if (err == TG_OK) {
        err = first(q, head, &oldest);
    }
    if (err != TG_OK) {
        return err;
    }
    return after > head || after + 1 < oldest ? TG_ERR_LIMIT : TG_OK;
}
