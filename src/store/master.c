#include "base/b64.h"
#include "store/store.h"

#define CHECK_LEN 32
#define CHECK_HEX (CHECK_LEN * 2)
#define WAIT_MS   5000

static const tg_str_t master_key = {"master-check", sizeof("master-check") - 1};

/* NOTFOUND: nothing is noted yet. */
static tg_err_t compare(tg_config_store_t *store, const char hex[CHECK_HEX]) {
    tg_arena_t arena;
    tg_str_t noted;
    tg_arena_init(&arena, 4096);
    tg_err_t err = store->ops->meta_get(store, master_key, &arena, &noted);
    if (err == TG_OK && (noted.n != CHECK_HEX || !tg_secret_eq(noted.p, hex, CHECK_HEX))) {
        err = TG_ERR_CONFLICT;
    }
    tg_arena_release(&arena);
    return err;
}

tg_err_t tg_store_check_master(tg_config_store_t *store, const uint8_t check[CHECK_LEN]) {
    char hex[CHECK_HEX];
    tg_hex_encode(tg_strn(check, CHECK_LEN), hex);
    tg_err_t err = compare(store, hex);
    if (err != TG_ERR_NOTFOUND) {
        return err;
    }
    err = store->ops->begin(store, WAIT_MS);
    if (err != TG_OK) {
        return err;
    }
    err = compare(store, hex); /* another node may have been first */
    if (err == TG_ERR_NOTFOUND) {
        err = store->ops->meta_put(store, master_key, tg_strn(hex, CHECK_HEX));
        if (err == TG_OK) {
            return store->ops->commit(store);
        }
    }
    store->ops->rollback(store);
    return err;
}
