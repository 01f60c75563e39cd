#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "identity/parts.h"

/* ---- time ---- */

int64_t tg_identity_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t tg_identity_deadline(const tg_identity_t *h) {
    return tg_identity_now() + h->provider->timeout_ms * 1000;
}

int tg_identity_left_ms(int64_t deadline) {
    int64_t left = deadline - tg_identity_now();
    return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

/* ---- steps and faults ---- */

/* One line of UTF-8: others' words are in it. */
static void make_plain(char *text) {
    for (size_t n = strlen(text), i = 0; i < n;) {
        size_t len = tg_utf8_len(text + i, n - i);
        if (len <= 1 && (len == 0 || (unsigned char)text[i] < 0x20 || text[i] == 0x7f)) {
            text[i] = '?';
        }
        i += len > 0 ? len : 1;
    }
}

static void tell(const tg_identity_t *h, const char *step, bool ok, int64_t since, const char *detail) {
    if (h->step != NULL) {
        h->step(h->step_ctx, step, ok, detail, tg_identity_now() - since);
    }
}

void tg_identity_step(const tg_identity_t *h, const char *step, bool ok, int64_t since, const char *fmt, ...) {
    char detail[TG_IDENTITY_TEXT_MAX];
    va_list args;
    if (h->step == NULL) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    make_plain(detail);
    tell(h, step, ok, since, detail);
}

void tg_identity_failed(tg_identity_t *h, const char *step, int64_t since, const char *fmt, ...) {
    char detail[TG_IDENTITY_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    make_plain(detail);
    tell(h, step, false, since, detail);
    tg_fault_fill(&h->fault, "", "%s: %s", step, detail);
}
