#include "manager/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static tg_err_t complain(const char *what, const char *which) {
    fprintf(stderr, "tollgate-manager: %s %s: %s\n", what, which, strerror(errno));
    return TG_ERR_UNAVAILABLE;
}

/* At most cap bytes; *n is how many. */
static tg_err_t file_read(const char *path, char *out, size_t cap, size_t *n) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return complain("cannot open", path);
    }
    *n = 0;
    ssize_t got = 1;
    while (*n < cap && (got = read(fd, out + *n, cap - *n)) > 0) {
        *n += (size_t)got;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return got < 0 ? complain("cannot read", path) : TG_OK;
}

tg_err_t tg_keyring_read(const char *path, tg_keyring_t *out) {
    char text[TG_MASTER_TEXT_MAX + 1];
    uint8_t master[TG_KEY_LEN];
    tg_fault_t fault = {0};
    size_t n = 0;
    tg_err_t err = file_read(path, text, sizeof(text), &n);
    if (!err) {
        err = tg_master_parse(tg_strn(text, n), master, &fault);
        if (err) {
            fprintf(stderr, "tollgate-manager: %s is no master key: %s\n", path, fault.text);
        }
    }
    if (!err) {
        err = tg_keyring_init(out, master);
    }
    tg_wipe(text, sizeof(text));
    tg_wipe(master, sizeof(master));
    return err;
}

tg_err_t tg_password_read(const char *path, char *out, size_t cap) {
    size_t n = 0;
    tg_err_t err = file_read(path, out, cap - 1, &n);
    out[err ? 0 : n] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    return err;
}

tg_err_t tg_data_dir(const tg_options_t *o, char *out, size_t cap) {
    static const char scheme[] = "sqlite:";
    const char *dir = o->data;
    if (dir == NULL && strncmp(o->store, scheme, sizeof(scheme) - 1) == 0) {
        dir = o->store + sizeof(scheme) - 1;
    }
    if (snprintf(out, cap, "%s", dir != NULL ? dir : "") >= (int)cap) {
        fprintf(stderr, "tollgate-manager: the name of the data directory is too long\n");
        return TG_ERR_INVALID;
    }
    return TG_OK;
}

tg_err_t tg_data_make(const char *dir, const char *user) {
    if (dir[0] == '\0' || mkdir(dir, 0700) != 0) {
        return dir[0] == '\0' || errno == EEXIST ? TG_OK : complain("cannot make", dir);
    }
    const struct passwd *p = user != NULL && geteuid() == 0 ? getpwnam(user) : NULL;
    return p != NULL && chown(dir, p->pw_uid, p->pw_gid) != 0 ? complain("cannot give away", dir) : TG_OK;
}

tg_err_t tg_privileges_drop(const char *user) {
    if (user == NULL || geteuid() != 0) {
        return TG_OK;
    }
    const struct passwd *p = getpwnam(user);
    if (p == NULL) {
        fprintf(stderr, "tollgate-manager: there is no user %s\n", user);
        return TG_ERR_INVALID;
    }
    int death_signal = 0; /* the kernel forgets it when rights change */
    prctl(PR_GET_PDEATHSIG, &death_signal);
    if (initgroups(user, p->pw_gid) != 0 || setgid(p->pw_gid) != 0 || setuid(p->pw_uid) != 0) {
        return complain("cannot become user", user);
    }
    if (p->pw_uid != 0 && setuid(0) == 0) {
        fprintf(stderr, "tollgate-manager: rights of root were not given up\n");
        return TG_ERR_UNAVAILABLE;
    }
    prctl(PR_SET_PDEATHSIG, death_signal);
    return TG_OK;
}

tg_err_t tg_manager_lock(const char *dir, int *fd) {
    char path[4200];
    *fd = -1;
    if (dir[0] == '\0') {
        return TG_OK;
    }
    snprintf(path, sizeof(path), "%s/manager.lock", dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) {
        return complain("cannot open", path);
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
        return TG_OK;
    }
    close(*fd);
    *fd = -1;
    fprintf(stderr, "tollgate-manager: another manager is running on %s\n", dir);
    return TG_ERR_CONFLICT;
}

static tg_err_t ready_file_write(const char *path, const char *line) {
    char draft[4200];
    snprintf(draft, sizeof(draft), "%s.new", path);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    if (fd >= 0) {
        close(fd);
    }
    return ok && rename(draft, path) == 0 ? TG_OK : complain("cannot write", path);
}

tg_err_t tg_ready_tell(const tg_options_t *o, const char *address) {
    char line[300];
    snprintf(line, sizeof(line), "%s\n", address);
    if (o->ready_fd >= 0) {
        if (write(o->ready_fd, line, strlen(line)) != (ssize_t)strlen(line)) {
            return complain("cannot write to", "--ready-fd");
        }
        close(o->ready_fd);
    }
    return o->ready_file != NULL ? ready_file_write(o->ready_file, line) : TG_OK;
}
