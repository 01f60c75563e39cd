/* `migrate`. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/say.h"
#include "cli/terminal.h"
#include "store/move.h"

#define URI_MAX 4160

static void progress(void *arg, const char *doing, const char *table, size_t at, size_t of, int64_t rows) {
    (void)arg;
    tg_progress("%s %s (%zu of %zu): %lld rows", doing, table, at, of, (long long)rows);
}

static void sums_print(const tg_move_sum_t *sums, size_t n) {
    int64_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        if (sums[i].rows == 0)
            continue;
        printf("%-24s %12lld rows  ", sums[i].table, (long long)sums[i].rows);
        for (size_t k = 0; k < 16; k++)
            printf("%02x", sums[i].digest[k]);
        printf("\n");
        rows += sums[i].rows;
    }
    printf("%lld rows are the same in both.\n", (long long)rows);
}

static void switch_over_print(const char *to) {
    printf("Now start the manager, then the gateways, with --store '%s' and the same master key. On SQLite put\n"
           "master.key into the new directory first. Keep the old store away from them until you are sure:\n"
           "it knows nothing of what happens from now on.\n",
           to);
}

/* ---- a directory as the target ---- */

/* Its path; NULL: the store is no directory. */
static const char *directory_of(const char *uri) {
    return strncmp(uri, "sqlite:", 7) == 0 ? uri + 7 : NULL;
}

/* So that the planes take it for a data directory. */
static tg_err_t directory_make(const char *path) {
    char marker[PATH_MAX];
    if (mkdir(path, 0750) != 0 && errno != EEXIST) {
        tg_say_errno("cannot make %s", path);
        return TG_ERR_UNAVAILABLE;
    }
    snprintf(marker, sizeof(marker), "%s/tollgate.data", path);
    if (access(marker, F_OK) == 0)
        return TG_OK;
    tg_err_t err = tg_file_write(marker, TG_STR("tollgate data directory\n"), 0600);
    if (err)
        tg_say_errno("cannot write %s", marker);
    return err;
}

/* As root, what is put into somebody's directory is theirs. */
static tg_err_t directory_give(const char *path) {
    struct stat owner;
    struct dirent *e;
    int failed = 0;
    DIR *d = geteuid() == 0 ? opendir(path) : NULL;
    if (!d)
        return TG_OK;
    failed = fstat(dirfd(d), &owner);
    while (!failed && (e = readdir(d)) != NULL)
        if (e->d_type == DT_REG)
            failed = fchownat(dirfd(d), e->d_name, owner.st_uid, owner.st_gid, AT_SYMLINK_NOFOLLOW);
    if (failed)
        tg_say_errno("cannot give away what is in %s", path);
    closedir(d);
    return failed ? TG_ERR_UNAVAILABLE : TG_OK;
}

static tg_err_t idle(const char *uri, bool force) {
    tg_fault_t fault = {.field = ""};
    tg_err_t err = tg_move_idle(tg_str(uri), &fault);
    if (err == TG_ERR_CONFLICT && force) {
        tg_say("%s; going on all the same", fault.text);
        return TG_OK;
    }
    if (err == TG_ERR_CONFLICT)
        tg_say("%s: stop the planes first (or --force)", fault.text);
    else if (err)
        tg_say("%s", fault.text[0] ? fault.text : tg_err_name(err));
    return err;
}

/* ---- moving ---- */

static tg_err_t move(tg_move_end_t *from, tg_move_end_t *to, const tg_move_options_t *o, tg_fault_t *fault) {
    tg_arena_t arena;
    tg_move_sum_t *sums;
    size_t n;
    tg_arena_init(&arena, 16u << 20);
    tg_err_t err = tg_move_copy(from, to, o, fault);
    if (!err)
        err = tg_move_verify(from, to, o, &arena, &sums, &n, fault);
    tg_progress_end();
    if (!err)
        sums_print(sums, n);
    tg_arena_release(&arena);
    return err;
}

/* The URI as it may be shown. */
static bool shown(const char *uri, char out[URI_MAX]) {
    tg_buf_t b;
    tg_buf_init_fixed(&b, out, URI_MAX);
    tg_store_uri_write(tg_str(uri), &b);
    tg_buf_putc(&b, '\0');
    return b.err == TG_OK;
}

static tg_err_t migrate(const char *from_uri, const char *to_uri, const char *source, tg_fault_t *fault) {
    tg_move_end_t from, to;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    const tg_move_options_t options = {
        .from = tg_str(source), .now = (tg_ms_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000, .progress = progress};
    tg_err_t err = tg_move_open(tg_str(from_uri), false, &from, fault);
    if (err)
        return err;
    const char *directory = directory_of(to_uri);
    err = directory ? directory_make(directory) : TG_OK;
    if (!err)
        err = tg_move_open(tg_str(to_uri), true, &to, fault);
    if (!err) {
        err = move(&from, &to, &options, fault);
        tg_move_close(&to);
    }
    tg_move_close(&from);
    return err || !directory ? err : directory_give(directory);
}

int tg_migrate(const tg_args_t *a) {
    const char *from = a->value[TG_FLAG_FROM_STORE], *to = a->value[TG_FLAG_TO_STORE];
    const bool force = a->value[TG_FLAG_FORCE] != NULL;
    char source[URI_MAX], target[URI_MAX];
    tg_fault_t fault = {.field = ""};
    if (!from || !*from || !to || !*to) {
        tg_say(from && *from ? "where to? Say --to URI" : "from where? Say --from URI");
        return TG_EXIT_USAGE;
    }
    if (!shown(from, source) || !shown(to, target) || strcmp(from, to) == 0) {
        tg_say(strcmp(from, to) == 0 ? "--from and --to are the same store" : "a URI is too long");
        return TG_EXIT_USAGE;
    }
    umask(077);
    if (idle(from, force) || idle(to, force))
        return TG_EXIT_FAILED;
    tg_err_t err = migrate(from, to, source, &fault);
    if (err)
        tg_say("%s", fault.text[0] ? fault.text : tg_err_name(err));
    else
        switch_over_print(target);
    return tg_exit_of(err);
}
