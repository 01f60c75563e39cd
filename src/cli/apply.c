/* `diff`, `apply`: configuration as a document (docs/decisions/0013-declarative.md). */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/document.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "cli/terminal.h"

/* ---- the import ---- */

typedef struct {
    const tg_args_t *args;
    tg_remote_t client;
    tg_output_t format;
    tg_places_t places;
    json_t *document;
} import_t;

static tg_err_t import_init(import_t *im, const tg_args_t *a) {
    *im = (import_t){.args = a};
    if (!a->value[TG_FLAG_FILE]) {
        tg_say("which document? Say -f PATH: a file, a folder, or - for the standard input");
        return TG_ERR_INVALID;
    }
    tg_err_t err = tg_output_parse(a, &im->format);
    if (!err)
        err = tg_remote_init(a, &im->client);
    return err ? err : tg_document_read(a->value[TG_FLAG_FILE], &im->document, &im->places);
}

static void import_release(import_t *im) {
    json_decref(im->document);
    tg_places_release(&im->places);
    tg_remote_release(&im->client);
}

/* What the manager refuses begins with the field's path: the place in the files goes before it. */
static void refusal_say(const import_t *im, const char *text) {
    char place[TG_PLACE_TEXT] = "";
    const char *path = strncmp(text, "document.", 9) == 0 ? text + 9 : text;
    tg_places_of_path(&im->places, im->document, path, place);
    bool names_field = strchr(path, ':') && strcspn(path, ":") < strcspn(path, " ");
    if (names_field && *place)
        tg_say("%s: %s", place, path);
    else
        tg_say("%s", text);
}

static tg_err_t import_call(const import_t *im, bool dry, json_t **answer) {
    tg_fault_t message = {"", ""};
    json_t *body =
        json_pack("{s:O,s:b,s:b,s:b}", "document", im->document, "dryRun", dry, "prune",
                  im->args->value[TG_FLAG_PRUNE] != NULL, "setSecrets", im->args->value[TG_FLAG_SET_SECRETS] != NULL);
    if (!body)
        return TG_ERR_NOMEM;
    tg_progress(dry ? "comparing with %s ..." : "applying at %s ...", im->client.url);
    tg_err_t err = tg_remote_try(&im->client, "POST", "/import", body, answer, &message);
    tg_progress_end();
    if (err)
        refusal_say(im, message.text);
    json_decref(body);
    return err;
}

/* ---- what changes ---- */

static const char *mark_of(const char *action) {
    static const char *const marks[][2] = {
        {"create", "+"}, {"update", "~"}, {"delete", "-"}, {"deploy", ">"}, {"undeploy", "<"}};
    for (size_t i = 0; action && i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strcmp(action, marks[i][0]) == 0)
            return marks[i][1];
    return "?";
}

static json_t *changes_of(const json_t *answer) {
    return json_object_get(json_object_get(answer, "result"), "changes");
}

static void change_print(const json_t *change) {
    char mem[8192];
    tg_buf_t b;
    const char *action = json_string_value(json_object_get(change, "action"));
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_putf(&b, "%s ", mark_of(action));
    tg_text_put_safe(&b, tg_json_str(change, "action"));
    tg_buf_putc(&b, ' ');
    tg_text_put_safe(&b, tg_json_str(change, "kind"));
    tg_buf_putc(&b, ' ');
    tg_text_put_safe(&b, tg_json_str(change, "path"));
    if (json_array_size(json_object_get(change, "fields")) > 0) {
        tg_buf_put(&b, TG_STR(": "));
        char cell[4096];
        tg_buf_t fields;
        tg_buf_init_fixed(&fields, cell, sizeof(cell));
        tg_cell_write(change, "fields[]", &fields);
        tg_buf_put(&b, tg_buf_str(&fields));
    }
    printf("%.*s\n", TG_STR_ARGS(tg_buf_str(&b)));
}

static tg_err_t changes_show(const import_t *im, const json_t *answer) {
    static const tg_column_t columns[] = {{"PATH", "path"}, {NULL, NULL}};
    json_t *changes = changes_of(answer), *change;
    size_t i;
    if (im->format != TG_OUTPUT_TABLE)
        return tg_output_rows(im->format, json_object_get(answer, "result"), changes, columns, "path");
    json_array_foreach(changes, i, change) {
        change_print(change);
    }
    return TG_OK;
}

static size_t change_count(const json_t *answer) {
    return json_array_size(changes_of(answer));
}

int tg_diff(const tg_args_t *a) {
    import_t im;
    json_t *answer = NULL;
    int status = TG_EXIT_FAILED;
    tg_err_t err = import_init(&im, a);
    if (!err)
        err = import_call(&im, true, &answer);
    if (!err)
        err = changes_show(&im, answer);
    if (!err)
        status = change_count(answer) > 0 ? TG_EXIT_CHANGES : TG_EXIT_DONE;
    json_decref(answer);
    import_release(&im);
    return status;
}

/* ---- apply ---- */

/* Secrets that were generated are in this answer and in no later one. */
static void secrets_print(const json_t *answer) {
    json_t *secrets = json_object_get(json_object_get(answer, "result"), "secrets"), *secret, *value;
    const char *name;
    size_t i;
    if (json_array_size(secrets) > 0)
        printf("\nGenerated, and not shown again:\n");
    json_array_foreach(secrets, i, secret) {
        tg_str_t path = tg_json_str(secret, "path");
        printf("  %.*s", TG_STR_ARGS(path));
        json_object_foreach(secret, name, value) {
            if (json_is_string(value) && strcmp(name, "path") != 0)
                printf("  %s: %s", name, json_string_value(value));
        }
        printf("\n");
    }
}

/* Every environment is told; TG_ERR_UNAVAILABLE if one does not serve what was deployed. */
static tg_err_t deployments_print(const json_t *answer) {
    const json_t *result = json_object_get(answer, "deploymentResult");
    return result ? tg_deployment_show(TG_OUTPUT_TABLE, answer) : TG_OK;
}

static tg_err_t agreed(const import_t *im, const json_t *planned) {
    char question[128];
    if (im->args->value[TG_FLAG_YES])
        return TG_OK;
    size_t n = change_count(planned);
    snprintf(question, sizeof(question), "Apply %zu change%s? [y/N] ", n, n == 1 ? "" : "s");
    if (tg_terminal_confirm(question))
        return TG_OK;
    tg_say("nothing was changed");
    return TG_ERR_INVALID;
}

static tg_err_t apply_run(const import_t *im, json_t **planned, json_t **done) {
    tg_err_t err = import_call(im, true, planned);
    bool quiet = im->format == TG_OUTPUT_JSON || im->format == TG_OUTPUT_YAML;
    if (err || change_count(*planned) == 0) {
        if (!err && quiet)
            return tg_output_value(im->format, *planned);
        if (!err && im->format == TG_OUTPUT_TABLE)
            printf("nothing to change\n");
        return err;
    }
    if (!quiet)
        err = changes_show(im, *planned);
    fflush(stdout);
    if (!err)
        err = agreed(im, *planned);
    if (!err)
        err = import_call(im, false, done);
    if (err || quiet)
        return err ? err : tg_output_value(im->format, *done);
    size_t n = change_count(*done);
    printf("%zu change%s applied\n", n, n == 1 ? "" : "s");
    secrets_print(*done);
    return deployments_print(*done);
}

int tg_apply(const tg_args_t *a) {
    import_t im;
    json_t *planned = NULL, *done = NULL;
    tg_err_t err = import_init(&im, a);
    if (!err && strcmp(a->value[TG_FLAG_FILE], "-") == 0 && !a->value[TG_FLAG_YES])
        tg_progress("read from the standard input");
    if (!err)
        err = apply_run(&im, &planned, &done);
    json_decref(planned);
    json_decref(done);
    import_release(&im);
    return tg_exit_of(err);
}
