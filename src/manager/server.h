/* HTTP: libmicrohttpd in front of dispatch.h. */
#ifndef TG_MANAGER_SERVER_H
#define TG_MANAGER_SERVER_H

#include "manager/manager.h"

typedef struct tg_server tg_server_t;

/* Opens the listening socket. Says on stderr why it cannot. `name` gets "host:port" with the port that was taken. */
tg_err_t tg_listen(const char *host, uint16_t port, int *fd, char *name, size_t cap) TG_MUST_CHECK;

/* Serves on fd, which it owns from now on, also on failure. */
tg_err_t tg_server_start(tg_manager_t *m, int fd, tg_server_t **out) TG_MUST_CHECK;
/* Takes no new connection, lets requests finish (at most 10 s), ends. */
void tg_server_stop(tg_server_t *s);

#endif
