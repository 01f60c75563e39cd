/* Who may call what at a proxied API (token-api.md "Method access"). Pure. */
#ifndef TG_POLICY_METHOD_ACCESS_H
#define TG_POLICY_METHOD_ACCESS_H

#include "model/method.h"
#include "model/model.h"
#include "model/path_pattern.h"

/* `path` is decoded, with the proxy's prefix taken off, and starts with '/'. A trailing slash of either counts for
 * nothing. "**" stands for any number of segments, none included. */
bool tg_path_pattern_matches(tg_str_t pattern, tg_str_t path);

/* Whether one of `roles` is wanted; where none is, everybody may. */
bool tg_roles_let_in(const tg_str_t *wanted, size_t n_wanted, const tg_str_t *roles, size_t n_roles);

/* Without authorization: true. Else the most specific row decides (more literal segments from the left first, then a
 * named method before "*"; of equal ones any that lets the caller in); no row: false. A row of GET is one of HEAD, too:
 * who may not GET learns nothing by HEAD. */
bool tg_method_access_check(const tg_policy_t *p, tg_str_t method, tg_str_t path, const tg_str_t *roles,
                            size_t n_roles);

#endif
