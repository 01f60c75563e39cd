#include "store/memory/memory.h"

const tg_store_backend_t tg_memory_backend = {
    .scheme = "memory",
    .durable = false,
    .config_open = tg_memory_config_open,
    .tokens_open = tg_memory_tokens_open,
};
