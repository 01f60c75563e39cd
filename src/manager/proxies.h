/* The stored document of an API proxy as what it describes. */
#ifndef TG_MANAGER_PROXIES_H
#define TG_MANAGER_PROXIES_H

#include "manager/call.h"
#include "model/model.h"

/* Parses the row's document into the call's arena. */
tg_err_t tg_proxy_load(tg_call_t *c, const tg_resource_t *row, tg_proxy_t *out) TG_MUST_CHECK;

#endif
