
/*
 * Failed authentications are answered at a fixed time after their arrival.
 * nginx's own timers count in ms of a clock that is read once a turn: what was
 * done before, argon2id or nothing, would show.  So one timerfd of a worker
 * wakes it at the very moment, and what it does then is the same for all.
 */


#include <sys/timerfd.h>
#include <time.h>

#include "ngx_http_tollgate_endpoints.h"


#define NGX_HTTP_TOLLGATE_NS_OF_MS  1000000

/* How long all go by the multiple that one needed, and the largest. */
#define NGX_HTTP_TOLLGATE_PACE_NS   ((uint64_t) 10 * 1000000000)
#define NGX_HTTP_TOLLGATE_PACE_MAX  10


static uint64_t ngx_http_tollgate_delay_pace(uint64_t needed, uint64_t now);
static void ngx_http_tollgate_delay_wake(ngx_event_t *ev);
static void ngx_http_tollgate_delay_run(void);
static void ngx_http_tollgate_delay_arm(void);
static void ngx_http_tollgate_delay_answer(ngx_http_tollgate_token_t *t);


static ngx_rbtree_t        ngx_http_tollgate_delayed;
static ngx_rbtree_node_t   ngx_http_tollgate_delayed_sentinel;
static uint64_t            ngx_http_tollgate_delay_armed;  /* 0: not */
static ngx_connection_t   *ngx_http_tollgate_delay_connection;

static uint64_t            ngx_http_tollgate_pace;         /* 0: none */
static uint64_t            ngx_http_tollgate_pace_until;

/* holds a worker in its graceful stop while somebody waits */
static ngx_event_t         ngx_http_tollgate_delay_hold;


uint64_t
ngx_http_tollgate_monotonic_ns(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


ngx_int_t
ngx_http_tollgate_delay_init(ngx_cycle_t *cycle)
{
    int                fd;
    ngx_connection_t  *c;

    ngx_rbtree_init(&ngx_http_tollgate_delayed,
                    &ngx_http_tollgate_delayed_sentinel,
                    ngx_rbtree_insert_value);

    ngx_http_tollgate_delay_armed = 0;
    ngx_http_tollgate_pace_until = 0;

    ngx_memzero(&ngx_http_tollgate_delay_hold, sizeof(ngx_event_t));
    ngx_http_tollgate_delay_hold.handler = ngx_http_tollgate_delay_wake;
    ngx_http_tollgate_delay_hold.log = cycle->log;

    fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK|TFD_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "timerfd_create() failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, cycle->log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->data = NULL;
    c->log = cycle->log;
    c->read->log = cycle->log;
    c->read->handler = ngx_http_tollgate_delay_wake;
    c->write->log = cycle->log;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_free_connection(c);
        (void) close(fd);
        return NGX_ERROR;
    }

    ngx_http_tollgate_delay_connection = c;

    return NGX_OK;
}


void
ngx_http_tollgate_delay_exit(void)
{
    if (ngx_http_tollgate_delay_connection) {
        ngx_close_connection(ngx_http_tollgate_delay_connection);
        ngx_http_tollgate_delay_connection = NULL;
    }
}


void
ngx_http_tollgate_token_delayed(ngx_http_tollgate_token_t *t,
    tg_oauth_error_t error, const char *why)
{
    uint64_t  delay, now;

    delay = (uint64_t) ngx_http_tollgate_main->auth_failure_delay
            * NGX_HTTP_TOLLGATE_NS_OF_MS;

    if (delay == 0) {
        ngx_http_tollgate_token_refused(t, error, why);
        return;
    }

    now = ngx_http_tollgate_monotonic_ns();

    t->delay.error = error;
    t->delay.why = why;
    t->delay.waits = 1;
    t->delay.node.key = t->arrived
                        + delay * ngx_http_tollgate_delay_pace(
                                        (now - t->arrived) / delay + 1, now);

    ngx_rbtree_insert(&ngx_http_tollgate_delayed, &t->delay.node);

    ngx_http_tollgate_delay_arm();
}


/*
 * Where argon2id does not finish within the time, those that had to wait for
 * it would be known by the multiple of theirs: so for a while all others are
 * answered no sooner.
 */

static uint64_t
ngx_http_tollgate_delay_pace(uint64_t needed, uint64_t now)
{
    uint64_t  pace;

    pace = now < ngx_http_tollgate_pace_until ? ngx_http_tollgate_pace : 1;

    if (needed > 1 && needed >= pace) {
        ngx_http_tollgate_pace = ngx_min(needed, NGX_HTTP_TOLLGATE_PACE_MAX);
        ngx_http_tollgate_pace_until = now + NGX_HTTP_TOLLGATE_PACE_NS;
    }

    return ngx_max(needed, pace);
}


void
ngx_http_tollgate_delay_forget(ngx_http_tollgate_token_t *t)
{
    if (!t->delay.waits) {
        return;
    }

    ngx_rbtree_delete(&ngx_http_tollgate_delayed, &t->delay.node);
    t->delay.waits = 0;

    ngx_http_tollgate_delay_arm();
}


/* The next one that is due, if there is one, wakes this worker. */

static void
ngx_http_tollgate_delay_arm(void)
{
    ngx_rbtree_node_t  *node;
    struct itimerspec   at;

    if (ngx_http_tollgate_delayed.root == &ngx_http_tollgate_delayed_sentinel) {

        /* a timer that runs out for nobody does no harm */

        if (ngx_http_tollgate_delay_hold.timer_set) {
            ngx_del_timer(&ngx_http_tollgate_delay_hold);
        }

        return;
    }

    if (!ngx_http_tollgate_delay_hold.timer_set) {
        ngx_add_timer(&ngx_http_tollgate_delay_hold,
                      2 * ngx_http_tollgate_main->auth_failure_delay + 1000);
    }

    node = ngx_rbtree_min(ngx_http_tollgate_delayed.root,
                          &ngx_http_tollgate_delayed_sentinel);

    if (node->key == ngx_http_tollgate_delay_armed) {
        return;
    }

    ngx_memzero(&at, sizeof(struct itimerspec));
    at.it_value.tv_sec = (time_t) (node->key / 1000000000);
    at.it_value.tv_nsec = (long) (node->key % 1000000000);

    if (timerfd_settime(ngx_http_tollgate_delay_connection->fd,
                        TFD_TIMER_ABSTIME, &at, NULL)
        == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "timerfd_settime() failed");
        return;
    }

    ngx_http_tollgate_delay_armed = node->key;
}


/* Of the timerfd, and of the timer that holds the worker. */

static void
ngx_http_tollgate_delay_wake(ngx_event_t *ev)
{
    uint64_t  n;

    if (ev != &ngx_http_tollgate_delay_hold) {

        while (read(ngx_http_tollgate_delay_connection->fd, &n, sizeof(n)) == -1
               && errno == EINTR)
        { /* void */ }

        ev->ready = 0;

        if (ngx_handle_read_event(ev, 0) != NGX_OK) {
            ngx_log_error(NGX_LOG_ALERT, ev->log, 0,
                          "tollgate: the event of the timer is lost");
        }
    }

    ngx_http_tollgate_delay_run();
}


static void
ngx_http_tollgate_delay_run(void)
{
    uint64_t                    now;
    ngx_rbtree_node_t          *node;
    ngx_http_tollgate_token_t  *t;

    now = ngx_http_tollgate_monotonic_ns();
    ngx_http_tollgate_delay_armed = 0;

    while (ngx_http_tollgate_delayed.root
           != &ngx_http_tollgate_delayed_sentinel)
    {
        node = ngx_rbtree_min(ngx_http_tollgate_delayed.root,
                              &ngx_http_tollgate_delayed_sentinel);

        if (node->key > now) {
            break;
        }

        t = (ngx_http_tollgate_token_t *)
                ((u_char *) node - offsetof(ngx_http_tollgate_token_t,
                                            delay.node));

        ngx_rbtree_delete(&ngx_http_tollgate_delayed, node);
        t->delay.waits = 0;

        ngx_http_tollgate_delay_answer(t);
    }

    ngx_http_tollgate_delay_arm();
}


static void
ngx_http_tollgate_delay_answer(ngx_http_tollgate_token_t *t)
{
    ngx_connection_t  *c;

    c = t->request->connection;

    ngx_http_set_log_request(c->log, t->request);

    ngx_http_tollgate_token_refused(t, t->delay.error, t->delay.why);
    ngx_http_run_posted_requests(c);
}
