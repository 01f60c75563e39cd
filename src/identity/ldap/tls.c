#include "identity/ldap/tls.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "identity/parts.h"

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

/* libldap reads authorities from a file alone: one in memory, which has a name while it is open. -1: none can be made.
 */
static int memory_file(tg_str_t text) {
    int fd = memfd_create("authorities", MFD_CLOEXEC);
    size_t done = 0;
    while (fd >= 0 && done < text.n) {
        ssize_t n = write(fd, text.p + done, text.n - done);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    return fd;
}

static int context_new(LDAP *ld, const tg_provider_tls_t *t, const char *authorities) {
    const int client = 0, demand = t->verify ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
    return ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) ||
           (t->verify && ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, authorities)) ||
           ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
}

static tg_err_t context_set(tg_identity_t *h, LDAP *ld, const tg_provider_tls_t *t, int64_t since) {
    char path[64] = SYSTEM_AUTHORITIES;
    int fd = -1;
    if (t->verify && t->ca.n > 0) {
        fd = memory_file(t->ca);
        if (fd < 0) {
            return TG_ERR_NOMEM;
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    int failed = context_new(ld, t, path);
    if (fd >= 0) {
        close(fd);
    }
    return failed == 0 ? TG_OK
                       : tg_identity_fail(h, TG_ERR_INVALID, "tls", since, "the certificates of %s cannot be read",
                                          fd >= 0 ? "tls.ca" : SYSTEM_AUTHORITIES);
}

static const char *reason(LDAP *ld, int64_t deadline, char **words) {
    if (tg_identity_left_ms(deadline) == 0) {
        return "no answer in time";
    }
    ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, words);
    if (*words == NULL || strstr(*words, "unknown error") != NULL) { /* what libldap has of its own checks */
        return "the server's certificate is not valid, or of an authority that is not trusted";
    }
    return *words;
}

/* To be asked for beforehand libldap would need a list of ciphers, and it leaks memory with one. */
static bool is_of_today(const char *version) {
    return version != NULL && (strcmp(version, "TLS1.3") == 0 || strcmp(version, "TLS1.2") == 0);
}

static tg_err_t version_check(tg_identity_t *h, LDAP *ld, const tg_provider_tls_t *t, const char *host, int64_t since) {
    char *version = NULL;
    tg_err_t err = TG_OK;
    ldap_get_option(ld, LDAP_OPT_X_TLS_VERSION, &version);
    if (is_of_today(version)) {
        tg_identity_step(h, "tls", true, since, "%s, %s%s", host, version, t->verify ? "" : ", not verified");
    } else {
        err = tg_identity_fail(h, TG_ERR_UNAVAILABLE, "tls", since, "%s: %s is too old, TLS 1.2 is needed", host,
                               version != NULL ? version : "this version");
    }
    ldap_memfree(version);
    return err;
}

tg_err_t tg_ldap_tls(tg_identity_t *h, LDAP *ld, const tg_provider_tls_t *t, const char *host, int64_t deadline) {
    int64_t since = tg_identity_now();
    tg_err_t err = context_set(h, ld, t, since);
    if (err) {
        return err;
    }
    if (ldap_install_tls(ld) != LDAP_SUCCESS) {
        char *words = NULL;
        err = tg_identity_fail(h, TG_ERR_UNAVAILABLE, "tls", since, "%s: %s", host, reason(ld, deadline, &words));
        ldap_memfree(words);
        return err;
    }
    return version_check(h, ld, t, host, since);
}
