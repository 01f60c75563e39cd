#include "store/postgres/postgres.h"

const tg_store_backend_t tg_postgres_backend = {
    .scheme = "postgresql",
    .alias = "postgres",
    .durable = true,
    .config_open = tg_postgres_config_open,
    .tokens_open = tg_postgres_tokens_open,
    .move = &tg_postgres_move,
};
