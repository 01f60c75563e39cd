#include "cli/backup_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/json.h"
#include "cli/say.h"
#include "store/parts.h"

#define HEADER_MAX 65536
#define BLOCK      (256 * 1024)
#define PARTS_MAX  16

/* ---- sums ---- */

static EVP_MD_CTX *sum_begin(void) {
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    if (sum && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1)
        return sum;
    EVP_MD_CTX_free(sum);
    return NULL;
}

static bool sum_end(EVP_MD_CTX *sum, char out[65]) {
    uint8_t bytes[32];
    bool ok = EVP_DigestFinal_ex(sum, bytes, NULL) == 1;
    EVP_MD_CTX_free(sum);
    if (ok)
        out[tg_hex_encode(tg_strn(bytes, sizeof(bytes)), out)] = '\0';
    return ok;
}

tg_err_t tg_archive_sum(const char *path, long long *size, char out[65]) {
    static char block[BLOCK];
    EVP_MD_CTX *sum = sum_begin();
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = 0;
    bool ok = sum && fd >= 0;
    *size = 0;
    while (ok && (n = read(fd, block, sizeof(block))) > 0) {
        ok = EVP_DigestUpdate(sum, block, (size_t)n) == 1;
        *size += n;
    }
    ok = ok && n == 0;
    if (!ok)
        tg_say_errno("cannot read %s", path);
    if (fd >= 0)
        close(fd);
    if (sum)
        ok = sum_end(sum, out) && ok;
    return ok ? TG_OK : TG_ERR_UNAVAILABLE;
}

/* ---- writing ---- */

static bool entry_begin(struct archive *a, const char *name, long long size, time_t at) {
    struct archive_entry *e = archive_entry_new();
    if (!e)
        return false;
    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, size);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0600);
    archive_entry_set_mtime(e, at, 0);
    bool ok = archive_write_header(a, e) == ARCHIVE_OK;
    archive_entry_free(e);
    return ok;
}

static bool file_put(struct archive *a, const char *folder, const json_t *part, time_t at,
                     tg_archive_progress_fn progress) {
    static char block[BLOCK];
    char path[PATH_MAX];
    const char *name = json_string_value(json_object_get(part, "name"));
    long long size = json_integer_value(json_object_get(part, "size")), done = 0;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && entry_begin(a, name, size, at);
    for (ssize_t n; ok && (n = read(fd, block, sizeof(block))) > 0; done += n) {
        ok = archive_write_data(a, block, (size_t)n) == n;
        progress(name, done + n, size);
    }
    if (fd >= 0)
        close(fd);
    return ok && done == size;
}

static bool parts_put(struct archive *a, const char *folder, const json_t *header, tg_archive_progress_fn progress) {
    json_t *part;
    size_t i;
    time_t at = time(NULL);
    char *text = json_dumps(header, JSON_INDENT(1));
    bool ok = text && entry_begin(a, TG_ARCHIVE_HEADER, (long long)strlen(text), at) &&
              archive_write_data(a, text, strlen(text)) == (la_ssize_t)strlen(text);
    json_array_foreach(json_object_get(header, "parts"), i, part) {
        ok = ok && file_put(a, folder, part, at, progress);
    }
    free(text);
    return ok;
}

static bool archive_put(int fd, const char *folder, const json_t *header, tg_archive_progress_fn progress) {
    struct archive *a = archive_write_new();
    bool ok = a && archive_write_set_format_pax_restricted(a) == ARCHIVE_OK &&
              archive_write_open_fd(a, fd) == ARCHIVE_OK && parts_put(a, folder, header, progress);
    if (a && !ok && archive_errno(a))
        errno = archive_errno(a);
    ok = ok && archive_write_close(a) == ARCHIVE_OK;
    archive_write_free(a);
    return ok && fsync(fd) == 0;
}

static bool folder_sync(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

tg_err_t tg_archive_write(const char *path, const char *folder, const json_t *header, tg_archive_progress_fn progress) {
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary)) {
        tg_say("%s: the name is too long", path);
        return TG_ERR_INVALID;
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    bool ok = fd >= 0 && archive_put(fd, folder, header, progress);
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0 && folder_sync(path);
    if (ok)
        return TG_OK;
    tg_say_errno("cannot write %s", path);
    if (fd >= 0)
        unlink(temporary);
    return TG_ERR_UNAVAILABLE;
}

/* ---- reading ---- */

typedef struct {
    const char *path, *folder, *prefix, *only;
    struct archive *a;
    json_t *header;
    bool seen[PARTS_MAX]; /* by the header's list */
    tg_archive_progress_fn progress;
} reader_t;

static tg_err_t refuse(const reader_t *r, const char *why) {
    tg_say("%s: %s", r->path, why);
    return TG_ERR_INVALID;
}

static bool is_part_name(tg_str_t name) {
    for (size_t i = 0; tg_store_part(i); i++) {
        tg_str_t part = tg_str(tg_store_part(i));
        if (name.n == part.n + 3 && tg_str_starts(name, part) && tg_str_ends(name, TG_STR(".db")))
            return true;
    }
    return tg_str_eq(name, TG_STR("master.key"));
}

static tg_err_t parts_check(const reader_t *r, const json_t *parts) {
    json_t *part;
    size_t i;
    if (!json_is_array(parts) || json_array_size(parts) == 0 || json_array_size(parts) > PARTS_MAX)
        return refuse(r, "its header names no parts");
    json_array_foreach(parts, i, part) {
        int64_t size;
        tg_str_t name = tg_json_str(part, "name");
        if (!is_part_name(name) || tg_json_str(part, "sha256").n != 64 || !tg_json_int(part, "size", &size) || size < 0)
            return refuse(r, "its header names a part that is none of a backup");
        for (size_t k = 0; k < i; k++)
            if (tg_str_eq(name, tg_json_str(json_array_get(parts, k), "name")))
                return refuse(r, "its header names a part twice");
    }
    return TG_OK;
}

static tg_err_t header_read(reader_t *r) {
    struct archive_entry *e;
    char text[HEADER_MAX];
    int64_t format = 0;
    if (archive_read_next_header(r->a, &e) != ARCHIVE_OK || !archive_entry_pathname(e) ||
        strcmp(archive_entry_pathname(e), TG_ARCHIVE_HEADER) != 0 || archive_entry_size(e) > HEADER_MAX)
        return refuse(r, "is no backup of Tollgate");
    la_ssize_t n = archive_read_data(r->a, text, sizeof(text));
    if (n < 0 || tg_json_parse(tg_strn(text, (size_t)n), HEADER_MAX, 8, &r->header, NULL))
        return refuse(r, "its header is damaged");
    tg_json_int(r->header, "tollgateBackup", &format);
    if (format != TG_ARCHIVE_FORMAT) {
        tg_say("%s: is a backup of format %lld; this release reads format %d", r->path, (long long)format,
               TG_ARCHIVE_FORMAT);
        return TG_ERR_INVALID;
    }
    return parts_check(r, json_object_get(r->header, "parts"));
}

/* The entry's bytes to fd (-1: nowhere), at most as many as it should have, and their sum. */
static tg_err_t bytes_take(reader_t *r, const char *name, long long size, int fd, char sum_text[65]) {
    static char block[BLOCK];
    EVP_MD_CTX *sum = sum_begin();
    long long done = 0;
    la_ssize_t n = 0;
    bool ok = sum != NULL;
    while (ok && (n = archive_read_data(r->a, block, sizeof(block))) > 0) {
        done += n;
        ok = done <= size && EVP_DigestUpdate(sum, block, (size_t)n) == 1;
        if (ok && fd >= 0 && write(fd, block, (size_t)n) != n) {
            tg_say_errno("cannot write into %s", r->folder);
            EVP_MD_CTX_free(sum);
            return TG_ERR_UNAVAILABLE;
        }
        r->progress(name, done, size);
    }
    ok = sum && sum_end(sum, sum_text) && ok;
    return ok && n == 0 && done == size ? TG_OK : refuse(r, "is damaged: a part is cut off, or too long");
}

static tg_err_t part_take(reader_t *r, const json_t *part) {
    char path[PATH_MAX], sum[65] = "";
    const char *name = json_string_value(json_object_get(part, "name"));
    bool wanted = !r->only || strcmp(r->only, name) == 0;
    int fd = -1;
    if (wanted) {
        snprintf(path, sizeof(path), "%s/%s%s", r->folder, r->prefix, name);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0) {
            tg_say_errno("cannot write %s", path);
            return TG_ERR_UNAVAILABLE;
        }
    }
    tg_err_t err = bytes_take(r, name, json_integer_value(json_object_get(part, "size")), fd, sum);
    if (!err && strcmp(sum, json_string_value(json_object_get(part, "sha256"))) != 0) {
        tg_say("%s: %s is damaged: its sum is wrong", r->path, name);
        err = TG_ERR_INVALID;
    }
    if (fd >= 0 && (fsync(fd) != 0 || close(fd) != 0) && !err) {
        tg_say_errno("cannot write %s", path);
        err = TG_ERR_UNAVAILABLE;
    }
    return err;
}

static tg_err_t entry_take(reader_t *r, struct archive_entry *e) {
    json_t *parts = json_object_get(r->header, "parts"), *part;
    tg_str_t name = tg_str(archive_entry_pathname(e));
    size_t i;
    json_array_foreach(parts, i, part) {
        if (!tg_str_eq(name, tg_json_str(part, "name")))
            continue;
        if (r->seen[i] || archive_entry_filetype(e) != AE_IFREG)
            return refuse(r, "is damaged: a part stands twice, or is no file");
        r->seen[i] = true;
        return part_take(r, part);
    }
    return refuse(r, "holds a file that its header does not name");
}

static tg_err_t entries_read(reader_t *r) {
    struct archive_entry *e;
    tg_err_t err = header_read(r);
    int rc = ARCHIVE_OK;
    while (!err && (rc = archive_read_next_header(r->a, &e)) == ARCHIVE_OK)
        err = entry_take(r, e);
    if (!err && rc != ARCHIVE_EOF)
        err = refuse(r, "is damaged, or cut off");
    for (size_t i = 0; !err && i < json_array_size(json_object_get(r->header, "parts")); i++)
        if (!r->seen[i])
            err = refuse(r, "is cut off: a part is missing");
    return err;
}

tg_err_t tg_archive_read(const char *path, const char *folder, const char *prefix, const char *only, json_t **header,
                         tg_archive_progress_fn progress) {
    reader_t r = {
        .path = path, .folder = folder, .prefix = prefix, .only = only, .a = archive_read_new(), .progress = progress};
    tg_err_t err = TG_OK;
    *header = NULL;
    if (!r.a || archive_read_support_format_tar(r.a) != ARCHIVE_OK)
        err = TG_ERR_NOMEM;
    else if (archive_read_open_filename(r.a, path, BLOCK) != ARCHIVE_OK) {
        errno = archive_errno(r.a);
        if (access(path, R_OK) != 0)
            tg_say_errno("cannot read %s", path);
        else
            tg_say("%s: is no backup of Tollgate", path);
        err = TG_ERR_INVALID;
    } else
        err = entries_read(&r);
    archive_read_free(r.a);
    if (err) {
        json_decref(r.header);
        r.header = NULL;
    }
    *header = r.header;
    return err;
}
