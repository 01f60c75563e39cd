/* Results on standard output in the format that was asked for. */
#ifndef TG_CLI_OUTPUT_H
#define TG_CLI_OUTPUT_H

#include "cli/args.h"
#include "cli/table.h"

typedef enum { TG_OUTPUT_TABLE, TG_OUTPUT_JSON, TG_OUTPUT_YAML, TG_OUTPUT_NAME } tg_output_t;

/* TG_ERR_INVALID: said. */
tg_err_t tg_output_parse(const tg_args_t *a, tg_output_t *out) TG_MUST_CHECK;

/* A table of rows, or each row's `name` on a line; json and yaml show `value` as it is. TG_ERR_UNAVAILABLE: it could
 * not be written; said. */
tg_err_t tg_output_rows(tg_output_t format, const json_t *value, const json_t *rows, const tg_column_t *columns,
                        const char *name) TG_MUST_CHECK;
/* A value as JSON or YAML. */
tg_err_t tg_output_value(tg_output_t format, const json_t *value) TG_MUST_CHECK;
/* One object for people: a line for each member, nested ones as a.b.c. */
tg_err_t tg_output_object(const json_t *object) TG_MUST_CHECK;

#endif
