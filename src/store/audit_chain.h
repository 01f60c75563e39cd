/*
 * The chain of the audit log (docs/decisions/0014-audit-chain.md): each row's hash is over the hash before it and the
 * row's own fields.
 */
#ifndef TG_STORE_AUDIT_CHAIN_H
#define TG_STORE_AUDIT_CHAIN_H

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

#define TG_AUDIT_HASH_LEN 32

typedef struct {
    int64_t seq;
    tg_ms_t at;
    tg_str_t who, what;     /* "admin", "PUT /apiops/projects/shop/" */
    tg_str_t project;       /* its name; "" : none */
    tg_str_t before, after; /* JSON text, secrets masked; "" : none */
    uint8_t previous[TG_AUDIT_HASH_LEN], hash[TG_AUDIT_HASH_LEN];
} tg_audit_t;

/* Of row->previous, seq, at, who, what, project, before and after. Only memory can run out. */
tg_err_t tg_audit_hash(const tg_audit_t *row, uint8_t hash[TG_AUDIT_HASH_LEN]) TG_MUST_CHECK;

/* Gives the row the place behind `head`, of which seq and hash count (all zero: there is none yet), and its hashes.
 * `last` is the number given out last, also if its row is gone. */
tg_err_t tg_audit_link(const tg_audit_t *head, int64_t last, tg_audit_t *row) TG_MUST_CHECK;

#endif
