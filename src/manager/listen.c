#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "manager/server.h"

#define BACKLOG 256

static int listen_on(const struct addrinfo *a) {
    int one = 1;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 || bind(fd, a->ai_addr, a->ai_addrlen) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static bool name_write(int fd, char *name, size_t cap) {
    struct sockaddr_storage address;
    socklen_t n = sizeof(address);
    char host[64], port[8];
    if (getsockname(fd, (struct sockaddr *)&address, &n) != 0 ||
        getnameinfo((struct sockaddr *)&address, n, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return false;
    }
    snprintf(name, cap, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return true;
}

tg_err_t tg_listen(const char *host, uint16_t port, int *fd, char *name, size_t cap) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        fprintf(stderr, "tollgate-manager: %s: %s\n", host, gai_strerror(rc));
        return TG_ERR_INVALID;
    }
    *fd = listen_on(found);
    int why = errno;
    freeaddrinfo(found);
    if (*fd < 0 || !name_write(*fd, name, cap)) {
        fprintf(stderr, "tollgate-manager: cannot listen on %s port %u: %s\n", host, port, strerror(why));
        return TG_ERR_UNAVAILABLE;
    }
    return TG_OK;
}
