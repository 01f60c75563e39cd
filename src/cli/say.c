#include "cli/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void line_write(const char *reason, const char *fmt, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof(text), fmt, args);
    if (reason)
        fprintf(stderr, "tollgate: %s: %s\n", text, reason);
    else
        fprintf(stderr, "tollgate: %s\n", text);
    fflush(stderr);
}

void tg_say(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    line_write(NULL, fmt, args);
    va_end(args);
}

void tg_say_errno(const char *fmt, ...) {
    const char *reason = strerror(errno);
    va_list args;
    va_start(args, fmt);
    line_write(reason, fmt, args);
    va_end(args);
}
