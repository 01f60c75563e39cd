/* What only libcrypto can say of a proxy's certificates; that they look like PEM was checked by the model room. */
#ifndef TG_MANAGER_CERTIFICATES_H
#define TG_MANAGER_CERTIFICATES_H

#include "manager/call.h"

/* TG_ERR_INVALID, with `field` in the call's fault, if one of the certificates in the PEM text cannot be read: no
 * gateway could load a snapshot with it. "" is fine. */
tg_err_t tg_certificates_check(tg_call_t *c, tg_str_t pem, const char *field) TG_MUST_CHECK;

#endif
