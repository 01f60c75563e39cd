#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/options.h"
#include "cli/say.h"

tg_err_t tg_endpoint_parse(const char *text, tg_endpoint_t *out) {
    tg_endpoint_t e = {0};
    const char *colon = strrchr(text, ':');
    tg_str_t host = colon ? tg_strn(text, (size_t)(colon - text)) : TG_STR("127.0.0.1");
    uint64_t port;
    if (!tg_str_to_u64(tg_str(colon ? colon + 1 : text), 65535, &port))
        return TG_ERR_INVALID;
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = tg_strn(host.p + 1, host.n - 2);
    else if (host.n && tg_str_find_char(host, ':') >= 0)
        return TG_ERR_INVALID;
    if (host.n == 0)
        host = TG_STR("0.0.0.0");
    if (host.n >= sizeof(e.host))
        return TG_ERR_INVALID;
    for (size_t i = 0; i < host.n; i++)
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:_", host.p[i]))
            return TG_ERR_INVALID;
    memcpy(e.host, host.p, host.n);
    e.port = (uint16_t)port;
    *out = e;
    return TG_OK;
}

void tg_endpoint_write(const tg_endpoint_t *e, char *out, size_t cap) {
    snprintf(out, cap, strchr(e->host, ':') ? "[%s]:%u" : "%s:%u", e->host, e->port);
}

/* TG_OK: bound and closed again, with the port in *port. TG_ERR_CONFLICT: in use. TG_ERR_INVALID: errno says why. */
static tg_err_t port_try(const tg_endpoint_t *e, uint16_t *port) {
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *ai = NULL;
    snprintf(service, sizeof(service), "%u", *port);
    if (getaddrinfo(e->host, service, &hints, &ai) != 0) {
        errno = EADDRNOTAVAIL;
        return TG_ERR_INVALID;
    }
    tg_err_t err = TG_ERR_INVALID;
    int one = 1, fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        goto done;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 1) != 0) {
        err = errno == EADDRINUSE ? TG_ERR_CONFLICT : TG_ERR_INVALID;
        goto done;
    }
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0) {
        *port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
                                               : ((struct sockaddr_in *)&sa)->sin_port);
        err = TG_OK;
    }
done:
    if (fd >= 0) {
        int saved = errno;
        close(fd);
        errno = saved;
    }
    freeaddrinfo(ai);
    return err;
}

tg_err_t tg_endpoint_settle(tg_endpoint_t *e, const char *option) {
    char text[300];
    uint16_t port = e->port;
    tg_err_t err = port_try(e, &port);
    if (err == TG_ERR_CONFLICT && !e->given) {
        uint16_t wanted = e->port;
        for (port = (uint16_t)(wanted + 1); err == TG_ERR_CONFLICT && port != (uint16_t)(wanted + 100); port++) {
            err = port_try(e, &port);
            if (err == TG_OK)
                break;
        }
        if (err == TG_OK)
            tg_say("port %u is in use; taking %u for --%s", wanted, port, option);
    }
    if (err == TG_OK) {
        e->port = port;
        return TG_OK;
    }
    tg_endpoint_write(e, text, sizeof(text));
    if (err == TG_ERR_CONFLICT)
        tg_say("--%s: %s is in use; name another port", option, text);
    else
        tg_say_errno("--%s: cannot listen on %s", option, text);
    return err;
}
