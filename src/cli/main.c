#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/json.h"
#include "cli/demo.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/supervise.h"

static void usage_print(FILE *to) {
    fputs("Usage: tollgate COMMAND [options]\n\n"
          "  up        run manager and gateway on this machine, in the foreground\n"
          "  manager   run the manager alone\n"
          "  gateway   run the gateway alone\n"
          "  demo      run both with a sample API, get a token and call the API with it\n"
          "  version   print the version\n\n"
          "tollgate COMMAND --help tells the options of each.\n",
          to);
}

static int command_run(const char *name, int argc, char **argv) {
    tg_options_t options;
    tg_err_t err = tg_options_parse(name, argc, argv, &options);
    if (err)
        return err == TG_ERR_NOTFOUND ? 0 : 2;
    return strcmp(name, "demo") == 0 ? tg_demo(&options) : tg_up(&options);
}

int main(int argc, char **argv) {
    static const char *const commands[] = {"up", "manager", "gateway", "demo"};
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
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        return 1;
    tg_json_init(seed);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(name, commands[i]) == 0) {
            int status = command_run(name, argc - 1, argv + 1);
            curl_global_cleanup();
            return status;
        }
    if (*name)
        tg_say("%s: no such command", name);
    usage_print(stderr);
    return 2;
}
