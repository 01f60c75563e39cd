#ifndef TG_MANAGER_PROJECTS_H
#define TG_MANAGER_PROJECTS_H

#include "manager/call.h"

/* Reads a body; the canonical document goes into the arena. */
tg_err_t tg_project_canonical(tg_call_t *c, const json_t *body, tg_str_t *name, tg_str_t *doc) TG_MUST_CHECK;
/* Inside the transaction; c->before and c->after tell what changed. `doc` is canonical. */
tg_err_t tg_project_add(tg_call_t *c, tg_str_t name, tg_str_t doc) TG_MUST_CHECK;
tg_err_t tg_project_change(tg_call_t *c, const tg_resource_t *row, tg_str_t doc) TG_MUST_CHECK;

#endif
