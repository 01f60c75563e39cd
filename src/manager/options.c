#include "manager/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum {
    OPT_STORE = 1,
    OPT_LISTEN,
    OPT_MASTER_KEY_FILE,
    OPT_ENVIRONMENT,
    OPT_USER,
    OPT_ADMIN_PASSWORD_FILE,
    OPT_READY_FILE,
    OPT_READY_FD,
    OPT_DATA,
    OPT_DEFINITIONS,
    OPT_LOG,
    OPT_HELP,
    OPT_VERSION
};

typedef struct {
    struct option option;
    const char *argument, *text;
} row_t;

static const row_t rows[] = {
    {{"store", required_argument, NULL, OPT_STORE},
     "URI",
     "the store: sqlite:/var/lib/tollgate or postgresql://... (required)"},
    {{"master-key-file", required_argument, NULL, OPT_MASTER_KEY_FILE}, "FILE", "the master key (required)"},
    {{"listen", required_argument, NULL, OPT_LISTEN}, "ADDR:PORT", "default 127.0.0.1:9080; port 0: any free one"},
    {{"environment", required_argument, NULL, OPT_ENVIRONMENT}, "NAME", "made if missing, with a project `default`"},
    {{"user", required_argument, NULL, OPT_USER}, "NAME", "started as root: run as this user"},
    {{"admin-password-file", required_argument, NULL, OPT_ADMIN_PASSWORD_FILE},
     "FILE",
     "first start: the password of `admin`, at least 12 characters"},
    {{"ready-file", required_argument, NULL, OPT_READY_FILE}, "FILE", "gets the address once the manager answers"},
    {{"ready-fd", required_argument, NULL, OPT_READY_FD}, "N", "the same, to an open descriptor"},
    {{"data", required_argument, NULL, OPT_DATA},
     "DIR",
     "holds manager.lock; default: the directory of a sqlite store"},
    {{"allow-private-definitions", required_argument, NULL, OPT_DEFINITIONS},
     "NETWORKS",
     "as 10.0.0.0/8,192.168.1.7: API definitions may be fetched from there"},
    {{"log-format", required_argument, NULL, OPT_LOG}, "text|json", "of the line for each request (default text)"},
    {{"help", no_argument, NULL, OPT_HELP}, "", "this text"},
    {{"version", no_argument, NULL, OPT_VERSION}, "", "the version"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void help(void) {
    printf("tollgate-manager " TG_VERSION ": the private management API of Tollgate\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s %s", rows[i].option.name, rows[i].argument);
        printf("  %-30s %s\n", left, rows[i].text);
    }
}

/* "ADDR:PORT" or "[v6]:PORT". */
static bool listen_split(const char *text, tg_options_t *o) {
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    if (colon == NULL || !tg_str_to_u64(tg_str(colon + 1), 65535, &port)) {
        return false;
    }
    tg_str_t host = tg_strn(text, (size_t)(colon - text));
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = tg_strn(host.p + 1, host.n - 2);
    }
    if (host.n == 0 || host.n >= sizeof(o->host)) {
        return false;
    }
    memcpy(o->host, host.p, host.n);
    o->host[host.n] = '\0';
    o->port = (uint16_t)port;
    return true;
}

static bool take(tg_options_t *o, int option, const char *value) {
    uint64_t fd = 0;
    switch (option) {
    case OPT_STORE:
        o->store = value;
        return true;
    case OPT_LISTEN:
        o->listen = value;
        return true;
    case OPT_MASTER_KEY_FILE:
        o->master_key_file = value;
        return true;
    case OPT_ENVIRONMENT:
        o->environment = value;
        return true;
    case OPT_USER:
        o->user = value;
        return true;
    case OPT_ADMIN_PASSWORD_FILE:
        o->admin_password_file = value;
        return true;
    case OPT_READY_FILE:
        o->ready_file = value;
        return true;
    case OPT_READY_FD:
        if (!tg_str_to_u64(tg_str(value), 1 << 20, &fd)) {
            return false;
        }
        o->ready_fd = (int)fd;
        return true;
    case OPT_DATA:
        o->data = value;
        return true;
    case OPT_DEFINITIONS:
        o->definition_networks = value;
        return true;
    case OPT_LOG:
        o->log_json = strcmp(value, "json") == 0;
        return o->log_json || strcmp(value, "text") == 0;
    default:
        return false;
    }
}

static tg_err_t complain(const char *what) {
    fprintf(stderr, "tollgate-manager: %s (see --help)\n", what);
    return TG_ERR_INVALID;
}

tg_err_t tg_options_parse(int argc, char **argv, tg_options_t *out) {
    struct option options[ROWS + 1];
    memset(options, 0, sizeof(options));
    for (size_t i = 0; i < ROWS; i++) {
        options[i] = rows[i].option;
    }
    *out = (tg_options_t){.listen = "127.0.0.1:9080", .ready_fd = -1};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == OPT_HELP) {
            help();
            return TG_ERR_NOTFOUND;
        }
        if (option == OPT_VERSION) {
            printf("tollgate-manager " TG_VERSION "\n");
            return TG_ERR_NOTFOUND;
        }
        if (!take(out, option, optarg)) {
            return complain("an option is unknown or has a wrong value");
        }
    }
    if (optind < argc) {
        return complain("only options are understood");
    }
    if (out->store == NULL || out->master_key_file == NULL) {
        return complain("--store and --master-key-file are needed");
    }
    if (!listen_split(out->listen, out)) {
        return complain("--listen is not ADDR:PORT");
    }
    return TG_OK;
}
