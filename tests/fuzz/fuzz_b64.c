/* base64url, base64 and hex: a text that is accepted is the only spelling of its bytes. */
#include <stdlib.h>

#include "base/b64.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t in = tg_strn(data, size);
    size_t cap = TG_B64_DECODED_MAX(size);
    char *bytes = malloc(cap);
    size_t n = 0;
    tg_buf_t text;
    require(bytes != NULL);
    tg_buf_init(&text, 2 * size + 16);
    if (tg_b64url_decode(in, bytes, cap, &n) == TG_OK) {
        tg_buf_put_b64url(&text, tg_strn(bytes, n));
        require(tg_str_eq(tg_buf_str(&text), in));
    }
    if (tg_hex_decode(in, bytes, cap, &n) == TG_OK) {
        tg_buf_reset(&text);
        tg_buf_put_hex(&text, tg_strn(bytes, n));
        require(tg_str_eq(tg_buf_str(&text), in));
    }
    if (tg_b64_decode(in, bytes, cap, &n) == TG_OK) {
        require(size % 4 == 0 && n <= size / 4 * 3);
    }
    tg_buf_release(&text);
    free(bytes);
    return 0;
}
