/* `export`, `diff`, `apply`: configuration as a document (docs/decisions/0013-declarative.md). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/terminal.h"

/* ---- the import ---- */

typedef struct {
    const tg_args_t *args;
    tg_client_t client;
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
        err = tg_client_init(a, &im->client);
    return err ? err : tg_document_read(a->value[TG_FLAG_FILE], &im->document, &im->places);
}

static void import_release(import_t *im) {
    json_decref(im->document);
    tg_places_release(&im->places);
    tg_client_release(&im->client);
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
    tg_err_t err = tg_client_try(&im->client, "POST", "/import", body, answer, &message);
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
        json_object_foreach(secret, name, value) {
            if (json_is_string(value))
                printf("  %s: %s\n", name, json_string_value(value));
        }
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

/* ---- export ---- */

static tg_err_t text_write(const json_t *value, bool json, tg_buf_t *out) {
    if (!json)
        return tg_yaml_write(value, out);
    char *text = json_dumps(value, JSON_INDENT(2));
    tg_buf_put(out, tg_str(text ? text : ""));
    tg_buf_putc(out, '\n');
    bool ok = text != NULL;
    free(text);
    return ok ? out->err : TG_ERR_NOMEM;
}

static tg_err_t file_write(const char *path, const json_t *value) {
    tg_buf_t text;
    tg_buf_init(&text, (size_t)512 << 20);
    tg_err_t err = text_write(value, tg_str_ends(tg_str(path), TG_STR(".json")), &text);
    if (!err) {
        err = tg_file_write(path, tg_buf_str(&text), 0644);
        if (err)
            tg_say_errno("cannot write %s", path);
    }
    tg_buf_release(&text);
    return err;
}

/* One section of the document in a file of its own. */
static tg_err_t section_write(const char *folder, const char *file, const json_t *document, const char *name,
                              json_t *value) {
    char path[4096];
    json_t *part = json_pack("{s:O,s:O}", "tollgate", json_object_get(document, "tollgate"), name, value);
    snprintf(path, sizeof(path), "%s/%s.yaml", folder, file);
    tg_err_t err = part ? file_write(path, part) : TG_ERR_NOMEM;
    json_decref(part);
    return err;
}

static tg_err_t project_write(const char *folder, const json_t *document, json_t *project) {
    char file[1024];
    tg_buf_t b;
    json_t *list = json_array();
    tg_buf_init_fixed(&b, file, sizeof(file) - 1);
    tg_buf_put(&b, TG_STR("project-"));
    tg_buf_put_percent(&b, tg_json_str(project, "name"));
    file[b.n] = '\0';
    tg_err_t err = b.err || !list || json_array_append(list, project) != 0 ? TG_ERR_NOMEM : TG_OK;
    if (!err)
        err = section_write(folder, file, document, "projects", list);
    json_decref(list);
    return err;
}

static tg_err_t folder_write(const char *folder, const json_t *document) {
    const char *name;
    json_t *member, *project;
    size_t i;
    tg_err_t err = TG_OK;
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        tg_say_errno("cannot make %s", folder);
        return TG_ERR_UNAVAILABLE;
    }
    json_object_foreach((json_t *)document, name, member) {
        if (!err && strcmp(name, "projects") != 0 && strcmp(name, "tollgate") != 0)
            err = section_write(folder, name, document, name, member);
    }
    json_array_foreach(json_object_get(document, "projects"), i, project) {
        if (!err)
            err = project_write(folder, document, project);
    }
    return err;
}

static bool is_folder(const char *path) {
    struct stat st;
    return tg_str_ends(tg_str(path), TG_STR("/")) || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static tg_err_t export_write(const char *out, const json_t *document) {
    if (!out || strcmp(out, "-") == 0)
        return tg_output_value(TG_OUTPUT_YAML, document);
    return is_folder(out) ? folder_write(out, document) : file_write(out, document);
}

int tg_export(const tg_args_t *a) {
    tg_client_t client;
    char mem[1024] = "/export";
    tg_buf_t path;
    json_t *answer = NULL;
    tg_buf_init_fixed(&path, mem, sizeof(mem) - 1);
    tg_buf_put(&path, TG_STR("/export"));
    if (a->value[TG_FLAG_PROJECT]) {
        tg_buf_put(&path, TG_STR("?project="));
        tg_buf_put_percent(&path, tg_str(a->value[TG_FLAG_PROJECT]));
    }
    mem[path.n] = '\0';
    tg_err_t err = tg_client_init(a, &client);
    if (!err)
        err = tg_client_call(&client, "GET", mem, NULL, &answer);
    json_t *document = json_object_get(answer, "result");
    if (!err && !json_object_get(document, "tollgate")) {
        tg_say("the manager's answer holds no document");
        err = TG_ERR_UNAVAILABLE;
    }
    if (!err)
        err = export_write(a->value[TG_FLAG_OUT], document);
    json_decref(answer);
    tg_client_release(&client);
    return tg_exit_of(err);
}
