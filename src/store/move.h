/*
 * Moving what a store holds into another one, of whatever backend: row by row as it stands, in the order of keys, so
 * that a move that was interrupted goes on behind the last row that is there, and can be compared afterwards. Ids,
 * versions, sealed secrets, hashes and the audit chain stay what they are. The feeds are not moved: their positions go
 * on above, so that whoever followed them starts anew. Nodes are not moved.
 */
#ifndef TG_STORE_MOVE_H
#define TG_STORE_MOVE_H

#include "store/store.h"

#define TG_MOVE_COLUMNS 25

typedef enum { TG_MOVE_CONFIG = 0, TG_MOVE_TOKENS, TG_MOVE_REQUESTS } tg_move_part_t;

typedef enum {
    TG_CELL_INT = 'i',
    TG_CELL_BOOL = 'b', /* 0 or 1 */
    TG_CELL_TEXT = 't',
    TG_CELL_BLOB = 'x'
} tg_cell_type_t;

/* A value of a row: bytes of a text or blob, else a number. */
typedef struct {
    bool null;
    bool is_bytes;
    int64_t number;
    tg_str_t bytes;
} tg_cell_t;

typedef struct {
    char name[24];
    tg_cell_type_t type;
} tg_move_column_t;

/* How a backend names and types a column; both are read from one text, see move_table.c. */
typedef enum { TG_MOVE_SQLITE = 0, TG_MOVE_POSTGRES, TG_MOVE_DIALECTS } tg_move_dialect_t;

typedef struct {
    char name[32];
    tg_move_part_t part;
    bool counted;   /* the numbers of its first column are given by a counter that never goes back */
    bool update;    /* its rows are there when it is written, and its other columns are set once more */
    bool is_bucket; /* of token records */
    tg_bucket_t bucket;
    size_t n_columns; /* 0: only its counter is moved */
    size_t n_key;     /* the first ones */
    size_t batch;     /* rows at a time */
    tg_move_column_t columns[TG_MOVE_DIALECTS][TG_MOVE_COLUMNS];
} tg_move_table_t;

/* The tables of every store but those of buckets, in an order in which they can be filled. *n: how many; out of memory:
 * NULL. free() it. */
tg_move_table_t *tg_move_tables(size_t *n);
/* The table of a bucket. */
void tg_move_bucket_table(tg_bucket_t bucket, tg_move_table_t *out);

/* One of both ends. */
typedef struct tg_move_ops tg_move_ops_t;
typedef struct {
    const tg_move_ops_t *ops;
    tg_config_store_t *config;
    tg_token_store_t *tokens;
} tg_move_end_t;

/* Of a backend. */
struct tg_move_ops {
    /* Asked before the stores are opened: CONFLICT, and *fault says so, if another process has them open. */
    tg_err_t (*idle)(tg_str_t where, tg_fault_t *);
    /* Buckets that have a table; in the arena, in order. */
    tg_err_t (*buckets)(tg_move_end_t *, tg_arena_t *, tg_bucket_t **, size_t *n);
    /* Rows behind `after` (values of the key), at most `limit`, in the order of the key: n * n_columns cells. A table
     * that is not there is empty. */
    tg_err_t (*scan)(tg_move_end_t *, const tg_move_table_t *, const tg_cell_t *after, size_t limit, tg_arena_t *,
                     tg_cell_t **cells, size_t *n);
    /* The key of the last row; *found. */
    tg_err_t (*last)(tg_move_end_t *, const tg_move_table_t *, tg_arena_t *, tg_cell_t *key, bool *found);
    /* n rows in one durable transaction; a bucket's table is made if need be. */
    tg_err_t (*put)(tg_move_end_t *, const tg_move_table_t *, const tg_cell_t *cells, size_t n);
    /* Lets the table's counter be at least `least`; *value: what it is then. */
    tg_err_t (*count)(tg_move_end_t *, const tg_move_table_t *, int64_t least, int64_t *value);
    /* What a backend keeps besides and derives from the rows. Once all of them are there. */
    tg_err_t (*finish)(tg_move_end_t *);
};

typedef struct {
    const char *table;
    int64_t rows;
    uint8_t digest[32]; /* SHA-256 of the one before it and of a row, from row to row */
} tg_move_sum_t;

typedef struct {
    tg_str_t from; /* as noted in the target while the move is not finished: the source, without secrets */
    tg_ms_t now;   /* buckets that are past at this moment are left behind */
    /* Now and then: what is done to which table, the how-manieth of how many, and rows so far. */
    void (*progress)(void *arg, const char *doing, const char *table, size_t at, size_t of, int64_t rows);
    void *arg;
} tg_move_options_t;

/* CONFLICT: another process has the store open. Schemes that cannot be moved are INVALID. */
tg_err_t tg_move_idle(tg_str_t uri, tg_fault_t *fault) TG_MUST_CHECK;
/* Opens both stores at the URI; `make`: makes and migrates them, and opens one whose move is not finished. Close with
 * tg_move_close. */
tg_err_t tg_move_open(tg_str_t uri, bool make, tg_move_end_t *out, tg_fault_t *fault) TG_MUST_CHECK;
void tg_move_close(tg_move_end_t *end);

/* Copies what is not there yet. CONFLICT: the target holds something else, or what was begun from another source. On
 * failure it can be called again, also in another process. */
tg_err_t tg_move_copy(tg_move_end_t *from, tg_move_end_t *to, const tg_move_options_t *,
                      tg_fault_t *fault) TG_MUST_CHECK;
/* Compares every row of both, and only then lets the target be used. CONFLICT: they differ, *fault says where. The sums
 * are in the arena. */
tg_err_t tg_move_verify(tg_move_end_t *from, tg_move_end_t *to, const tg_move_options_t *, tg_arena_t *,
                        tg_move_sum_t **sums, size_t *n, tg_fault_t *fault) TG_MUST_CHECK;

/* INVALID: a move into this store is not finished. For whoever opens it. */
tg_err_t tg_move_finished(tg_config_store_t *, tg_fault_t *fault) TG_MUST_CHECK;

#endif
