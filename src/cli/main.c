#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/supervise.h"
#include "cli/terminal.h"

static const char *const planes[] = {"up", "manager", "gateway", "demo"};
#define N_PLANES (sizeof(planes) / sizeof(planes[0]))

static void usage_print(FILE *to) {
    fputs("Usage: tollgate COMMAND [options]\n\n"
          "Run it:\n"
          "  up                  run manager and gateway on this machine, in the foreground\n"
          "  manager             run the manager alone\n"
          "  gateway             run the gateway alone\n"
          "  demo                run both with a sample API, get a token and call the API with it\n\n"
          "Work with it:\n",
          to);
    for (size_t i = 0; tg_command_at(i); i++)
        fprintf(to, "  %-19s %s\n", tg_command_at(i)->name, tg_command_at(i)->summary);
    fputs("  version             print the version\n\n"
          "tollgate COMMAND --help tells the options of each.\n",
          to);
}

static int plane_run(const char *name, int argc, char **argv) {
    tg_options_t options;
    tg_err_t err = tg_options_parse(name, argc, argv, &options);
    if (err)
        return err == TG_ERR_NOTFOUND ? 0 : 2;
    return strcmp(name, "demo") == 0 ? tg_demo(&options) : tg_up(&options);
}

static int command_run(int argc, char **argv) {
    int status;
    for (size_t i = 0; i < N_PLANES; i++)
        if (strcmp(argv[0], planes[i]) == 0)
            return plane_run(argv[0], argc, argv);
    tg_terminal_init();
    if (tg_command_run(argc, argv, &status))
        return status;
    const char *near = tg_command_near(argv[0]);
    if (near)
        tg_say("%s: no such command; did you mean %s?", argv[0], near);
    else
        tg_say("%s: no such command (tollgate help)", argv[0]);
    return TG_EXIT_USAGE;
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "";
    size_t seed = 0;
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        puts("tollgate " TG_VERSION);
        return 0;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        usage_print(stdout);
        return 0;
    }
    if (!*name) {
        usage_print(stderr);
        return TG_EXIT_USAGE;
    }
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return 1;
    tg_json_init(seed);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int status = command_run(argc - 1, argv + 1);
    curl_global_cleanup();
    return status;
}
