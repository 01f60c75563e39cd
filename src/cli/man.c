/* `man [GROUP]`: the manual pages, from the table of commands. tollgate(1), and tollgate-GROUP(1) for each group. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/suggest.h"

static const struct {
    const char *name, *title;
} groups[] = {
    {"run", "run manager and gateway"},       {"login", "log in at a manager"},
    {"objects", "show and change objects"},   {"deploy", "take live, and keys"},
    {"token", "get, read and end tokens"},    {"watch", "see what happens"},
    {"files", "configuration as a document"}, {"audit", "the audit log"},
    {"backup", "back up and restore"},        {"shell", "completion and manual pages"},
};
#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

static const char *const planes[] = {"up", "manager", "gateway", "demo"};

/* Text for roff: a backslash and a hyphen are written so that they can be copied, and no line begins with a dot. */
static void roff_put(const char *text) {
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

static void line_put(const char *text) {
    roff_put(text);
    putchar('\n');
}

static void title_print(const char *group, const char *what) {
    char name[64];
    size_t n = 0;
    snprintf(name, sizeof(name), "tollgate%s%s", group ? "-" : "", group ? group : "");
    printf(".TH ");
    for (; name[n]; n++)
        putchar(toupper((unsigned char)name[n]));
    printf(" 1 \"\" \"Tollgate %s\"\n.SH NAME\n", TG_VERSION);
    roff_put(name);
    printf(" \\- %s\n", what);
}

static void option_print(const char *letter, const char *name, const char *arg, const char *help) {
    printf(".TP\n.B ");
    if (*letter)
        printf("\\-%s, ", letter);
    printf("\\-\\-");
    roff_put(name);
    if (arg && *arg)
        printf(" \\fI%s\\fR", arg);
    putchar('\n');
    line_put(help);
}

static void command_print(const tg_command_t *c) {
    printf(".SS tollgate %s %s\n", c->name, c->operands);
    roff_put(c->summary);
    printf(".\n");
    if (c->details) {
        printf(".PP\n");
        line_put(c->details);
    }
    for (int flag = TG_FLAG_COUNT; flag-- > 1;) {
        const tg_flag_info_t *info = tg_flag_info(flag);
        char letter[2] = {info->letter, '\0'};
        if (c->flags & TG_FLAG_BIT(flag))
            option_print(letter, info->name, info->arg, info->help);
    }
}

static void plane_print(const char *name) {
    const char *option, *arg, *help;
    printf(".SS tollgate %s\n", name);
    for (size_t i = 0; tg_option_at(name, i, &option, &arg, &help); i++)
        option_print("", option, arg, help);
}

static void common_print(void) {
    printf(".SH ENVIRONMENT\n");
    static const char *const variables[][2] = {
        {"TOLLGATE_URL", "the manager"},
        {"TOLLGATE_TOKEN", "a bearer token of the management API"},
        {"TOLLGATE_PROJECT", "the project"},
        {"TOLLGATE_NAME, TOLLGATE_PASSWORD_FILE", "who logs in, and the file with the password"},
        {"TOLLGATE_GATEWAY", "the gateway"},
        {"TOLLGATE_CLIENT_ID, TOLLGATE_CLIENT_SECRET", "who asks it for tokens"},
        {"TOLLGATE_STATUS", "status addresses of gateways, for top"},
        {"TOLLGATE_CA_FILE", "CA certificates"},
        {"COLUMNS", "how wide tables may be"},
    };
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        printf(".TP\n.B %s\n%s\n", variables[i][0], variables[i][1]);
    printf(
        ".SH FILES\n.TP\n.I $XDG_CONFIG_HOME/tollgate/session\nthe login (mode 0600; ~/.config if the variable is not "
        "set)\n"
        ".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nrefused, not there, or not reached; standard error says why\n"
        ".TP\n.B 2\ndiff: there are changes; up, manager, gateway, demo: the command line is wrong\n"
        ".TP\n.B 64\nthe command line is wrong; nothing was tried\n");
}

static void overview_print(void) {
    title_print(NULL, "token service and API gateway");
    printf(".SH SYNOPSIS\n.B tollgate\n.I COMMAND\n[options]\n.SH DESCRIPTION\n");
    for (size_t g = 0; g < N_GROUPS; g++) {
        printf(".SS %s: tollgate\\-%s(1)\n", groups[g].title, groups[g].name);
        for (size_t i = 0; tg_command_at(i); i++)
            if (strcmp(tg_command_at(i)->group, groups[g].name) == 0)
                printf(".TP\n.B %s %s\n%s\n", tg_command_at(i)->name, tg_command_at(i)->operands,
                       tg_command_at(i)->summary);
        for (size_t i = 0; g == 0 && i < sizeof(planes) / sizeof(planes[0]); i++)
            printf(".TP\n.B %s\n%s\n", planes[i], tg_option_purpose(planes[i]));
    }
    common_print();
}

static void group_print(size_t g) {
    title_print(groups[g].name, groups[g].title);
    printf(".SH COMMANDS\n");
    for (size_t i = 0; tg_command_at(i); i++)
        if (strcmp(tg_command_at(i)->group, groups[g].name) == 0)
            command_print(tg_command_at(i));
    for (size_t i = 0; g == 0 && i < sizeof(planes) / sizeof(planes[0]); i++)
        plane_print(planes[i]);
    common_print();
    printf(".SH SEE ALSO\ntollgate(1)\n");
}

int tg_man(const tg_args_t *a) {
    if (a->n_operands == 0) {
        overview_print();
        return TG_EXIT_DONE;
    }
    tg_suggestion_t near = tg_suggestion_start(a->operands[0]);
    for (size_t g = 0; g < N_GROUPS; g++) {
        if (strcmp(groups[g].name, a->operands[0]) == 0) {
            group_print(g);
            return TG_EXIT_DONE;
        }
        tg_suggestion_try(&near, groups[g].name);
    }
    tg_say("there is no group \"%s\"%s%s%s", a->operands[0], near.name ? "; did you mean " : "",
           near.name ? near.name : "", near.name ? "?" : "");
    return TG_EXIT_USAGE;
}
