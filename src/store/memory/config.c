#include "store/memory/config.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "store/memory/memory.h"

static const tg_row_type_t types[TG_TABLES] = {
    [TG_TABLE_META] = {sizeof(tg_meta_row_t), 2, {offsetof(tg_meta_row_t, key), offsetof(tg_meta_row_t, value)}},
    [TG_TABLE_RESOURCE] = {sizeof(tg_resource_t), 2, {offsetof(tg_resource_t, name), offsetof(tg_resource_t, doc)}},
    [TG_TABLE_CLIENT] = {sizeof(tg_client_t),
                         3,
                         {offsetof(tg_client_t, client_id), offsetof(tg_client_t, secret),
                          offsetof(tg_client_t, details)}},
    [TG_TABLE_SECRET] = {sizeof(tg_client_secret_t), 1, {offsetof(tg_client_secret_t, secret)}},
    [TG_TABLE_ACCESS] = {sizeof(tg_access_entry_t), 1, {offsetof(tg_access_entry_t, doc)}},
    [TG_TABLE_TURN] = {sizeof(tg_turn_row_t), 0, {0}},
    [TG_TABLE_KEY] = {sizeof(tg_key_row_t), 2, {offsetof(tg_key_row_t, kid), offsetof(tg_key_row_t, doc)}},
    [TG_TABLE_REVISION] = {sizeof(tg_revision_row_t), 0, {0}},
    [TG_TABLE_DEPLOYED] = {sizeof(tg_deployment_t),
                           3,
                           {offsetof(tg_deployment_t, by), offsetof(tg_deployment_t, description),
                            offsetof(tg_deployment_t, doc)}},
    [TG_TABLE_HISTORY] = {sizeof(tg_deployment_t),
                          3,
                          {offsetof(tg_deployment_t, by), offsetof(tg_deployment_t, description),
                           offsetof(tg_deployment_t, doc)}},
    [TG_TABLE_SNAPSHOT] = {sizeof(tg_snapshot_row_t), 1, {offsetof(tg_snapshot_row_t, document)}},
    [TG_TABLE_CHANGE] = {sizeof(tg_change_t), 1, {offsetof(tg_change_t, ref)}},
    [TG_TABLE_SESSION] = {sizeof(tg_session_t), 0, {0}},
    [TG_TABLE_AUDIT] = {sizeof(tg_audit_t),
                        5,
                        {offsetof(tg_audit_t, who), offsetof(tg_audit_t, what), offsetof(tg_audit_t, project),
                         offsetof(tg_audit_t, before), offsetof(tg_audit_t, after)}},
};

/* ---- versions ---- */

static void version_drop(tg_version_t *v) {
    if (v == NULL || atomic_fetch_sub(&v->count, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < TG_TABLES; i++) {
        tg_table_release(&v->tables[i]);
    }
    free(v);
}

static tg_version_t *version_new(const tg_version_t *from) {
    tg_version_t *v = calloc(1, sizeof(*v));
    if (v == NULL) {
        return NULL;
    }
    atomic_init(&v->count, 1);
    for (size_t i = 0; i < TG_TABLES; i++) {
        v->tables[i].type = &types[i];
    }
    if (from == NULL) {
        return v;
    }
    v->last_resource = from->last_resource;
    v->last_client = from->last_client;
    v->last_change = from->last_change;
    v->last_audit = from->last_audit;
    for (size_t i = 0; i < TG_TABLES; i++) {
        if (tg_table_copy(&v->tables[i], &from->tables[i]) != TG_OK) {
            version_drop(v);
            return NULL;
        }
    }
    return v;
}

static tg_version_t *newest_hold(tg_memory_config_db_t *db) {
    pthread_mutex_lock(&db->mutex);
    tg_version_t *v = db->newest;
    atomic_fetch_add(&v->count, 1);
    pthread_mutex_unlock(&db->mutex);
    return v;
}

static tg_memory_config_t *self(tg_config_store_t *s) {
    return (tg_memory_config_t *)s;
}

tg_version_t *tg_view_begin(tg_config_store_t *s) {
    tg_memory_config_t *m = self(s);
    return m->next != NULL ? m->next : m->view != NULL ? m->view : newest_hold(m->db);
}

void tg_view_end(tg_config_store_t *s, tg_version_t *v) {
    if (v != self(s)->next && v != self(s)->view) {
        version_drop(v);
    }
}

static tg_err_t tell(tg_config_store_t *s, tg_err_t err, const char *text) {
    s->fault = (tg_fault_t){.field = ""};
    return tg_fault(&s->fault, err, "store", "%s", text);
}

tg_version_t *tg_write_begin(tg_config_store_t *s) {
    tg_memory_config_t *m = self(s);
    return m->spoiled ? NULL : m->next;
}

tg_err_t tg_write_end(tg_config_store_t *s, tg_err_t err) {
    if (err != TG_OK) {
        self(s)->spoiled = true;
    }
    return err == TG_ERR_BUG ? tell(s, err, "a write outside of a transaction, or after one that failed") : err;
}

/* ---- transactions ---- */

static struct timespec deadline_in(int wait_ms) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += wait_ms / 1000;
    ts.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

static bool writer_take(tg_memory_config_db_t *db, int wait_ms) {
    struct timespec deadline = deadline_in(wait_ms);
    int rc = 0;
    pthread_mutex_lock(&db->mutex);
    while (db->writer && rc == 0) {
        rc = pthread_cond_timedwait(&db->free, &db->mutex, &deadline);
    }
    bool taken = !db->writer;
    db->writer = true;
    pthread_mutex_unlock(&db->mutex);
    return taken;
}

/* Lets the next writer in; `published` becomes the newest version if it is one. */
static void writer_give(tg_memory_config_db_t *db, tg_version_t *published) {
    tg_version_t *old = NULL;
    pthread_mutex_lock(&db->mutex);
    if (published != NULL) {
        old = db->newest;
        db->newest = published;
    }
    db->writer = false;
    pthread_cond_signal(&db->free);
    pthread_mutex_unlock(&db->mutex);
    version_drop(old);
}

static tg_err_t begin(tg_config_store_t *s, int wait_ms) {
    tg_memory_config_t *m = self(s);
    if (m->next != NULL || m->reading > 0) {
        return tell(s, TG_ERR_BUG, "a transaction inside another, or inside a read view");
    }
    if (!writer_take(m->db, wait_ms)) {
        return tell(s, TG_ERR_UNAVAILABLE, "another writer holds the lock");
    }
    m->next = version_new(m->db->newest); /* only a writer replaces it */
    if (m->next == NULL) {
        writer_give(m->db, NULL);
        return TG_ERR_NOMEM;
    }
    m->spoiled = false;
    return TG_OK;
}

static void rollback(tg_config_store_t *s) {
    tg_memory_config_t *m = self(s);
    if (m->next != NULL) {
        version_drop(m->next);
        m->next = NULL;
        m->spoiled = false;
        writer_give(m->db, NULL);
    }
}

static tg_err_t commit(tg_config_store_t *s) {
    tg_memory_config_t *m = self(s);
    if (m->next == NULL || m->spoiled) {
        rollback(s);
        return tell(s, TG_ERR_BUG, "a commit outside of a transaction, or after a write that failed");
    }
    tg_version_t *published = m->next;
    m->next = NULL;
    writer_give(m->db, published);
    return TG_OK;
}

static tg_err_t read_begin(tg_config_store_t *s) {
    tg_memory_config_t *m = self(s);
    if (m->reading++ == 0 && m->next == NULL) {
        m->view = newest_hold(m->db);
    }
    return TG_OK;
}

static void read_end(tg_config_store_t *s) {
    tg_memory_config_t *m = self(s);
    if (m->reading > 0 && --m->reading == 0) {
        version_drop(m->view);
        m->view = NULL;
    }
}

/* ---- meta ---- */

static ptrdiff_t meta_index(const tg_version_t *v, tg_str_t key) {
    for (size_t i = 0; i < v->tables[TG_TABLE_META].n; i++) {
        if (tg_str_eq(TG_ROW(tg_meta_row_t, v, TG_TABLE_META, i)->key, key)) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static tg_err_t meta_get(tg_config_store_t *s, tg_str_t key, tg_arena_t *arena, tg_str_t *value) {
    tg_version_t *v = tg_view_begin(s);
    ptrdiff_t i = meta_index(v, key);
    tg_err_t err = TG_ERR_NOTFOUND;
    if (i >= 0) {
        err = tg_arena_str(arena, TG_ROW(tg_meta_row_t, v, TG_TABLE_META, i)->value, value) ? TG_OK : TG_ERR_NOMEM;
    }
    tg_view_end(s, v);
    return err;
}

static tg_err_t meta_put(tg_config_store_t *s, tg_str_t key, tg_str_t value) {
    tg_version_t *v = tg_write_begin(s);
    if (v == NULL) {
        return tg_write_end(s, TG_ERR_BUG);
    }
    const tg_meta_row_t row = {key, value};
    tg_table_t *t = &v->tables[TG_TABLE_META];
    ptrdiff_t i = meta_index(v, key);
    return tg_write_end(s, i >= 0 ? tg_table_set(t, (size_t)i, &row) : tg_table_add(t, &row));
}

/* ---- databases by name ---- */

static pthread_mutex_t names_mutex = PTHREAD_MUTEX_INITIALIZER;
static tg_memory_config_db_t *names;

static void db_free(tg_memory_config_db_t *db) {
    version_drop(db->newest);
    pthread_cond_destroy(&db->free);
    pthread_mutex_destroy(&db->mutex);
    free(db->name);
    free(db);
}

static tg_memory_config_db_t *db_new(tg_str_t name) {
    tg_memory_config_db_t *db = calloc(1, sizeof(*db));
    if (db == NULL) {
        return NULL;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&db->free, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&db->mutex, NULL);
    db->name = calloc(1, name.n + 1);
    db->newest = version_new(NULL);
    if (db->name == NULL || db->newest == NULL) {
        db_free(db);
        return NULL;
    }
    memcpy(db->name, name.p, name.n);
    return db;
}

/* Under names_mutex. */
static tg_err_t db_find(tg_str_t name, bool create, tg_memory_config_db_t **out, tg_fault_t *fault) {
    for (tg_memory_config_db_t *db = names; db != NULL; db = db->next) {
        if (tg_str_eq(tg_str(db->name), name)) {
            *out = db;
            return TG_OK;
        }
    }
    if (!create) {
        return tg_fault(fault, TG_ERR_NOTFOUND, "store", "no store of this name is open in this process");
    }
    *out = db_new(name);
    if (*out == NULL) {
        return TG_ERR_NOMEM;
    }
    (*out)->next = names;
    names = *out;
    return TG_OK;
}

static void db_leave(tg_memory_config_db_t *db) {
    pthread_mutex_lock(&names_mutex);
    if (--db->handles == 0) {
        tg_memory_config_db_t **at = &names;
        while (*at != db) {
            at = &(*at)->next;
        }
        *at = db->next;
        db_free(db);
    }
    pthread_mutex_unlock(&names_mutex);
}

static void config_close(tg_config_store_t *s) {
    rollback(s);
    version_drop(self(s)->view);
    db_leave(self(s)->db);
    free(s);
}

static const tg_config_ops_t ops = {
    .name = "memory",
    .close = config_close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .read_begin = read_begin,
    .read_end = read_end,
    .meta_get = meta_get,
    .meta_put = meta_put,
    .resource_create = tg_memory_resource_create,
    .resource_find = tg_memory_resource_find,
    .resource_get = tg_memory_resource_get,
    .resource_replace = tg_memory_resource_replace,
    .resource_delete = tg_memory_resource_delete,
    .resource_list = tg_memory_resource_list,
    .client_create = tg_memory_client_create,
    .client_update = tg_memory_client_update,
    .client_delete = tg_memory_client_delete,
    .client_find = tg_memory_client_find,
    .client_find_owner = tg_memory_client_find_owner,
    .client_turn = tg_memory_client_turn,
    .client_secret_put = tg_memory_client_secret_put,
    .client_secret_delete = tg_memory_client_secret_delete,
    .client_details = tg_memory_client_details,
    .access_put = tg_memory_access_put,
    .access_delete = tg_memory_access_delete,
    .access_list = tg_memory_access_list,
    .access_find = tg_memory_access_find,
    .access_clients = tg_memory_access_clients,
    .client_live = tg_memory_client_live,
    .signing_key_put = tg_memory_signing_key_put,
    .signing_key_list = tg_memory_signing_key_list,
    .revision_next = tg_memory_revision_next,
    .deployment_put = tg_memory_deployment_put,
    .deployment_list = tg_memory_deployment_list,
    .deployment_find = tg_memory_deployment_find,
    .deployment_history = tg_memory_deployment_history,
    .deployment_as_of = tg_memory_deployment_as_of,
    .snapshot_put = tg_memory_snapshot_put,
    .snapshot_get = tg_memory_snapshot_get,
    .change_append = tg_memory_change_append,
    .change_head = tg_memory_change_head,
    .change_read = tg_memory_change_read,
    .change_prune = tg_memory_change_prune,
    .session_put = tg_memory_session_put,
    .session_find = tg_memory_session_find,
    .session_delete = tg_memory_session_delete,
    .session_purge = tg_memory_session_purge,
    .audit_append = tg_memory_audit_append,
    .audit_list = tg_memory_audit_list,
};

tg_err_t tg_memory_config_open(tg_str_t name, const tg_store_options_t *options, tg_config_store_t **out,
                               tg_fault_t *fault) {
    tg_memory_config_t *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return TG_ERR_NOMEM;
    }
    pthread_mutex_lock(&names_mutex);
    tg_err_t err = db_find(name, options->create, &m->db, fault);
    if (err == TG_OK) {
        m->db->handles++;
    }
    pthread_mutex_unlock(&names_mutex);
    if (err != TG_OK) {
        free(m);
        return err;
    }
    m->base.ops = &ops;
    *out = &m->base;
    return TG_OK;
}
