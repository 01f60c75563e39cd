/* The person at the other end: questions, secrets without echo, the width of the screen, progress. */
#ifndef TG_CLI_TERMINAL_H
#define TG_CLI_TERMINAL_H

#include <stdbool.h>

#include "base/buf.h"

/* UTF-8 whatever the environment says, so that widths are counted in characters. Once, at the start. */
void tg_terminal_init(void);
/* Columns of standard output; COLUMNS goes first; 0: no terminal, no limit. */
size_t tg_terminal_width(void);

/* Asks at the terminal, without echo if `hidden`; appends the line. Echo is on again afterwards, also when a signal
 * ends the command. TG_ERR_NOTFOUND: there is no terminal; TG_ERR_UNAVAILABLE: nothing was typed. */
tg_err_t tg_terminal_ask(const char *question, bool hidden, tg_buf_t *out) TG_MUST_CHECK;
/* true: the answer was y or yes. Without a terminal: false, and said that --yes is needed. */
bool tg_terminal_confirm(const char *question);

/* A line on stderr that is written over; nothing when stderr is no terminal. */
void tg_progress(const char *fmt, ...) TG_PRINTF(1, 2);
void tg_progress_end(void);

#endif
