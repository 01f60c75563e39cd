/* What the command says to the person who runs it: one line each on stderr, "tollgate: ...". */
#ifndef TG_CLI_SAY_H
#define TG_CLI_SAY_H

#include "base/err.h"

void tg_say(const char *fmt, ...) TG_PRINTF(1, 2);
/* The same with ": <strerror(errno)>" behind it. */
void tg_say_errno(const char *fmt, ...) TG_PRINTF(1, 2);

#endif
