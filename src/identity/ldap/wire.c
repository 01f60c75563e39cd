#include "identity/ldap/wire.h"

#include <errno.h>
#include <openldap.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "identity/parts.h"

#define WORD_MAX (1 << 20) /* bytes of one message of the server */

static int setup(Sockbuf_IO_Desc *d, void *arg) {
    d->sbiod_pvt = arg;
    return 0;
}

static int ctrl(Sockbuf_IO_Desc *d, int opt, void *arg) {
    (void)d;
    (void)opt;
    (void)arg;
    return 0;
}

/* After EAGAIN; false: errno says why not. */
static bool wait_for(const tg_ldap_wire_t *w, short what) {
    struct pollfd p = {.fd = w->fd, .events = what};
    int left = tg_identity_left_ms(w->deadline);
    int rc = left > 0 ? poll(&p, 1, left) : 0;
    if (rc == 0) {
        errno = ETIMEDOUT;
    }
    return rc > 0 || (rc < 0 && errno == EINTR);
}

static ber_slen_t wire_read(Sockbuf_IO_Desc *d, void *buf, ber_len_t len) {
    const tg_ldap_wire_t *w = d->sbiod_pvt;
    ssize_t n;
    do {
        if (tg_identity_left_ms(w->deadline) == 0) { /* a server that never stops talking ends here */
            errno = ETIMEDOUT;
            return -1;
        }
        n = recv(w->fd, buf, len, MSG_DONTWAIT);
    } while (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_for(w, POLLIN))));
    return n;
}

static ber_slen_t wire_write(Sockbuf_IO_Desc *d, void *buf, ber_len_t len) {
    const tg_ldap_wire_t *w = d->sbiod_pvt;
    ssize_t n;
    do {
        n = send(w->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_for(w, POLLOUT))));
    return n;
}

static int wire_close(Sockbuf_IO_Desc *d) {
    tg_ldap_wire_t *w = d->sbiod_pvt;
    int rc = w->fd >= 0 ? close(w->fd) : 0;
    w->fd = -1;
    return rc;
}

static Sockbuf_IO wire = {
    .sbi_setup = setup, .sbi_ctrl = ctrl, .sbi_read = wire_read, .sbi_write = wire_write, .sbi_close = wire_close};

static int options_set(LDAP *ld, tg_ldap_wire_t *w) {
    const int version = LDAP_VERSION3, deref = LDAP_DEREF_NEVER;
    ber_len_t most = WORD_MAX;
    Sockbuf *sb = NULL;
    if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) || ber_sockbuf_add_io(sb, &wire, LBER_SBIOD_LEVEL_PROVIDER, w)) {
        close(w->fd);
        return LDAP_NO_MEMORY;
    }
    bool set = ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
               ldap_set_option(ld, LDAP_OPT_DEREF, &deref) == 0 &&
               ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == 0 &&
               ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON) == 0 &&
               ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &most) == 1;
    return set ? LDAP_SUCCESS : LDAP_LOCAL_ERROR;
}

int tg_ldap_wire_adopt(tg_ldap_wire_t *w, int fd, const char *url, LDAP **out) {
    *out = NULL;
    w->fd = fd;
    int code = ldap_init_fd(fd, LDAP_PROTO_EXT, url, out);
    if (code != LDAP_SUCCESS) {
        *out = NULL;
        close(fd);
        return code;
    }
    code = options_set(*out, w);
    if (code != LDAP_SUCCESS) {
        ldap_unbind_ext(*out, NULL, NULL);
        *out = NULL;
    }
    return code;
}
