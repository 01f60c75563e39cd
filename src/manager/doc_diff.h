/* What differs between two documents, as a list that people read. */
#ifndef TG_MANAGER_DOC_DIFF_H
#define TG_MANAGER_DOC_DIFF_H

#include "manager/call.h"

#define TG_DIFF_MAX 1000 /* changes in a list */

/* Appends {"path","before","after"} for each value that is not the same to the array; null stands for none. Lists of
 * the same length are compared element by element, others as a whole. Secrets are masked. false: there were more than
 * TG_DIFF_MAX. */
bool tg_doc_diff(tg_call_t *c, const json_t *before, const json_t *after, json_t *changes);

#endif
