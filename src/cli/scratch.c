#include "cli/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/say.h"

tg_err_t tg_scratch_make(tg_scratch_t *s, const char *path) {
    int n = snprintf(s->path, sizeof(s->path), "%s.work-XXXXXX", path);
    if (n < (int)sizeof(s->path) && mkdtemp(s->path))
        return TG_OK;
    tg_say_errno("cannot make a folder beside %s", path);
    s->path[0] = '\0';
    return TG_ERR_UNAVAILABLE;
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

void tg_scratch_remove(tg_scratch_t *s) {
    if (s->path[0])
        nftw(s->path, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
    s->path[0] = '\0';
}
