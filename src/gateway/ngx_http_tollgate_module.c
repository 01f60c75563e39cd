
#include <fcntl.h>

#include "base/json.h"
#include "model/model.h"
#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_ZONE_DEFAULT     (256 * 1024 * 1024)
#define NGX_HTTP_TOLLGATE_DETAILS_DEFAULT  (64 * 1024 * 1024)


static void *ngx_http_tollgate_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_tollgate_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_tollgate_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_tollgate_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_tollgate_zone_size(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tollgate_threads(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tollgate_on(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tollgate_token(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tollgate_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_tollgate_balancer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_tollgate_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_tollgate_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_tollgate_read_master_key(ngx_conf_t *cf,
    ngx_http_tollgate_main_conf_t *mcf);
static void ngx_http_tollgate_wipe_keyring(void *data);
static ngx_int_t ngx_http_tollgate_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_tollgate_init_process(ngx_cycle_t *cycle);
static void ngx_http_tollgate_exit_process(ngx_cycle_t *cycle);


ngx_http_tollgate_main_conf_t  *ngx_http_tollgate_main;


static ngx_conf_num_bounds_t  ngx_http_tollgate_batch_bounds = {
    ngx_conf_check_num_bounds, 1, 65536
};


static ngx_conf_enum_t  ngx_http_tollgate_statuses[] = {
    { ngx_string("live"), NGX_HTTP_TOLLGATE_STATUS_LIVE },
    { ngx_string("ready"), NGX_HTTP_TOLLGATE_STATUS_READY },
    { ngx_string("metrics"), NGX_HTTP_TOLLGATE_STATUS_METRICS },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_tollgate_traceparents[] = {
    { ngx_string("pass"), 0 },
    { ngx_string("make"), 1 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_tollgate_commands[] = {

    { ngx_string("tollgate_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, store),
      NULL },

    { ngx_string("tollgate_master_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, master_key_file),
      NULL },

    { ngx_string("tollgate_environment"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, environment),
      NULL },

    { ngx_string("tollgate_data"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, data),
      NULL },

    { ngx_string("tollgate_address"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, address),
      NULL },

    { ngx_string("tollgate_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_tollgate_zone_size,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tollgate_details"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, details_size),
      NULL },

    { ngx_string("tollgate_threads"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_tollgate_threads,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("tollgate_auth_failure_delay"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, auth_failure_delay),
      NULL },

    { ngx_string("tollgate_batch_limit"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, batch_limit),
      &ngx_http_tollgate_batch_bounds },

    { ngx_string("tollgate_traceparent"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_tollgate_main_conf_t, traceparent_make),
      &ngx_http_tollgate_traceparents },

    { ngx_string("tollgate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_tollgate_on,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tollgate_loc_conf_t, enabled),
      NULL },

    { ngx_string("tollgate_token"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_tollgate_token,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tollgate_loc_conf_t, token),
      NULL },

    { ngx_string("tollgate_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_tollgate_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_tollgate_loc_conf_t, status),
      ngx_http_tollgate_statuses },

    { ngx_string("tollgate_balancer"),
      NGX_HTTP_UPS_CONF|NGX_CONF_NOARGS,
      ngx_http_tollgate_balancer,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_tollgate_module_ctx = {
    ngx_http_tollgate_preconfiguration,    /* preconfiguration */
    ngx_http_tollgate_postconfiguration,   /* postconfiguration */

    ngx_http_tollgate_create_main_conf,    /* create main configuration */
    ngx_http_tollgate_init_main_conf,      /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_tollgate_create_loc_conf,     /* create location configuration */
    ngx_http_tollgate_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_tollgate_module = {
    NGX_MODULE_V1,
    &ngx_http_tollgate_module_ctx,         /* module context */
    ngx_http_tollgate_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_tollgate_init_module,         /* init module */
    ngx_http_tollgate_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_tollgate_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_tollgate_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tollgate_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->zone_size = NGX_CONF_UNSET_SIZE;
    mcf->crypto_threads = NGX_CONF_UNSET;
    mcf->store_threads = NGX_CONF_UNSET;
    mcf->argon_threads = NGX_CONF_UNSET;
    mcf->details_size = NGX_CONF_UNSET_SIZE;
    mcf->queue = NGX_CONF_UNSET;
    mcf->deadline = NGX_CONF_UNSET_MSEC;
    mcf->auth_failure_delay = NGX_CONF_UNSET_MSEC;
    mcf->batch_limit = NGX_CONF_UNSET;
    mcf->traceparent_make = NGX_CONF_UNSET_UINT;

    return mcf;
}


static char *
ngx_http_tollgate_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_tollgate_main_conf_t *mcf = conf;

    u_char     *p;
    ngx_str_t   name;

    ngx_conf_init_size_value(mcf->zone_size, NGX_HTTP_TOLLGATE_ZONE_DEFAULT);
    ngx_conf_init_value(mcf->crypto_threads, 1);
    ngx_conf_init_value(mcf->store_threads, 2);
    ngx_conf_init_value(mcf->argon_threads, 1);
    ngx_conf_init_size_value(mcf->details_size,
                             NGX_HTTP_TOLLGATE_DETAILS_DEFAULT);
    ngx_conf_init_value(mcf->queue, 1024);
    ngx_conf_init_msec_value(mcf->deadline, 5000);
    ngx_conf_init_msec_value(mcf->auth_failure_delay, 100);
    ngx_conf_init_value(mcf->batch_limit, 512);
    ngx_conf_init_uint_value(mcf->traceparent_make, 0);

    mcf->enabled = (mcf->store.len != 0);

    if (!mcf->enabled) {
        return NGX_CONF_OK;
    }

    if (mcf->environment.len == 0
        || mcf->data.len == 0
        || mcf->master_key_file.len == 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"tollgate_store\" needs \"tollgate_environment\", "
                      "\"tollgate_data\" and \"tollgate_master_key_file\"");
        return NGX_CONF_ERROR;
    }

    /* with another store or environment nothing in the memory holds */

    name.len = sizeof("tollgate::") - 1 + mcf->environment.len
               + mcf->store.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_sprintf(name.data, "tollgate:%V:%V", &mcf->environment,
                    &mcf->store);
    name.len = p - name.data;

    mcf->shm_zone = ngx_shared_memory_add(cf, &name, mcf->zone_size,
                                          &ngx_http_tollgate_module);
    if (mcf->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->shm_zone->init = ngx_http_tollgate_zone_init;
    mcf->shm_zone->data = mcf;

    return NGX_CONF_OK;
}


static void *
ngx_http_tollgate_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_tollgate_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_tollgate_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->enabled = NGX_CONF_UNSET;
    lcf->token = NGX_CONF_UNSET;
    lcf->status = NGX_CONF_UNSET_UINT;

    return lcf;
}


static char *
ngx_http_tollgate_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_tollgate_loc_conf_t *prev = parent;
    ngx_http_tollgate_loc_conf_t *conf = child;

    ngx_conf_merge_value(conf->enabled, prev->enabled, 0);
    ngx_conf_init_value(conf->token, 0);
    ngx_conf_init_uint_value(conf->status, NGX_HTTP_TOLLGATE_STATUS_NONE);

    return NGX_CONF_OK;
}


static char *
ngx_http_tollgate_zone_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tollgate_main_conf_t *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mcf->zone_size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        return "has an invalid size";
    }

    if (size < NGX_HTTP_TOLLGATE_ZONE_MIN) {
        return "is too small, it must be 2m at least";
    }

    mcf->zone_size = (size_t) size;

    return NGX_CONF_OK;
}


static char *
ngx_http_tollgate_threads(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_tollgate_main_conf_t *mcf = conf;

    ngx_int_t   n, max, *to;
    ngx_str_t  *value, s;
    ngx_uint_t  i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "deadline=", 9) == 0) {
            s.data = value[i].data + 9;
            s.len = value[i].len - 9;
            n = ngx_parse_time(&s, 0);

            if (n == NGX_ERROR || n == 0) {
                goto invalid;
            }

            mcf->deadline = (ngx_msec_t) n;
            continue;
        }

        if (ngx_strncmp(value[i].data, "crypto=", 7) == 0) {
            to = &mcf->crypto_threads;
            max = 256;
            s.data = value[i].data + 7;

        } else if (ngx_strncmp(value[i].data, "store=", 6) == 0) {
            to = &mcf->store_threads;
            max = 256;
            s.data = value[i].data + 6;

        } else if (ngx_strncmp(value[i].data, "argon=", 6) == 0) {
            to = &mcf->argon_threads;
            max = 256;
            s.data = value[i].data + 6;

        } else if (ngx_strncmp(value[i].data, "queue=", 6) == 0) {
            to = &mcf->queue;
            max = 1000000;
            s.data = value[i].data + 6;

        } else {
            goto invalid;
        }

        s.len = value[i].data + value[i].len - s.data;
        n = ngx_atoi(s.data, s.len);

        if (n == NGX_ERROR || n == 0 || n > max) {
            goto invalid;
        }

        *to = n;
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       &value[i]);

    return NGX_CONF_ERROR;
}


static void
ngx_http_tollgate_want(ngx_conf_t *cf)
{
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tollgate_module);
    mcf->wanted = 1;
}


static char *
ngx_http_tollgate_on(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                          *rv;
    ngx_http_tollgate_loc_conf_t  *lcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    lcf = conf;

    if (lcf->enabled) {
        ngx_http_tollgate_want(cf);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tollgate_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                          *rv;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_tollgate_loc_conf_t  *lcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    lcf = conf;

    if (lcf->token) {
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
        clcf->handler = ngx_http_tollgate_token_handler;
        ngx_http_tollgate_want(cf);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_tollgate_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                      *rv;
    ngx_http_core_loc_conf_t  *clcf;

    rv = ngx_conf_set_enum_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_tollgate_status_handler;
    ngx_http_tollgate_want(cf);

    return NGX_CONF_OK;
}


static char *
ngx_http_tollgate_balancer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_upstream_server_t    *us;
    ngx_http_upstream_srv_conf_t  *uscf;

    uscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (uscf->peer.init_upstream) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "load balancing method redefined");
    }

    uscf->flags = NGX_HTTP_UPSTREAM_CREATE;
    uscf->peer.init_upstream = ngx_http_tollgate_balancer_init_upstream;

    /* nginx refuses a block without servers; ours come with the snapshot */

    us = ngx_array_push(uscf->servers);
    if (us == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(us, sizeof(ngx_http_upstream_server_t));
    ngx_str_set(&us->name, "tollgate");
    us->weight = 1;
    us->down = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_tollgate_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_tollgate_request_preconfiguration(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_endpoints_preconfiguration(cf);
}


static ngx_int_t
ngx_http_tollgate_postconfiguration(ngx_conf_t *cf)
{
    tg_fault_t                      fault;
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tollgate_module);

    if (mcf->wanted && !mcf->enabled) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"tollgate_store\" is not set");
        return NGX_ERROR;
    }

    if (mcf->enabled) {
        ngx_memzero(&fault, sizeof(fault));

        if (tg_name_check(ngx_http_tollgate_str(mcf->environment),
                          "tollgate_environment", &fault)
            != TG_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%s\" %s",
                          fault.field, fault.text);
            return NGX_ERROR;
        }

        if (ngx_conf_full_name(cf->cycle, &mcf->data, 1) != NGX_OK
            || ngx_http_tollgate_read_master_key(cf, mcf) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_tollgate_request_postconfiguration(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_endpoints_postconfiguration(cf);
}


/* By the master process, who may read what the workers' user may not. */
static ngx_int_t
ngx_http_tollgate_read_master_key(ngx_conf_t *cf,
    ngx_http_tollgate_main_conf_t *mcf)
{
    int                   fd;
    char                  text[TG_MASTER_TEXT_MAX];
    ssize_t               n;
    uint8_t               master[TG_KEY_LEN];
    tg_err_t              err;
    tg_fault_t            fault;
    struct stat           st;
    ngx_pool_cleanup_t   *cln;

    if (ngx_conf_full_name(cf->cycle, &mcf->master_key_file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = open((char *) mcf->master_key_file.data, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno,
                      "the master key \"%V\" cannot be opened",
                      &mcf->master_key_file);
        return NGX_ERROR;
    }

    if (fstat(fd, &st) == 0 && (st.st_mode & 077)) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "the master key \"%V\" can be read by others",
                      &mcf->master_key_file);
    }

    n = read(fd, text, sizeof(text));
    (void) close(fd);

    ngx_memzero(&fault, sizeof(fault));

    err = (n <= 0) ? tg_fault(&fault, TG_ERR_INVALID, "", "is empty")
                   : tg_master_parse(tg_strn(text, (size_t) n), master,
                                     &fault);
    tg_wipe(text, sizeof(text));

    if (err != TG_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "the master key \"%V\" %s",
                      &mcf->master_key_file, fault.text);
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(tg_keyring_t));
    if (cln == NULL) {
        tg_wipe(master, sizeof(master));
        return NGX_ERROR;
    }

    mcf->keyring = cln->data;
    err = tg_keyring_init(mcf->keyring, master);
    tg_wipe(master, sizeof(master));

    if (err != TG_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the keys cannot be derived: %s", tg_err_name(err));
        return NGX_ERROR;
    }

    cln->handler = ngx_http_tollgate_wipe_keyring;

    return NGX_OK;
}


static void
ngx_http_tollgate_wipe_keyring(void *data)
{
    tg_keyring_release(data);
}


static ngx_int_t
ngx_http_tollgate_init_module(ngx_cycle_t *cycle)
{
    size_t             seed;
    static ngx_uint_t  seeded;

    if (seeded) {
        return NGX_OK;
    }

    if (ngx_http_tollgate_random(&seed, sizeof(seed)) != NGX_OK) {
        return NGX_ERROR;
    }

    tg_json_init(seed);
    seeded = 1;

    return NGX_OK;
}


/*
 * Workers whose master was killed would keep its addresses from the next one,
 * and nobody could reload or stop them: they end as if it had asked them to.
 */

static ngx_int_t
ngx_http_tollgate_follow_master(ngx_cycle_t *cycle)
{
    if (ngx_process != NGX_PROCESS_WORKER) {
        return NGX_OK;
    }

    if (prctl(PR_SET_PDEATHSIG, SIGQUIT, 0, 0, 0) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "prctl(PR_SET_PDEATHSIG) failed");
        return NGX_ERROR;
    }

    if (getppid() != ngx_parent) {
        (void) raise(SIGQUIT);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_init_process(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_tollgate_module);

    if (mcf == NULL || !mcf->enabled) {
        return NGX_OK;
    }

    if (ngx_http_tollgate_follow_master(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    if (tg_identity_init() != TG_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "tollgate: the libraries of identity providers "
                      "cannot be initialised");
        return NGX_ERROR;
    }

    if (ngx_http_tollgate_zone_enter(mcf->shm_zone->data, cycle->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_tollgate_main = mcf;

    /* the feed first: what is loaded then is not older than the target */

    ngx_http_tollgate_feed_init(cycle);

    if (ngx_http_tollgate_loader_init(cycle) != NGX_OK
        || ngx_http_tollgate_notify_init(cycle) != NGX_OK
        || ngx_http_tollgate_pools_start(cycle) != NGX_OK
        || ngx_http_tollgate_loader_start(cycle) != NGX_OK
        || ngx_http_tollgate_feed_start(cycle) != NGX_OK
        || ngx_http_tollgate_node_start(cycle) != NGX_OK
        || ngx_http_tollgate_tidy_start(cycle) != NGX_OK
        || ngx_http_tollgate_request_log_start(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_tollgate_request_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_endpoints_init_process(cycle);
}


static void
ngx_http_tollgate_exit_process(ngx_cycle_t *cycle)
{
    ngx_int_t   stopped;
    ngx_uint_t  last, level;

    if (ngx_http_tollgate_main == NULL) {
        return;
    }

    ngx_http_tollgate_endpoints_exit_process(cycle);
    ngx_http_tollgate_request_exit_process(cycle);

    ngx_http_tollgate_loader_stop();
    ngx_http_tollgate_feed_stop();
    ngx_http_tollgate_node_stop();
    ngx_http_tollgate_tidy_stop();
    ngx_http_tollgate_request_log_stop();

    stopped = ngx_http_tollgate_pools_stop(cycle);

    if (ngx_http_tollgate_tidy_join() != NGX_OK && stopped == NGX_OK) {
        stopped = NGX_AGAIN;
    }

    if (ngx_http_tollgate_feed_join() != NGX_OK) {
        stopped = NGX_DECLINED;
    }

    if (ngx_http_tollgate_loader_join() != NGX_OK) {
        stopped = NGX_DECLINED;
    }

    if (ngx_http_tollgate_request_log_join() != NGX_OK) {
        stopped = NGX_DECLINED;
    }

    if (ngx_http_tollgate_node_join() == NGX_OK) {
        last = ngx_http_tollgate_zone_leave();
        ngx_http_tollgate_node_leave(last);

    } else {
        stopped = NGX_DECLINED;
    }

    ngx_http_tollgate_notify_close();

    if (stopped != NGX_OK) {
        level = stopped == NGX_AGAIN ? NGX_LOG_NOTICE : NGX_LOG_ALERT;

        ngx_log_error(level, cycle->log, 0,
                      "tollgate: a thread does not stop, exiting without it");

        /* exit() would take away what that thread is using */
        _exit(0);
    }
}
