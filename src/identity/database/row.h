/* The columns of a result that a provider wants, and their cells. Internal to the database kind. */
#ifndef TG_IDENTITY_DATABASE_ROW_H
#define TG_IDENTITY_DATABASE_ROW_H

#include "identity/database/session.h"

/* Finds what is wanted among the columns of a result: by the same name, or by the only one that differs in case alone.
 * INVALID: a column is not there. */
tg_err_t tg_row_columns(tg_session_t *s, const tg_odbc_statement_t *of) TG_MUST_CHECK;
tg_err_t tg_row_read(tg_session_t *s, const tg_odbc_statement_t *of, tg_row_t *out) TG_MUST_CHECK;

/* 0, false, N, "" and NULL are no (in any case; also F, NO and OFF). */
bool tg_cell_is_yes(const tg_cell_t *c);
/* A new JSON value: a number, a boolean, else a string. NULL: the cell is, or there is no memory. */
json_t *tg_cell_json(const tg_cell_t *c);

#endif
