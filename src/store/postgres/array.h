/*
 * An array as a parameter, in PostgreSQL's binary form: what unnest() makes rows of. The first failure sticks in b.err.
 */
#ifndef TG_STORE_POSTGRES_ARRAY_H
#define TG_STORE_POSTGRES_ARRAY_H

#include "base/buf.h"
#include "store/postgres/db.h"

typedef enum { TG_PG_BYTEA = 17, TG_PG_INT8 = 20 } tg_pg_type_t; /* OIDs of the elements */

typedef struct {
    tg_buf_t b;
    tg_pg_type_t type;
    uint32_t n;
    bool has_null;
} tg_pg_array_t;

void tg_pg_array_init(tg_pg_array_t *a, tg_pg_type_t type);
void tg_pg_array_release(tg_pg_array_t *a);

void tg_pg_array_int(tg_pg_array_t *a, int64_t v);
void tg_pg_array_blob(tg_pg_array_t *a, tg_str_t v);
void tg_pg_array_null(tg_pg_array_t *a);

/* Binds it; it must live, and gain nothing, until the query is done. */
void tg_pgquery_array(tg_pgquery_t *s, tg_pg_array_t *a);

#endif
