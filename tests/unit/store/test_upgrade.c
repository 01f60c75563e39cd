/* From each schema version that there was: every row of every table is there behind the upgrade, as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/sqlite/migrate.h"
#include "store/store.h"

#define TABLES_MAX 64
#define ROWS       2

typedef struct {
    const char *what; /* the file is <what>.db */
    const tg_sqlite_step_t *steps;
    const size_t *n;
} file_t;

static const file_t files[] = {{"config", tg_sqlite_config_steps, &tg_sqlite_config_steps_n},
                               {"tokens", tg_sqlite_tokens_steps, &tg_sqlite_tokens_steps_n},
                               {"requests", tg_sqlite_requests_steps, &tg_sqlite_requests_steps_n}};

typedef struct {
    char name[128];
    char select[4096]; /* all columns of the old version */
    char *rows;
} table_t;

typedef struct {
    char dir[64], path[96];
    table_t tables[TABLES_MAX];
    size_t n;
} place_t;

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static sqlite3 *db_open(const char *path) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static void run(sqlite3 *db, const char *text) {
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", text, message);
    }
}

/* The first column of the first row; the caller frees. */
static char *text_of(sqlite3 *db, const char *query) {
    sqlite3_stmt *st;
    if (sqlite3_prepare_v2(db, query, -1, &st, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", query, sqlite3_errmsg(db));
    }
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(st, 0);
    char *copy = strdup(text != NULL ? text : "");
    sqlite3_finalize(st);
    return copy;
}

static void store_make(const place_t *p) {
    char uri[128];
    tg_config_store_t *config;
    tg_token_store_t *tokens;
    tg_fault_t fault = {.field = ""};
    const tg_store_options_t options = {.create = true, .busy_ms = 5000};
    snprintf(uri, sizeof(uri), "sqlite:%s", p->dir);
    if (tg_config_store_open(tg_str(uri), &options, &config, &fault) != TG_OK ||
        tg_token_store_open(tg_str(uri), &options, &tokens, &fault) != TG_OK) {
        fail_msg("%s", fault.text);
    }
    config->ops->close(config);
    tokens->ops->close(tokens);
}

/* The file as the release of that version made it. */
static void old_make(const place_t *p, const file_t *f, size_t version) {
    char *application;
    sqlite3 *db = db_open(p->path);
    application = text_of(db, "PRAGMA application_id");
    sqlite3_close(db);
    assert_int_equal(remove(p->path), 0);
    const tg_sqlite_schema_t schema = {.what = f->what,
                                       .application_id = atoi(application),
                                       .page_size = 4096,
                                       .pragmas = "",
                                       .steps = f->steps,
                                       .n = version};
    tg_fault_t fault = {.field = ""};
    db = db_open(p->path);
    assert_int_equal(tg_sqlite_migrate(db, &schema, &fault), TG_OK);
    sqlite3_close(db);
    free(application);
}

/* Numbers are the number of the row, so that references meet; texts are JSON, bytes are as long as a hash. */
static void table_fill(sqlite3 *db, const char *name) {
    char query[512], insert[8192];
    for (int row = 1; row <= ROWS; row++) {
        snprintf(
            query, sizeof(query),
            "SELECT group_concat(CASE WHEN type LIKE 'INT%%' THEN '%d' WHEN type LIKE 'TEXT%%' THEN"
            " '''{\"n\":%d}''' ELSE 'CAST(printf(''%%032d'', %d) AS BLOB)' END, ', ') FROM pragma_table_info('%s')",
            row, row, row, name);
        char *values = text_of(db, query);
        snprintf(insert, sizeof(insert), "INSERT OR REPLACE INTO \"%s\" VALUES (%s)", name, values);
        run(db, insert);
        free(values);
    }
}

static void table_note(sqlite3 *db, table_t *t) {
    char query[512];
    snprintf(query, sizeof(query),
             "SELECT group_concat('quote(\"' || name || '\")', '||'',''||') FROM pragma_table_info('%s')", t->name);
    char *columns = text_of(db, query);
    snprintf(t->select, sizeof(t->select),
             "SELECT group_concat(line, ';') FROM (SELECT %s AS line FROM \"%s\" ORDER BY 1)", columns, t->name);
    free(columns);
    t->rows = text_of(db, t->select);
}

static void tables_fill(place_t *p) {
    sqlite3 *db = db_open(p->path);
    sqlite3_stmt *st;
    p->n = 0;
    run(db, "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF");
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", -1,
                           &st, NULL),
        SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        assert_true(p->n < TABLES_MAX);
        snprintf(p->tables[p->n++].name, sizeof(p->tables[0].name), "%s", (const char *)sqlite3_column_text(st, 0));
    }
    sqlite3_finalize(st);
    for (size_t i = 0; i < p->n; i++) {
        table_fill(db, p->tables[i].name);
    }
    for (size_t i = 0; i < p->n; i++) { /* triggers may have added some */
        table_note(db, &p->tables[i]);
        assert_true(p->tables[i].rows[0] != '\0');
    }
    sqlite3_close(db);
}

static void tables_check(place_t *p, size_t version) {
    sqlite3 *db = db_open(p->path);
    for (size_t i = 0; i < p->n; i++) {
        char *now = text_of(db, p->tables[i].select);
        if (strcmp(now, p->tables[i].rows) != 0) {
            fail_msg("of version %zu, %s was:\n%s\nand is:\n%s", version, p->tables[i].name, p->tables[i].rows, now);
        }
        free(now);
        free(p->tables[i].rows);
    }
    sqlite3_close(db);
}

static void version_check(const place_t *p, const file_t *f) {
    sqlite3 *db = db_open(p->path);
    char *version = text_of(db, "PRAGMA user_version");
    assert_int_equal(atoi(version), f->steps[*f->n - 1].version);
    free(version);
    sqlite3_close(db);
}

static void one_upgrade(const file_t *f, size_t version) {
    place_t *p = calloc(1, sizeof(*p));
    snprintf(p->dir, sizeof(p->dir), "/tmp/tg-upgrade-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof(p->path), "%s/%s.db", p->dir, f->what);
    store_make(p);
    if (access(p->path, F_OK) == 0) { /* requests.db comes with its first row */
        old_make(p, f, version);
        tables_fill(p);
        store_make(p);
        version_check(p, f);
        tables_check(p, version);
    }
    nftw(p->dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(p);
}

static void every_row_of_every_version_is_kept(void **state) {
    size_t upgrades = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        for (size_t version = 1; version < *files[i].n; version++, upgrades++) {
            one_upgrade(&files[i], version);
        }
    }
    assert_true(upgrades >= 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_of_every_version_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
