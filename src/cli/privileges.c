#include "cli/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/say.h"

static bool bind_keep(void) {
    const uint32_t bit = 1u << CAP_NET_BIND_SERVICE;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{bit, bit, bit}, {0, 0, 0}};
    return syscall(SYS_capset, &header, data) == 0 &&
           prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
}

tg_err_t tg_privileges_drop(const tg_options_t *o, bool keep_bind) {
    if (geteuid() != 0 || o->uid == 0)
        return TG_OK;
    if (keep_bind && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) {
        tg_say_errno("cannot keep the right to bind low ports");
        return TG_ERR_UNAVAILABLE;
    }
    if (initgroups(o->user, o->gid) != 0 || setgid(o->gid) != 0 || setuid(o->uid) != 0 || setuid(0) == 0) {
        tg_say_errno("cannot become user %s", o->user);
        return TG_ERR_UNAVAILABLE;
    }
    if (keep_bind && !bind_keep()) {
        tg_say_errno("cannot keep the right to bind low ports");
        return TG_ERR_UNAVAILABLE;
    }
    return TG_OK;
}
