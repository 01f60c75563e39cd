/* `backup` and `restore`. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/backup_file.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/say.h"
#include "cli/scratch.h"
#include "cli/terminal.h"
#include "store/parts.h"

#define MASTER        "master.key"
#define MARKER        "tollgate.data"
#define RESTORE       ".restore-"
#define MASTER_MAX    16384
#define PART_PATH_MAX (PATH_MAX + 64)

static void archive_progress(const char *name, long long done, long long all) {
    tg_progress("%s: %lld of %lld MiB", name, done >> 20, all >> 20);
}

static void copy_progress(void *arg, int done, int all) {
    tg_progress("copying %s: %d%%", (const char *)arg, all > 0 ? (int)(100.0 * done / all) : 0);
}

/* ---- backup ---- */

static json_t *header_make(void) {
    char mem[32];
    tg_buf_t at;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    tg_buf_init_fixed(&at, mem, sizeof(mem));
    tg_buf_put_iso8601(&at, (tg_ms_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return json_pack("{s:i,s:s,s:s%,s:[]}", "tollgateBackup", TG_ARCHIVE_FORMAT, "release", TG_VERSION, "createdAt",
                     at.p, at.n, "parts");
}

static tg_err_t part_note(json_t *header, const char *folder, const char *name, int schema) {
    char path[PART_PATH_MAX], sum[65];
    long long size;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    tg_err_t err = tg_archive_sum(path, &size, sum);
    if (err)
        return err;
    json_t *part =
        json_pack("{s:s,s:I,s:s,s:i}", "name", name, "size", (json_int_t)size, "sha256", sum, "schema", schema);
    return json_array_append_new(json_object_get(header, "parts"), part) == 0 ? TG_OK : TG_ERR_NOMEM;
}

/* The log of token requests is made with its first row: it may be missing. */
static tg_err_t part_copy(const char *data, const char *part, const char *folder, json_t *header) {
    char uri[PART_PATH_MAX], to[PART_PATH_MAX], name[32];
    int version = 0;
    tg_fault_t fault = {"", ""};
    snprintf(uri, sizeof(uri), "sqlite:%s", data);
    snprintf(name, sizeof(name), "%s.db", part);
    snprintf(to, sizeof(to), "%s/%s", folder, name);
    tg_err_t err = tg_store_part_copy(tg_str(uri), part, to, copy_progress, (void *)part, &version, &fault);
    if (err == TG_ERR_NOTFOUND && strcmp(part, "requests") == 0)
        return TG_OK;
    tg_progress_end();
    if (err) {
        tg_say("%s", fault.text);
        return err;
    }
    return part_note(header, folder, name, version);
}

static tg_err_t master_copy(const char *data, const char *folder, json_t *header) {
    char from[PART_PATH_MAX], to[PART_PATH_MAX], mem[MASTER_MAX];
    tg_buf_t text;
    snprintf(from, sizeof(from), "%s/" MASTER, data);
    snprintf(to, sizeof(to), "%s/" MASTER, folder);
    tg_buf_init_fixed(&text, mem, sizeof(mem));
    tg_err_t err = tg_file_read(from, &text);
    if (!err)
        err = tg_file_write(to, tg_buf_str(&text), 0600);
    tg_wipe(mem, sizeof(mem));
    if (err) {
        tg_say_errno("cannot copy %s", from);
        return err;
    }
    return part_note(header, folder, MASTER, 0);
}

static tg_err_t data_check(const char *data) {
    char path[PART_PATH_MAX];
    snprintf(path, sizeof(path), "%s/config.db", data);
    if (access(path, R_OK) == 0)
        return TG_OK;
    tg_say_errno("--data: %s is no data directory that can be read", data);
    return TG_ERR_INVALID;
}

static tg_err_t backup_run(const char *data, const char *out, bool with_master, json_t **header) {
    tg_scratch_t work;
    tg_err_t err = data_check(data);
    if (!err)
        err = tg_scratch_make(&work, out);
    if (err)
        return err;
    *header = header_make();
    err = *header ? TG_OK : TG_ERR_NOMEM;
    for (size_t i = 0; !err && tg_store_part(i); i++)
        err = part_copy(data, tg_store_part(i), work.path, *header);
    if (!err && with_master)
        err = master_copy(data, work.path, *header);
    if (!err)
        err = tg_archive_write(out, work.path, *header, archive_progress);
    tg_progress_end();
    tg_scratch_remove(&work);
    return err;
}

static void parts_print(const json_t *header, const char *path, const char *what) {
    json_t *part;
    size_t i;
    printf("%s %s:", path, what);
    json_array_foreach(json_object_get(header, "parts"), i, part) {
        printf("%s %s (%lld bytes)", i ? "," : "", json_string_value(json_object_get(part, "name")),
               (long long)json_integer_value(json_object_get(part, "size")));
    }
    printf("\n");
}

int tg_backup(const tg_args_t *a) {
    const char *data = a->value[TG_FLAG_DATA], *out = a->value[TG_FLAG_OUT];
    bool with_master = a->value[TG_FLAG_WITH_MASTER_KEY] != NULL;
    json_t *header = NULL;
    if (!data || !out || !*data || !*out) {
        tg_say(data ? "where to? Say -o FILE" : "of what? Say --data DIR");
        return TG_EXIT_USAGE;
    }
    umask(077);
    tg_err_t err = backup_run(data, out, with_master, &header);
    if (!err) {
        parts_print(header, out, "holds");
        printf(with_master ? "With the master key in it, it opens every signing key: keep it as you keep the key.\n"
                           : "The master key is not in it: keep a copy of it elsewhere.\n");
    }
    json_decref(header);
    return tg_exit_of(err);
}

/* ---- restore ---- */

static tg_err_t directory_empty(const char *path) {
    DIR *d = opendir(path);
    bool empty = true;
    if (!d) {
        tg_say_errno("--data: cannot open %s", path);
        return TG_ERR_UNAVAILABLE;
    }
    for (struct dirent *e; empty && (e = readdir(d));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    if (!empty)
        tg_say("--data: %s is not empty; a backup is put into an empty directory", path);
    return empty ? TG_OK : TG_ERR_CONFLICT;
}

static tg_err_t directory_make(const char *path, bool *made) {
    *made = mkdir(path, 0750) == 0;
    if (*made || errno == EEXIST)
        return directory_empty(path);
    tg_say_errno("--data: cannot make %s", path);
    return TG_ERR_UNAVAILABLE;
}

/* Sums were right; a database is checked as such too, and must not be newer than this release. */
static tg_err_t part_check(const char *data, const char *name) {
    char path[PART_PATH_MAX], part[32];
    int version;
    tg_fault_t fault = {"", ""};
    if (strcmp(name, MASTER) == 0)
        return TG_OK;
    snprintf(path, sizeof(path), "%s/" RESTORE "%s", data, name);
    snprintf(part, sizeof(part), "%.*s", (int)strcspn(name, "."), name);
    tg_progress("checking %s", name);
    tg_err_t err = tg_store_part_check(path, part, &version, &fault);
    tg_progress_end();
    if (err)
        tg_say("%s", fault.text);
    return err;
}

/* As root, what is put into somebody's directory is theirs. */
static tg_err_t part_settle(const char *data, const char *name) {
    char from[PART_PATH_MAX], to[PART_PATH_MAX];
    struct stat st;
    snprintf(from, sizeof(from), "%s/" RESTORE "%s", data, name);
    snprintf(to, sizeof(to), "%s/%s", data, name);
    if ((geteuid() != 0 || (stat(data, &st) == 0 && chown(from, st.st_uid, st.st_gid) == 0)) && rename(from, to) == 0)
        return TG_OK;
    tg_say_errno("cannot write %s", to);
    return TG_ERR_UNAVAILABLE;
}

/* Removes what a restore that failed has written, under either name. */
static void parts_remove(const char *data) {
    static const char *const names[] = {"config.db", "tokens.db", "requests.db", MASTER, MARKER};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PART_PATH_MAX];
        snprintf(path, sizeof(path), "%s/" RESTORE "%s", data, names[i]);
        unlink(path);
        snprintf(path, sizeof(path), "%s/%s", data, names[i]);
        unlink(path);
    }
}

static tg_err_t marker_write(const char *data) {
    char path[PART_PATH_MAX];
    snprintf(path, sizeof(path), "%s/" RESTORE MARKER, data);
    tg_err_t err = tg_file_write(path, TG_STR("tollgate data directory\n"), 0600);
    if (err) {
        tg_say_errno("cannot write %s", path);
        return err;
    }
    return part_settle(data, MARKER);
}

static tg_err_t restore_run(const char *file, const char *data, json_t **header) {
    json_t *part;
    size_t i;
    tg_err_t err = tg_archive_read(file, data, RESTORE, NULL, header, archive_progress);
    tg_progress_end();
    json_array_foreach(json_object_get(*header, "parts"), i, part) {
        err = err ? err : part_check(data, json_string_value(json_object_get(part, "name")));
    }
    json_array_foreach(json_object_get(*header, "parts"), i, part) {
        err = err ? err : part_settle(data, json_string_value(json_object_get(part, "name")));
    }
    return err ? err : marker_write(data);
}

int tg_restore(const tg_args_t *a) {
    const char *data = a->value[TG_FLAG_DATA];
    char master[PART_PATH_MAX];
    json_t *header = NULL;
    if (!data || !*data) {
        tg_say("where to? Say --data DIR");
        return TG_EXIT_USAGE;
    }
    bool made;
    umask(077);
    tg_err_t err = directory_make(data, &made);
    if (err)
        return TG_EXIT_FAILED;
    err = restore_run(a->operands[0], data, &header);
    if (err) {
        parts_remove(data);
        if (made)
            rmdir(data);
    } else {
        parts_print(header, data, "holds");
        snprintf(master, sizeof(master), "%s/" MASTER, data);
        if (access(master, F_OK) != 0)
            printf("The master key is not in the backup: put it at %s (mode 0600) before you start.\n", master);
    }
    json_decref(header);
    return tg_exit_of(err);
}
