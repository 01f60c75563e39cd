/*
 * The schema of a SQLite file and how it came to be: numbered steps, embedded from migrations/sqlite at build
 * (scripts/embed-sql). The file's version is PRAGMA user_version; PRAGMA application_id says that it is ours.
 */
#ifndef TG_STORE_SQLITE_MIGRATE_H
#define TG_STORE_SQLITE_MIGRATE_H

#include <sqlite3.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

typedef struct {
    int version; /* 1, 2, ... */
    const char *name;
    const char *sql;
    const char *bucket_sql; /* NULL, or what it does after that to each table of token records ("$T") */
} tg_sqlite_step_t;

typedef struct {
    const char *what; /* "config": DIR/config.db */
    int32_t application_id;
    int page_size;
    const char *pragmas; /* run on each new connection */
    bool sync_normal;    /* a commit waits for no disk: it can be lost with the machine, not with the process */
    const tg_sqlite_step_t *steps;
    size_t n; /* the last one makes the newest version */
} tg_sqlite_schema_t;

extern const tg_sqlite_step_t tg_sqlite_config_steps[];
extern const size_t tg_sqlite_config_steps_n;
extern const tg_sqlite_step_t tg_sqlite_tokens_steps[];
extern const size_t tg_sqlite_tokens_steps_n;
extern const tg_sqlite_step_t tg_sqlite_requests_steps[];
extern const size_t tg_sqlite_requests_steps_n;
extern const char tg_sqlite_tokens_bucket[]; /* "$T" stands for the table's name */

/* Puts the table's name for each "$T" of `sql`, and a NUL behind it. */
void tg_sqlite_table_sql(tg_buf_t *out, const char *sql, const char *table);

/* What is there: *version 0 is an empty file. TG_ERR_INVALID: another program's database, or a newer version (*fault
 * names both). Reads only. */
tg_err_t tg_sqlite_version(sqlite3 *db, const tg_sqlite_schema_t *schema, int *version,
                           tg_fault_t *fault) TG_MUST_CHECK;
/* Brings the file to the newest version, all steps in one transaction: on failure nothing is changed. The caller holds
 * the writer lock. */
tg_err_t tg_sqlite_migrate(sqlite3 *db, const tg_sqlite_schema_t *schema, tg_fault_t *fault) TG_MUST_CHECK;

#endif
