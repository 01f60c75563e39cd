#include "model/method.h"

static const tg_str_t methods[] = {
    TG_STR("GET"),    TG_STR("HEAD"),    TG_STR("POST"),  TG_STR("PUT"),     TG_STR("PATCH"),
    TG_STR("DELETE"), TG_STR("OPTIONS"), TG_STR("TRACE"), TG_STR("CONNECT"),
};

#define METHODS_N (sizeof(methods) / sizeof(methods[0]))

uint32_t tg_method_bit(tg_str_t method) {
    for (size_t i = 0; i < METHODS_N; i++) {
        if (tg_str_eq(method, methods[i])) {
            return (uint32_t)1 << i;
        }
    }
    return 0;
}

tg_str_t tg_method_name(uint32_t bit) {
    for (size_t i = 0; i < METHODS_N; i++) {
        if (bit == (uint32_t)1 << i) {
            return methods[i];
        }
    }
    return TG_STR_NONE;
}
