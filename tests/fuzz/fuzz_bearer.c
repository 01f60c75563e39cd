/* The Authorization header and the query at a proxied API: a token that is found is of token68's characters; what is
 * left of a query has none, and is found whole again. */
#include <stdlib.h>

#include "oauth/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void query_check(tg_str_t query) {
    char *scratch = malloc(query.n + 1), *again = malloc(query.n + 1);
    tg_str_t token, rest, rest_again;
    tg_token_verdict_t v = tg_bearer_query_find(query, scratch, &token, &rest);
    if ((v == TG_TOKEN_OK) != (token.n > 0) || rest.n + token.n > query.n) {
        abort();
    }
    if (tg_bearer_query_find(rest, again, &token, &rest_again) != TG_TOKEN_NONE || !tg_str_eq(rest, rest_again)) {
        abort();
    }
    free(scratch);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    query_check(tg_strn(data, size));
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
