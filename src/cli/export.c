/* `export`: configuration as a document (docs/decisions/0013-declarative.md). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "yaml/document.h"

/* What a thing is comes first, for who reads the file; the rest stays in its order. */
static json_t *ordered(const json_t *value) {
    static const char *const first[] = {"tollgate", "name", "apiProxyName", "policyName", "username", "type"};
    const char *name;
    json_t *member, *out = json_is_object(value) ? json_object() : json_is_array(value) ? json_array() : NULL;
    size_t i;
    if (!out)
        return json_incref((json_t *)value);
    for (i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        if (json_object_get(value, first[i]))
            json_object_set_new(out, first[i], ordered(json_object_get(value, first[i])));
    json_object_foreach((json_t *)value, name, member) {
        if (!json_object_get(out, name))
            json_object_set_new(out, name, ordered(member));
    }
    json_array_foreach(value, i, member) {
        json_array_append_new(out, ordered(member));
    }
    return out;
}

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
    tg_remote_t client;
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
    tg_err_t err = tg_remote_init(a, &client);
    if (!err)
        err = tg_remote_call(&client, "GET", mem, NULL, &answer);
    json_t *document = ordered(json_object_get(answer, "result"));
    if (!err && !json_object_get(document, "tollgate")) {
        tg_say("the manager's answer holds no document");
        err = TG_ERR_UNAVAILABLE;
    }
    if (!err)
        err = export_write(a->value[TG_FLAG_OUT], document);
    json_decref(document);
    json_decref(answer);
    tg_remote_release(&client);
    return tg_exit_of(err);
}
