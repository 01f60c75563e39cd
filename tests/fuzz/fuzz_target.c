/*
 * The forwarded target, from a decoded path, a query and a prefix length (first byte; the query stands behind the first
 * newline): nothing in it can end it, and its path decodes to what policy decided on.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "policy/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void path_decodes_to(tg_str_t target, tg_str_t path) {
    size_t at = 0;
    for (size_t i = 0; i < path.n; i++) {
        require(at < target.n);
        int c = (unsigned char)target.p[at++];
        require(c != '?' && c != '#');
        if (c == '%') {
            require(at + 2 <= target.n && hex(target.p[at]) >= 0 && hex(target.p[at + 1]) >= 0);
            c = hex(target.p[at]) << 4 | hex(target.p[at + 1]);
            at += 2;
        }
        require(c == (unsigned char)path.p[i]);
    }
    require(at == target.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const tg_deployed_proxy_t proxy = {.proxy.route.strip_path = true};
    const tg_address_t address = {.base_path = TG_STR("/v1")};
    tg_buf_t out;
    if (size == 0) {
        return 0;
    }
    tg_str_t query = tg_strn(data + 1, size - 1);
    tg_str_t path = tg_str_take(&query, '\n');
    bool has_query = query.p != NULL;
    size_t prefix_len = data[0] % (path.n + 1);
    tg_buf_init(&out, 1 << 20);
    tg_target_write(&proxy, NULL, &address, prefix_len, path, has_query, query, &out);
    require(!out.err);
    tg_str_t target = tg_buf_str(&out);
    for (size_t i = 0; i < target.n; i++) {
        require((unsigned char)target.p[i] > 0x20 && target.p[i] != 0x7f);
    }
    tg_str_t rest = target;
    tg_str_t written = tg_str_take(&rest, '?');
    require((rest.p != NULL) == has_query && tg_str_starts(written, TG_STR("/v1/")));
    written = tg_strn(written.p + 3, written.n - 3);
    tg_str_t left = tg_strn(path.p + prefix_len, path.n - prefix_len);
    if (left.n > 0 && left.p[0] == '/') {
        path_decodes_to(written, left);
    } else {
        path_decodes_to(tg_strn(written.p + 1, written.n - 1), left);
    }
    tg_buf_release(&out);
    return 0;
}
