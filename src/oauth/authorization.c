#include "oauth/authorization.h"

bool tg_authorization_is(tg_str_t header, tg_str_t scheme, tg_str_t *credentials) {
    tg_str_t rest = tg_str_trim(header);
    if (!tg_str_eq_ci(tg_str_take(&rest, ' '), scheme)) {
        return false;
    }
    *credentials = tg_str_trim(rest);
    return true;
}
