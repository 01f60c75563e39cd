#include "identity/ldap/directory.h"
#include "identity/ldap/state.h"

static tg_err_t service_bind(tg_ldap_t *d, int64_t deadline) {
    int64_t since = tg_identity_now();
    tg_ldap_bound_t bound;
    tg_err_t err = tg_ldap_link_bind(&d->service, d->bind_dn, d->p->bind_password.clear, deadline, &bound);
    if (err) {
        return err;
    }
    if (bound.code != LDAP_SUCCESS) {
        return tg_identity_fail(&d->base, TG_ERR_UNAVAILABLE, "bind", since, "the service account %s is refused: %s",
                                d->bind_dn, ldap_err2string(bound.code));
    }
    tg_identity_step(&d->base, "bind", true, since, "%s", d->bind_dn);
    return TG_OK;
}

tg_err_t tg_ldap_service(tg_ldap_t *d, int64_t deadline) {
    tg_err_t err = tg_ldap_link_open(&d->service, deadline);
    if (!err && !d->service.bound && d->bind_dn[0] != '\0') {
        err = service_bind(d, deadline);
    }
    d->service.bound = err == TG_OK;
    return err;
}

tg_err_t tg_ldap_user(tg_ldap_t *d, const char *dn, tg_str_t password, int64_t deadline,
                      tg_identity_verdict_t *verdict) {
    tg_ldap_bound_t bound;
    tg_err_t err = tg_ldap_link_open(&d->user, deadline);
    int64_t since = tg_identity_now();
    if (!err) {
        err = tg_ldap_link_bind(&d->user, dn, password, deadline, &bound);
    }
    if (err) {
        return err;
    }
    *verdict = tg_ldap_bind_verdict(bound.code, bound.policy_error, bound.diagnostic);
    if (*verdict == 0) {
        return tg_identity_fail(&d->base, TG_ERR_UNAVAILABLE, "bind", since, "%s: %s", dn, ldap_err2string(bound.code));
    }
    if (*verdict == TG_IDENTITY_OK) {
        tg_identity_step(&d->base, "bind", true, since, "%s", dn);
    } else {
        tg_identity_step(&d->base, "bind", false, since, "%s: %s (%s)", dn, tg_identity_verdict_name(*verdict),
                         ldap_err2string(bound.code));
    }
    return TG_OK;
}
