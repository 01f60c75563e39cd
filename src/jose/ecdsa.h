/*
 * The two spellings of an ECDSA signature: R||S with fixed lengths (RFC 7518 3.4), which JOSE uses, and the DER
 * sequence that libcrypto reads and writes. Internal to the jose room.
 */
#ifndef TG_JOSE_ECDSA_H
#define TG_JOSE_ECDSA_H

#include "base/err.h"
#include "base/str.h"

#define TG_ECDSA_COORD_MAX 66                                 /* P-521 */
#define TG_ECDSA_DER_MAX   (3 + 2 * (3 + TG_ECDSA_COORD_MAX)) /* SEQUENCE, two INTEGERs with a sign byte each */

/* raw is R||S with an even length of at most 2 * TG_ECDSA_COORD_MAX. Returns the length written. */
size_t tg_ecdsa_to_der(tg_str_t raw, uint8_t der[TG_ECDSA_DER_MAX]);
/* raw gets 2 * coord bytes. TG_ERR_INVALID: no such sequence, or a number that does not fit. */
tg_err_t tg_ecdsa_from_der(tg_str_t der, size_t coord, uint8_t *raw) TG_MUST_CHECK;

#endif
