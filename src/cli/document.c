#include "cli/document.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "cli/input.h"
#include "cli/references.h"
#include "cli/say.h"

#define VERSION   1
#define FILES_MAX 10000

/* ---- merging ---- */

/* What an element of a section is called; NULL: it has no name. */
static const char *name_of(const json_t *element) {
    static const char *const fields[] = {"apiProxyName", "username", "name"};
    for (size_t i = 0; i < 3; i++) {
        const char *name = json_string_value(json_object_get(element, fields[i]));
        if (name)
            return name;
    }
    return NULL;
}

static tg_err_t twice(const char *what, const char *name, const char *first, const char *second) {
    tg_say("%s: %s%s%s is defined here and at %s", second, what, name ? " " : "", name ? name : "", first);
    return TG_ERR_CONFLICT;
}

/* Appends the elements; one whose name is there already is refused. */
static tg_err_t section_merge(json_t *into, const json_t *from, const char *what, tg_places_t *places) {
    json_t *seen = json_object(), *element;
    size_t i;
    tg_err_t err = seen ? TG_OK : TG_ERR_NOMEM;
    json_array_foreach(into, i, element) {
        const char *name = name_of(element);
        if (name)
            json_object_set(seen, name, element);
    }
    json_array_foreach(from, i, element) {
        char first[TG_PLACE_TEXT], second[TG_PLACE_TEXT];
        const char *name = name_of(element);
        const json_t *other = name ? json_object_get(seen, name) : NULL;
        if (other) {
            tg_places_of(places, other, first);
            tg_places_of(places, element, second);
            err = twice(what, name, first, second);
            break;
        }
        if ((name && json_object_set(seen, name, element) != 0) || json_array_append(into, element) != 0)
            err = TG_ERR_NOMEM;
    }
    json_decref(seen);
    return err;
}

/* Lists come together; anything else may stand once. `identity` is in both; `apart` (NULL: nothing) is seen to
 * elsewhere. */
static tg_err_t members_merge(json_t *into, const json_t *from, const char *identity, const char *apart,
                              tg_places_t *places) {
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)from, name, member) {
        json_t *there = json_object_get(into, name);
        tg_err_t err = TG_OK;
        if (strcmp(name, identity) == 0 || (apart && strcmp(name, apart) == 0))
            continue;
        if (json_is_array(there) && json_is_array(member)) {
            err = section_merge(there, member, name, places);
        } else if (there) {
            char first[TG_PLACE_TEXT], second[TG_PLACE_TEXT];
            tg_places_of_member(places, into, name, 0, first);
            tg_places_of_member(places, from, name, 0, second);
            err = twice(name, NULL, first, second);
        } else if (json_object_set(into, name, member) != 0 || tg_places_move(places, into, name, from)) {
            err = TG_ERR_NOMEM;
        }
        if (err)
            return err;
    }
    return TG_OK;
}

/* Sections of one file get the same check as those of two: each is merged into an empty one. */
static tg_err_t sections_check(const json_t *object, tg_places_t *places) {
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)object, name, member) {
        json_t *empty = json_is_array(member) && strcmp(name, "projects") != 0 ? json_array() : NULL;
        tg_err_t err = empty ? section_merge(empty, member, name, places) : TG_OK;
        json_decref(empty);
        if (err)
            return err;
    }
    return TG_OK;
}

static json_t *project_find(const json_t *projects, const char *name) {
    json_t *project;
    size_t i;
    json_array_foreach(projects, i, project) {
        const char *there = name_of(project);
        if (name && there && strcmp(name, there) == 0)
            return project;
    }
    return NULL;
}

static tg_err_t projects_merge(json_t *into, const json_t *from, tg_places_t *places) {
    json_t *project;
    size_t i;
    json_array_foreach(from, i, project) {
        json_t *there = project_find(into, name_of(project));
        tg_err_t err = sections_check(project, places);
        if (!err && there)
            err = members_merge(there, project, "name", NULL, places);
        else if (!err && json_array_append(into, project) != 0)
            err = TG_ERR_NOMEM;
        if (err)
            return err;
    }
    return TG_OK;
}

static tg_err_t version_check(const json_t *part, tg_places_t *places) {
    char place[TG_PLACE_TEXT];
    const json_t *version = json_object_get(part, "tollgate");
    if (json_is_integer(version) && json_integer_value(version) == VERSION)
        return TG_OK;
    tg_places_of_member(places, part, "tollgate", 0, place);
    if (!version)
        tg_say("%s: tollgate: is missing; a document says `tollgate: %d`", place, VERSION);
    else if (json_is_integer(version))
        tg_say("%s: tollgate: is %lld; this release reads version %d", place, (long long)json_integer_value(version),
               VERSION);
    else
        tg_say("%s: tollgate: must be the number %d", place, VERSION);
    return TG_ERR_INVALID;
}

tg_err_t tg_document_merge(json_t *whole, const json_t *part, tg_places_t *places) {
    json_t *projects = json_object_get(part, "projects");
    tg_err_t err = version_check(part, places);
    if (!err)
        err = sections_check(part, places);
    if (err || !json_is_array(projects))
        return err ? err : members_merge(whole, part, "tollgate", NULL, places);
    json_t *all = json_object_get(whole, "projects");
    if (!all) {
        all = json_array();
        if (json_object_set_new(whole, "projects", all) != 0)
            return TG_ERR_NOMEM;
    }
    err = projects_merge(all, projects, places);
    return err ? err : members_merge(whole, part, "tollgate", "projects", places);
}

/* ---- files ---- */

static tg_err_t file_add(const char *path, json_t *whole, tg_places_t *places) {
    json_t *part = NULL;
    tg_yaml_lines_t *lines = NULL;
    tg_err_t err = tg_input_parse(path, &part, &lines);
    if (!err)
        err = tg_places_add(places, path, json_incref(part), lines);
    if (!err && !json_is_object(part)) {
        tg_say("%s: must be an object that begins with `tollgate: %d`", path, VERSION);
        err = TG_ERR_INVALID;
    }
    if (!err)
        err = tg_document_merge(whole, part, places);
    json_decref(part);
    return err;
}

static bool is_document(const FTSENT *e) {
    tg_str_t name = tg_strn(e->fts_name, e->fts_namelen);
    return e->fts_info == FTS_F && (tg_str_ends(name, TG_STR(".yaml")) || tg_str_ends(name, TG_STR(".yml")) ||
                                    tg_str_ends(name, TG_STR(".json")));
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static tg_err_t folder_add(const char *path, json_t *whole, tg_places_t *places) {
    char *const roots[] = {(char *)path, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    tg_err_t err = walk ? TG_OK : TG_ERR_NOMEM;
    for (FTSENT *e; !err && (e = fts_read(walk));) {
        if (e->fts_info == FTS_D && e->fts_level > 0 && e->fts_name[0] == '.')
            fts_set(walk, e, FTS_SKIP);
        else if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR) {
            errno = e->fts_errno;
            tg_say_errno("%s: cannot read it", e->fts_path);
            err = TG_ERR_UNAVAILABLE;
        } else if (is_document(e) && places->n >= FILES_MAX) {
            tg_say("%s: more than %d files", path, FILES_MAX);
            err = TG_ERR_LIMIT;
        } else if (is_document(e))
            err = file_add(e->fts_path, whole, places);
    }
    if (walk)
        fts_close(walk);
    if (!err && places->n == 0) {
        tg_say("%s: no *.yaml, *.yml or *.json in this folder", path);
        err = TG_ERR_NOTFOUND;
    }
    return err;
}

tg_err_t tg_document_read(const char *path, json_t **out, tg_places_t *places) {
    struct stat st;
    json_t *whole = json_pack("{s:i}", "tollgate", VERSION);
    tg_err_t err = whole ? TG_OK : TG_ERR_NOMEM;
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (!err)
        err = folder ? folder_add(path, whole, places) : file_add(path, whole, places);
    if (!err)
        err = tg_references_resolve(whole, places, false);
    if (err) {
        json_decref(whole);
        whole = NULL;
    }
    *out = whole;
    return err;
}
