/* Running the planes: start, watch, restart with back-off, reload, stop. */
#ifndef TG_CLI_SUPERVISE_H
#define TG_CLI_SUPERVISE_H

#include "cli/install.h"
#include "cli/options.h"

/* Runs until SIGTERM or SIGINT and everything has stopped. The exit status of the command: 0 after a stop that was
 * asked for, 1 when a plane did not come up. */
int tg_supervise(const tg_options_t *o, const tg_install_t *in);

/* Everything of `tollgate up`: ports, data, stores, then tg_supervise. */
int tg_up(tg_options_t *o);

#endif
