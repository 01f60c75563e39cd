/* Secrets in documents: by reference, ${env:NAME} or ${file:PATH}, in the fields that hold secrets and nowhere else. */
#ifndef TG_CLI_REFERENCES_H
#define TG_CLI_REFERENCES_H

#include "cli/places.h"

/* Puts the secrets in the place of their references. A path is taken from the folder of the file that names it.
 * `literals`: a password may also stand there itself (one object that is piped in). TG_ERR_INVALID: said, with file,
 * line and field; never with the value. */
tg_err_t tg_references_resolve(json_t *root, const tg_places_t *places, bool literals) TG_MUST_CHECK;

#endif
