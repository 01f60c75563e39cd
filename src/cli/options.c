#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "model/model.h"

enum {
    OPT_DATA = 256,
    OPT_GATEWAY,
    OPT_MANAGER,
    OPT_STATUS,
    OPT_ENVIRONMENT,
    OPT_WORKERS,
    OPT_STORE,
    OPT_MASTER_KEY,
    OPT_USER,
    OPT_ADMIN_PASSWORD,
    OPT_READY,
    OPT_TLS_CERTIFICATE,
    OPT_TLS_KEY,
    OPT_DRAIN,
    OPT_DEFINITIONS,
    OPT_LOG,
    OPT_ONCE,
    OPT_HELP
};

static const struct {
    struct option opt;
    const char *arg;
    const char *help;
} table[] = {
    {{"data", required_argument, NULL, OPT_DATA}, "DIR", "where everything is kept (made if missing)"},
    {{"gateway", required_argument, NULL, OPT_GATEWAY}, "ADDR:PORT", "where clients call (default 0.0.0.0:8080)"},
    {{"manager", required_argument, NULL, OPT_MANAGER},
     "ADDR:PORT",
     "where administrators call (default 127.0.0.1:9080)"},
    {{"status", required_argument, NULL, OPT_STATUS},
     "ADDR:PORT",
     "health and metrics of the gateway, private (default 127.0.0.1:9081)"},
    {{"environment", required_argument, NULL, OPT_ENVIRONMENT},
     "NAME",
     "environment that the gateway serves (default production)"},
    {{"workers", required_argument, NULL, OPT_WORKERS}, "N", "gateway worker processes (default: one for each core)"},
    {{"store", required_argument, NULL, OPT_STORE},
     "URI",
     "sqlite:DIR (default: the data directory), or postgresql://..."},
    {{"master-key-file", required_argument, NULL, OPT_MASTER_KEY},
     "FILE",
     "the master key, the same on every node (default DIR/master.key, made at first start)"},
    {{"user", required_argument, NULL, OPT_USER},
     "NAME",
     "when started as root: who both planes run as (default nobody)"},
    {{"admin-password-file", required_argument, NULL, OPT_ADMIN_PASSWORD},
     "FILE",
     "password of the first administrator (default: one is generated and printed once)"},
    {{"ready-file", required_argument, NULL, OPT_READY},
     "FILE",
     "written, with the addresses as JSON, once both planes answer"},
    {{"tls-certificate", required_argument, NULL, OPT_TLS_CERTIFICATE},
     "FILE",
     "PEM chain: the gateway speaks TLS and HTTP/2"},
    {{"tls-key", required_argument, NULL, OPT_TLS_KEY}, "FILE", "its private key, PEM"},
    {{"drain-seconds", required_argument, NULL, OPT_DRAIN},
     "N",
     "when stopped, serve that much longer while /health/ready says 503 (default 0)"},
    {{"allow-private-definitions", required_argument, NULL, OPT_DEFINITIONS},
     "NETWORKS",
     "as 10.0.0.0/8,192.168.1.7: API definitions may be fetched from there"},
    {{"log-format", required_argument, NULL, OPT_LOG},
     "FORMAT",
     "of the manager's line for each request: text or json (default text); the gateway's are JSON"},
    {{"once", no_argument, NULL, OPT_ONCE}, "", "demo: stop after the first calls instead of running on"},
    {{"help", no_argument, NULL, OPT_HELP}, "", "this text"},
};
#define N_OPTIONS (sizeof(table) / sizeof(table[0]))

const char *tg_option_purpose(const char *name) {
    if (strcmp(name, "manager") == 0)
        return "Runs the manager (control plane) in the foreground.";
    if (strcmp(name, "gateway") == 0)
        return "Runs the gateway (data plane) in the foreground.";
    if (strcmp(name, "demo") == 0)
        return "Runs both planes with a sample API, gets a token and calls the API with it.";
    return "Runs manager and gateway on this machine, in the foreground.";
}

static bool option_fits(const char *name, int opt) {
    bool demo = strcmp(name, "demo") == 0;
    if (opt == OPT_ONCE)
        return demo;
    if (opt == OPT_ADMIN_PASSWORD || opt == OPT_DEFINITIONS || opt == OPT_LOG)
        return !demo && strcmp(name, "gateway") != 0;
    if (opt == OPT_DRAIN)
        return !demo && strcmp(name, "manager") != 0;
    return true;
}

bool tg_option_at(const char *name, size_t i, const char **option, const char **arg, const char **help) {
    for (size_t at = 0; at < N_OPTIONS; at++) {
        if (!option_fits(name, table[at].opt.val) || i-- > 0)
            continue;
        *option = table[at].opt.name;
        *arg = table[at].arg;
        *help = table[at].help;
        return true;
    }
    return false;
}

static void help_print(const char *name) {
    printf("Usage: tollgate %s %s[options]\n\n%s\n\nOptions:\n", name, strcmp(name, "demo") == 0 ? "" : "--data DIR ",
           tg_option_purpose(name));
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (!option_fits(name, table[i].opt.val))
            continue;
        char left[64];
        snprintf(left, sizeof(left), "--%s %s", table[i].opt.name, table[i].arg);
        printf("  %-30s %s\n", left, table[i].help);
    }
    printf("\nSIGTERM or Ctrl-C stops gracefully; another one ends a drain, or stops at once; "
           "SIGHUP reads certificates and DIR/operator.conf again.\n");
}

static tg_err_t text_take(char *out, size_t cap, const char *value, const char *option) {
    if (*value == '\0' || strlen(value) >= cap) {
        tg_say("--%s: must have 1 to %zu characters", option, cap - 1);
        return TG_ERR_INVALID;
    }
    memcpy(out, value, strlen(value) + 1);
    return TG_OK;
}

static tg_err_t log_format_take(tg_options_t *o, const char *value) {
    if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0) {
        tg_say("--log-format: must be text or json");
        return TG_ERR_INVALID;
    }
    return text_take(o->log_format, sizeof(o->log_format), value, "log-format");
}

/* Absolute, since the planes work in another directory; and without what nginx's configuration would read otherwise. */
static tg_err_t path_take(char *out, size_t cap, const char *value, const char *option) {
    char cwd[PATH_MAX];
    if (strpbrk(value, "\"'\\$;{}#\n\r\t")) {
        tg_say("--%s: must not contain quotes, backslashes, line breaks or any of $ ; { } #", option);
        return TG_ERR_INVALID;
    }
    if (value[0] == '/' || !getcwd(cwd, sizeof(cwd)))
        return text_take(out, cap, value, option);
    if (*value && snprintf(out, cap, "%s/%s", cwd, value) < (int)cap)
        return TG_OK;
    tg_say("--%s: must have 1 to %zu characters", option, cap - 1);
    return TG_ERR_INVALID;
}

/* It goes into nginx's configuration, in quotes. */
static tg_err_t store_take(tg_options_t *o, const char *value) {
    if (strpbrk(value, "\"'\\\n\r\t")) {
        tg_say("--store: must not contain quotes, backslashes or line breaks; in a connection URI they are "
               "percent-escaped");
        return TG_ERR_INVALID;
    }
    return text_take(o->store, sizeof(o->store), value, "store");
}

static tg_err_t endpoint_take(tg_endpoint_t *e, const char *value, const char *option) {
    if (tg_endpoint_parse(value, e)) {
        tg_say("--%s: must be ADDR:PORT, such as 127.0.0.1:8080 or [::1]:8080", option);
        return TG_ERR_INVALID;
    }
    e->given = true;
    return TG_OK;
}

static tg_err_t number_take(int *out, const char *value, int min, int max, const char *option) {
    uint64_t n;
    if (!tg_str_to_u64(tg_str(value), (uint64_t)max, &n) || n < (uint64_t)min) {
        tg_say("--%s: must be a number from %d to %d", option, min, max);
        return TG_ERR_INVALID;
    }
    *out = (int)n;
    return TG_OK;
}

static tg_err_t environment_take(tg_options_t *o, const char *value) {
    tg_fault_t fault = {0};
    if (tg_name_check(tg_str(value), "--environment", &fault)) {
        tg_say("%s: %s", fault.field, fault.text);
        return TG_ERR_INVALID;
    }
    return text_take(o->environment, sizeof(o->environment), value, "environment");
}

static tg_err_t option_take(tg_options_t *o, int opt, const char *value) {
    switch (opt) {
    case OPT_DATA:
        return path_take(o->data, sizeof(o->data), value, "data");
    case OPT_GATEWAY:
        return endpoint_take(&o->gateway, value, "gateway");
    case OPT_MANAGER:
        return endpoint_take(&o->manager, value, "manager");
    case OPT_STATUS:
        return endpoint_take(&o->status, value, "status");
    case OPT_ENVIRONMENT:
        return environment_take(o, value);
    case OPT_WORKERS:
        return number_take(&o->workers, value, 1, 64, "workers");
    case OPT_STORE:
        return store_take(o, value);
    case OPT_MASTER_KEY:
        return path_take(o->master_key_file, sizeof(o->master_key_file), value, "master-key-file");
    case OPT_USER:
        return text_take(o->user, sizeof(o->user), value, "user");
    case OPT_ADMIN_PASSWORD:
        return path_take(o->admin_password_file, sizeof(o->admin_password_file), value, "admin-password-file");
    case OPT_DEFINITIONS:
        return text_take(o->definition_networks, sizeof(o->definition_networks), value, "allow-private-definitions");
    case OPT_LOG:
        return log_format_take(o, value);
    case OPT_READY:
        return path_take(o->ready_file, sizeof(o->ready_file), value, "ready-file");
    case OPT_TLS_CERTIFICATE:
        return path_take(o->tls_certificate, sizeof(o->tls_certificate), value, "tls-certificate");
    case OPT_TLS_KEY:
        return path_take(o->tls_key, sizeof(o->tls_key), value, "tls-key");
    case OPT_DRAIN:
        return number_take(&o->drain_seconds, value, 0, 3600, "drain-seconds");
    case OPT_ONCE:
        o->once = true;
        return TG_OK;
    default:
        return TG_ERR_BUG;
    }
}

static void defaults_set(tg_options_t *o) {
    *o = (tg_options_t){.gateway = {"0.0.0.0", 8080, false},
                        .manager = {"127.0.0.1", 9080, false},
                        .status = {"127.0.0.1", 9081, false}};
    snprintf(o->environment, sizeof(o->environment), "production");
}

static tg_err_t user_settle(tg_options_t *o) {
    if (geteuid() != 0) {
        if (o->user[0])
            tg_say("--user is only for root; running as who you are");
        o->user[0] = '\0';
        o->uid = geteuid();
        o->gid = getegid();
        return TG_OK;
    }
    if (!o->user[0])
        snprintf(o->user, sizeof(o->user), "nobody");
    struct passwd *pw = getpwnam(o->user);
    if (!pw) {
        tg_say("--user: there is no user %s on this machine", o->user);
        return TG_ERR_INVALID;
    }
    o->uid = pw->pw_uid;
    o->gid = pw->pw_gid;
    return TG_OK;
}

static tg_err_t options_settle(const char *name, tg_options_t *o) {
    bool demo = strcmp(name, "demo") == 0;
    if (!o->data[0] && !demo) {
        tg_say("--data DIR is needed: where shall everything be kept? (tollgate %s --help)", name);
        return TG_ERR_INVALID;
    }
    if ((o->tls_certificate[0] == '\0') != (o->tls_key[0] == '\0')) {
        tg_say("--tls-certificate and --tls-key go together");
        return TG_ERR_INVALID;
    }
    o->demo = demo;
    o->run_manager = strcmp(name, "gateway") != 0;
    o->run_gateway = strcmp(name, "manager") != 0;
    if (o->workers == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        o->workers = cores < 1 ? 1 : cores > 64 ? 64 : (int)cores;
    }
    if (o->data[0] && !o->store[0])
        snprintf(o->store, sizeof(o->store), "sqlite:%s", o->data);
    if (o->data[0] && !o->master_key_file[0])
        snprintf(o->master_key_file, sizeof(o->master_key_file), "%s/master.key", o->data);
    return user_settle(o);
}

tg_err_t tg_options_parse(const char *name, int argc, char **argv, tg_options_t *out) {
    struct option longs[N_OPTIONS + 1] = {{0}};
    for (size_t i = 0; i < N_OPTIONS; i++)
        longs[i] = table[i].opt;
    defaults_set(out);
    optind = 1;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, ":", longs, NULL)) != -1;) {
        if (opt == OPT_HELP) {
            help_print(name);
            return TG_ERR_NOTFOUND;
        }
        if (opt == '?' || opt == ':' || !option_fits(name, opt)) {
            tg_say("%s: %s (tollgate %s --help)", argv[optind - 1],
                   opt == ':' ? "a value is missing" : "no such option here", name);
            return TG_ERR_INVALID;
        }
        tg_err_t err = option_take(out, opt, optarg ? optarg : "");
        if (err)
            return err;
    }
    if (optind < argc) {
        tg_say("%s: not an option (tollgate %s --help)", argv[optind], name);
        return TG_ERR_INVALID;
    }
    return options_settle(name, out);
}
