/* The methods of HTTP (RFC 9110 9.3, RFC 5789) as bits, so that a set of them is a number. */
#ifndef TG_MODEL_METHOD_H
#define TG_MODEL_METHOD_H

#include "base/str.h"

/* GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT: 1 << 0 and on; another: 0. */
uint32_t tg_method_bit(tg_str_t method);
/* The name of one of these bits; TG_STR_NONE for anything else. */
tg_str_t tg_method_name(uint32_t bit);

#endif
