
/* From the threads to the event loop: one eventfd for a worker. */

#include <sys/eventfd.h>

#include "ngx_http_tollgate_state.h"


static void ngx_http_tollgate_notify_handler(ngx_event_t *ev);


static int                ngx_http_tollgate_notify_fd = -1;
static ngx_connection_t  *ngx_http_tollgate_notify_connection;


ngx_int_t
ngx_http_tollgate_notify_init(ngx_cycle_t *cycle)
{
    int                fd;
    ngx_connection_t  *c;

    fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "eventfd() failed");
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
    c->read->handler = ngx_http_tollgate_notify_handler;
    c->write->log = cycle->log;

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_free_connection(c);
        (void) close(fd);
        return NGX_ERROR;
    }

    ngx_http_tollgate_notify_fd = fd;
    ngx_http_tollgate_notify_connection = c;

    return NGX_OK;
}


void
ngx_http_tollgate_notify_close(void)
{
    if (ngx_http_tollgate_notify_connection == NULL) {
        return;
    }

    ngx_close_connection(ngx_http_tollgate_notify_connection);

    ngx_http_tollgate_notify_connection = NULL;
    ngx_http_tollgate_notify_fd = -1;
}


void
ngx_http_tollgate_notify(void)
{
    uint64_t  one;

    one = 1;

    /* a thread that nobody waited for */

    if (ngx_http_tollgate_notify_fd == -1) {
        return;
    }

    /* a full counter (EAGAIN) wakes as well */

    if (write(ngx_http_tollgate_notify_fd, &one, sizeof(one)) == -1
        && errno != EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "tollgate: eventfd write() failed");
    }
}


static void
ngx_http_tollgate_notify_handler(ngx_event_t *ev)
{
    uint64_t           n;
    ngx_connection_t  *c;

    c = ev->data;

    /* emptied first: who writes behind this read makes another event */

    while (read(c->fd, &n, sizeof(n)) == -1 && errno == EINTR) { /* void */ }

    ev->ready = 0;

    if (ngx_handle_read_event(ev, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, 0,
                      "tollgate: the event of the threads is lost");
    }

    ngx_http_tollgate_pools_drain();
    ngx_http_tollgate_loader_swap();
}
