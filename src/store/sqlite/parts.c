#include "store/parts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/sqlite/db.h"

#define PAGES_A_STEP 1024

/* The numbers are those that config.c, tokens.c and tokens_request.c write. */
static const struct {
    const char *name;
    int32_t application_id;
    const tg_sqlite_step_t *steps;
    int newest;
} parts[] = {
    {"config", 0x54476366, tg_sqlite_config_steps, TG_SCHEMA_CONFIG},
    {"tokens", 0x5447746b, tg_sqlite_tokens_steps, TG_SCHEMA_TOKENS},
    {"requests", 0x54477271, tg_sqlite_requests_steps, TG_SCHEMA_REQUESTS},
};
#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

const char *tg_store_part(size_t i) {
    return i < N_PARTS ? parts[i].name : NULL;
}

static size_t part_find(const char *name) {
    size_t i = 0;
    while (i < N_PARTS && strcmp(parts[i].name, name) != 0) {
        i++;
    }
    return i;
}

int tg_store_part_schema(const char *part) {
    size_t i = part_find(part);
    return i < N_PARTS ? parts[i].newest : 0;
}

static tg_err_t version_read(sqlite3 *db, size_t i, int *version, tg_fault_t *fault) {
    size_t n = i == 0 ? tg_sqlite_config_steps_n : i == 1 ? tg_sqlite_tokens_steps_n : tg_sqlite_requests_steps_n;
    const tg_sqlite_schema_t schema = {
        .what = parts[i].name, .application_id = parts[i].application_id, .steps = parts[i].steps, .n = n};
    tg_err_t err = tg_sqlite_version(db, &schema, version, fault);
    if (err == TG_OK && *version == 0) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "%s.db is empty", parts[i].name);
    }
    return err;
}

static tg_err_t file_open(const char *path, int flags, sqlite3 **db, tg_fault_t *fault) {
    int rc = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK) {
        return tg_sqlite_fault(*db, rc, fault);
    }
    sqlite3_busy_timeout(*db, 5000);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return TG_OK;
}

/* ---- copying ---- */

/* The source is held in one read view meanwhile, so that what is written to it neither changes the copy nor makes it
 * begin again. */
static tg_err_t pages_copy(sqlite3 *from, sqlite3 *to, tg_store_progress_fn progress, void *arg, tg_fault_t *fault) {
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    if (copy == NULL) {
        return tg_sqlite_fault(to, sqlite3_errcode(to), fault);
    }
    int rc;
    do {
        rc = sqlite3_backup_step(copy, PAGES_A_STEP);
        int all = sqlite3_backup_pagecount(copy);
        progress(arg, all - sqlite3_backup_remaining(copy), all);
    } while (rc == SQLITE_OK);
    sqlite3_backup_finish(copy);
    return rc == SQLITE_DONE ? TG_OK : tg_sqlite_fault(to, rc, fault);
}

static tg_err_t view_begin(sqlite3 *db, tg_fault_t *fault) {
    int rc = sqlite3_exec(db, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    return rc == SQLITE_OK ? TG_OK : tg_sqlite_fault(db, rc, fault);
}

/* The copy stands by itself: no log beside it. */
static tg_err_t target_settle(sqlite3 *db, tg_fault_t *fault) {
    int rc = sqlite3_exec(db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    return rc == SQLITE_OK ? TG_OK : tg_sqlite_fault(db, rc, fault);
}

static tg_err_t source_path(tg_str_t uri, const char *part, char *out, size_t cap, tg_fault_t *fault) {
    struct stat st;
    if (!tg_str_starts(uri, TG_STR("sqlite:"))) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "only a store on disk (sqlite:DIR) has files to copy");
    }
    if (snprintf(out, cap, "%.*s/%s.db", (int)(uri.n - 7), uri.p + 7, part) >= (int)cap) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "the directory's name is too long");
    }
    if (stat(out, &st) == 0) {
        return TG_OK;
    }
    return tg_fault(fault, errno == ENOENT ? TG_ERR_NOTFOUND : TG_ERR_UNAVAILABLE, "store", "%s: %s", out,
                    strerrordesc_np(errno));
}

tg_err_t tg_store_part_copy(tg_str_t uri, const char *part, const char *to, tg_store_progress_fn progress, void *arg,
                            int *version, tg_fault_t *fault) {
    char path[PATH_MAX];
    sqlite3 *from = NULL, *target = NULL;
    size_t i = part_find(part);
    if (i == N_PARTS) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "a store has no part \"%s\"", part);
    }
    tg_err_t err = source_path(uri, part, path, sizeof(path), fault);
    if (err == TG_OK) {
        err = file_open(path, SQLITE_OPEN_READWRITE, &from, fault);
    }
    if (err == TG_OK) {
        err = version_read(from, i, version, fault);
    }
    if (err == TG_OK) {
        err = view_begin(from, fault);
    }
    if (err == TG_OK) {
        err = file_open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &target, fault);
    }
    if (err == TG_OK) {
        err = pages_copy(from, target, progress, arg, fault);
    }
    if (err == TG_OK) {
        err = target_settle(target, fault);
    }
    sqlite3_close(target);
    sqlite3_close(from);
    return err;
}

/* ---- checking ---- */

static tg_err_t integrity_check(sqlite3 *db, const char *path, tg_fault_t *fault) {
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
    if (rc != SQLITE_OK) {
        return tg_sqlite_fault(db, rc, fault);
    }
    rc = sqlite3_step(st);
    bool sound = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
    sqlite3_finalize(st);
    return sound ? TG_OK : tg_fault(fault, TG_ERR_INVALID, "store", "%s is damaged", path);
}

tg_err_t tg_store_part_check(const char *path, const char *part, int *version, tg_fault_t *fault) {
    sqlite3 *db = NULL;
    size_t i = part_find(part);
    if (i == N_PARTS) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "a store has no part \"%s\"", part);
    }
    tg_err_t err = file_open(path, SQLITE_OPEN_READONLY, &db, fault);
    if (err == TG_OK) {
        err = version_read(db, i, version, fault);
    }
    if (err == TG_OK) {
        err = integrity_check(db, path, fault);
    }
    sqlite3_close(db);
    return err;
}
