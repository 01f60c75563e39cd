/*
 * Statements that administrators give: one SELECT, with :username and :password where values are bound. Pure; used by
 * those who check a statement and by those who prepare it, so that both see the same markers.
 */
#ifndef TG_MODEL_SQL_TEXT_H
#define TG_MODEL_SQL_TEXT_H

#include "base/str.h"

/* Takes the text before the next marker that stands outside of strings and quoted names, and the marker's name without
 * its colon; "" with the last text. false: nothing is left. A cast (::type) is no marker. */
bool tg_sql_take(tg_str_t *rest, tg_str_t *before, tg_str_t *marker);

/* NULL if it is one SELECT (or WITH ... SELECT) that has :username, and :password, or has them not, as is said; else
 * the rule that it breaks. */
const char *tg_sql_rule(tg_str_t sql, bool username, bool password);

#endif
