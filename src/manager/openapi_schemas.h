/* The names of the OpenAPI document's schemas: bodies and results as the tables that read them say it, and what answers
 * alone have. Examples are sent by tests, as they stand. */
#ifndef TG_MANAGER_OPENAPI_SCHEMAS_H
#define TG_MANAGER_OPENAPI_SCHEMAS_H

#include <stddef.h>

#include <jansson.h>

typedef struct {
    const char *name;
    json_t *(*schema)(void); /* or */
    const char *json;        /* of what no table reads */
    const char *example;     /* of a body, JSON; NULL: none */
    const char *patch;       /* of a PATCH, likewise */
} tg_schema_t;

extern const tg_schema_t tg_schemas[];
extern const size_t tg_schemas_n;

/* NULL: there is none of that name. */
const tg_schema_t *tg_schema_find(const char *name);
/* A new reference; NULL: out of memory. */
json_t *tg_schema_new(const tg_schema_t *s);
/* As answers have it: without what bodies alone say, and open for members to come. Takes the reference. */
json_t *tg_schema_result(json_t *schema);

#endif
