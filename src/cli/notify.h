/* Telling the service manager that started us how far we are: systemd's protocol of readiness, sd_notify(3). */
#ifndef TG_CLI_NOTIFY_H
#define TG_CLI_NOTIFY_H

/* Takes NOTIFY_SOCKET out of the environment, so that children do not speak for us. */
void tg_notify_init(void);
/* Lines of NAME=VALUE. Nothing happens, and nothing is said, where nobody listens. */
void tg_notify(const char *lines);
/* READY=1 after it is due: the service manager wants to know when it began. */
void tg_notify_reloading(void);

#endif
