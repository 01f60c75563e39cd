/* Basic credentials: what is accepted holds neither control bytes nor broken UTF-8. */
#include <stdlib.h>

#include "base/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_clean(tg_str_t s) {
    if (!tg_str_is_utf8(s)) {
        abort();
    }
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_arena_t a;
    tg_str_t id;
    tg_str_t secret;
    tg_arena_init(&a, 1 << 20);
    if (tg_basic_parse(tg_strn(data, size), &a, &id, &secret) == TG_OK) {
        require_clean(id);
        require_clean(secret);
    }
    tg_arena_release(&a);
    return 0;
}
