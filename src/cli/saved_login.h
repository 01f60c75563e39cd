/* A login that is kept between commands: $XDG_CONFIG_HOME/tollgate/session (else ~/.config), mode 0600. */
#ifndef TG_CLI_SAVED_LOGIN_H
#define TG_CLI_SAVED_LOGIN_H

#include "base/clock.h"

#define TG_TOKEN_MAX 8192

typedef struct {
    char url[1024]; /* of the manager, up to /apiops */
    char name[256];
    char token[TG_TOKEN_MAX];
    tg_ms_t expires_at;
} tg_saved_login_t;

void tg_saved_login_release(tg_saved_login_t *s);
/* TG_ERR_NOTFOUND: nobody is logged in. TG_ERR_INVALID: said: others can read it, it is somebody else's, or no session.
 */
tg_err_t tg_saved_login_read(tg_saved_login_t *out) TG_MUST_CHECK;
/* TG_ERR_UNAVAILABLE: said. */
tg_err_t tg_saved_login_write(const tg_saved_login_t *s) TG_MUST_CHECK;
/* TG_ERR_NOTFOUND: there was none. */
tg_err_t tg_saved_login_remove(void) TG_MUST_CHECK;

#endif
