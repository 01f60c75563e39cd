/* The Authorization header's two halves (RFC 9110 11.4, 11.6.2). Internal to the oauth room. */
#ifndef TG_OAUTH_AUTHORIZATION_H
#define TG_OAUTH_AUTHORIZATION_H

#include "base/str.h"

/* True if the header's scheme is `scheme`, without case; *credentials is what stands behind it and its spaces, "" if
 * nothing does. */
bool tg_authorization_is(tg_str_t header, tg_str_t scheme, tg_str_t *credentials);

#endif
