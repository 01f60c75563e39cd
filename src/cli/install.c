#include "cli/install.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"

#define MODULE "ngx_http_tollgate_module.so"

/* The first of `dirs` that holds `name`. */
static bool part_find(const char *const *dirs, const char *name, int mode, char *out, size_t cap) {
    for (; *dirs; dirs++)
        if (snprintf(out, cap, "%s/%s", *dirs, name) < (int)cap && access(out, mode) == 0)
            return true;
    out[0] = '\0';
    return false;
}

static bool nginx_find(char *out, size_t cap) {
    const char *named = getenv("TOLLGATE_NGINX");
    if (named && snprintf(out, cap, "%s", named) < (int)cap && access(out, X_OK) == 0)
        return true;
    return part_find((const char *const[]){"/usr/sbin", "/usr/local/sbin", "/usr/bin", NULL}, "nginx", X_OK, out, cap);
}

tg_err_t tg_install_find(bool manager, bool gateway, tg_install_t *out) {
    *out = (tg_install_t){0};
    ssize_t n = readlink("/proc/self/exe", out->self, sizeof(out->self) - 1);
    if (n <= 0) {
        tg_say_errno("cannot tell where this command is");
        return TG_ERR_NOTFOUND;
    }
    char dir[PATH_MAX];
    snprintf(dir, sizeof(dir), "%s", out->self);
    *strrchr(dir, '/') = '\0';
    if (manager && !part_find((const char *const[]){dir, "/usr/lib/tollgate", "/usr/sbin", NULL}, "tollgate-manager",
                              X_OK, out->manager, sizeof(out->manager))) {
        tg_say("tollgate-manager is not in %s: build it (make) or install it", dir);
        return TG_ERR_NOTFOUND;
    }
    if (!gateway)
        return TG_OK;
    if (!part_find((const char *const[]){dir, "/usr/lib/nginx/modules", "/usr/lib/tollgate", NULL}, MODULE, R_OK,
                   out->module, sizeof(out->module))) {
        tg_say(MODULE " is not in %s: build it (make) or install it", dir);
        return TG_ERR_NOTFOUND;
    }
    if (!nginx_find(out->nginx, sizeof(out->nginx))) {
        tg_say("nginx is not installed: apt-get install nginx");
        return TG_ERR_NOTFOUND;
    }
    return TG_OK;
}
