#include "store/sqlite/sqlite.h"

const tg_store_backend_t tg_sqlite_backend = {
    .scheme = "sqlite",
    .durable = true,
    .config_open = tg_sqlite_config_open,
    .tokens_open = tg_sqlite_tokens_open,
    .move = &tg_sqlite_move,
};
