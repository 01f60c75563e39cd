#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/say.h"

void tg_terminal_init(void) {
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
}

size_t tg_terminal_width(void) {
    struct winsize size;
    uint64_t columns;
    const char *set = getenv("COLUMNS");
    if (set && tg_str_to_u64(tg_str(set), 10000, &columns) && columns > 0)
        return (size_t)columns;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 0;
}

/* ---- questions ---- */

static volatile sig_atomic_t signal_seen;

static void signal_note(int sig) {
    signal_seen = sig;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static tg_err_t line_read(int fd, tg_buf_t *out) {
    for (;;) {
        char c;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR && !signal_seen)
            continue;
        if (n <= 0)
            return TG_ERR_UNAVAILABLE;
        if (c == '\n')
            return out->err;
        tg_buf_putc(out, c);
    }
}

/* The signals that end us wait until the terminal is as it was. */
static tg_err_t hidden_read(int fd, tg_buf_t *out) {
    struct termios before, quiet;
    struct sigaction old[N_SIGNALS], note = {.sa_handler = signal_note};
    if (tcgetattr(fd, &before) != 0)
        return TG_ERR_NOTFOUND;
    signal_seen = 0;
    for (size_t i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i], &note, &old[i]);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(fd, TCSAFLUSH, &quiet);
    tg_err_t err = line_read(fd, out);
    tcsetattr(fd, TCSAFLUSH, &before);
    for (size_t i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i], &old[i], NULL);
    if (write(fd, "\n", 1) < 0)
        err = TG_ERR_UNAVAILABLE;
    if (signal_seen)
        raise(signal_seen);
    return err;
}

tg_err_t tg_terminal_ask(const char *question, bool hidden, tg_buf_t *out) {
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return TG_ERR_NOTFOUND;
    tg_err_t err = dprintf(fd, "%s", question) < 0 ? TG_ERR_UNAVAILABLE : TG_OK;
    if (!err)
        err = hidden ? hidden_read(fd, out) : line_read(fd, out);
    close(fd);
    return err;
}

bool tg_terminal_confirm(const char *question) {
    char mem[64];
    tg_buf_t answer;
    tg_buf_init_fixed(&answer, mem, sizeof(mem));
    tg_err_t err = tg_terminal_ask(question, false, &answer);
    if (err == TG_ERR_NOTFOUND)
        tg_say("there is no terminal to ask at; say --yes if it is meant");
    tg_str_t text = tg_str_trim(tg_buf_str(&answer));
    return !err && (tg_str_eq_ci(text, TG_STR("y")) || tg_str_eq_ci(text, TG_STR("yes")));
}

/* ---- progress ---- */

static bool progress_shown;

void tg_progress(const char *fmt, ...) {
    va_list args;
    if (!isatty(STDERR_FILENO))
        return;
    progress_shown = true;
    fputs("\r\033[K", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fflush(stderr);
}

void tg_progress_end(void) {
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = false;
}
