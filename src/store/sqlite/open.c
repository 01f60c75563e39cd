#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/db.h"

#define BUSY_DEFAULT_MS 5000

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* Handles share nothing: without the library's memory statistics their threads do not meet at a mutex in each malloc.
 * Too late, and without effect, when something else in the process has used SQLite before. */
static void library_init(void) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static tg_err_t unavailable(tg_fault_t *fault, const char *path) {
    return tg_fault(fault, errno == ENOMEM ? TG_ERR_NOMEM : TG_ERR_UNAVAILABLE, "store", "%s: %s", path,
                    strerrordesc_np(errno));
}

/* Makes an empty file of mode 0600 under its final name at once: opened and closed under that name it would drop the
 * locks that another thread's SQLite holds on it. */
static tg_err_t file_make(const char *path, tg_fault_t *fault) {
    char draft[PATH_MAX + 32];
    snprintf(draft, sizeof(draft), "%s.%ld.new", path, (long)gettid());
    int fd = open(draft, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return unavailable(fault, path);
    }
    close(fd);
    tg_err_t err = TG_OK;
    if (link(draft, path) != 0 && errno != EEXIST) {
        err = unavailable(fault, path);
    }
    unlink(draft);
    return err;
}

static tg_err_t file_find(const char *dir, const char *path, bool create, tg_fault_t *fault) {
    struct stat st;
    if (stat(path, &st) == 0) {
        return TG_OK;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        return unavailable(fault, path);
    }
    if (!create) {
        return tg_fault(fault, TG_ERR_NOTFOUND, "store", "%s is not there", path);
    }
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return unavailable(fault, dir);
    }
    return file_make(path, fault);
}

static tg_err_t connect_to(tg_sqlite_t *q, const char *path, const char *pragmas, const char *sync, tg_fault_t *fault) {
    int rc = sqlite3_open_v2(path, &q->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(q->db, q->busy_ms);
        sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(q->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        rc = sqlite3_exec(q->db, "PRAGMA foreign_keys=ON", NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(q->db, pragmas, NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(q->db, sync, NULL, NULL, NULL);
    }
    return rc == SQLITE_OK ? TG_OK : tg_sqlite_fault(q->db, rc, fault);
}

static const char *sync_of(const tg_sqlite_schema_t *schema, const tg_store_options_t *options) {
    if (options->batch_sync_off) {
        return "PRAGMA synchronous=OFF";
    }
    return schema->sync_normal ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL";
}

static tg_err_t migrate(tg_sqlite_t *q, const tg_sqlite_schema_t *schema, tg_fault_t *fault) {
    tg_err_t err = tg_filelock_take(&q->lock, q->busy_ms);
    if (err == TG_ERR_AGAIN) {
        return tg_fault(fault, TG_ERR_UNAVAILABLE, "store", "%s.db: another process is writing", schema->what);
    }
    if (err != TG_OK) {
        return unavailable(fault, q->lock.path);
    }
    err = tg_sqlite_migrate(q->db, schema, fault);
    tg_filelock_drop(&q->lock);
    return err;
}

static bool in_wal_mode(sqlite3 *db) {
    sqlite3_stmt *st;
    bool wal = false;
    if (sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &st, NULL) == SQLITE_OK) {
        wal = sqlite3_step(st) == SQLITE_ROW && sqlite3_stricmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
        sqlite3_finalize(st);
    }
    return wal;
}

/* A file that was put back from a dump has lost the mode. Readers of one that may not be written go on without. */
static void wal_ensure(tg_sqlite_t *q) {
    if (!in_wal_mode(q->db) && tg_filelock_take(&q->lock, q->busy_ms) == TG_OK) {
        sqlite3_exec(q->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
        tg_filelock_drop(&q->lock);
    }
}

static tg_err_t schema_settle(tg_sqlite_t *q, const tg_sqlite_schema_t *schema, bool create, tg_fault_t *fault) {
    int version;
    int newest = schema->steps[schema->n - 1].version;
    tg_err_t err = tg_sqlite_version(q->db, schema, &version, fault);
    if (err == TG_OK && version != newest && create) {
        err = migrate(q, schema, fault);
        version = newest;
    }
    if (err != TG_OK) {
        return err;
    }
    if (version == 0) {
        return tg_fault(fault, TG_ERR_NOTFOUND, "store", "%s.db is empty", schema->what);
    }
    if (version != newest) {
        return tg_fault(fault, TG_ERR_INVALID, "store",
                        "%s.db has schema version %d, this release needs %d: the manager upgrades it", schema->what,
                        version, newest);
    }
    wal_ensure(q);
    return TG_OK;
}

tg_err_t tg_sqlite_open(tg_sqlite_t *q, tg_str_t dir, const tg_sqlite_schema_t *schema,
                        const tg_store_options_t *options, tg_fault_t *fault) {
    char where[PATH_MAX], path[PATH_MAX], lock[PATH_MAX];
    *q = (tg_sqlite_t){.busy_ms = options->busy_ms > 0 ? options->busy_ms : BUSY_DEFAULT_MS, .lock = {.fd = -1}};
    pthread_once(&library_once, library_init);
    if (dir.n + 64 > PATH_MAX || memchr(dir.p, 0, dir.n) != NULL) {
        return tg_fault(fault, TG_ERR_INVALID, "store", "the directory's name is too long");
    }
    snprintf(where, sizeof(where), "%.*s", TG_STR_ARGS(dir));
    snprintf(path, sizeof(path), "%.*s/%s.db", TG_STR_ARGS(dir), schema->what);
    snprintf(lock, sizeof(lock), "%.*s/%s.lock", TG_STR_ARGS(dir), schema->what);
    tg_filelock_init(&q->lock, lock);
    tg_err_t err = file_find(where, path, options->create, fault);
    if (err == TG_OK) {
        err = connect_to(q, path, schema->pragmas, sync_of(schema, options), fault);
    }
    if (err == TG_OK) {
        err = schema_settle(q, schema, options->create, fault);
    }
    if (err != TG_OK) {
        tg_sqlite_close(q);
    }
    return err;
}

void tg_sqlite_close(tg_sqlite_t *q) {
    tg_sqlite_rollback(q);
    for (size_t i = 0; i < TG_SQLITE_STATEMENTS && q->statements[i].sql != NULL; i++) {
        sqlite3_finalize(q->statements[i].st);
    }
    sqlite3_close(q->db); /* a failed open leaves one as well; NULL is fine */
    tg_filelock_release(&q->lock);
    *q = (tg_sqlite_t){.lock = {.fd = -1}};
}
