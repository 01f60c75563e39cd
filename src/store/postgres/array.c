#include "store/postgres/array.h"

#include <endian.h>

#define ARRAY_MAX  (256u << 20)
#define HEADER_LEN 20 /* dimensions, whether there are nulls, type, length, first index */

void tg_pg_array_init(tg_pg_array_t *a, tg_pg_type_t type) {
    *a = (tg_pg_array_t){.type = type};
    tg_buf_init(&a->b, ARRAY_MAX);
}

void tg_pg_array_release(tg_pg_array_t *a) {
    tg_buf_release(&a->b);
}

/* Room for the header, once; it is written when the rest is known. */
static void header_reserve(tg_pg_array_t *a) {
    static const char none[HEADER_LEN];
    if (a->b.n == 0) {
        tg_buf_put(&a->b, tg_strn(none, sizeof(none)));
    }
}

static void length_put(tg_pg_array_t *a, uint32_t v) {
    const uint32_t wire = htobe32(v);
    header_reserve(a);
    tg_buf_put(&a->b, tg_strn(&wire, sizeof(wire)));
    a->n++;
}

void tg_pg_array_int(tg_pg_array_t *a, int64_t v) {
    const uint64_t wire = htobe64((uint64_t)v);
    length_put(a, sizeof(wire));
    tg_buf_put(&a->b, tg_strn(&wire, sizeof(wire)));
}

void tg_pg_array_blob(tg_pg_array_t *a, tg_str_t v) {
    length_put(a, (uint32_t)v.n);
    tg_buf_put(&a->b, v);
}

void tg_pg_array_null(tg_pg_array_t *a) {
    length_put(a, UINT32_MAX);
    a->has_null = true;
}

void tg_pgquery_array(tg_pgquery_t *s, tg_pg_array_t *a) {
    header_reserve(a);
    if (a->b.err != TG_OK) {
        tg_pgquery_fail(s, a->b.err);
        return;
    }
    const uint32_t header[] = {htobe32(a->n > 0), htobe32(a->has_null), htobe32(a->type), htobe32(a->n), htobe32(1)};
    memcpy(a->b.p, header, sizeof(header));
    tg_pgquery_blob(s, a->b.p, a->n > 0 ? a->b.n : 12); /* without a dimension there is neither length nor index */
}
