/* The syntax of what administrators give of a directory. Each rule is NULL if the text keeps it. Internal to the model
 * room. */
#ifndef TG_MODEL_LDAP_TEXT_H
#define TG_MODEL_LDAP_TEXT_H

#include "base/str.h"

#define TG_FILTER_DEPTH_MAX 16

/* A name or an object identifier (RFC 4512 1.4), with options (2.5) if they are allowed. */
bool tg_is_attribute(tg_str_t s, bool options);
/* RFC 4514; spaces may stand in front of an attribute, as in RFC 2253. */
const char *tg_dn_rule(tg_str_t dn);
/* RFC 4515 3 */
const char *tg_filter_rule(tg_str_t filter);

#endif
