/*
 * The key hierarchy (docs/decisions/0003-keys.md). One master key, the same on every node; from it, with
 * HKDF-SHA256 (RFC 5869), each key that has one use:
 *
 *     master (32 bytes) --+-- "tollgate/1 seal"     AES-256-GCM key that encrypts signing keys at rest
 *                         +-- "tollgate/1 secret"   HMAC-SHA256 key of the fast secret hash
 *                         +-- "tollgate/1 refresh"  HMAC-SHA256 key that derives refresh successors
 *                         +-- "tollgate/1 check"    value that tells whether two nodes hold the same master key
 *
 * Pure: entropy (nonces, a new master key) is an argument.
 */
#ifndef TG_KEYRING_KEYRING_H
#define TG_KEYRING_KEYRING_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define TG_KEY_LEN         32
#define TG_HASH_LEN        32
#define TG_SEAL_NONCE_LEN  12
#define TG_SEAL_TAG_LEN    16
#define TG_MASTER_TEXT_MAX 96

typedef struct {
    uint8_t seal[TG_KEY_LEN];
    uint8_t secret[TG_KEY_LEN];
    uint8_t refresh[TG_KEY_LEN];
    uint8_t check[TG_KEY_LEN];
} tg_keyring_t;

/* The master key file is one line (tg_master_write ends it with a newline): "tollgate-master-1:" and 43 characters of
 * base64url (32 bytes); a newline behind it is allowed. */
tg_err_t tg_master_parse(tg_str_t text, uint8_t master[TG_KEY_LEN], tg_fault_t *fault) TG_MUST_CHECK;
void tg_master_write(const uint8_t master[TG_KEY_LEN], tg_buf_t *out);

/* Derives all keys. The caller wipes `master` afterwards and the keyring with tg_keyring_release. */
tg_err_t tg_keyring_init(tg_keyring_t *k, const uint8_t master[TG_KEY_LEN]) TG_MUST_CHECK;
void tg_keyring_release(tg_keyring_t *k);

/* Authenticated encryption: appends version byte 1, nonce, ciphertext, tag. The version byte and `context`
 * (environment, kid, ...) are authenticated, so that a sealed key cannot be moved to another row. The nonce must be
 * fresh random bytes: one nonce used twice gives both texts away. */
tg_err_t tg_seal(const tg_keyring_t *k, tg_str_t context, const uint8_t nonce[TG_SEAL_NONCE_LEN], tg_str_t plain,
                 tg_buf_t *out) TG_MUST_CHECK;
/* Appends the plain text; on failure nothing. TG_ERR_INVALID: another master key, another context, or changed bytes. */
tg_err_t tg_unseal(const tg_keyring_t *k, tg_str_t context, tg_str_t sealed, tg_buf_t *plain) TG_MUST_CHECK;

/* The fast secret hash: HMAC-SHA256(secret key, len32be(client_id) || client_id || secret). For generated secrets (>=
 * 256 bit of entropy) only; chosen ones go to argon2id. */
tg_err_t tg_secret_hash(const tg_keyring_t *k, tg_str_t client_id, tg_str_t secret,
                        uint8_t out[TG_HASH_LEN]) TG_MUST_CHECK;

/* The random part of a refresh successor: HMAC-SHA256(refresh key, label || 0 || old token); label "access" or
 * "refresh". */
tg_err_t tg_refresh_derive(const tg_keyring_t *k, tg_str_t label, tg_str_t old_token,
                           uint8_t out[TG_HASH_LEN]) TG_MUST_CHECK;

tg_err_t tg_sha256(tg_str_t data, uint8_t out[TG_HASH_LEN]) TG_MUST_CHECK;

#endif
