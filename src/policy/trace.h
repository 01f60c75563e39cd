/* What ties the logs of several programs together: request ids, and the traceparent of W3C Trace Context. */
#ifndef TG_POLICY_TRACE_H
#define TG_POLICY_TRACE_H

#include <stdint.h>

#include "base/str.h"

#define TG_REQUEST_ID_MAX  64
#define TG_TRACEPARENT_LEN 55

/* Whether an X-Request-Id may be taken over: 1 to TG_REQUEST_ID_MAX of A-Z a-z 0-9 . _ - */
bool tg_request_id_is_sane(tg_str_t id);

/* Whether the one traceparent of a request may be passed on (https://www.w3.org/TR/trace-context/ 3.2): of version 00,
 * or of a later one that begins like it. */
bool tg_traceparent_is_valid(tg_str_t value);
/* Of a valid one: the trace-id, 32 hex digits. */
tg_str_t tg_traceparent_trace_id(tg_str_t value);
/* A trace that begins here: version 00, sampled. The random bytes must not all be zero in either id (16 and 8). */
void tg_traceparent_write(const uint8_t random[24], char out[TG_TRACEPARENT_LEN]);

#endif
