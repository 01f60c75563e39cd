/*
 * SHA-256 and HMAC-SHA256 without looking the algorithm up by name at each call. Internal to the keyring room.
 */
#ifndef TG_KEYRING_DIGEST_H
#define TG_KEYRING_DIGEST_H

#include "keyring/keyring.h"

/* HMAC-SHA256 (RFC 2104) over the parts, one behind the other. */
tg_err_t tg_hmac_sha256(const uint8_t key[TG_KEY_LEN], const tg_str_t *parts, size_t n,
                        uint8_t out[TG_HASH_LEN]) TG_MUST_CHECK;

#endif
