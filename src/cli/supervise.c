#include "cli/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/files.h"
#include "cli/http.h"
#include "cli/notify.h"
#include "cli/prepare.h"
#include "cli/privileges.h"
#include "cli/say.h"

#define TICK_MS        100
#define BACKOFF_MAX_MS (30 * TG_SECOND_MS)
#define STEADY_MS      (60 * TG_SECOND_MS) /* having run this long, the back-off starts anew */
#define PATIENCE_MS    (10 * TG_SECOND_MS) /* after this the wait is explained */
#define STOP_MAX_MS    (35 * TG_SECOND_MS) /* above nginx's worker_shutdown_timeout */

typedef struct {
    const char *name; /* "manager", "gateway" */
    bool wanted;      /* this command runs it */
    bool answered;    /* it was ready once */
    pid_t pid;        /* 0: not running */
    tg_ms_t started_at, restart_at;
    tg_ms_t backoff;
    int stop_signal;
} child_t;

typedef struct {
    const tg_options_t *o;
    const tg_install_t *in;
    child_t manager, gateway;
    int lock;            /* of the gateway; handed on to nginx */
    tg_ms_t drained_at;  /* when the gateway, which drains, is stopped; 0: it does not drain */
    tg_ms_t stopping_at; /* 0: running */
    bool ready, failed, explained;
} supervisor_t;

static tg_ms_t now_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (tg_ms_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- starting ---- */

static void child_settle(int death_signal) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* Ctrl-C reaches the supervisor alone */
    prctl(PR_SET_PDEATHSIG, death_signal);
}

static void manager_exec(const supervisor_t *s) {
    const tg_options_t *o = s->o;
    char listen[300];
    const char *argv[24];
    size_t n = 0;
    tg_endpoint_write(&o->manager, listen, sizeof(listen));
    argv[n++] = s->in->manager;
    const char *const pairs[][2] = {{"--store", o->store},
                                    {"--listen", listen},
                                    {"--master-key-file", o->master_key_file},
                                    {"--environment", o->environment},
                                    {"--user", o->user},
                                    {"--admin-password-file", o->admin_password_file},
                                    {"--data", o->data},
                                    {"--allow-private-definitions", o->definition_networks},
                                    {"--log-format", o->log_format}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i][1][0]) {
            argv[n++] = pairs[i][0];
            argv[n++] = pairs[i][1];
        }
    argv[n] = NULL;
    child_settle(SIGTERM);
    execv(s->in->manager, (char *const *)argv);
    tg_say_errno("cannot run %s", s->in->manager);
}

static bool low_ports(const tg_options_t *o) {
    return o->gateway.port < 1024 || o->status.port < 1024;
}

static void gateway_exec(const supervisor_t *s) {
    const tg_options_t *o = s->o;
    char prefix[2048], conf[2048];
    struct rlimit files = {65536, 65536};
    snprintf(prefix, sizeof(prefix), "%s/gateway", o->data);
    snprintf(conf, sizeof(conf), "%s/gateway/nginx.conf", o->data);
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 && getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    fcntl(s->lock, F_SETFD, 0); /* nginx holds the lock for as long as it lives */
    if (tg_privileges_drop(o, low_ports(o)))
        return;
    umask(077);
    child_settle(SIGQUIT);
    execl(s->in->nginx, "nginx", "-p", prefix, "-c", conf, "-e", "stderr", (char *)NULL);
    tg_say_errno("cannot run %s", s->in->nginx);
}

static void child_start(supervisor_t *s, child_t *c) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (c == &s->manager)
            manager_exec(s);
        else
            gateway_exec(s);
        _exit(127);
    }
    c->started_at = now_ms();
    c->restart_at = 0;
    if (pid > 0)
        c->pid = pid;
    else {
        tg_say_errno("cannot start the %s", c->name);
        c->restart_at = c->started_at + TG_SECOND_MS;
    }
}

/* ---- watching ---- */

static void death_say(const child_t *c, int status) {
    if (WIFSIGNALED(status))
        tg_say("the %s (pid %d) was ended by signal %d (%s)", c->name, c->pid, WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    else
        tg_say("the %s (pid %d) ended with status %d", c->name, c->pid, WEXITSTATUS(status));
}

static void child_ended(supervisor_t *s, child_t *c, int status) {
    tg_ms_t now = now_ms();
    bool stopping = s->stopping_at != 0;
    if (!stopping || status != 0)
        death_say(c, status);
    c->pid = 0;
    if (stopping)
        return;
    if (!c->answered) {
        s->failed = true;
        return;
    }
    c->backoff = now - c->started_at > STEADY_MS || c->backoff == 0 ? 200 : c->backoff * 2;
    if (c->backoff > BACKOFF_MAX_MS)
        c->backoff = BACKOFF_MAX_MS;
    c->restart_at = now + c->backoff;
    tg_say("the %s is started again in %.1f s", c->name, (double)c->backoff / 1000);
}

static void children_reap(supervisor_t *s) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == s->manager.pid)
            child_ended(s, &s->manager, status);
        else if (pid == s->gateway.pid)
            child_ended(s, &s->gateway, status);
    }
}

static void children_restart(supervisor_t *s) {
    child_t *const all[] = {&s->manager, &s->gateway};
    for (size_t i = 0; i < 2; i++)
        if (all[i]->restart_at && all[i]->restart_at <= now_ms())
            child_start(s, all[i]);
}

/* ---- readiness ---- */

/* An address that listens everywhere is called at loopback. */
static void endpoint_reach(const tg_endpoint_t *e, char *out, size_t cap) {
    tg_endpoint_t r = *e;
    if (strcmp(r.host, "0.0.0.0") == 0)
        strcpy(r.host, "127.0.0.1");
    if (strcmp(r.host, "::") == 0)
        strcpy(r.host, "::1");
    tg_endpoint_write(&r, out, cap);
}

static bool endpoint_is_ready(const tg_endpoint_t *e) {
    char address[300], url[400];
    long status = 0;
    tg_buf_t body;
    tg_fault_t fault = {0};
    endpoint_reach(e, address, sizeof(address));
    snprintf(url, sizeof(url), "http://%s/health/ready", address);
    tg_buf_init(&body, 65536);
    tg_err_t err = tg_http_run(
        &(tg_http_call_t){.method = "GET", .url = url, .timeout_ms = 2000, .insecure_http = true /* ours */}, &status,
        &body, &fault);
    tg_buf_release(&body);
    return !err && status == 200;
}

static void ready_file_write(const tg_options_t *o) {
    char gateway[300], manager[300], status[300];
    tg_buf_t b;
    endpoint_reach(&o->gateway, gateway, sizeof(gateway));
    endpoint_reach(&o->manager, manager, sizeof(manager));
    endpoint_reach(&o->status, status, sizeof(status));
    tg_buf_init(&b, 4096);
    tg_buf_putf(&b, "{\"pid\":%d", getpid());
    if (o->run_gateway)
        tg_buf_putf(&b, ",\"gateway\":\"%s://%s\",\"status\":\"http://%s\"", o->tls_certificate[0] ? "https" : "http",
                    gateway, status);
    if (o->run_manager)
        tg_buf_putf(&b, ",\"manager\":\"http://%s/apiops\"", manager);
    tg_buf_put(&b, TG_STR("}\n"));
    if (b.err || tg_file_write(o->ready_file, tg_buf_str(&b), 0644))
        tg_say_errno("--ready-file: cannot write %s", o->ready_file);
    tg_buf_release(&b);
}

static void ready_say(const tg_options_t *o) {
    char text[300];
    if (o->run_gateway) {
        tg_endpoint_write(&o->gateway, text, sizeof(text));
        tg_say("gateway  %s://%s (environment %s, %d worker%s)", o->tls_certificate[0] ? "https" : "http", text,
               o->environment, o->workers, o->workers == 1 ? "" : "s");
    }
    if (o->run_manager) {
        tg_endpoint_write(&o->manager, text, sizeof(text));
        tg_say("manager  http://%s/apiops", text);
    }
    tg_say("ready");
}

static void readiness_check(supervisor_t *s) {
    child_t *const all[] = {&s->manager, &s->gateway};
    const tg_endpoint_t *const at[] = {&s->o->manager, &s->o->status};
    bool ready = true;
    for (size_t i = 0; i < 2; i++) {
        if (!all[i]->wanted || all[i]->answered)
            continue;
        all[i]->answered = all[i]->pid && endpoint_is_ready(at[i]);
        ready = ready && all[i]->answered;
        if (!all[i]->answered && !s->explained && now_ms() - all[i]->started_at > PATIENCE_MS) {
            s->explained = true;
            tg_say("the %s is up but not ready yet%s", all[i]->name,
                   i == 1 ? ": it waits for its environment to be described at a manager of this store" : "");
        }
    }
    if (!ready)
        return;
    s->ready = true;
    ready_say(s->o);
    tg_notify("READY=1\nSTATUS=serving");
    if (s->o->ready_file[0])
        ready_file_write(s->o);
}

/* ---- signals ---- */

static void child_signal(const child_t *c, int sig) {
    if (c->pid)
        kill(c->pid, sig);
}

static bool conf_is_good(const supervisor_t *s) {
    char prefix[2048], conf[2048];
    snprintf(prefix, sizeof(prefix), "%s/gateway", s->o->data);
    snprintf(conf, sizeof(conf), "%s/gateway/nginx.conf", s->o->data);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (tg_privileges_drop(s->o, low_ports(s->o)) == TG_OK)
            execl(s->in->nginx, "nginx", "-t", "-q", "-p", prefix, "-c", conf, "-e", "stderr", (char *)NULL);
        _exit(127);
    }
    int status = 1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void gateway_reload(supervisor_t *s) {
    if (tg_gateway_ready(s->o, s->in) || !conf_is_good(s)) {
        tg_say("reload refused; the gateway goes on with what it had");
        return;
    }
    child_signal(&s->gateway, SIGHUP);
    tg_say("reloaded: certificates and operator.conf were read again");
}

static void reload(supervisor_t *s) {
    if (!s->ready) {
        if (s->gateway.wanted)
            gateway_reload(s);
        return;
    }
    tg_notify_reloading();
    if (s->gateway.wanted)
        gateway_reload(s);
    tg_notify("READY=1");
}

/* The load balancer gets time to notice that this node wants no more. */
static void drain(supervisor_t *s) {
    tg_notify("STOPPING=1\nSTATUS=draining");
    if (tg_drain_begin(s->o))
        return;
    s->drained_at = now_ms() + s->o->drain_seconds * TG_SECOND_MS;
    tg_say("draining for %d s: /health/ready says 503, requests are served", s->o->drain_seconds);
}

static void stop(supervisor_t *s) {
    tg_ms_t now = now_ms();
    if (s->stopping_at) { /* asked twice: at once */
        child_signal(&s->gateway, SIGTERM);
        child_signal(&s->manager, SIGTERM);
        return;
    }
    tg_notify("STOPPING=1\nSTATUS=stopping");
    s->drained_at = 0;
    s->stopping_at = now;
    s->manager.restart_at = s->gateway.restart_at = 0;
    child_signal(&s->gateway, s->gateway.stop_signal);
    child_signal(&s->manager, s->manager.stop_signal);
}

static void stop_asked(supervisor_t *s) {
    if (s->gateway.wanted && s->ready && s->o->drain_seconds && !s->drained_at && !s->stopping_at) {
        drain(s);
        if (s->drained_at)
            return;
    }
    tg_say("stopping");
    stop(s);
}

static void stop_hurry(supervisor_t *s) {
    if (s->stopping_at && now_ms() - s->stopping_at > STOP_MAX_MS) {
        tg_say("not stopped after %d s: ending what is left", (int)(STOP_MAX_MS / 1000));
        child_signal(&s->gateway, SIGTERM);
        child_signal(&s->manager, SIGKILL);
        s->stopping_at = now_ms();
    }
}

static void signal_wait(supervisor_t *s, const sigset_t *set) {
    struct timespec tick = {0, TICK_MS * 1000000L};
    switch (sigtimedwait(set, NULL, &tick)) {
    case SIGTERM:
    case SIGINT:
        stop_asked(s);
        break;
    case SIGHUP:
        reload(s);
        break;
    default:
        break;
    }
}

static bool running(const supervisor_t *s) {
    return s->manager.pid || s->gateway.pid || s->manager.restart_at || s->gateway.restart_at;
}

int tg_supervise(const tg_options_t *o, const tg_install_t *in) {
    supervisor_t s = {.o = o, .in = in, .lock = -1};
    s.manager = (child_t){.name = "manager", .wanted = o->run_manager, .stop_signal = SIGTERM};
    s.gateway = (child_t){.name = "gateway", .wanted = o->run_gateway, .stop_signal = SIGQUIT};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (s.gateway.wanted && tg_plane_lock(o, "gateway", &s.lock))
        return 1;
    if (s.manager.wanted)
        child_start(&s, &s.manager);
    if (s.gateway.wanted)
        child_start(&s, &s.gateway);
    while (running(&s)) {
        signal_wait(&s, &set);
        children_reap(&s);
        if (s.failed && !s.stopping_at)
            stop(&s);
        if (s.drained_at && s.drained_at <= now_ms())
            stop_asked(&s);
        if (!s.stopping_at && !s.ready)
            readiness_check(&s);
        if (!s.stopping_at)
            children_restart(&s);
        stop_hurry(&s);
    }
    if (o->ready_file[0])
        unlink(o->ready_file);
    if (s.lock >= 0)
        close(s.lock);
    if (!s.failed)
        tg_say("stopped");
    return s.failed ? 1 : 0;
}

int tg_up(tg_options_t *o) {
    tg_install_t in;
    tg_notify_init();
    if (tg_install_find(o->run_manager, o->run_gateway, &in) || tg_data_ready(o) || tg_store_ready(o))
        return 1;
    int lock = -1;
    if (o->run_manager &&
        tg_plane_lock(o, "manager", &lock)) /* asked early for a clear message; the manager takes it itself */
        return 1;
    if (lock >= 0)
        close(lock);
    if (o->run_gateway && tg_plane_lock(o, "gateway", &lock))
        return 1;
    if (lock >= 0)
        close(lock);
    if ((o->run_manager && tg_endpoint_settle(&o->manager, "manager")) ||
        (o->run_gateway && tg_endpoint_settle(&o->gateway, "gateway")) ||
        (o->run_gateway && tg_endpoint_settle(&o->status, "status")) || (o->run_gateway && tg_gateway_ready(o, &in)))
        return 1;
    return tg_supervise(o, &in);
}
