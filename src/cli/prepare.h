/* Making a data directory ready: what must be there before a plane starts. */
#ifndef TG_CLI_PREPARE_H
#define TG_CLI_PREPARE_H

#include "cli/install.h"
#include "cli/options.h"

/* The data directory exists, is ours, and belongs to the user. TG_ERR_CONFLICT: a directory with something else in it;
 * TG_ERR_UNAVAILABLE. Said. */
tg_err_t tg_data_ready(const tg_options_t *o) TG_MUST_CHECK;

/* As the user, in a child of its own: the master key (made if missing), both stores at this release's schema, the
 * master key checked against them. A gateway alone goes on without a store that cannot be reached if it has served this
 * environment before: nginx starts with the last snapshot. Said. */
tg_err_t tg_store_ready(const tg_options_t *o) TG_MUST_CHECK;

/* As the user, in a child of its own: nginx.conf, operator.conf (an empty one if missing), folders, copies of what only
 * root can read. */
tg_err_t tg_gateway_ready(const tg_options_t *o, const tg_install_t *in) TG_MUST_CHECK;

/* As the user: puts the file beside the gateway's snapshot by which its workers know that they drain. Said. */
tg_err_t tg_drain_begin(const tg_options_t *o) TG_MUST_CHECK;

/* Takes DIR/<plane>.lock; *fd stays open for as long as the plane runs. TG_ERR_CONFLICT: another instance holds it;
 * said. */
tg_err_t tg_plane_lock(const tg_options_t *o, const char *plane, int *fd) TG_MUST_CHECK;

#endif
