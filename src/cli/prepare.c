#include "cli/prepare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/files.h"
#include "cli/nginx_conf.h"
#include "cli/privileges.h"
#include "cli/say.h"
#include "keyring/keyring.h"
#include "store/store.h"

#define MARKER   "tollgate.data"
#define DRAINING "gateway/draining" /* the module knows it as tollgate_data's */

/* ---- the directory ---- */

static bool directory_is_ours(int fd) {
    return faccessat(fd, MARKER, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool directory_is_empty(int fd) {
    DIR *d = fdopendir(dup(fd));
    if (!d)
        return false;
    bool empty = true;
    for (struct dirent *e; empty && (e = readdir(d));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    return empty;
}

static tg_err_t directory_make(const char *path) {
    char part[PATH_MAX];
    snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return TG_ERR_UNAVAILABLE;
        *slash = '/';
    }
    return mkdir(path, 0750) == 0 || errno == EEXIST ? TG_OK : TG_ERR_UNAVAILABLE;
}

static tg_err_t directory_own(const tg_options_t *o, int fd) {
    struct stat st;
    if (directory_is_ours(fd))
        return TG_OK;
    if (!directory_is_empty(fd)) {
        tg_say("--data: %s is not empty and is no Tollgate data directory; name another", o->data);
        return TG_ERR_CONFLICT;
    }
    if (fstat(fd, &st) == 0 && st.st_uid != o->uid && fchown(fd, o->uid, o->gid) != 0) {
        tg_say_errno("--data: cannot give %s to user %s", o->data, o->user);
        return TG_ERR_UNAVAILABLE;
    }
    return TG_OK;
}

tg_err_t tg_data_ready(const tg_options_t *o) {
    if (directory_make(o->data)) {
        tg_say_errno("--data: cannot make %s", o->data);
        return TG_ERR_UNAVAILABLE;
    }
    int fd = open(o->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        tg_say_errno("--data: cannot open %s", o->data);
        return TG_ERR_UNAVAILABLE;
    }
    tg_err_t err = directory_own(o, fd);
    close(fd);
    return err;
}

/* ---- work done as the user ---- */

typedef tg_err_t (*as_user_fn)(const tg_options_t *o, void *arg);

/* Runs fn in a child that has dropped its rights; the child says what is wrong. */
static tg_err_t as_user(const tg_options_t *o, as_user_fn fn, void *arg) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        tg_say_errno("cannot start a process");
        return TG_ERR_UNAVAILABLE;
    }
    if (pid == 0) {
        umask(077);
        tg_err_t err = tg_privileges_drop(o, false);
        if (!err && chdir(o->data) != 0) {
            tg_say_errno(
                "--data: user %s cannot reach %s; name a directory that this user can reach, or another --user",
                o->user, o->data);
            err = TG_ERR_UNAVAILABLE;
        }
        _exit(err || fn(o, arg) ? 1 : 0);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? TG_OK : TG_ERR_UNAVAILABLE;
}

/* ---- master key and stores ---- */

static tg_err_t master_check_mode(const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0) {
        tg_say("--master-key-file: %s can be read by others (mode %03o); make it 0600", path, st.st_mode & 0777);
        return TG_ERR_INVALID;
    }
    return TG_OK;
}

static tg_err_t master_create(const char *path) {
    uint8_t master[TG_KEY_LEN];
    char text[TG_MASTER_TEXT_MAX];
    tg_buf_t b;
    tg_buf_init_fixed(&b, text, sizeof(text));
    if (getrandom(master, sizeof(master), 0) != (ssize_t)sizeof(master))
        return TG_ERR_UNAVAILABLE;
    tg_master_write(master, &b);
    tg_err_t err = b.err ? TG_ERR_BUG : tg_file_create(path, tg_buf_str(&b), 0600);
    tg_wipe(master, sizeof(master));
    tg_wipe(text, sizeof(text));
    return err;
}

/* Derives the keyring from the file, which is made if it is missing; *made tells. */
static tg_err_t keyring_load(const char *path, tg_keyring_t *k, bool *made) {
    uint8_t master[TG_KEY_LEN];
    char text[TG_MASTER_TEXT_MAX * 2];
    tg_buf_t b;
    tg_fault_t fault = {0};
    *made = access(path, F_OK) != 0 && errno == ENOENT;
    tg_err_t err = *made ? master_create(path) : master_check_mode(path);
    if (err == TG_ERR_INVALID)
        return err;
    tg_buf_init(&b, sizeof(text) * 64);
    if (!err)
        err = tg_file_read(path, &b);
    if (err == TG_ERR_LIMIT) {
        tg_say("--master-key-file: %s is too large for a master key", path);
    } else if (err) {
        tg_say_errno("--master-key-file: cannot %s %s", *made ? "make" : "read", path);
    }
    if (err) {
        tg_buf_release(&b);
        return TG_ERR_UNAVAILABLE;
    }
    err = tg_master_parse(tg_buf_str(&b), master, &fault);
    tg_buf_release(&b);
    if (err) {
        tg_say("--master-key-file: %s: %s", path, fault.text);
        return err;
    }
    err = tg_keyring_init(k, master);
    tg_wipe(master, sizeof(master));
    return err;
}

static void store_complain(const tg_options_t *o, const char *what, const char *why) {
    char mem[4200];
    tg_buf_t shown;
    tg_buf_init_fixed(&shown, mem, sizeof(mem));
    tg_store_uri_write(tg_str(o->store), &shown);
    tg_say("--store: %.*s: %s%s", TG_STR_ARGS(tg_buf_str(&shown)), what, why);
}

static tg_err_t stores_open(const tg_options_t *o, tg_config_store_t **config) {
    const tg_store_options_t options = {.create = true, .busy_ms = 10000};
    tg_fault_t fault = {0};
    tg_token_store_t *tokens;
    tg_err_t err = tg_config_store_open(tg_str(o->store), &options, config, &fault);
    if (!err) {
        err = tg_token_store_open(tg_str(o->store), &options, &tokens, &fault);
        if (!err)
            tokens->ops->close(tokens);
        else
            (*config)->ops->close(*config);
    }
    if (err)
        store_complain(o, "", fault.text[0] ? fault.text : tg_err_name(err));
    return err;
}

/* Without an access URL the issuer of JWTs follows the Host header (token-api.md "JWT access tokens"). */
static void access_url_check(const tg_options_t *o, tg_config_store_t *config) {
    tg_arena_t a;
    tg_resource_t row;
    json_t *doc = NULL;
    tg_arena_init(&a, 1u << 20);
    tg_err_t err = config->ops->resource_find(config, TG_RES_ENVIRONMENT, 0, tg_str(o->environment), &a, &row);
    if (!err)
        err = tg_json_parse(row.doc, 1u << 20, 32, &doc, NULL);
    if (err == TG_ERR_NOTFOUND || (!err && tg_json_str(doc, "accessUrl").n == 0))
        tg_say("environment %s has no access URL, so its issuer follows the Host header; in production set accessUrl "
               "at the manager",
               o->environment);
    json_decref(doc);
    tg_arena_release(&a);
}

/* What the module keeps in tollgate_data. */
static bool snapshot_is_there(const tg_options_t *o) {
    char path[256];
    snprintf(path, sizeof(path), "gateway/snapshot-%s.json", o->environment);
    return access(path, R_OK) == 0;
}

/* The manager's part cannot do without, nor can a node that never served. */
static tg_err_t store_miss(const tg_options_t *o, bool key_made, tg_err_t err) {
    if (err != TG_ERR_UNAVAILABLE || o->run_manager || key_made || !snapshot_is_there(o))
        return err;
    tg_say("starting without the store, with the last snapshot of environment %s", o->environment);
    return TG_OK;
}

static tg_err_t store_prepare(const tg_options_t *o, void *arg) {
    (void)arg;
    tg_config_store_t *config;
    tg_keyring_t keyring;
    bool made;
    tg_err_t err = tg_file_create(MARKER, TG_STR("tollgate data directory\n"), 0600);
    if (err && err != TG_ERR_CONFLICT) {
        tg_say_errno("--data: user cannot write to %s", o->data);
        return err;
    }
    if (unlink(DRAINING) != 0 && errno != ENOENT && errno != ENOTDIR) {
        tg_say_errno("cannot remove %s from the data directory", DRAINING);
        return TG_ERR_UNAVAILABLE;
    }
    err = keyring_load(o->master_key_file, &keyring, &made);
    if (err)
        return err;
    err = stores_open(o, &config);
    if (err) {
        err = store_miss(o, made, err);
    } else {
        err = tg_store_check_master(config, keyring.check);
        if (!err && o->run_gateway && !o->demo)
            access_url_check(o, config);
        config->ops->close(config);
        if (err == TG_ERR_CONFLICT)
            tg_say(made ? "--master-key-file: %s is missing, and this store belongs to a master key: put that key back"
                        : "--master-key-file: %s is not the master key of this store",
                   o->master_key_file);
        else if (err)
            store_complain(o, "cannot check the master key: ", tg_err_name(err));
    }
    if (err && made)
        unlink(o->master_key_file);
    tg_keyring_release(&keyring);
    return err;
}

tg_err_t tg_store_ready(const tg_options_t *o) {
    return as_user(o, store_prepare, NULL);
}

/* ---- the gateway's files ---- */

static tg_err_t draining_write(const tg_options_t *o, void *arg) {
    (void)arg;
    if (tg_file_write(DRAINING, TG_STR_NONE, 0600) == TG_OK)
        return TG_OK;
    tg_say_errno("cannot write %s/%s", o->data, DRAINING);
    return TG_ERR_UNAVAILABLE;
}

tg_err_t tg_drain_begin(const tg_options_t *o) {
    return as_user(o, draining_write, NULL);
}

typedef struct {
    const tg_install_t *in;
    int module, certificate, key; /* opened with the rights of who started us; -1: none */
} gateway_files_t;

/* `path` if the user can read it; else a copy, made from fd, at `copy`. */
static const char *readable_path(const char *path, int fd, const char *copy, tg_err_t *err) {
    tg_buf_t b;
    if (access(path, R_OK) == 0)
        return path;
    tg_buf_init(&b, 64u << 20);
    *err = fd < 0 ? TG_ERR_NOTFOUND : TG_OK;
    for (ssize_t n = 1; !*err && n > 0;) {
        char *p = tg_buf_reserve(&b, 65536);
        n = p ? pread(fd, p, 65536, (off_t)b.n) : -1;
        if (n < 0)
            *err = TG_ERR_UNAVAILABLE;
        else
            tg_buf_advance(&b, (size_t)n);
    }
    if (!*err)
        *err = tg_file_write(copy, tg_buf_str(&b), 0600);
    if (*err)
        tg_say_errno("cannot copy %s to %s", path, copy);
    tg_buf_release(&b);
    return copy;
}

static tg_err_t folders_make(void) {
    static const char *const folders[] = {"gateway", "gateway/tmp"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (mkdir(folders[i], 0700) != 0 && errno != EEXIST) {
            tg_say_errno("cannot make %s in the data directory", folders[i]);
            return TG_ERR_UNAVAILABLE;
        }
    return TG_OK;
}

static tg_err_t gateway_prepare(const tg_options_t *o, void *arg) {
    const gateway_files_t *f = arg;
    char module[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX], conf[PATH_MAX];
    snprintf(module, sizeof(module), "%s/gateway/module.so", o->data);
    snprintf(certificate, sizeof(certificate), "%s/gateway/tls-certificate.pem", o->data);
    snprintf(key, sizeof(key), "%s/gateway/tls-key.pem", o->data);
    snprintf(conf, sizeof(conf), "%s/gateway/nginx.conf", o->data);
    tg_err_t err = folders_make();
    if (err)
        return err;
    err = tg_file_create("operator.conf",
                         TG_STR("# nginx directives of your own, read inside http { }. SIGHUP reads them again.\n"),
                         0600);
    if (err && err != TG_ERR_CONFLICT) {
        tg_say_errno("cannot write operator.conf");
        return err;
    }
    err = TG_OK;
    tg_nginx_parts_t parts = {.tls_certificate = "", .tls_key = ""};
    parts.module = readable_path(f->in->module, f->module, module, &err);
    if (!err && o->tls_certificate[0])
        parts.tls_certificate = readable_path(o->tls_certificate, f->certificate, certificate, &err);
    if (!err && o->tls_key[0])
        parts.tls_key = readable_path(o->tls_key, f->key, key, &err);
    if (err)
        return err;
    tg_buf_t b;
    tg_buf_init(&b, 65536);
    tg_nginx_conf_write(o, &parts, &b);
    err = b.err ? b.err : tg_file_write(conf, tg_buf_str(&b), 0600);
    if (err)
        tg_say_errno("cannot write %s", conf);
    tg_buf_release(&b);
    return err;
}

static int file_open(const char *path, const char *option, tg_err_t *err) {
    if (!path[0])
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        tg_say_errno("%s: cannot read %s", option, path);
        *err = TG_ERR_UNAVAILABLE;
    }
    return fd;
}

tg_err_t tg_gateway_ready(const tg_options_t *o, const tg_install_t *in) {
    tg_err_t err = TG_OK;
    gateway_files_t f = {.in = in};
    f.module = file_open(in->module, "module", &err);
    f.certificate = file_open(o->tls_certificate, "--tls-certificate", &err);
    f.key = file_open(o->tls_key, "--tls-key", &err);
    if (!err)
        err = as_user(o, gateway_prepare, &f);
    const int fds[] = {f.module, f.certificate, f.key};
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return err;
}

/* ---- locks ---- */

/* Opened with the user's rights: the directory is the user's, and root follows nothing that lies in it. */
static int lock_open(const tg_options_t *o, const char *path) {
    bool root = geteuid() == 0 && o->uid != 0;
    if (root && (setegid(o->gid) != 0 || seteuid(o->uid) != 0))
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int saved = errno;
    if (root && (seteuid(0) != 0 || setegid(0) != 0))
        abort();
    errno = saved;
    return fd;
}

tg_err_t tg_plane_lock(const tg_options_t *o, const char *plane, int *fd) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s.lock", o->data, plane);
    *fd = lock_open(o, path);
    if (*fd < 0) {
        tg_say_errno("cannot open %s", path);
        return TG_ERR_UNAVAILABLE;
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return TG_OK;
    tg_say("a %s is already running on %s", plane, o->data);
    close(*fd);
    *fd = -1;
    return TG_ERR_CONFLICT;
}
