/* Moments: what is accepted is written as a moment that parses to the same value. */
#include <stdlib.h>

#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_ms_t at;
    tg_ms_t again;
    char mem[24];
    tg_buf_t b;
    if (tg_iso8601_parse(tg_strn(data, size), &at) != TG_OK) {
        return 0;
    }
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_put_iso8601(&b, at);
    if (b.err || b.n != sizeof(mem) || tg_iso8601_parse(tg_buf_str(&b), &again) != TG_OK || again != at) {
        abort();
    }
    return 0;
}
