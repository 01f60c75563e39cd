/*
 * Fetching a document for an administrator. The manager stands where it reaches more than he may: so only addresses of
 * the public internet are gone to, and those of networks that the manager was started with. What is checked is the
 * address of each connection that is about to be made, redirects included, so that no name and no second answer of DNS
 * leads anywhere else.
 */
#ifndef TG_MANAGER_FETCH_H
#define TG_MANAGER_FETCH_H

#include "base/buf.h"
#include "policy/client_address.h"

#define TG_FETCH_NETWORKS_MAX 32

/* Networks that are no public ones and may be fetched from all the same. */
typedef struct {
    tg_cidr_t list[TG_FETCH_NETWORKS_MAX];
    size_t n;
} tg_fetch_networks_t;

/* "10.0.0.0/8,192.168.1.7": TG_ERR_INVALID: no such list. */
tg_err_t tg_fetch_networks_parse(tg_str_t text, tg_fetch_networks_t *out) TG_MUST_CHECK;

/* Once per process, before any thread. */
tg_err_t tg_fetch_init(void) TG_MUST_CHECK;

/* GET of an http or https URL without a name or password in it; 3 redirects and 10 s at most, as many bytes as *out
 * takes. TG_ERR_INVALID: it cannot be had, *fault says why, without the URL; TG_ERR_NOMEM. */
tg_err_t tg_fetch(tg_str_t url, const tg_fetch_networks_t *networks, tg_buf_t *out, tg_fault_t *fault) TG_MUST_CHECK;

#endif
