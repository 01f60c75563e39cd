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

/* What was told before the LISTEN is not told again. */
static bool listens(tg_pg_t *q, const char *listen) {
    if (q->listens != q->lives) {
        q->told = true;
        q->listens = tg_pg_exec(q, listen) == TG_OK ? q->lives : 0;
    }
    return q->listens == q->lives;
}

int tg_pg_feed_fd(tg_pg_t *q, const char *listen, bool *told) {
    *told = false;
    if (q->conn == NULL || PQtransactionStatus(q->conn) != PQTRANS_IDLE || !listens(q, listen)) {
        return -1;
    }
    bool alive = tg_pg_hear(q); /* if not, the next call connects anew */
    *told = q->told;
    q->told = false;
    return alive ? PQsocket(q->conn) : -1;
}
