/* Rows of JSON objects as a table for people. Nothing of what a server says can move the cursor: control characters are
 * shown as '?'. Widths are counted in columns of the screen; the locale must be one of UTF-8. */
#ifndef TG_CLI_TABLE_H
#define TG_CLI_TABLE_H

#include <jansson.h>

#include "base/buf.h"
#include "cli/kinds.h"

/* width 0: as wide as it gets; else long cells are cut with an ellipsis so that lines fit. Columns end at the first
 * without a title. TG_ERR_NOMEM, TG_ERR_LIMIT. */
tg_err_t tg_table_write(const json_t *rows, const tg_column_t *columns, size_t width, bool titles,
                        tg_buf_t *out) TG_MUST_CHECK;
/* One cell: the member at `path` as text. */
void tg_cell_write(const json_t *row, const char *path, tg_buf_t *out);
/* Columns of the screen that this text takes. */
size_t tg_text_width(tg_str_t text);
/* Appends text without control characters. */
void tg_text_put_safe(tg_buf_t *out, tg_str_t text);

#endif
