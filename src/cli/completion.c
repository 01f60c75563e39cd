/* `completion bash|zsh`: from the tables of commands, options and kinds. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/kinds.h"
#include "cli/options.h"
#include "cli/say.h"

static const char *const planes[] = {"up", "manager", "gateway", "demo", "version", "help"};
#define N_PLANES (sizeof(planes) / sizeof(planes[0]))

static bool is_first_of_family(size_t at) {
    const char *name = tg_command_at(at)->name, *before = at ? tg_command_at(at - 1)->name : "";
    size_t n = strcspn(name, " ");
    return strncmp(name, before, n) != 0 || (before[n] != ' ' && before[n] != '\0');
}

/* The first words: commands and families. */
static void words_print(void) {
    for (size_t i = 0; i < N_PLANES; i++)
        printf("%s%s", i ? " " : "", planes[i]);
    for (size_t i = 0; tg_command_at(i); i++)
        if (is_first_of_family(i))
            printf(" %.*s", (int)strcspn(tg_command_at(i)->name, " "), tg_command_at(i)->name);
}

static void options_print(const tg_command_t *c) {
    printf("--help");
    for (int flag = 0; flag < TG_FLAG_COUNT; flag++)
        if (flag != TG_FLAG_HELP && (c->flags & TG_FLAG_BIT(flag)))
            printf(" --%s", tg_flag_info(flag)->name);
}

static void kinds_print(void) {
    for (size_t i = 0; tg_kind_at(i); i++)
        printf("%s%s", i ? " " : "", tg_kind_at(i)->name);
}

/* Second words of `token`, `keys`, ... */
static void family_print(const char *name) {
    size_t n = strcspn(name, " "), found = 0;
    for (size_t i = 0; tg_command_at(i); i++)
        if (strncmp(tg_command_at(i)->name, name, n) == 0 && tg_command_at(i)->name[n] == ' ')
            printf("%s%s", found++ ? " " : "", tg_command_at(i)->name + n + 1);
}

/* What can stand as an operand: kinds, shells, else files. */
static void operand_print(const tg_command_t *c) {
    if (strncmp(c->operands, "KIND", 4) == 0) {
        printf("'");
        kinds_print();
        printf("'");
    } else if (strcmp(c->operands, "bash|zsh") == 0)
        printf("'bash zsh'");
    else
        printf("''");
}

static void plane_print(const char *name) {
    const char *option, *arg, *help;
    printf("        \"%s\") options='", name);
    for (size_t i = 0; tg_option_at(name, i, &option, &arg, &help); i++)
        printf("%s--%s", i ? " " : "", option);
    printf("' ;;\n");
}

/* Values of the options that have a list of them. -o is --output of some commands, and a file of others. */
static void values_print(void) {
    printf("    if [[ $prev == -o && $options == *--output* ]]; then\n        prev=--output\n    fi\n"
           "    case \"$prev\" in\n");
    for (int flag = 0; flag < TG_FLAG_COUNT; flag++) {
        const tg_flag_info_t *info = tg_flag_info(flag);
        if (info->words)
            printf("        --%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", info->name, info->words);
    }
    printf(
        "        *file|*key|--data|--out|-o|-f|--jwks) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n    esac\n");
}

static void families_print(void) {
    printf("    if [ \"$COMP_CWORD\" -eq 2 ]; then\n        case \"$first\" in\n");
    for (size_t i = 0; tg_command_at(i); i++) {
        const char *name = tg_command_at(i)->name;
        if (!strchr(name, ' ') || !is_first_of_family(i))
            continue;
        printf("        %.*s) COMPREPLY=($(compgen -W '", (int)strcspn(name, " "), name);
        family_print(name);
        printf("' -- \"$cur\")); return ;;\n");
    }
    printf("        esac\n    fi\n");
}

/* What each command takes: for those of one word, or of two. */
static void commands_print(bool two) {
    printf("    case \"$first%s\" in\n", two ? " $second" : "");
    for (size_t i = 0; !two && i < 4; i++)
        plane_print(planes[i]);
    for (size_t i = 0; tg_command_at(i); i++) {
        const tg_command_t *c = tg_command_at(i);
        if ((strchr(c->name, ' ') != NULL) != two)
            continue;
        printf("        \"%s\") operands=", c->name);
        operand_print(c);
        printf(" options='");
        options_print(c);
        printf("' ;;\n");
    }
    printf("    esac\n");
}

static void bash_print(void) {
    printf("# bash completion of tollgate %s; written by `tollgate completion bash`\n", TG_VERSION);
    printf("_tollgate() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local first=${COMP_WORDS[1]} second=${COMP_WORDS[2]} options='' operands=''\n"
           "    COMPREPLY=()\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '");
    words_print();
    printf("' -- \"$cur\"))\n        return\n    fi\n");
    families_print();
    commands_print(false);
    commands_print(true);
    values_print();
    printf("    case \"$cur\" in\n"
           "        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
           "        *) if [ -n \"$operands\" ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
           "               COMPREPLY=($(compgen -W \"$operands\" -- \"$cur\"))\n"
           "           else\n"
           "               COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "           fi ;;\n"
           "    esac\n"
           "}\n");
}

int tg_completion(const tg_args_t *a) {
    bool zsh = strcmp(a->operands[0], "zsh") == 0;
    if (!zsh && strcmp(a->operands[0], "bash") != 0) {
        tg_say("there is completion for bash and zsh");
        return TG_EXIT_USAGE;
    }
    if (zsh)
        printf("#compdef tollgate\n# zsh runs the completion of bash (zshcompsys, bashcompinit)\n"
               "autoload -Uz bashcompinit && bashcompinit\n");
    bash_print();
    printf("complete -F _tollgate tollgate\n");
    return TG_EXIT_DONE;
}
