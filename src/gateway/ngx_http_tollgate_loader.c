
/* The thread of each worker that loads snapshots, and the copy on disk. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "ngx_http_tollgate_state.h"


/* A worker serves a new revision at most this long after the feed saw it. */
#define NGX_HTTP_TOLLGATE_LOADER_TICK   20     /* ms */
#define NGX_HTTP_TOLLGATE_LOAD_RETRY    250    /* after a failure, ms */
#define NGX_HTTP_TOLLGATE_LOAD_INVALID  1000   /* ... of the document itself */


typedef struct {
    ngx_http_tollgate_runner_t      runner;
    ngx_http_tollgate_main_conf_t  *mcf;
    ngx_http_tollgate_names_t      *names;
    ngx_log_t                      *log;

    tg_config_store_t              *store;
    uint64_t                        store_retry;
    ngx_uint_t                      checked;   /* the master key is its own */

    uint64_t                        loaded;    /* numbered, from the store */
    uint64_t                        tried;     /* target of the last attempt */
    uint64_t                        retry;     /* monotonic ms */

    tg_buf_t                        unsaved;   /* document for the disk */
    uint64_t                        unsaved_number;

    /* under the mutex */
    pthread_mutex_t                 mutex;
    ngx_http_tollgate_snapshot_t   *ready;     /* for the event loop */
    ngx_http_tollgate_snapshot_t   *discarded; /* to be freed */
} ngx_http_tollgate_loader_t;


static tg_err_t ngx_http_tollgate_loader_check(
    ngx_http_tollgate_loader_t *loader, tg_fault_t *fault);
static tg_err_t ngx_http_tollgate_loader_fetch(
    ngx_http_tollgate_loader_t *loader, tg_buf_t *document, uint64_t *number,
    tg_fault_t *fault);
static tg_err_t ngx_http_tollgate_loader_load(
    ngx_http_tollgate_loader_t *loader, ngx_http_tollgate_snapshot_t **out,
    tg_fault_t *fault);
static tg_err_t ngx_http_tollgate_loader_load_disk(
    ngx_http_tollgate_loader_t *loader, ngx_http_tollgate_snapshot_t **out,
    tg_fault_t *fault);
static void *ngx_http_tollgate_loader_main(void *data);
static void ngx_http_tollgate_loader_round(ngx_http_tollgate_loader_t *loader);
static void ngx_http_tollgate_loader_save(ngx_http_tollgate_loader_t *loader);
static void ngx_http_tollgate_loader_sweep(ngx_http_tollgate_loader_t *loader);
static void ngx_http_tollgate_fault_text(const tg_fault_t *fault, char *text,
    size_t size);


static ngx_http_tollgate_loader_t  ngx_http_tollgate_loader;


/* Only the leader's feed sets the target; here it is compared. */
static uint64_t
ngx_http_tollgate_target(void)
{
    return __atomic_load_n(&ngx_http_tollgate_zone->target, __ATOMIC_ACQUIRE);
}


/*
 * The first snapshot is loaded before the worker serves: from the store, else
 * from the disk.  Without either it answers 503 until there is one.
 */
ngx_int_t
ngx_http_tollgate_loader_init(ngx_cycle_t *cycle)
{
    char                           text[NGX_HTTP_TOLLGATE_ERROR_LEN];
    tg_err_t                       err;
    tg_fault_t                     fault, disk;
    ngx_http_tollgate_loader_t    *loader;
    ngx_http_tollgate_snapshot_t  *s;

    loader = &ngx_http_tollgate_loader;

    ngx_memzero(loader, sizeof(ngx_http_tollgate_loader_t));

    loader->mcf = ngx_http_tollgate_main;
    loader->log = cycle->log;
    (void) pthread_mutex_init(&loader->mutex, NULL);
    tg_buf_init(&loader->unsaved, TG_SNAPSHOT_MAX);

    loader->names = ngx_http_tollgate_names_new(cycle->log);
    if (loader->names == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&fault, sizeof(fault));
    ngx_memzero(&disk, sizeof(disk));

    err = ngx_http_tollgate_loader_load(loader, &s, &fault);

    if (err == TG_ERR_CONFLICT) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "tollgate: %s",
                      fault.text);
        return NGX_ERROR;
    }

    if (err == TG_OK) {
        ngx_http_tollgate_snapshot_swap(s);
        return NGX_OK;
    }

    if (err == TG_ERR_NOTFOUND) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "tollgate: nothing is deployed to \"%V\" yet",
                      &loader->mcf->environment);
        return NGX_OK;
    }

    ngx_http_tollgate_fault_text(&fault, text, sizeof(text));
    (void) ngx_http_tollgate_slot_error(text);

    ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "tollgate: %s", text);

    if (ngx_http_tollgate_loader_load_disk(loader, &s, &disk) == TG_OK) {

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "tollgate: starting with the last good snapshot, "
                      "revision %L", (int64_t) s->snapshot.revision);

        ngx_http_tollgate_snapshot_swap(s);

    } else {
        ngx_http_tollgate_fault_text(&disk, text, sizeof(text));
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "tollgate: no last good snapshot: %s", text);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_loader_start(ngx_cycle_t *cycle)
{
    return ngx_http_tollgate_runner_start(&ngx_http_tollgate_loader.runner,
                                          ngx_http_tollgate_loader_main,
                                          &ngx_http_tollgate_loader,
                                          cycle->log);
}


void
ngx_http_tollgate_loader_stop(void)
{
    ngx_http_tollgate_runner_stop(&ngx_http_tollgate_loader.runner);
}


ngx_int_t
ngx_http_tollgate_loader_join(void)
{
    ngx_http_tollgate_loader_t  *loader;

    loader = &ngx_http_tollgate_loader;

    if (loader->mcf == NULL) {
        return NGX_OK;
    }

    if (ngx_http_tollgate_runner_join(&loader->runner,
                                      NGX_HTTP_TOLLGATE_STOP_MS)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_http_tollgate_snapshot_swap(NULL);
    ngx_http_tollgate_loader_sweep(loader);

    if (loader->ready) {
        ngx_http_tollgate_snapshot_free(loader->ready);
        loader->ready = NULL;
    }

    if (loader->store) {
        loader->store->ops->close(loader->store);
        loader->store = NULL;
    }

    tg_buf_release(&loader->unsaved);

    return ngx_http_tollgate_names_free(loader->names);
}


void
ngx_http_tollgate_loader_discard(ngx_http_tollgate_snapshot_t *s)
{
    ngx_http_tollgate_loader_t  *loader;

    loader = &ngx_http_tollgate_loader;

    (void) pthread_mutex_lock(&loader->mutex);
    s->next = loader->discarded;
    loader->discarded = s;
    (void) pthread_mutex_unlock(&loader->mutex);
}


void
ngx_http_tollgate_loader_swap(void)
{
    ngx_http_tollgate_loader_t    *loader;
    ngx_http_tollgate_snapshot_t  *s;

    loader = &ngx_http_tollgate_loader;

    (void) pthread_mutex_lock(&loader->mutex);
    s = loader->ready;
    loader->ready = NULL;
    (void) pthread_mutex_unlock(&loader->mutex);

    if (s) {
        ngx_http_tollgate_snapshot_swap(s);
    }
}


static void
ngx_http_tollgate_fault_text(const tg_fault_t *fault, char *text, size_t size)
{
    u_char  *end;

    end = ngx_snprintf((u_char *) text, size - 1, "%s%s%s", fault->field,
                       fault->field[0] ? " " : "",
                       fault->text[0] ? fault->text : "failed");
    *end = '\0';
}


/* Once per store: a node with another master key must not serve it. */
static tg_err_t
ngx_http_tollgate_loader_check(ngx_http_tollgate_loader_t *loader,
    tg_fault_t *fault)
{
    tg_err_t  err;

    if (loader->checked) {
        return TG_OK;
    }

    err = tg_store_check_master(loader->store, loader->mcf->keyring->check);

    if (err == TG_ERR_CONFLICT) {
        return tg_fault(fault, err, "",
                        "the store belongs to another master key");
    }

    /* a store that cannot be written may be read; the check comes later */

    loader->checked = (err == TG_OK);

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_loader_fetch(ngx_http_tollgate_loader_t *loader,
    tg_buf_t *document, uint64_t *number, tg_fault_t *fault)
{
    int64_t   environment_id, revision;
    uint64_t  resets;
    tg_err_t  err;

    err = ngx_http_tollgate_config_open(&loader->store, &loader->store_retry,
                                        fault);

    if (err != TG_OK) {
        return err;
    }

    err = ngx_http_tollgate_loader_check(loader, fault);

    if (err != TG_OK) {
        return err;
    }

    resets = __atomic_load_n(&ngx_http_tollgate_zone->resets,
                             __ATOMIC_ACQUIRE);

    err = ngx_http_tollgate_timed(SNAPSHOT,
            loader->store->ops->snapshot_get(loader->store,
                ngx_http_tollgate_str(loader->mcf->environment),
                &environment_id, &revision, document));

    if (err == TG_ERR_NOTFOUND) {
        return err;
    }

    if (err != TG_OK) {
        loader->store->ops->close(loader->store);
        loader->store = NULL;

        return tg_fault(fault, err, "",
                        "the snapshot cannot be read from the store: %s",
                        tg_err_name(err));
    }

    __atomic_store_n(&ngx_http_tollgate_zone->environment_id, environment_id,
                     __ATOMIC_RELEASE);

    *number = ngx_http_tollgate_numbered(resets, revision);

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_loader_load(ngx_http_tollgate_loader_t *loader,
    ngx_http_tollgate_snapshot_t **out, tg_fault_t *fault)
{
    uint64_t   number;
    tg_err_t   err;
    tg_buf_t   document;

    number = 0;
    tg_buf_init(&document, TG_SNAPSHOT_MAX);

    err = ngx_http_tollgate_loader_fetch(loader, &document, &number, fault);

    if (err == TG_OK) {
        err = ngx_http_tollgate_snapshot_build(tg_buf_str(&document),
                                               loader->mcf, loader->names,
                                               out, fault);
    }

    if (err != TG_OK) {
        tg_buf_release(&document);

        if (err != TG_ERR_NOTFOUND) {
            ngx_http_tollgate_count(SNAPSHOT_FAILED, 1);
        }

        return err;
    }

    loader->loaded = number;
    ngx_http_tollgate_count(SNAPSHOT_LOADED, 1);
    (void) ngx_http_tollgate_slot_error("");

    /* the disk can wait until the snapshot is served */

    tg_buf_release(&loader->unsaved);
    loader->unsaved = document;
    loader->unsaved_number = number;

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_loader_load_disk(ngx_http_tollgate_loader_t *loader,
    ngx_http_tollgate_snapshot_t **out, tg_fault_t *fault)
{
    tg_err_t  err;
    tg_buf_t  document;

    tg_buf_init(&document, TG_SNAPSHOT_MAX);

    err = ngx_http_tollgate_disk_read(&loader->mcf->data,
                                      &loader->mcf->environment, &document,
                                      fault);

    if (err == TG_OK) {
        err = ngx_http_tollgate_snapshot_build(tg_buf_str(&document),
                                               loader->mcf, loader->names,
                                               out, fault);
    }

    tg_buf_release(&document);

    return err;
}


static void *
ngx_http_tollgate_loader_main(void *data)
{
    ngx_http_tollgate_loader_t *loader = data;

    do {
        if (ngx_exiting) {
            __atomic_store_n(&ngx_http_tollgate_slot->exiting, 1,
                             __ATOMIC_RELEASE);
        }

        ngx_http_tollgate_loader_save(loader);
        ngx_http_tollgate_loader_sweep(loader);
        ngx_http_tollgate_loader_round(loader);

    } while (ngx_http_tollgate_runner_sleep(&loader->runner,
                                            NGX_HTTP_TOLLGATE_LOADER_TICK));

    return NULL;
}


static void
ngx_http_tollgate_loader_round(ngx_http_tollgate_loader_t *loader)
{
    char                           text[NGX_HTTP_TOLLGATE_ERROR_LEN];
    uint64_t                       target, now;
    tg_err_t                       err;
    tg_fault_t                     fault;
    ngx_uint_t                     renamed;
    ngx_http_tollgate_snapshot_t  *s, *late;

    target = ngx_http_tollgate_target();
    renamed = ngx_http_tollgate_names_changed(loader->names);
    now = ngx_http_tollgate_monotonic_ms();

    if (target <= loader->loaded && !renamed) {
        return;
    }

    if (target == loader->tried && now < loader->retry) {
        return;
    }

    loader->tried = target;

    ngx_memzero(&fault, sizeof(fault));

    err = ngx_http_tollgate_loader_load(loader, &s, &fault);

    if (err != TG_OK && renamed) {
        /* names move while the store is down, too */
        err = ngx_http_tollgate_loader_load_disk(loader, &s, &fault);
    }

    now = ngx_http_tollgate_monotonic_ms();

    loader->retry = now + (err == TG_ERR_INVALID
                           ? NGX_HTTP_TOLLGATE_LOAD_INVALID
                           : NGX_HTTP_TOLLGATE_LOAD_RETRY);

    if (err != TG_OK) {
        ngx_http_tollgate_fault_text(&fault, text, sizeof(text));

        /* it is tried again and again, and said once */

        if (ngx_http_tollgate_slot_error(text)) {
            ngx_log_error(NGX_LOG_ERR, loader->log, 0,
                          "tollgate: revision %L cannot be loaded, "
                          "the one before stays: %s",
                          ngx_http_tollgate_number(target), text);
        }

        return;
    }

    (void) pthread_mutex_lock(&loader->mutex);
    late = loader->ready;
    loader->ready = s;
    (void) pthread_mutex_unlock(&loader->mutex);

    ngx_http_tollgate_notify();

    if (late) {
        ngx_http_tollgate_snapshot_free(late);
    }
}


static void
ngx_http_tollgate_loader_sweep(ngx_http_tollgate_loader_t *loader)
{
    ngx_http_tollgate_snapshot_t  *s, *next;

    (void) pthread_mutex_lock(&loader->mutex);
    s = loader->discarded;
    loader->discarded = NULL;
    (void) pthread_mutex_unlock(&loader->mutex);

    for ( /* void */ ; s; s = next) {
        next = s->next;
        ngx_http_tollgate_snapshot_free(s);
    }
}


/* One worker of the node writes each revision. */
static void
ngx_http_tollgate_loader_save(ngx_http_tollgate_loader_t *loader)
{
    uint64_t    saved, number;
    tg_err_t    err;
    tg_fault_t  fault;

    number = loader->unsaved_number;

    if (number == 0) {
        return;
    }

    loader->unsaved_number = 0;
    saved = __atomic_load_n(&ngx_http_tollgate_zone->saved, __ATOMIC_ACQUIRE);

    if (saved < number
        && __atomic_compare_exchange_n(&ngx_http_tollgate_zone->saved, &saved,
                                       number, 0, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED))
    {
        ngx_memzero(&fault, sizeof(fault));

        err = ngx_http_tollgate_disk_write(&loader->mcf->data,
                                           &loader->mcf->environment,
                                           tg_buf_str(&loader->unsaved),
                                           number, &fault);

        if (err != TG_OK) {
            ngx_log_error(NGX_LOG_ERR, loader->log, 0,
                          "tollgate: the last good snapshot is not on disk: "
                          "%s", fault.text);
        }
    }

    tg_buf_release(&loader->unsaved);
    tg_buf_init(&loader->unsaved, TG_SNAPSHOT_MAX);
}


static tg_err_t
ngx_http_tollgate_disk_path(ngx_str_t *data, ngx_str_t *environment,
    const char *end, char path[NGX_MAX_PATH], tg_fault_t *fault)
{
    int  n;

    n = snprintf(path, NGX_MAX_PATH, "%.*s/snapshot-%.*s.json%s",
                 (int) data->len, data->data, (int) environment->len,
                 environment->data, end);

    if (n < 0 || n >= NGX_MAX_PATH) {
        return tg_fault(fault, TG_ERR_LIMIT, "", "the path is too long");
    }

    return TG_OK;
}


tg_err_t
ngx_http_tollgate_disk_read(ngx_str_t *data, ngx_str_t *environment,
    tg_buf_t *out, tg_fault_t *fault)
{
    int       fd;
    char      path[NGX_MAX_PATH], *p;
    ssize_t   n;
    tg_err_t  err;

    err = ngx_http_tollgate_disk_path(data, environment, "", path, fault);

    if (err != TG_OK) {
        return err;
    }

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return tg_fault(fault, TG_ERR_NOTFOUND, "", "%s cannot be opened: %s",
                        path, strerror(errno));
    }

    do {
        n = -1;
        p = tg_buf_reserve(out, 65536);

        if (p == NULL) {
            break;
        }

        n = read(fd, p, 65536);

        if (n > 0) {
            tg_buf_advance(out, (size_t) n);
        }

    } while (n > 0);

    (void) close(fd);

    if (n < 0) {
        return tg_fault(fault, TG_ERR_UNAVAILABLE, "", "%s cannot be read",
                        path);
    }

    return TG_OK;
}


static tg_err_t
ngx_http_tollgate_disk_put(const char *temp, const char *path,
    tg_str_t document, tg_fault_t *fault)
{
    int       fd;
    size_t    done;
    ssize_t   n;

    (void) unlink(temp);

    fd = open(temp, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW, 0600);
    if (fd == -1) {
        return tg_fault(fault, TG_ERR_UNAVAILABLE, "",
                        "%s cannot be made: %s", temp, strerror(errno));
    }

    for (done = 0; done < document.n; done += (size_t) n) {
        n = write(fd, document.p + done, document.n - done);

        if (n <= 0) {
            break;
        }
    }

    if (done < document.n || fsync(fd) != 0) {
        (void) tg_fault(fault, TG_ERR_UNAVAILABLE, "",
                        "%s cannot be written: %s", temp, strerror(errno));
        (void) close(fd);
        (void) unlink(temp);
        return TG_ERR_UNAVAILABLE;
    }

    (void) close(fd);

    if (rename(temp, path) != 0) {
        (void) tg_fault(fault, TG_ERR_UNAVAILABLE, "",
                        "%s cannot be renamed: %s", temp, strerror(errno));
        (void) unlink(temp);
        return TG_ERR_UNAVAILABLE;
    }

    return TG_OK;
}


tg_err_t
ngx_http_tollgate_disk_write(ngx_str_t *data, ngx_str_t *environment,
    tg_str_t document, uint64_t numbered, tg_fault_t *fault)
{
    int       dir;
    char      folder[NGX_MAX_PATH], path[NGX_MAX_PATH], temp[NGX_MAX_PATH];
    tg_err_t  err;

    if (data->len >= sizeof(folder)) {
        return tg_fault(fault, TG_ERR_LIMIT, "", "the path is too long");
    }

    ngx_memcpy(folder, data->data, data->len);
    folder[data->len] = '\0';

    if (ngx_http_tollgate_disk_path(data, environment, "", path, fault) != TG_OK
        || ngx_http_tollgate_disk_path(data, environment, ".new", temp, fault)
           != TG_OK)
    {
        return TG_ERR_LIMIT;
    }

    dir = open(folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (dir == -1) {
        return tg_fault(fault, TG_ERR_UNAVAILABLE, "",
                        "%s cannot be opened: %s", folder, strerror(errno));
    }

    /* one writer at a time, and never an older one behind a newer one */

    err = TG_OK;

    if (flock(dir, LOCK_EX) == 0
        && __atomic_load_n(&ngx_http_tollgate_zone->saved, __ATOMIC_ACQUIRE)
           == numbered)
    {
        err = ngx_http_tollgate_disk_put(temp, path, document, fault);

        if (err == TG_OK && fsync(dir) != 0) {
            err = tg_fault(fault, TG_ERR_UNAVAILABLE, "",
                           "%s cannot be synced: %s", folder, strerror(errno));
        }
    }

    (void) close(dir);

    return err;
}
