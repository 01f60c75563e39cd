/* Where the parts of a document that came from several files stand: "file:line". */
#ifndef TG_CLI_PLACES_H
#define TG_CLI_PLACES_H

#include "yaml/document.h"

typedef struct {
    struct tg_places_file {
        char *path;
        json_t *root; /* a reference: containers are known by their addresses */
        tg_yaml_lines_t *lines;
    } * files;
    size_t n;
    struct tg_places_moved {
        const json_t *container, *from;
        char *name;
    } * moved;
    size_t n_moved;
} tg_places_t;

#define TG_PLACE_TEXT 600

void tg_places_release(tg_places_t *p);
/* Owns root and lines from now on, also on failure (TG_ERR_NOMEM). */
tg_err_t tg_places_add(tg_places_t *p, const char *path, json_t *root, tg_yaml_lines_t *lines) TG_MUST_CHECK;
/* A member of `container` stands where it stood in `from`, out of which it was merged. */
tg_err_t tg_places_move(tg_places_t *p, const json_t *container, const char *name, const json_t *from) TG_MUST_CHECK;
/* "file:line" of a member (name), of an element (name NULL), or "" if it is not known. */
void tg_places_of_member(const tg_places_t *p, const json_t *container, const char *name, size_t index,
                         char out[TG_PLACE_TEXT]);
/* Of an object or array itself. */
void tg_places_of(const tg_places_t *p, const json_t *container, char out[TG_PLACE_TEXT]);
/* Of a path as the manager writes it (projects[0].proxies[3].clientRoute.hostList), from the root down as far as it is
 * known. */
void tg_places_of_path(const tg_places_t *p, const json_t *root, const char *path, char out[TG_PLACE_TEXT]);
/* The folder of the file that a container stands in; "." if it is not known. */
void tg_places_folder(const tg_places_t *p, const json_t *container, char *out, size_t cap);

#endif
