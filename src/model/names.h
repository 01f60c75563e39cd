/* Names of roles, methods, headers and networks in JSON bodies. Internal to the model room. */
#ifndef TG_MODEL_NAMES_H
#define TG_MODEL_NAMES_H

#include "model/fields.h"
#include "model/model.h"

/* A letter, a digit, '.', '_' or '-'. */
bool tg_name_char(char c);
/* A token (RFC 9110 5.6.2). */
bool tg_is_token(tg_str_t s);
/* Hop-by-hop, framing, authentication, routing: never ours to set by an administrator's word. */
bool tg_header_is_owned(tg_str_t name);

/* 0x21-0x7e */
bool tg_is_visible_ascii(tg_str_t s);

#define TG_METHOD_MAX 32

/* An HTTP method in capital letters (RFC 9110 9.1: they are case-sensitive). */
tg_err_t tg_read_method(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* tg_role_check. */
tg_err_t tg_read_role(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* tg_client_id_check, tg_client_secret_check. */
tg_err_t tg_read_client_id(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
tg_err_t tg_read_client_secret(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* An IP address or address/prefix, kept as given. */
tg_err_t tg_read_network(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);

/* A header name: a token without '_'. */
tg_err_t tg_read_header_name(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *, void *out);
/* The same, of a header that carries an identity to a backend. */
tg_err_t tg_read_identity_header_name(const tg_reader_t *, const tg_place_t *, const tg_field_t *, const json_t *,
                                      void *out);

#endif
