/* Patterns of paths below a proxy's prefix, as in rows of authorization.methodAccess. */
#ifndef TG_MODEL_PATH_PATTERN_H
#define TG_MODEL_PATH_PATTERN_H

#include "base/str.h"

#define TG_PATH_PATTERN_MAX 512

/* The rule behind a path pattern, NULL if it keeps it: starts with '/', segments are literal, "*", "{name}", or "**" as
 * the last one; at most 512 bytes; no empty segment, no '.' or '..'. Literal segments stand for decoded ones: they have
 * no '*', '?', '#', '%', no braces, no control characters. One trailing slash may stand. */
const char *tg_path_pattern_check(tg_str_t pattern);

#endif
