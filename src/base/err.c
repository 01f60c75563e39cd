#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void copy_bounded(char *out, size_t cap, const char *in) {
    size_t n = strnlen(in, cap - 1);
    memcpy(out, in, n);
    out[n] = '\0';
}

void tg_fault_fill(tg_fault_t *fault, const char *field, const char *fmt, ...) {
    if (fault == NULL || fault->text[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(fault->text, sizeof(fault->text), fmt, args) < 0) {
        fault->text[0] = '\0';
    }
    va_end(args);
    copy_bounded(fault->field, sizeof(fault->field), field ? field : "");
}

const char *tg_err_name(tg_err_t err) {
    switch (err) {
    case TG_OK:
        return "ok";
    case TG_ERR_INVALID:
        return "invalid";
    case TG_ERR_NOTFOUND:
        return "notfound";
    case TG_ERR_CONFLICT:
        return "conflict";
    case TG_ERR_LIMIT:
        return "limit";
    case TG_ERR_AGAIN:
        return "again";
    case TG_ERR_NOMEM:
        return "nomem";
    case TG_ERR_UNAVAILABLE:
        return "unavailable";
    case TG_ERR_BUG:
        return "bug";
    }
    return "unknown";
}
