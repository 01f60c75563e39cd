/* A configuration document (docs/decisions/0013-declarative.md) from a file or from a folder of files, merged. */
#ifndef TG_CLI_DOCUMENT_H
#define TG_CLI_DOCUMENT_H

#include "cli/places.h"

/* Reads a file, the standard input ("-"), or every *.yaml, *.yml and *.json below a folder, in the order of their
 * names. Each file says `tollgate: 1`. Projects of the same name come together; any other object that stands twice is
 * refused, with both places. Secrets are filled in. Said. */
tg_err_t tg_document_read(const char *path, json_t **out, tg_places_t *places) TG_MUST_CHECK;

/* Adds a file's document, whose parts `places` knows, to what was read before: the merge alone. */
tg_err_t tg_document_merge(json_t *whole, const json_t *part, tg_places_t *places) TG_MUST_CHECK;

#endif
