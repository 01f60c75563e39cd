/* What an API's answer says: whether the assertion holds, and of the user. Internal to the API kind. */
#ifndef TG_IDENTITY_HTTP_TOLD_H
#define TG_IDENTITY_HTTP_TOLD_H

#include "identity/parts.h"

/* The verdict of the assertion is OK, or `refused` (a wrong password, nobody); with OK *answer is what is said of the
 * user who was asked for. UNAVAILABLE: a status that is of the server's state, no JSON where some is asked for, no
 * subject where there should be one. */
tg_err_t tg_told(tg_identity_t *h, long status, tg_str_t body, tg_str_t asked, tg_identity_verdict_t refused,
                 tg_arena_t *a, tg_identity_answer_t *answer) TG_MUST_CHECK;

#endif
