/* What a plain scalar stands for. Internal to the yaml room. */
#ifndef TG_YAML_SCALAR_H
#define TG_YAML_SCALAR_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* *out is a new reference. TG_ERR_INVALID: a number out of range or with a leading zero, or text that is no UTF-8. */
tg_err_t tg_scalar_read(tg_str_t text, bool quoted, json_t **out, tg_fault_t *fault) TG_MUST_CHECK;
/* Some reader of YAML 1.1 or 1.2 would take this text, unquoted, for something else than a string. */
bool tg_scalar_needs_quotes(tg_str_t text);

#endif
