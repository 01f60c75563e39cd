/* The bodies of the management API as JSON Schema (2020-12, as OpenAPI 3.1 uses it). */
#ifndef TG_MANAGER_OPENAPI_SCHEMAS_H
#define TG_MANAGER_OPENAPI_SCHEMAS_H

#include <stddef.h>

typedef struct {
    const char *name;
    const char *json;
} tg_schema_t;

extern const tg_schema_t tg_schemas[];
extern const size_t tg_schemas_n;

#endif
