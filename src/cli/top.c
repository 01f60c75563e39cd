/* `top`: live rates of gateways, in a screen that is drawn over, or once. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/http.h"
#include "cli/issuer.h"
#include "cli/metrics.h"
#include "cli/say.h"

#define URL_DEFAULT "http://127.0.0.1:9081"
#define METRICS_MAX ((size_t)4 << 20)

typedef struct {
    const tg_args_t *args;
    tg_output_t format;
    tg_transport_t transport;
    int64_t interval; /* seconds */
    size_t nodes, reached;
    tg_metrics_t sum;
    double at;
    char fault[600]; /* why a node was not reached */
} look_t;

static double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- measuring ---- */

static void node_read(look_t *l, tg_str_t base) {
    char url[1024];
    tg_buf_t body;
    tg_fault_t fault = {"", ""};
    long status = 0;
    while (tg_str_ends(base, TG_STR("/")))
        base.n--;
    snprintf(url, sizeof(url), "%.*s%s", TG_STR_ARGS(base), tg_str_ends(base, TG_STR("/metrics")) ? "" : "/metrics");
    tg_buf_init(&body, METRICS_MAX);
    tg_err_t err = tg_http_run(&(tg_http_call_t){.method = "GET",
                                                 .url = url,
                                                 .ca_file = l->transport.ca_file,
                                                 .timeout_ms = 5000,
                                                 .insecure_http = l->transport.insecure_http},
                               &status, &body, &fault);
    if (!err && (status != 200 || tg_metrics_add(tg_buf_str(&body), &l->sum)))
        err = tg_fault(&fault, TG_ERR_INVALID, "", "%s: no metrics of a gateway (status %ld)", url, status);
    if (err)
        snprintf(l->fault, sizeof(l->fault), "%s", fault.text);
    else
        l->reached++;
    tg_buf_release(&body);
}

/* The sum over all nodes that answer. TG_ERR_UNAVAILABLE: none does. */
static tg_err_t measure(look_t *l) {
    const char *urls = tg_args_or_env(l->args, TG_FLAG_STATUS_URL, "TOLLGATE_STATUS");
    tg_str_t rest = tg_str(urls ? urls : URL_DEFAULT);
    l->nodes = l->reached = 0;
    l->fault[0] = '\0';
    l->sum = (tg_metrics_t){0};
    while (rest.n) {
        tg_str_t url = tg_str_trim(tg_str_take(&rest, ','));
        l->nodes += url.n > 0;
        if (url.n)
            node_read(l, url);
    }
    l->at = clock_seconds();
    return l->reached > 0 ? TG_OK : TG_ERR_UNAVAILABLE;
}

/* ---- showing ---- */

static double share(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}

static const struct {
    const char *name, *label;
    tg_top_value_t value;
} lines[] = {
    {"requests", "requests/s", TG_TOP_REQUESTS},
    {"requestsRefused", "  refused/s", TG_TOP_REQUESTS_REFUSED},
    {"limited", "  over a limit/s", TG_TOP_LIMITED},
    {"backendFailures", "backend failures/s", TG_TOP_BACKEND_FAILURES},
    {"tokenChecks", "token checks/s", TG_TOP_CHECKS},
    {"tokenChecksRefused", "  refused/s", TG_TOP_CHECKS_REFUSED},
    {"storeLookups", "store look-ups/s", TG_TOP_LOOKUPS},
    {"issuedOpaque", "opaque tokens issued/s", TG_TOP_ISSUED_OPAQUE},
    {"issuedJwt", "JWTs issued/s", TG_TOP_ISSUED_JWT},
    {"tokensRefused", "token requests refused/s", TG_TOP_TOKENS_REFUSED},
    {"tasksTurnedAway", "tasks turned away/s", TG_TOP_BUSY},
    {"queueCrypto", "queue: crypto", TG_TOP_QUEUE_CRYPTO},
    {"queueStore", "queue: store", TG_TOP_QUEUE_STORE},
    {"queueCommit", "queue: commit", TG_TOP_QUEUE_COMMIT},
    {"connections", "client connections", TG_TOP_CONNECTIONS},
    {"cacheEntries", "token cache entries", TG_TOP_CACHE_ENTRIES},
    {"liveClients", "live clients", TG_TOP_LIVE_CLIENTS},
};
#define N_LINES (sizeof(lines) / sizeof(lines[0]))

/* `eol` ends a line on a screen that is drawn over. */
static void rates_print(const look_t *l, const tg_metrics_t *rate, const char *eol) {
    printf("%-26s%12zu of %zu%s", "gateways", l->reached, l->nodes, eol);
    for (size_t i = 0; i < N_LINES; i++) {
        printf("%-26s%12.1f%s", lines[i].label, rate->value[lines[i].value], eol);
        if (lines[i].value == TG_TOP_CHECKS_REFUSED)
            printf("%-26s%11.1f%%%s", "token cache hits",
                   share(rate->value[TG_TOP_CACHE_HITS], rate->value[TG_TOP_CACHE_ALL]), eol);
    }
    if (l->fault[0])
        printf("%s%s", l->fault, eol);
}

static tg_err_t once_show(const look_t *l, const tg_metrics_t *rate) {
    if (l->format == TG_OUTPUT_TABLE || l->format == TG_OUTPUT_NAME) {
        rates_print(l, rate, "\n");
        return TG_OK;
    }
    json_t *o = json_pack("{s:i,s:i,s:f}", "nodes", (int)l->nodes, "reached", (int)l->reached, "cacheHitPercent",
                          share(rate->value[TG_TOP_CACHE_HITS], rate->value[TG_TOP_CACHE_ALL]));
    for (size_t i = 0; i < N_LINES; i++)
        json_object_set_new(o, lines[i].name, json_real(rate->value[lines[i].value]));
    tg_err_t err = tg_output_value(l->format, o);
    json_decref(o);
    return err;
}

/* ---- the screen ---- */

static volatile sig_atomic_t stop_asked;
static struct termios terminal_before;

static void stop_note(int sig) {
    (void)sig;
    stop_asked = 1;
}

/* Another screen, no cursor, keys without echo; all of it goes back in screen_leave. */
static void screen_enter(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction note = {.sa_handler = stop_note};
    struct termios raw;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        sigaction(ends[i], &note, NULL);
    signal(SIGTSTP, SIG_IGN); /* a stopped one would leave the terminal as it is */
    if (tcgetattr(STDIN_FILENO, &terminal_before) == 0) {
        raw = terminal_before;
        raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    printf("\033[?1049h\033[?25l");
}

static void screen_leave(void) {
    printf("\033[?25h\033[?1049l");
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
}

/* Waits; true: it is to end. */
static bool key_wait(double seconds) {
    double end = clock_seconds() + seconds;
    while (!stop_asked) {
        double left = end - clock_seconds();
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        char key;
        if (left <= 0)
            return false;
        if (poll(&p, 1, (int)(left * 1000) + 1) > 0 &&
            (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q' || key == 3))
            return true;
    }
    return true;
}

static void screen_run(look_t *l) {
    screen_enter();
    for (look_t before = *l; !stop_asked; before = *l) {
        tg_metrics_t rate;
        if (key_wait((double)l->interval))
            break;
        bool reached = measure(l) == TG_OK && before.reached == l->reached;
        printf("\033[H");
        if (reached) {
            tg_metrics_rate(&before.sum, &l->sum, l->at - before.at, &rate);
            rates_print(l, &rate, "\033[K\n");
        } else
            printf("%zu of %zu gateways answer\033[K\n%s\033[K\n", l->reached, l->nodes, l->fault);
        printf("\033[K\nevery %lld s; q ends\033[K\033[J", (long long)l->interval);
        fflush(stdout);
    }
    screen_leave();
}

static tg_err_t once_run(look_t *l) {
    look_t before = *l;
    tg_metrics_t rate;
    nanosleep(&(struct timespec){l->interval, 0}, NULL);
    tg_err_t err = measure(l);
    if (err)
        return err;
    tg_metrics_rate(&before.sum, &l->sum, l->at - before.at, &rate);
    return once_show(l, &rate);
}

int tg_top(const tg_args_t *a) {
    look_t l = {.args = a, .transport = tg_transport_of(a)};
    tg_err_t err = tg_output_parse(a, &l.format);
    if (!err)
        err = tg_args_number(a, TG_FLAG_INTERVAL, 1, 3600, 2, &l.interval);
    if (err)
        return TG_EXIT_FAILED;
    err = measure(&l);
    bool screen = !a->value[TG_FLAG_ONCE] && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (!err && screen)
        screen_run(&l);
    else if (!err)
        err = once_run(&l);
    if (err)
        tg_say("%s", l.fault);
    return tg_exit_of(err);
}
