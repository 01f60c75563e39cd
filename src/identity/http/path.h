/* Values of a JSON document by a path (model/json_path.h). Pure; internal to the API kind. */
#ifndef TG_IDENTITY_HTTP_PATH_H
#define TG_IDENTITY_HTTP_PATH_H

#include "base/json.h"

/* The values, borrowed from the document, in its order: at most `max`, more are left out. *n is how many there are in
 * all; a path that does not lead anywhere has none. */
void tg_json_path_find(const json_t *doc, tg_str_t path, const json_t **out, size_t max, size_t *n);
/* Whether a path may have several values. */
bool tg_json_path_is_list(tg_str_t path);

#endif
