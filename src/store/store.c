#include "store/store.h"

#include "base/buf.h"
#include "store/backend.h"
#include "store/memory/memory.h"
#include "store/postgres/postgres.h"
#include "store/sqlite/sqlite.h"

static const tg_store_backend_t *const backends[] = {&tg_sqlite_backend, &tg_postgres_backend, &tg_memory_backend};

#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

const tg_store_backend_t *const *tg_store_backends(size_t *n) {
    *n = BACKENDS;
    return backends;
}

static tg_err_t unknown_scheme(tg_str_t uri, tg_fault_t *fault) {
    char mem[96];
    tg_buf_t known;
    tg_buf_init_fixed(&known, mem, sizeof(mem));
    for (size_t i = 0; i < BACKENDS; i++) {
        tg_buf_putf(&known, "%s%s:", i > 0 ? ", " : "", backends[i]->scheme);
    }
    ptrdiff_t colon = tg_str_find_char(uri, ':'); /* what is behind it may be a secret */
    size_t shown = colon >= 0 ? (size_t)colon + 1 : uri.n;
    return tg_fault(fault, TG_ERR_INVALID, "store", "\"%.*s\" names no store; known are %.*s",
                    (int)(shown > 100 ? 100 : shown), uri.p != NULL ? uri.p : "", TG_STR_ARGS(tg_buf_str(&known)));
}

/* What is behind "NAME:"; false: the URI has another scheme. */
static bool scheme_take(tg_str_t uri, const char *name, tg_str_t *where) {
    tg_str_t scheme = tg_str(name);
    if (name == NULL || !tg_str_starts(uri, scheme) || uri.n == scheme.n || uri.p[scheme.n] != ':') {
        return false;
    }
    *where = tg_strn(uri.p + scheme.n + 1, uri.n - scheme.n - 1);
    return true;
}

static tg_err_t backend_find(tg_str_t uri, const tg_store_backend_t **out, tg_str_t *where, tg_fault_t *fault) {
    for (size_t i = 0; i < BACKENDS; i++) {
        const tg_store_backend_t *b = backends[i];
        if (!scheme_take(uri, b->scheme, where) && !scheme_take(uri, b->alias, where)) {
            continue;
        }
        if (where->n == 0) {
            return tg_fault(fault, TG_ERR_INVALID, "store", "\"%s:\" must be followed by a place", b->scheme);
        }
        *out = b;
        return TG_OK;
    }
    return unknown_scheme(uri, fault);
}

void tg_store_uri_write(tg_str_t uri, tg_buf_t *out) {
    ptrdiff_t query = tg_str_find_char(uri, '?');
    tg_str_t shown = query >= 0 ? tg_strn(uri.p, (size_t)query) : uri;
    ptrdiff_t at = tg_str_find_char(shown, '@'), scheme = tg_str_find_char(shown, '/');
    for (ptrdiff_t i = scheme; scheme >= 0 && i < at; i++) {
        if (shown.p[i] == ':') {
            tg_buf_put(out, tg_strn(shown.p, (size_t)i + 1));
            tg_buf_put(out, TG_STR("***"));
            shown = tg_strn(shown.p + at, shown.n - (size_t)at);
            break;
        }
    }
    tg_buf_put(out, shown);
    tg_buf_put(out, query >= 0 ? TG_STR("?...") : TG_STR_NONE);
}

tg_err_t tg_config_store_open(tg_str_t uri, const tg_store_options_t *options, tg_config_store_t **out,
                              tg_fault_t *fault) {
    const tg_store_backend_t *backend = NULL;
    tg_str_t where;
    *out = NULL;
    tg_err_t err = backend_find(uri, &backend, &where, fault);
    if (backend != NULL) {
        err = backend->config_open(where, options, out, fault);
    }
    if (err == TG_OK && backend != NULL && backend->move != NULL) {
        err = tg_move_finished(*out, fault);
        if (err != TG_OK) {
            (*out)->ops->close(*out);
            *out = NULL;
        }
    }
    return err;
}

tg_err_t tg_token_store_open(tg_str_t uri, const tg_store_options_t *options, tg_token_store_t **out,
                             tg_fault_t *fault) {
    const tg_store_backend_t *backend = NULL;
    tg_str_t where;
    *out = NULL;
    tg_err_t err = backend_find(uri, &backend, &where, fault);
    return backend == NULL ? err : backend->tokens_open(where, options, out, fault);
}
