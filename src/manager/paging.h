/* page (from 1), pageSize (1..1000, default 100), sort (name, -name, name,asc, name,desc), q. */
#ifndef TG_MANAGER_PAGING_H
#define TG_MANAGER_PAGING_H

#include "manager/call.h"
#include "model/params.h"

tg_paging_t tg_paging(const tg_call_t *c);
/* Puts resultList (takes the reference), resultCount, page, pageSize. */
void tg_paging_put(tg_call_t *c, const tg_paging_t *p, json_t *list, int64_t total);

#endif
