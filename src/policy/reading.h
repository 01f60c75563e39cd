/*
 * Other readings of a path. Some servers cut ";..." off each segment (servlets), some take '\' for '/' (Windows). RFC
 * 3986 3.3 gives neither sign a meaning, so both are passed on; but a path which in such a reading is another proxy's,
 * or climbs out of what is published ("/..;/"), would get past the policy that was decided on ours.
 */
#ifndef TG_POLICY_READING_H
#define TG_POLICY_READING_H

#include "policy/endpoint.h"

/* False for nearly every path: then there is nothing to ask below. */
bool tg_path_has_readings(tg_str_t path);

/* Reading `how` (0 .. TG_PATH_READINGS - 1) of a path, which starts with '/': written to `out`, with room for path.n
 * bytes, as *n of them (none: the root). False: it climbs above its root. */
#define TG_PATH_READINGS 3
bool tg_path_reading(tg_str_t path, int how, char *out, size_t *n);

/* True if each reading of the path that *match and *endpoint were found for belongs to the same proxy, stays below its
 * prefix, and is for the same endpoint, or for none alike. Where the backend's path is made of parameters, a '\' in one
 * of them could make several segments of it, so that none may be there. `scratch` has room for q->path.n bytes. */
bool tg_route_is_certain(const tg_router_t *r, const tg_endpoints_t *endpoints, const tg_route_query_t *q,
                         const tg_route_match_t *match, const tg_endpoint_match_t *endpoint, char *scratch);

#endif
