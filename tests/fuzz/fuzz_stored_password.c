/*
 * A stored password and, behind a '\n', one that is asked, for every format. Numbers of more than four digits are left
 * out: what they cost is bounded, but not by a fuzzer's patience.
 */
#include <stdlib.h>

#include "identity/database/stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_cheap(tg_str_t s) {
    size_t digits = 0;
    for (size_t i = 0; i < s.n; i++) {
        digits = s.p[i] >= '0' && s.p[i] <= '9' ? digits + 1 : 0;
        if (digits > 4) {
            return false;
        }
    }
    return memmem(s.p, s.n, "$1", 2) == NULL || memmem(s.p, s.n, "$2", 2) == NULL; /* bcrypt from cost 10 */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const tg_str_t digests[] = {TG_STR("MD5"), TG_STR("SHA256"), TG_STR("SHA3-512")};
    tg_str_t password = tg_strn(data, size);
    tg_str_t stored = tg_str_take(&password, '\n');
    if (stored.n == 0 || !is_cheap(stored)) {
        return 0;
    }
    for (int format = TG_PASSWORD_CLEAR; format <= TG_PASSWORD_PBKDF2; format++) {
        tg_database_provider_t d = {.format = (tg_password_format_t)format,
                                    .digest = digests[size % 3],
                                    .base64 = size % 2 == 0,
                                    .iterations = 3};
        tg_fault_t why = {0};
        bool right = true;
        tg_err_t err = tg_stored_verify(&d, stored, TG_STR("salt"), password, &right, &why);
        if ((err && right) || (err == TG_ERR_INVALID) != (why.text[0] != '\0')) {
            abort();
        }
    }
    return 0;
}
