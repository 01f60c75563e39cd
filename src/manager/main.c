/* tollgate-manager: the control plane's process. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "identity/identity.h"
#include "manager/administrators.h"
#include "manager/first_start.h"
#include "manager/manager.h"
#include "manager/options.h"
#include "manager/password.h"
#include "manager/process.h"
#include "manager/server.h"
#include "manager/synchronisation.h"

tg_ms_t tg_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (tg_ms_t)t.tv_sec * TG_SECOND_MS + t.tv_nsec / 1000000;
}

/* Request bodies hold secrets, and jansson copies them. */
static void json_free(void *p) {
    if (p != NULL) {
        tg_wipe(p, malloc_usable_size(p));
        free(p);
    }
}

static void libraries_init(void) {
    size_t seed = 0;
    tg_random(&seed, sizeof(seed));
    json_set_alloc_funcs(malloc, json_free);
    tg_json_init(seed ? seed : 1);
}

static void manager_init(tg_manager_t *m, const char *store) {
    uint64_t seed = 0;
    m->started_at = tg_now();
    tg_pool_init_configs(&m->configs, tg_str(store));
    tg_pool_init_tokens(&m->tokens, tg_str(store));
    pthread_mutex_init(&m->writer, NULL);
    pthread_mutex_init(&m->remembered_lock, NULL);
    tg_random(m->remembered_key, sizeof(m->remembered_key));
    tg_random(&seed, sizeof(seed));
    tg_throttle_init(&m->throttle, seed);
    tg_refusals_init(&m->refusals);
}

static tg_err_t definitions_init(tg_manager_t *m, const tg_options_t *o) {
    tg_err_t err = tg_fetch_init();
    if (!err && o->definition_networks != NULL) {
        err = tg_fetch_networks_parse(tg_str(o->definition_networks), &m->definition_networks);
    }
    if (err) {
        fprintf(stderr, "tollgate-manager: --allow-private-definitions is no list of at most %d networks\n",
                TG_FETCH_NETWORKS_MAX);
    }
    return err;
}

static void manager_release(tg_manager_t *m) {
    tg_pool_release(&m->configs);
    tg_pool_release(&m->tokens);
    tg_throttle_release(&m->throttle);
    tg_refusals_release(&m->refusals);
    tg_keyring_release(&m->keyring);
    tg_wipe(m->remembered_key, sizeof(m->remembered_key));
    pthread_mutex_destroy(&m->writer);
    pthread_mutex_destroy(&m->remembered_lock);
}

static tg_err_t complain(const char *uri, tg_err_t err, const tg_fault_t *fault) {
    if (err) {
        char mem[4200];
        tg_buf_t shown;
        tg_buf_init_fixed(&shown, mem, sizeof(mem));
        tg_store_uri_write(tg_str(uri), &shown);
        fprintf(stderr, "tollgate-manager: store %.*s: %s\n", TG_STR_ARGS(tg_buf_str(&shown)),
                fault->text[0] ? fault->text : tg_err_name(err));
    }
    return err;
}

/* Opens both stores once, upgrades their schemas, and checks that the master key is theirs. */
static tg_err_t stores_check(const tg_manager_t *m, const char *uri) {
    const tg_store_options_t options = {.create = true, .busy_ms = 5000};
    tg_config_store_t *config = NULL;
    tg_token_store_t *tokens = NULL;
    tg_fault_t fault = {0};
    tg_err_t err = complain(uri, tg_config_store_open(tg_str(uri), &options, &config, &fault), &fault);
    if (!err) {
        err = tg_store_check_master(config, m->keyring.check);
        if (err == TG_ERR_CONFLICT) {
            tg_err_t shown = tg_fault(&fault, err, "", "the master key is not the one that this store was made with");
            (void)shown;
        }
        complain(uri, err, &fault);
    }
    if (!err) {
        err = complain(uri, tg_token_store_open(tg_str(uri), &options, &tokens, &fault), &fault);
    }
    if (tokens != NULL) {
        tokens->ops->close(tokens);
    }
    if (config != NULL) {
        config->ops->close(config);
    }
    return err;
}

/* What is got with the rights that the process was started with. */
typedef struct {
    int listen_fd, lock_fd;
    char address[300];
    char password[TG_ADMIN_PASSWORD_MAX + 2]; /* "": none was given */
    bool password_unread;                     /* a file was named that cannot be read */
} start_t;

static void start_release(start_t *s) {
    tg_wipe(s->password, sizeof(s->password));
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
}

/* Serves until SIGTERM or SIGINT, which are blocked in every thread. */
static tg_err_t serve(tg_manager_t *m, const tg_options_t *o, start_t *s, const sigset_t *signals) {
    tg_server_t *server = NULL;
    tg_err_t err = tg_server_start(m, s->listen_fd, &server);
    s->listen_fd = -1; /* the server's now */
    if (err) {
        return err;
    }
    fprintf(stderr, "tollgate-manager: http://%s/apiops\n", s->address);
    err = tg_sync_schedule_start(m);
    bool scheduled = !err;
    if (!err) {
        err = tg_ready_tell(o, s->address);
    }
    if (!err) {
        int which = 0;
        sigwait(signals, &which);
        fprintf(stderr, "tollgate-manager: stopping\n");
    }
    tg_server_stop(server);
    if (scheduled) {
        tg_sync_schedule_stop(m);
    }
    return err;
}

/* The file is needed at the first start alone and may be gone later. */
static tg_err_t password_take(const tg_options_t *o, start_t *s) {
    if (o->admin_password_file == NULL) {
        return TG_OK;
    }
    if (access(o->admin_password_file, R_OK) != 0) {
        s->password_unread = true;
        return TG_OK;
    }
    tg_err_t err = tg_password_read(o->admin_password_file, s->password, sizeof(s->password));
    if (!err && s->password[0] == '\0') {
        fprintf(stderr, "tollgate-manager: %s is empty\n", o->admin_password_file);
        err = TG_ERR_INVALID;
    }
    return err;
}

/* With the rights that the process was started with, then without them. */
static tg_err_t prepare(tg_manager_t *m, const tg_options_t *o, start_t *s) {
    char dir[4096];
    tg_err_t err = tg_data_dir(o, dir, sizeof(dir));
    if (!err) {
        err = tg_keyring_read(o->master_key_file, &m->keyring);
    }
    if (!err) {
        err = password_take(o, s);
    }
    if (!err) {
        err = tg_data_make(dir, o->user);
    }
    if (!err) {
        err = tg_listen(o->host, o->port, &s->listen_fd, s->address, sizeof(s->address));
    }
    if (!err) {
        err = tg_privileges_drop(o->user);
    }
    if (!err) {
        err = tg_manager_lock(dir, &s->lock_fd);
    }
    return err ? err : stores_check(m, o->store);
}

static sigset_t signals_block(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return signals;
}

static tg_err_t run(tg_manager_t *m, const tg_options_t *o, const sigset_t *signals) {
    start_t s = {.listen_fd = -1, .lock_fd = -1};
    tg_err_t err = prepare(m, o, &s);
    if (!err) {
        err = tg_first_start(m, s.password_unread ? NULL : s.password, o->environment);
    }
    tg_wipe(s.password, sizeof(s.password));
    if (!err) {
        err = serve(m, o, &s, signals);
    }
    start_release(&s);
    return err;
}

int main(int argc, char **argv) {
    static tg_manager_t manager;
    tg_options_t options;
    tg_err_t err = tg_options_parse(argc, argv, &options);
    if (err) {
        return err == TG_ERR_NOTFOUND ? 0 : 2;
    }
    umask(077);
    libraries_init();
    sigset_t signals = signals_block();
    manager_init(&manager, options.store);
    manager.log_json = options.log_json;
    err = definitions_init(&manager, &options);
    if (!err) {
        err = tg_identity_init();
    }
    if (!err) {
        err = run(&manager, &options, &signals);
    }
    manager_release(&manager);
    return err ? 1 : 0;
}
