/* The parse functions of model.h at a place inside a larger document. Internal to the model room. */
#ifndef TG_MODEL_PARTS_H
#define TG_MODEL_PARTS_H

#include "model/fields.h"
#include "model/model.h"
#include "model/token_management.h"
#include "model/writer.h"

tg_err_t tg_policy_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_str_t name, tg_policy_t *out);
tg_err_t tg_proxy_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_str_t project, tg_proxy_t *out);
tg_err_t tg_environment_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_environment_t *out);
tg_err_t tg_signing_key_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_signing_key_t *out);
tg_err_t tg_token_management_read(const tg_reader_t *, const tg_place_t *, const json_t *, tg_token_management_t *out);

/* Pieces of a proxy; readers for table rows. */
tg_err_t tg_read_client_route(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_routing_info(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_connection(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
json_t *tg_client_route_write(const tg_route_t *route) TG_MUST_CHECK;
json_t *tg_routing_info_write(const tg_proxy_t *p) TG_MUST_CHECK;
json_t *tg_connection_write(const tg_connection_t *c) TG_MUST_CHECK;
void tg_connection_init(tg_connection_t *c);

#endif
