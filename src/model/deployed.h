/* Parts of a snapshot document: deployed proxies and groups, and what decides of them. Internal to the model room. */
#ifndef TG_MODEL_DEPLOYED_H
#define TG_MODEL_DEPLOYED_H

#include "model/parts.h"
#include "model/snapshot.h"

#define TG_ID_FIELD(key, type, member)                                                                                 \
    { .name = key, .read = tg_read_int64, .offset = offsetof(type, member), .required = true, .max = INT64_MAX }

tg_err_t tg_deployed_proxy_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_deployed_proxy_t *out);
tg_err_t tg_deployed_group_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_deployed_group_t *out);

/* Fills in what tg_snapshot_parse promises of proxies, and the applications. false: out of memory. */
bool tg_snapshot_resolve(tg_snapshot_t *s);

#endif
