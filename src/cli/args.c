#include "cli/args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/say.h"
#include "cli/suggest.h"

static const tg_flag_info_t infos[TG_FLAG_COUNT] = {
    [TG_FLAG_HELP] = {'h', "help", NULL, "this text", NULL},
    [TG_FLAG_OUTPUT] = {'o', "output", "FORMAT", "table (default), json, yaml or name", "table json yaml name"},
    [TG_FLAG_URL] = {0, "url", "URL", "the manager (default: TOLLGATE_URL, or where you logged in)", NULL},
    [TG_FLAG_TOKEN_FILE] = {0, "token-file", "FILE", "a bearer token (default: TOLLGATE_TOKEN, or the login)", NULL},
    [TG_FLAG_CA_FILE] = {0, "ca-file", "FILE", "CA certificates, PEM (default: TOLLGATE_CA_FILE, or the system's)",
                         NULL},
    [TG_FLAG_INSECURE_HTTP] = {0, "insecure-http", NULL, "allow plain http to another machine", NULL},
    [TG_FLAG_NAME] = {0, "name", "NAME", "an administrator; at login also the id of an access token", NULL},
    [TG_FLAG_PASSWORD_FILE] = {0, "password-file", "FILE",
                               "the password (default: TOLLGATE_PASSWORD_FILE, or it is asked for)", NULL},
    [TG_FLAG_PROJECT] = {'p', "project", "PROJECT", "the project (default: TOLLGATE_PROJECT, or default)", NULL},
    [TG_FLAG_ENVIRONMENT] = {'e', "environment", "NAME", "the environment; several with commas", NULL},
    [TG_FLAG_PROXY] = {0, "proxy", "NAME", "of this API proxy", NULL},
    [TG_FLAG_GROUP] = {0, "group", "NAME", "of this API proxy group", NULL},
    [TG_FLAG_POLICY_GROUP] = {0, "policygroup", "NAME", "of this policy group", NULL},
    [TG_FLAG_FILE] = {'f', "file", "FILE", "YAML or JSON; - is the standard input", NULL},
    [TG_FLAG_REPLACE] = {0, "replace", NULL, "the file is the whole object; else only what it names changes", NULL},
    [TG_FLAG_YES] = {'y', "yes", NULL, "do not ask", NULL},
    [TG_FLAG_MESSAGE] = {'m', "message", "TEXT", "what the deployment's history says", NULL},
    [TG_FLAG_SEARCH] = {'q', "search", "TEXT", "only names that contain this", NULL},
    [TG_FLAG_ALG] = {0, "alg", "ALG", "the algorithm (default RS256)",
                     "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA"},
    [TG_FLAG_NOW] = {0, "now", NULL, "sign with it at once, before verifiers had time to read it", NULL},
    [TG_FLAG_GATEWAY] = {'g', "gateway", "URL", "the gateway (default: TOLLGATE_GATEWAY)", NULL},
    [TG_FLAG_CLIENT_ID] = {0, "client-id", "ID", "who asks (default: TOLLGATE_CLIENT_ID)", NULL},
    [TG_FLAG_SECRET_FILE] = {0, "client-secret-file", "FILE",
                             "the client's secret (default: TOLLGATE_CLIENT_SECRET, or it is asked for)", NULL},
    [TG_FLAG_USER] = {0, "user", "NAME", "the user", NULL},
    [TG_FLAG_SCOPE] = {0, "scope", "SCOPES", "scopes to ask for, separated by blanks", NULL},
    [TG_FLAG_JWT] = {0, "jwt", NULL, "ask the endpoint for JWTs", NULL},
    [TG_FLAG_JWKS] = {0, "jwks", "FILE|URL", "verify with these public keys", NULL},
    [TG_FLAG_ISSUER] = {0, "issuer", "URL", "verify with the keys that this issuer publishes; it must be the token's",
                        NULL},
    [TG_FLAG_FROM] = {0, "from", "TIME", "not before, like 2026-11-23T17:00:00Z", NULL},
    [TG_FLAG_TO] = {0, "to", "TIME", "before", NULL},
    [TG_FLAG_CLIENT] = {0, "client", "ID", "of this client", NULL},
    [TG_FLAG_STATUS_CODE] = {0, "status", "CODE[-CODE]", "answered with this status, or one between these", NULL},
    [TG_FLAG_ERROR] = {0, "error", "CODE", "with this error, like invalid_client", NULL},
    [TG_FLAG_LIMIT] = {'n', "limit", "N", "at most so many rows", NULL},
    [TG_FLAG_FOLLOW] = {0, "follow", NULL, "go on, showing what comes", NULL},
    [TG_FLAG_STATUS_URL] = {0, "status", "URL", "the gateways' status addresses, separated by commas", NULL},
    [TG_FLAG_INTERVAL] = {0, "interval", "SECONDS", "time between two measurements", NULL},
    [TG_FLAG_ONCE] = {0, "once", NULL, "measure once, print, and end", NULL},
    [TG_FLAG_OUT] = {'o', "out", "FILE", "where to write; a folder where one is meant", NULL},
    [TG_FLAG_PRUNE] = {0, "prune", NULL, "delete what its projects have beyond the document", NULL},
    [TG_FLAG_SET_SECRETS] = {0, "set-secrets", NULL,
                             "set the document's secrets also where the object is there already", NULL},
    [TG_FLAG_CANCEL] = {0, "cancel", NULL, "let it serve again", NULL},
    [TG_FLAG_WAIT] = {0, "wait", "SECONDS", "wait until it is done, at most that long", NULL},
    [TG_FLAG_LOOK_UP] = {0, "look-up", NULL, "only whether the user is there, without a password", NULL},
    [TG_FLAG_DRY_RUN] = {0, "dry-run", NULL, "only show what would change", NULL},
    [TG_FLAG_ALLOW_EMPTY] = {0, "allow-empty", NULL, "go on where the provider lists nobody", NULL},
    [TG_FLAG_SOURCE] = {0, "source", "ENVIRONMENT", "whose revision it is, where several have that number", NULL},
    [TG_FLAG_FROM_STORE] = {0, "from", "URI", "the store that is moved: sqlite:DIR or postgresql://...", NULL},
    [TG_FLAG_TO_STORE] = {0, "to", "URI", "where to: an empty store, or one that a move from there was begun into",
                          NULL},
    [TG_FLAG_FORCE] = {0, "force", NULL, "although something has a store open", NULL},
    [TG_FLAG_HEAD] = {0, "head", "SEQ:HASH", "what an earlier check printed: that row must be there as it was", NULL},
    [TG_FLAG_DATA] = {0, "data", "DIR", "the data directory", NULL},
    [TG_FLAG_WITH_MASTER_KEY] = {0, "with-master-key", NULL,
                                 "put the master key in as well: whoever has the file has all of it", NULL},
};

const tg_flag_info_t *tg_flag_info(tg_flag_t flag) {
    return &infos[flag];
}

static bool flag_fits(const tg_command_t *command, int flag) {
    return flag == TG_FLAG_HELP || (command->flags & TG_FLAG_BIT(flag)) != 0;
}

/* The option whose name is nearest to what was typed. */
static const char *flag_near(const tg_command_t *command, const char *typed) {
    tg_suggestion_t best = tg_suggestion_start(typed);
    for (int flag = 0; flag < TG_FLAG_COUNT; flag++)
        if (flag_fits(command, flag))
            tg_suggestion_try(&best, infos[flag].name);
    return best.name;
}

static tg_err_t option_refuse(const tg_command_t *command, const char *typed, bool no_value) {
    const char *dashes = typed, *near = NULL;
    while (*dashes == '-')
        dashes++;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(dashes, "="), dashes);
    if (!no_value)
        near = flag_near(command, name);
    int length = (int)strcspn(typed, "=");
    if (no_value)
        tg_say("%.*s: a value is missing (tollgate %s --help)", length, typed, command->name);
    else if (near)
        tg_say("%.*s: no such option here; did you mean --%s? (tollgate %s --help)", length, typed, near,
               command->name);
    else
        tg_say("%.*s: no such option here (tollgate %s --help)", length, typed, command->name);
    return TG_ERR_INVALID;
}

static void options_make(const tg_command_t *command, struct option *longs, char *shorts) {
    *shorts++ = ':';
    for (int flag = 0; flag < TG_FLAG_COUNT; flag++) {
        const tg_flag_info_t *info = &infos[flag];
        if (!flag_fits(command, flag))
            continue;
        *longs++ = (struct option){info->name, info->arg ? required_argument : no_argument, NULL, 256 + flag};
        if (info->letter)
            *shorts++ = info->letter;
        if (info->letter && info->arg)
            *shorts++ = ':';
    }
    *longs = (struct option){0};
    *shorts = '\0';
}

static int flag_of(const tg_command_t *command, int opt) {
    if (opt >= 256)
        return opt - 256;
    for (int flag = 0; flag < TG_FLAG_COUNT; flag++)
        if (flag_fits(command, flag) && infos[flag].letter == opt)
            return flag;
    return TG_FLAG_HELP;
}

/* getopt takes any beginning of a name, so that --password would be --password-file, and a secret the name of a file.
 */
static bool is_abbreviated(int opt, int flag, char **argv) {
    const char *typed = optarg && optarg == argv[optind - 1] ? argv[optind - 2] : argv[optind - 1];
    return opt >= 256 && (strncmp(typed, "--", 2) != 0 || strlen(infos[flag].name) != strcspn(typed + 2, "="));
}

static tg_err_t operands_take(const tg_command_t *command, int argc, char **argv, tg_args_t *out) {
    int n = argc - optind;
    if (n < command->min || n > command->max) {
        tg_say("usage: tollgate %s%s%s (--help tells more)", command->name, *command->operands ? " " : "",
               command->operands);
        return TG_ERR_INVALID;
    }
    for (int i = 0; i < n; i++)
        out->operands[i] = argv[optind + i];
    out->n_operands = n;
    return TG_OK;
}

tg_err_t tg_args_parse(const tg_command_t *command, int argc, char **argv, tg_args_t *out) {
    struct option longs[TG_FLAG_COUNT + 1];
    char shorts[2 * TG_FLAG_COUNT + 2];
    *out = (tg_args_t){.command = command};
    options_make(command, longs, shorts);
    optind = 1;
    opterr = 0;
    for (int opt; (opt = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (opt == '?' || opt == ':')
            return option_refuse(command, argv[optind - 1], opt == ':');
        int flag = flag_of(command, opt);
        if (is_abbreviated(opt, flag, argv))
            return option_refuse(command, argv[optind - 1 - (optarg && optarg == argv[optind - 1])], false);
        if (out->value[flag] && infos[flag].arg) {
            tg_say("--%s stands twice", infos[flag].name);
            return TG_ERR_INVALID;
        }
        out->value[flag] = optarg ? optarg : "";
    }
    return out->value[TG_FLAG_HELP] ? TG_OK : operands_take(command, argc, argv, out);
}

tg_err_t tg_args_number(const tg_args_t *a, tg_flag_t flag, int64_t min, int64_t max, int64_t fallback, int64_t *out) {
    uint64_t n = (uint64_t)fallback;
    if (a->value[flag] && (!tg_str_to_u64(tg_str(a->value[flag]), (uint64_t)max, &n) || (int64_t)n < min)) {
        tg_say("--%s: must be a number from %lld to %lld", infos[flag].name, (long long)min, (long long)max);
        return TG_ERR_INVALID;
    }
    *out = (int64_t)n;
    return TG_OK;
}

const char *tg_args_or_env(const tg_args_t *a, tg_flag_t flag, const char *variable) {
    if (a->value[flag])
        return a->value[flag];
    const char *set = getenv(variable);
    return set && *set ? set : NULL;
}

void tg_args_help(const tg_command_t *command) {
    printf("Usage: tollgate %s%s%s [options]\n\n%s.\n", command->name, *command->operands ? " " : "", command->operands,
           command->summary);
    if (command->details)
        printf("\n%s\n", command->details);
    printf("\nOptions:\n");
    for (int flag = TG_FLAG_COUNT; flag-- > 0;) {
        char left[64], letter[8] = "    ";
        if (!flag_fits(command, flag))
            continue;
        if (infos[flag].letter)
            snprintf(letter, sizeof(letter), "-%c, ", infos[flag].letter);
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, infos[flag].name, infos[flag].arg ? " " : "",
                 infos[flag].arg ? infos[flag].arg : "");
        printf("  %-30s %s\n", left, infos[flag].help);
    }
}
