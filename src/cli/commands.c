#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/say.h"
#include "cli/suggest.h"

#define B(flag) TG_FLAG_BIT(TG_FLAG_##flag)
#define CALL    (B(URL) | B(TOKEN_FILE) | B(CA_FILE) | B(INSECURE_HTTP))
#define SHOW    (CALL | B(OUTPUT))
#define OWNER   (B(PROXY) | B(GROUP) | B(POLICY_GROUP))
#define OBJECT  (SHOW | OWNER | B(PROJECT) | B(ENVIRONMENT) | B(NAME))
#define GATEWAY (B(GATEWAY) | B(CLIENT_ID) | B(SECRET_FILE) | B(CA_FILE) | B(INSECURE_HTTP) | B(OUTPUT))

#define KINDS                                                                                                          \
    "Kinds: projects, environments, proxies, endpoints, policies, groups, policygroups, members, deployments, "        \
    "credentials, access, organizations, administrators, identityproviders, accesstokens, keys, nodes, settings, "     \
    "audit; their singulars "                                                                                          \
    "work as well. Endpoints, policies, members and deployments are those of --proxy, --group or --policygroup; keys " \
    "and nodes those of -e; access tokens those of --name, else of who is logged in."

#define NO_SECRETS "Secrets and tokens come from files, the environment or the terminal, never from the command line."

static const tg_command_t commands[] = {
    {"login", "login", "", "Log in at a manager",
     "The password is asked for without echo, or comes from --password-file or the file that TOLLGATE_PASSWORD_FILE "
     "names. URL and bearer token are kept in $XDG_CONFIG_HOME/tollgate/session (else ~/.config), which only its owner "
     "may read.",
     B(URL) | B(NAME) | B(PASSWORD_FILE) | B(CA_FILE) | B(INSECURE_HTTP), 0, 0, tg_login},
    {"logout", "login", "", "End the session and forget the login", NULL, 0, 0, 0, tg_logout},
    {"status", "login", "", "Show the manager, its health, environments and live nodes", NULL, SHOW, 0, 0, tg_status},

    {"get", "objects", "KIND [NAME]", "Show objects, or one of them",
     KINDS " With -o json or yaml a list is the manager's resultList with all pages, one object its result.",
     OBJECT | B(SEARCH) | B(LIMIT), 1, 2, tg_get},
    {"create", "objects", "KIND [NAME]", "Make an object",
     KINDS " The file is the body of the management API, as YAML or JSON. A generated secret is shown this once.",
     OBJECT | B(FILE), 1, 2, tg_create},
    {"update", "objects", "KIND [NAME]", "Change what the file names of an object, or replace it",
     KINDS " A secret that is left out is kept.", OBJECT | B(FILE) | B(REPLACE), 1, 2, tg_update},
    {"delete", "objects", "KIND NAME", "Delete an object, after asking", KINDS, OBJECT | B(YES), 2, 2, tg_delete},

    {"deploy", "deploy", "NAME", "Take a proxy or group live in environments",
     "NAME is an API proxy; groups/NAME and policygroups/NAME are groups with their members. Each environment is "
     "reported; the command fails if one does not serve it.",
     SHOW | B(PROJECT) | B(ENVIRONMENT) | B(MESSAGE), 1, 1, tg_deploy},
    {"undeploy", "deploy", "NAME", "Take a proxy or group away from environments",
     "Ends the tokens of its application key there, for good.", SHOW | B(PROJECT) | B(ENVIRONMENT) | B(MESSAGE), 1, 1,
     tg_undeploy},
    {"rollback", "deploy", "NAME REV", "Deploy an earlier revision again",
     "REV is a revision that `tollgate get deployments --proxy NAME` shows. It is deployed where it was, or in -e.",
     SHOW | B(PROJECT) | B(ENVIRONMENT) | B(SOURCE) | B(MESSAGE), 2, 2, tg_rollback},
    {"keys rotate", "deploy", "ENVIRONMENT", "Make a new signing key",
     "It is published at once and signs when verifiers had time to read it; --now skips the wait.",
     SHOW | B(ALG) | B(NOW), 1, 1, tg_keys_rotate},
    {"keys upload", "deploy", "ENVIRONMENT", "Sign with a private key of your own (PEM)", NULL,
     SHOW | B(ALG) | B(NOW) | B(FILE), 1, 1, tg_keys_upload},
    {"keys revoke", "deploy", "ENVIRONMENT KID", "Emergency: refuse at once what a key signed", NULL, SHOW | B(YES), 2,
     2, tg_keys_revoke},

    {"token get", "token", "", "Get a token from a gateway",
     "The endpoints are found by the gateway's metadata (RFC 8414). With --user the password grant is used, and "
     "--password-file or the terminal gives the user's password. As a table the access token alone is "
     "printed. " NO_SECRETS,
     GATEWAY | B(USER) | B(PASSWORD_FILE) | B(SCOPE) | B(JWT), 0, 0, tg_token_get},
    {"token refresh", "token", "[FILE]", "Trade a refresh token for new ones",
     "FILE holds the refresh token; without it, or with -, it is read from the standard input or asked "
     "for. " NO_SECRETS,
     GATEWAY | B(SCOPE) | B(JWT), 0, 1, tg_token_refresh},
    {"token inspect", "token", "[FILE]", "Show what a token says, without asking anybody",
     "A JWT is decoded; with --jwks or --issuer its signature and times are verified as well, and the command fails if "
     "they are wrong. Of an opaque token its kind is shown and when its bucket ends. FILE as in token "
     "refresh. " NO_SECRETS,
     B(JWKS) | B(ISSUER) | B(CA_FILE) | B(INSECURE_HTTP) | B(OUTPUT), 0, 1, tg_token_inspect},
    {"token introspect", "token", "[FILE]", "Ask the gateway about a token (RFC 7662)",
     "FILE as in token refresh. " NO_SECRETS, GATEWAY, 0, 1, tg_token_introspect},
    {"token revoke", "token", "[FILE]", "End a token (RFC 7009)", "FILE as in token refresh. " NO_SECRETS, GATEWAY, 0,
     1, tg_token_revoke},

    {"requests", "watch", "", "Show the requests to token endpoints, newest last", NULL,
     SHOW | B(PROJECT) | B(ENVIRONMENT) | B(PROXY) | B(USER) | B(CLIENT) | B(STATUS_CODE) | B(ERROR) | B(FROM) | B(TO) |
         B(LIMIT) | B(FOLLOW),
     0, 0, tg_requests},
    {"nodes", "watch", "", "Show the live gateway nodes and what they serve",
     "Of every environment, or of those that -e names.", SHOW | B(ENVIRONMENT), 0, 0, tg_nodes},
    {"drain", "watch", "NODE", "Take a node out of service without losing a request",
     "NODE is the id that `tollgate nodes` shows, a beginning of it, or the node's address. The node serves on, while "
     "its /health/ready says 503 and clients are told to connect anew, so that the load balancer sends them elsewhere. "
     "With --wait the command ends once no request is under way. It lasts until --cancel or until the node starts "
     "again.",
     SHOW | B(ENVIRONMENT) | B(CANCEL) | B(WAIT), 1, 1, tg_drain},
    {"top", "watch", "", "Show live rates of gateways",
     "From the gateways' /metrics at --status (default http://127.0.0.1:9081), summed over all of them. q or Ctrl-C "
     "ends it.",
     B(STATUS_URL) | B(INTERVAL) | B(ONCE) | B(CA_FILE) | B(INSECURE_HTTP) | B(OUTPUT), 0, 0, tg_top},

    {"identity-provider test", "objects", "NAME", "Ask an identity provider and show each step",
     "Whether it is reached; with --user whether that is the user's password, or with --look-up whether the user is "
     "there. Fails if the answer is no. " NO_SECRETS,
     SHOW | B(PROJECT) | B(USER) | B(PASSWORD_FILE) | B(LOOK_UP), 1, 1, tg_provider_test},
    {"identity-provider sync", "objects", "NAME", "Make credentials of the users of a provider",
     "What will change is shown, then it asks, then all of it is done, or nothing. Credentials that are not from the "
     "provider are never touched. Where it lists nobody, nothing is done without --allow-empty.",
     SHOW | B(PROJECT) | B(DRY_RUN) | B(YES) | B(ALLOW_EMPTY), 1, 1, tg_provider_sync},

    {"export", "files", "", "Write the configuration as a document",
     "YAML on the standard output, or to -o: a file (JSON if it ends with .json) or a folder, with a file for each "
     "project. Secrets are never part of it.",
     CALL | B(PROJECT) | B(OUT), 0, 0, tg_export},
    {"diff", "files", "", "Show what apply would change", "Ends with 0: nothing, 2: changes, 1: it failed.",
     SHOW | B(FILE) | B(PRUNE) | B(SET_SECRETS), 0, 0, tg_diff},
    {"apply", "files", "", "Make the configuration what a document says",
     "-f is a file, a folder (its *.yaml, *.yml and *.json together are the document) or -. What will change is shown, "
     "then it asks, then all of it is done, or nothing. What the document does not name stays as it is, but with "
     "--prune. A secret stands in it as ${env:NAME} or ${file:PATH}, in the fields password, secretKey, "
     "publicKey, bindPassword, clientKey and in the value of a header or form field that is secret.",
     SHOW | B(FILE) | B(YES) | B(PRUNE) | B(SET_SECRETS), 0, 0, tg_apply},

    {"audit verify", "audit", "[FILE]", "Check that no row of the audit log was changed or taken out",
     "Walks the manager's audit log, or that of a backup FILE, and checks the chain of its hashes. The newest row's "
     "number and hash are printed: keep them elsewhere, and give them to a later check as --head.",
     SHOW | B(HEAD), 0, 1, tg_audit_verify},

    {"backup", "backup", "", "Copy a running instance into one file",
     "A tar archive of the databases, each as it was at one moment, with their sums. Without --with-master-key the "
     "master key is not in it: keep a copy of it apart.",
     B(DATA) | B(OUT) | B(WITH_MASTER_KEY), 0, 0, tg_backup},
    {"restore", "backup", "FILE", "Make a data directory of a backup",
     "The directory must be empty or not there. Sums and versions are checked before anything is written under its "
     "final name.",
     B(DATA), 1, 1, tg_restore},

    {"migrate", "backup", "", "Move all data into another store",
     "From SQLite to PostgreSQL or back: configuration, audit log, sessions, tokens and the token request log, as they "
     "stand. Stop all planes first. What was interrupted goes on when it is run again; at the end every row of both is "
     "compared, and only then the new store can be used. The old one is not changed.",
     B(FROM_STORE) | B(TO_STORE) | B(FORCE), 0, 0, tg_migrate},

    {"completion", "shell", "bash|zsh", "Write the completion of a shell",
     "bash: tollgate completion bash > /etc/bash_completion.d/tollgate; zsh: into a file _tollgate on its fpath.", 0, 1,
     1, tg_completion},
    {"man", "shell", "[GROUP]", "Write the manual page of the command, or of a group of commands",
     "Groups: login, objects, deploy, token, watch, files, audit, backup, shell.", 0, 0, 1, tg_man},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

const tg_command_t *tg_command_at(size_t i) {
    return i < N_COMMANDS ? &commands[i] : NULL;
}

/* How many of the words are the command's name; 0: it is another one. */
static int words_of(const tg_command_t *c, int argc, char **argv) {
    char two[128];
    if (strcmp(c->name, argv[0]) == 0)
        return 1;
    if (argc < 2)
        return 0;
    snprintf(two, sizeof(two), "%.60s %.60s", argv[0], argv[1]);
    return strcmp(c->name, two) == 0 ? 2 : 0;
}

/* "token" alone, or with a second word that is none: what could follow. */
static bool family_say(int argc, char **argv, int *status) {
    size_t n = strlen(argv[0]), found = 0;
    tg_suggestion_t near = tg_suggestion_start(argc > 1 ? argv[1] : "");
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strncmp(commands[i].name, argv[0], n) == 0 && commands[i].name[n] == ' ') {
            if (found++ == 0)
                fprintf(stderr, "Usage:\n");
            fprintf(stderr, "  tollgate %-18s %s\n", commands[i].name, commands[i].summary);
            tg_suggestion_try(&near, commands[i].name + n + 1);
        }
    if (found && argc > 1 && argv[1][0] != '-' && near.name)
        tg_say("%s: no such command; did you mean %s %s?", argv[1], argv[0], near.name);
    *status = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) ? TG_EXIT_DONE : TG_EXIT_USAGE;
    return found > 0;
}

bool tg_command_run(int argc, char **argv, int *status) {
    for (size_t i = 0; i < N_COMMANDS; i++) {
        tg_args_t args;
        int words = words_of(&commands[i], argc, argv);
        if (words == 0)
            continue;
        if (tg_args_parse(&commands[i], argc - words + 1, argv + words - 1, &args))
            *status = TG_EXIT_USAGE;
        else if (args.value[TG_FLAG_HELP]) {
            tg_args_help(&commands[i]);
            *status = TG_EXIT_DONE;
        } else
            *status = commands[i].run(&args);
        return true;
    }
    return family_say(argc, argv, status);
}

/* Only first words are compared: who types "tokn get" means a word of "token get". */
const char *tg_command_near(const char *typed) {
    static const char *const others[] = {"up", "manager", "gateway", "demo", "version", "help", "token", "keys"};
    tg_suggestion_t near = tg_suggestion_start(typed);
    for (size_t i = 0; i < N_COMMANDS; i++)
        tg_suggestion_try(&near, commands[i].name);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        tg_suggestion_try(&near, others[i]);
    return near.name;
}
