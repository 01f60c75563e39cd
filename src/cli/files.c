#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

tg_err_t tg_file_read(const char *path, tg_buf_t *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TG_ERR_NOTFOUND : TG_ERR_UNAVAILABLE;
    tg_err_t err = TG_OK;
    for (;;) {
        char *p = tg_buf_reserve(out, 4096);
        if (!p) {
            err = TG_ERR_LIMIT;
            break;
        }
        ssize_t n = read(fd, p, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = TG_ERR_UNAVAILABLE;
        if (n <= 0)
            break;
        tg_buf_advance(out, (size_t)n);
    }
    close(fd);
    return err;
}

static bool write_all(int fd, tg_str_t text) {
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = tg_strn(text.p + n, text.n - (size_t)n);
    }
    return fsync(fd) == 0;
}

/* A new file beside `path` with the text, its name in `temporary`. */
static tg_err_t beside_write(const char *path, tg_str_t text, mode_t mode, char temporary[PATH_MAX]) {
    if (snprintf(temporary, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return TG_ERR_UNAVAILABLE;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return TG_ERR_UNAVAILABLE;
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, text);
    int saved = errno;
    close(fd);
    if (ok)
        return TG_OK;
    unlink(temporary);
    errno = saved;
    return TG_ERR_UNAVAILABLE;
}

tg_err_t tg_file_write(const char *path, tg_str_t text, mode_t mode) {
    char temporary[PATH_MAX];
    tg_err_t err = beside_write(path, text, mode, temporary);
    if (err)
        return err;
    if (rename(temporary, path) == 0)
        return TG_OK;
    int saved = errno;
    unlink(temporary);
    errno = saved;
    return TG_ERR_UNAVAILABLE;
}

tg_err_t tg_file_create(const char *path, tg_str_t text, mode_t mode) {
    char temporary[PATH_MAX];
    tg_err_t err = beside_write(path, text, mode, temporary);
    if (err)
        return err;
    bool ok = link(temporary, path) == 0;
    int saved = errno;
    unlink(temporary);
    errno = saved;
    if (ok)
        return TG_OK;
    return saved == EEXIST ? TG_ERR_CONFLICT : TG_ERR_UNAVAILABLE;
}
