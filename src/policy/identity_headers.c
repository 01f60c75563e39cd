#include "policy/identity_headers.h"

/* A letter in lower case, a digit as it is, and one value for all else: servers that hand headers on as environment
 * variables (RFC 3875 4.1.18 and what grew from it) turn '-', '_' and sometimes every other sign into '_'. */
static char fold(char c) {
    if (c >= 'A' && c <= 'Z') {
        return (char)(c | 0x20);
    }
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

static bool folds_to(tg_str_t name, tg_str_t other) {
    if (name.n != other.n) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (fold(name.p[i]) != fold(other.p[i])) {
            return false;
        }
    }
    return true;
}

bool tg_identity_header_is(const tg_deployed_proxy_t *p, tg_str_t name) {
    static const tg_str_t family = TG_STR("X-Authenticated-");
    if (name.n >= family.n && folds_to(tg_strn(name.p, family.n), family)) {
        return true;
    }
    const tg_policy_t *policy = p != NULL ? p->policy : NULL;
    return policy != NULL && (folds_to(name, policy->user_header) || folds_to(name, policy->roles_header));
}
