/* Paths by segments. Internal to the policy room. */
#ifndef TG_POLICY_SEGMENT_H
#define TG_POLICY_SEGMENT_H

#include "base/str.h"

/* The next segment behind a '/', taken off; false at the end. A slash at the very end begins none. */
static inline bool tg_segment_take(tg_str_t *rest, tg_str_t *segment) {
    if (rest->n < 2) {
        return false;
    }
    const char *end = memchr(rest->p + 1, '/', rest->n - 1);
    size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
    *segment = tg_strn(rest->p + 1, n - 1);
    *rest = tg_strn(rest->p + n, rest->n - n);
    return true;
}

#endif
