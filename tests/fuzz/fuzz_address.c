/* Networks, forwarded lists and Host headers. */
#include <stdlib.h>

#include "policy/client_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t s = tg_strn(data, size);
    uint8_t addr[16];
    tg_cidr_t c;
    if (tg_cidr_parse(s, &c) == TG_OK) {
        require(c.prefix_len <= 128 && tg_cidr_has(&c, c.addr));
        memcpy(addr, c.addr, 16);
        addr[15] ^= 1;
        require(tg_cidr_has(&c, addr) == (c.prefix_len < 128));
    }
    bool exists = true;
    for (int order = 1; order <= 5; order++) {
        tg_err_t err = tg_forwarded_pick(s, order, addr);
        require(exists || err == TG_ERR_NOTFOUND);
        exists = err != TG_ERR_NOTFOUND;
    }
    bool any = tg_forwarded_pick(s, 1, addr) != TG_ERR_NOTFOUND;
    require((tg_forwarded_pick(s, 0, addr) != TG_ERR_NOTFOUND) == any);
    if (tg_host_is_valid(s)) {
        for (size_t i = 0; i < size; i++) {
            require(data[i] > 0x20 && data[i] < 0x7f && strchr("\"'/\\<>@,;%?#", data[i]) == NULL);
        }
    }
    return 0;
}
