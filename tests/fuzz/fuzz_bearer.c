/* The Authorization header at a proxied API: a token that is found is a part of the header and of token68's characters.
 */
#include <stdlib.h>

#include "oauth/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t header = tg_strn(data, size), token;
    if (tg_bearer_find(header, 1, &token) != TG_TOKEN_OK) {
        if (token.n != 0) {
            abort();
        }
        return 0;
    }
    if (token.n == 0 || token.p < header.p + sizeof("Bearer") || token.p + token.n > header.p + header.n) {
        abort();
    }
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] <= ' ' || token.p[i] > '~' || strchr("\",;:()<>@[]{}?\\", token.p[i]) != NULL) {
            abort();
        }
    }
    return 0;
}
