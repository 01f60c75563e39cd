/* Endpoints of an API proxy: what makes two of them the same. */
#ifndef TG_MODEL_ENDPOINT_H
#define TG_MODEL_ENDPOINT_H

#include "base/buf.h"
#include "model/model.h"

#define TG_ENDPOINT_KEY_MAX 800 /* bytes; room for any that the model accepts */

/* "GET /items/{}": of endpoints with equal keys nothing would say which one a request is for, so a proxy has only one
 * of each. Names of parameters and a trailing slash count for nothing. */
void tg_api_endpoint_key_write(tg_str_t method, tg_str_t path, tg_buf_t *out);
/* The endpoint of the proxy with the key of this method and path, or NULL. */
const tg_api_endpoint_t *tg_api_endpoint_at(const tg_proxy_t *p, tg_str_t method, tg_str_t path);
/* By its name, or NULL. */
const tg_api_endpoint_t *tg_api_endpoint_named(const tg_proxy_t *p, tg_str_t name);

/* Gives a name of its own to each that has none. TG_ERR_INVALID: two are the same. */
tg_err_t tg_api_endpoints_name(tg_proxy_t *p, tg_arena_t *a, tg_fault_t *fault) TG_MUST_CHECK;

/* One endpoint alone, as it stands in a proxy's "endpoints". One without a name stays so: it gets it among the others.
 */
tg_err_t tg_api_endpoint_parse(const json_t *body, tg_arena_t *a, tg_api_endpoint_t *out,
                               tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_api_endpoint_write(const tg_api_endpoint_t *e) TG_MUST_CHECK;

/* A segment of a path pattern: "{name}" or "*". */
static inline bool tg_segment_is_parameter(tg_str_t s) {
    return (s.n > 0 && s.p[0] == '{') || tg_str_eq(s, TG_STR("*"));
}

#endif
