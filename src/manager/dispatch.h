/*
 * A request from its bytes to its answer, apart from the HTTP library: routing, login, body checks, the handler, the
 * transaction, waiting for gateways.
 */
#ifndef TG_MANAGER_DISPATCH_H
#define TG_MANAGER_DISPATCH_H

#include "manager/call.h"

#define TG_BODY_MAX       ((size_t)1 << 20)
#define TG_BODY_LARGE_MAX ((size_t)64 << 20) /* of operations with TG_OP_LARGE */

/* c holds method, path, address, headers and raw_body; `query` is the raw query string. Fills c->status and either
 * c->text (if its length is not 0) or c->answer. */
void tg_dispatch(tg_call_t *c, tg_str_t query);

/* A body comes that is longer than TG_BODY_MAX (`length`), or may be (0: nobody says). How much of it may be read, or
 * 0: c is answered as by tg_dispatch, whatever follows. Only who is logged in and may make the call sends more than
 * TG_BODY_MAX. */
size_t tg_dispatch_head(tg_call_t *c, uint64_t length) TG_MUST_CHECK;

#endif
