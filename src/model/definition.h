/*
 * API definitions: OpenAPI 3.0 and 3.1, Swagger 2.0, as far as they say which endpoints an API has. What does not
 * concern them (schemas, responses, security) is not looked at; what does is read strictly, and a fault names its place
 * in the document ("paths./items/{id}.get.parameters[0]").
 *
 *   - a path item becomes an endpoint for each of its methods; operationId its name, where it can be one, and summary
 *     its description. Literal segments are decoded. A parameter is a whole segment ("/{id}.json" is refused), and each
 *     one that `parameters` says is in the path must be there.
 *   - $ref of path items and parameters is followed inside the document, 16 times at most.
 *   - the first server (Swagger: scheme, host and basePath) is offered as the backend's address if it is absolute.
 */
#ifndef TG_MODEL_DEFINITION_H
#define TG_MODEL_DEFINITION_H

#include "model/model.h"

#define TG_DEFINITION_MAX ((size_t)5 << 20) /* bytes of its text */

typedef struct {
    tg_api_endpoint_t *endpoints; /* some without a name; 1..TG_ENDPOINTS_MAX */
    size_t n_endpoints;
    tg_str_t address; /* "": none */
} tg_definition_t;

/* TG_ERR_INVALID, TG_ERR_NOMEM. Allocates from the arena only. */
tg_err_t tg_definition_parse(const json_t *doc, tg_arena_t *a, tg_definition_t *out, tg_fault_t *fault) TG_MUST_CHECK;

/* What a definition makes of the endpoints that a proxy has. One that has the key of an old one is that one: name,
 * path, backend path and roles stay, the description is the definition's. */
typedef struct {
    tg_api_endpoint_t
        *list; /* all that the proxy has then; those that are new are without names, where theirs is taken */
    size_t n;
    const tg_api_endpoint_t **added, **changed; /* of the list */
    const tg_api_endpoint_t **removed;          /* of the old ones */
    size_t n_added, n_changed, n_removed;
} tg_definition_changes_t;

tg_err_t tg_definition_compare(const tg_proxy_t *old, const tg_definition_t *d, tg_arena_t *a,
                               tg_definition_changes_t *out) TG_MUST_CHECK;

#endif
