/* What `get`, `create`, `update` and `delete` know of each kind of object: its names, where it is in the management
 * API, and what a table shows of it. */
#ifndef TG_CLI_KINDS_H
#define TG_CLI_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* A member of the answer's object: a.b, a.list[] (each element), a.list[].b, list# (how many). */
typedef struct {
    const char *title;
    const char *path;
} tg_column_t;

#define TG_COLUMNS_MAX 12

typedef enum {
    TG_KIND_PLAIN,
    TG_KIND_BY_NAME,    /* create names the object in the path */
    TG_KIND_DELETE_ONLY /* `item` takes DELETE alone; one object is looked up in the list */
} tg_kind_quirk_t;

typedef struct {
    const char *name;    /* "proxies" */
    const char *one;     /* "API proxy", for sentences */
    const char *aliases; /* separated by blanks */
    /* Templates: {project}, {environment}, {owner} (apiProxies/NAME, ...), {administrator}, {name}. NULL: there is no
     * such call. */
    const char *list;
    const char *item;
    const char *create;
    const char *name_field;      /* of the body and of rows; NULL: the name is in the path alone */
    bool update, remove, search; /* search: the list takes q */
    tg_kind_quirk_t quirk;
    tg_column_t columns[TG_COLUMNS_MAX];
} tg_kind_t;

/* NULL: there is none; said, with the nearest. */
const tg_kind_t *tg_kind_find(const char *name);
/* NULL behind the last one. */
const tg_kind_t *tg_kind_at(size_t i);

#endif
