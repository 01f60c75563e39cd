/* UTF-16, as ODBC's wide calls have it: the one encoding that drivers do not guess by the locale. */
#ifndef TG_IDENTITY_DATABASE_WIDE_H
#define TG_IDENTITY_DATABASE_WIDE_H

#include <sql.h>
#include <sqlext.h>

#include "base/arena.h"
#include "base/buf.h"

_Static_assert(sizeof(SQLWCHAR) == 2, "unixODBC has UTF-16");

typedef struct {
    SQLWCHAR *p; /* with a NUL behind */
    size_t n;    /* units */
} tg_wide_t;

/* A copy in the arena; false: no memory. What is no UTF-8 becomes U+FFFD. */
bool tg_wide(tg_arena_t *a, tg_str_t s, tg_wide_t *out) TG_MUST_CHECK;
/* Half pairs become U+FFFD. */
void tg_buf_put_wide(tg_buf_t *out, const SQLWCHAR *p, size_t n);

#endif
