/* From root to the user that both planes run as, for good (docs/decisions/0007-processes.md). */
#ifndef TG_CLI_PRIVILEGES_H
#define TG_CLI_PRIVILEGES_H

#include "cli/options.h"

/* Called in a child before exec. Nothing happens when we are not root. With keep_bind the right to listen on ports
 * below 1024 is kept, and handed on over exec. TG_ERR_UNAVAILABLE: a step failed; said; the child must exit. */
tg_err_t tg_privileges_drop(const tg_options_t *o, bool keep_bind) TG_MUST_CHECK;

#endif
