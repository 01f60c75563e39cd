/*
 * A schema in PostgreSQL and how it came to be: numbered steps, embedded from migrations/postgres at build
 * (scripts/embed-sql). Its version stands in the table schema_version of the schema.
 */
#ifndef TG_STORE_POSTGRES_MIGRATE_H
#define TG_STORE_POSTGRES_MIGRATE_H

#include <stddef.h>

typedef struct {
    int version; /* 1, 2, ... */
    const char *name;
    const char *sql;
} tg_postgres_step_t;

typedef struct {
    const char *name; /* of the schema: "tollgate" */
    const tg_postgres_step_t *steps;
    size_t n; /* the last one makes the newest version */
} tg_pg_schema_t;

extern const tg_postgres_step_t tg_postgres_config_steps[];
extern const size_t tg_postgres_config_steps_n;
extern const tg_postgres_step_t tg_postgres_tokens_steps[];
extern const size_t tg_postgres_tokens_steps_n;
extern const char tg_postgres_tokens_bucket[]; /* "$T" stands for the table's name */

/* Advisory locks of ours are (TG_PG_LOCKS, one of these). */
#define TG_PG_LOCKS          "5523271" /* "TGG" */
#define TG_PG_LOCK_MIGRATION "1"
#define TG_PG_LOCK_BUCKETS   "2"
#define TG_PG_LOCK_TIDY      "3"

#endif
