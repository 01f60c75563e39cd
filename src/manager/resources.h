/* Named documents: finding them with a text for people, listing, replacing with If-Match, deleting. */
#ifndef TG_MANAGER_RESOURCES_H
#define TG_MANAGER_RESOURCES_H

#include "manager/call.h"
#include "manager/paging.h"

/* NOTFOUND says "there is no <what> "<name>"". */
tg_err_t tg_resource_need(tg_call_t *c, tg_resource_kind_t kind, int64_t parent, const char *what, tg_str_t name,
                          tg_resource_t *out) TG_MUST_CHECK;
/* c->params[0] */
tg_err_t tg_project_need(tg_call_t *c, tg_resource_t *project) TG_MUST_CHECK;
tg_err_t tg_environment_need(tg_call_t *c, tg_str_t name, tg_resource_t *environment) TG_MUST_CHECK;

/* CONFLICT says "<what> "<name>" exists already". */
tg_err_t tg_resource_add(tg_call_t *c, tg_resource_kind_t kind, int64_t parent, const char *what, tg_str_t name,
                         tg_str_t doc, int64_t *id) TG_MUST_CHECK;
/* Refuses with 409 if If-Match names another version than the row's. */
tg_err_t tg_resource_match(tg_call_t *c, const tg_resource_t *row) TG_MUST_CHECK;
/* tg_resource_match, then writes the document; sets c->etag. */
tg_err_t tg_resource_change(tg_call_t *c, const tg_resource_t *row, tg_str_t doc) TG_MUST_CHECK;

/* A list answer, each row by `show` (a new reference). */
tg_err_t tg_resource_page(tg_call_t *c, tg_resource_kind_t kind, int64_t parent,
                          json_t *(*show)(tg_call_t *c, const tg_resource_t *row)) TG_MUST_CHECK;
/* Likewise of those rows that fit; NULL: all. */
typedef bool (*tg_resource_fits_fn)(const tg_call_t *c, const tg_resource_t *row);
tg_err_t tg_resource_page_if(tg_call_t *c, tg_resource_kind_t kind, int64_t parent,
                             json_t *(*show)(tg_call_t *c, const tg_resource_t *row),
                             tg_resource_fits_fn fits) TG_MUST_CHECK;
/* Every child of that kind, in the call's arena. */
tg_err_t tg_resource_all(tg_call_t *c, tg_resource_kind_t kind, int64_t parent, tg_resource_t **rows,
                         size_t *n) TG_MUST_CHECK;

/* The stored document as it is; NULL: out of memory. */
json_t *tg_resource_doc(const tg_resource_t *row) TG_MUST_CHECK;
/* "metadata": {"id","version","createdAt","updatedAt"} beside the result; sets c->etag. */
void tg_resource_metadata_put(tg_call_t *c, const tg_resource_t *row);

#endif
