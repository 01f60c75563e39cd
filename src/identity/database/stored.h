/*
 * Passwords as databases keep them, compared with one that was asked. No I/O, no clock; work that a stored string asks
 * for is bounded (TG_STORED_*_MAX). Internal to the database kind.
 *
 * DIGEST: hex or base64 of the digest of password and salt; a further round is over the bytes of the one before.
 * BCRYPT: $2a$, $2b$, $2y$; as everywhere, bytes behind the 72nd do not count.
 * ARGON2: $argon2id$, $argon2i$, $argon2d$, with v, m, t, p as libargon2 writes them.
 * Of both also as Django has them, with "bcrypt$" or "argon2" in front.
 * PBKDF2, with SHA-1, SHA-256 or SHA-512:
 *     pbkdf2_sha256$ITERATIONS$salt$base64              Django; the salt is its bytes
 *     $pbkdf2-sha256$ITERATIONS$base64$base64           passlib ("." for "+", no "="); $pbkdf2$: SHA-1
 *     $pbkdf2-sha256$i=ITERATIONS,l=32$base64$base64    PHC
 *     {PBKDF2-SHA256}ITERATIONS$base64$base64           OpenLDAP's pw-pbkdf2; {PBKDF2}: SHA-1
 *     pbkdf2:sha256:ITERATIONS$salt$hex                 Werkzeug; the salt is its bytes
 *     hex or base64 of 16 bytes of salt and 32 of hash  Spring Security 5.8, SHA-256
 * Without ITERATIONS (and their sign) in it, those of the provider count.
 */
#ifndef TG_IDENTITY_DATABASE_STORED_H
#define TG_IDENTITY_DATABASE_STORED_H

#include "base/arena.h"
#include "model/identity_provider.h"

#define TG_STORED_MAX              1024      /* bytes of a stored password */
#define TG_STORED_BCRYPT_MAX       15        /* cost */
#define TG_STORED_ARGON2_KIB_MAX   (1 << 18) /* memory: 256 MiB */
#define TG_STORED_ARGON2_WORK_MAX  (1 << 21) /* memory times passes: 2 GiB */
#define TG_STORED_ARGON2_LANES_MAX 16
#define TG_STORED_ROUNDS_MAX       10000000 /* of PBKDF2 and digests */

/* *right: it is the password. INVALID: what is stored is no password of the provider's format, and so nobody's; *why
 * names the rule without a byte of it. NOMEM. */
tg_err_t tg_stored_verify(const tg_database_provider_t *d, tg_str_t stored, tg_str_t salt, tg_str_t password,
                          bool *right, tg_fault_t *why) TG_MUST_CHECK;
/* Takes about as long as a usual password of the format: one of these. */
#define TG_STORED_PRETEND_BCRYPT "$2b$10$abcdefghijklmnopqrstuuWqvq0hQk8mB1Zt0Cq7Jc0o1mJ8mJtZS"
#define TG_STORED_PRETEND_ARGON2                                                                                       \
    "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define TG_STORED_PRETEND_PBKDF2 "pbkdf2_sha256$600000$abcdefghijkl$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
void tg_stored_pretend(const tg_database_provider_t *d, tg_str_t password);

/* ---- of each family; `stored` is trimmed ---- */

#define TG_STORED_HEX_MAX 64 /* bytes */
/* Hex in either case. INVALID; LIMIT. */
tg_err_t tg_stored_hex(tg_str_t s, uint8_t *out, size_t cap, size_t *n) TG_MUST_CHECK;

tg_err_t tg_stored_bcrypt(tg_str_t stored, tg_str_t password, bool *right, tg_fault_t *why) TG_MUST_CHECK;
tg_err_t tg_stored_argon2(tg_str_t stored, tg_str_t password, bool *right, tg_fault_t *why) TG_MUST_CHECK;
tg_err_t tg_stored_pbkdf2(tg_str_t stored, int64_t iterations, tg_str_t password, bool *right,
                          tg_fault_t *why) TG_MUST_CHECK;

#endif
