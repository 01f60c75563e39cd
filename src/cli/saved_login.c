#include "cli/saved_login.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/files.h"
#include "cli/say.h"

#define TEXT_MAX 32768

void tg_saved_login_release(tg_saved_login_t *s) {
    tg_wipe(s, sizeof(*s));
}

/* `name` is "" for the folder. */
static tg_err_t path_make(const char *name, char out[PATH_MAX]) {
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = -1;
    if (config && config[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/tollgate%s", config, name);
    else if (home && home[0] == '/')
        n = snprintf(out, PATH_MAX, "%s/.config/tollgate%s", home, name);
    if (n > 0 && n < PATH_MAX)
        return TG_OK;
    tg_say("XDG_CONFIG_HOME or HOME must be an absolute path");
    return TG_ERR_INVALID;
}

static tg_err_t file_check(int fd, const char *path) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        tg_say("%s is no file", path);
        return TG_ERR_INVALID;
    }
    if (st.st_uid != geteuid()) {
        tg_say("%s belongs to somebody else; remove it and log in again", path);
        return TG_ERR_INVALID;
    }
    if ((st.st_mode & 07777) != 0600) {
        tg_say("%s holds a token and has mode %03o; make it 0600, or remove it and log in again", path,
               st.st_mode & 07777);
        return TG_ERR_INVALID;
    }
    return TG_OK;
}

static bool member_take(const json_t *o, const char *name, char *out, size_t cap) {
    tg_str_t s = tg_json_str(o, name);
    if (s.n == 0 || s.n >= cap)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static tg_err_t text_take(tg_str_t text, const char *path, tg_saved_login_t *out) {
    json_t *o = NULL;
    int64_t expires = 0;
    bool ok = tg_json_parse(text, TEXT_MAX, 4, &o, NULL) == TG_OK &&
              member_take(o, "url", out->url, sizeof(out->url)) &&
              member_take(o, "name", out->name, sizeof(out->name)) &&
              member_take(o, "token", out->token, sizeof(out->token)) && tg_json_int(o, "expiresAt", &expires);
    out->expires_at = expires;
    json_decref(o);
    if (!ok)
        tg_say("%s is no session; log in again: tollgate login", path);
    return ok ? TG_OK : TG_ERR_INVALID;
}

tg_err_t tg_saved_login_read(tg_saved_login_t *out) {
    char path[PATH_MAX], mem[TEXT_MAX];
    *out = (tg_saved_login_t){0};
    tg_err_t err = path_make("/session", path);
    if (err)
        return err;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return TG_ERR_NOTFOUND;
    if (fd < 0) {
        tg_say_errno("cannot read %s", path);
        return TG_ERR_INVALID;
    }
    err = file_check(fd, path);
    ssize_t n = err ? 0 : read(fd, mem, sizeof(mem));
    close(fd);
    if (!err)
        err = text_take(tg_strn(mem, n < 0 ? 0 : (size_t)n), path, out);
    tg_wipe(mem, sizeof(mem));
    return err;
}

static tg_err_t folder_make(void) {
    char path[PATH_MAX];
    tg_err_t err = path_make("", path);
    if (err)
        return err;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700); /* the last one tells */
        *slash = '/';
    }
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return TG_OK;
    tg_say_errno("cannot make %s", path);
    return TG_ERR_UNAVAILABLE;
}

tg_err_t tg_saved_login_write(const tg_saved_login_t *s) {
    char path[PATH_MAX], mem[TEXT_MAX];
    tg_buf_t text;
    tg_err_t err = folder_make();
    if (!err)
        err = path_make("/session", path);
    if (err)
        return err;
    tg_buf_init_fixed(&text, mem, sizeof(mem));
    tg_buf_put(&text, TG_STR("{\"url\":"));
    tg_buf_put_json(&text, tg_str(s->url));
    tg_buf_put(&text, TG_STR(",\"name\":"));
    tg_buf_put_json(&text, tg_str(s->name));
    tg_buf_put(&text, TG_STR(",\"token\":"));
    tg_buf_put_json(&text, tg_str(s->token));
    tg_buf_putf(&text, ",\"expiresAt\":%lld}\n", (long long)s->expires_at);
    err = text.err ? text.err : tg_file_write(path, tg_buf_str(&text), 0600);
    tg_wipe(mem, sizeof(mem));
    if (err)
        tg_say_errno("cannot write %s", path);
    return err;
}

tg_err_t tg_saved_login_remove(void) {
    char path[PATH_MAX];
    tg_err_t err = path_make("/session", path);
    if (err)
        return err;
    if (unlink(path) == 0)
        return TG_OK;
    if (errno == ENOENT)
        return TG_ERR_NOTFOUND;
    tg_say_errno("cannot remove %s", path);
    return TG_ERR_UNAVAILABLE;
}
