/* `tollgate demo`: both planes, a sample backend, two sample APIs, a first token and a first call; then it prints what
 * to try and runs on. */
#ifndef TG_CLI_DEMO_H
#define TG_CLI_DEMO_H

#include "cli/options.h"

int tg_demo(tg_options_t *o);

#endif
