#include "policy/trace.h"

#include "base/b64.h"

#define TRACE_AT  3
#define PARENT_AT 36
#define FLAGS_AT  53

static bool id_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool tg_request_id_is_sane(tg_str_t id) {
    for (size_t i = 0; i < id.n; i++) {
        if (!id_char(id.p[i])) {
            return false;
        }
    }
    return id.n > 0 && id.n <= TG_REQUEST_ID_MAX;
}

/* Lower case alone (3.2.2). */
static bool is_hex(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f'))) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '0') {
            return false;
        }
    }
    return true;
}

bool tg_traceparent_is_valid(tg_str_t v) {
    if (v.n < TG_TRACEPARENT_LEN || v.p[2] != '-' || v.p[PARENT_AT - 1] != '-' || v.p[FLAGS_AT - 1] != '-') {
        return false;
    }
    if (!is_hex(v.p, 2) || !is_hex(v.p + TRACE_AT, 32) || !is_hex(v.p + PARENT_AT, 16) || !is_hex(v.p + FLAGS_AT, 2)) {
        return false;
    }
    if (is_zero(v.p + TRACE_AT, 32) || is_zero(v.p + PARENT_AT, 16) || memcmp(v.p, "ff", 2) == 0) {
        return false;
    }
    return v.n == TG_TRACEPARENT_LEN || (!is_zero(v.p, 2) && v.p[TG_TRACEPARENT_LEN] == '-');
}

tg_str_t tg_traceparent_trace_id(tg_str_t value) {
    return tg_strn(value.p + TRACE_AT, 32);
}

void tg_traceparent_write(const uint8_t random[24], char out[TG_TRACEPARENT_LEN]) {
    memcpy(out, "00-", 3);
    tg_hex_encode(tg_strn((const char *)random, 16), out + TRACE_AT);
    out[PARENT_AT - 1] = '-';
    tg_hex_encode(tg_strn((const char *)random + 16, 8), out + PARENT_AT);
    memcpy(out + FLAGS_AT - 1, "-01", 3);
}
