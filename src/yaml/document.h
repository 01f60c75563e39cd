/*
 * YAML as JSON values, on libyaml: what a person writes comes in, json_t with line numbers goes out, and back. Pure.
 *
 * Only what JSON can say is read, so that a document means the same to every reader:
 *   - plain scalars as in the JSON schema of YAML 1.2 (10.2): null, true, false, numbers as JSON writes them; `~` and
 *     nothing are null; all else is a string. yes, no, on and off are strings. A number with a leading zero, which some
 *     read as octal, is refused: quoted it is a string.
 *   - names are strings; a name that stands twice in a mapping is refused, and so is a merge key (<<).
 *   - tags, directives of types and a second document are refused.
 *   - an alias is a copy that counts against max_nodes as if it were written out; one inside its own anchor is refused.
 *
 * JSON is read as well: text that begins with { or [ is tried as JSON first (RFC 8259).
 */
#ifndef TG_YAML_DOCUMENT_H
#define TG_YAML_DOCUMENT_H

#include <jansson.h>

#include "base/buf.h"

typedef struct {
    size_t max_bytes; /* of the text */
    unsigned max_depth;
    size_t max_nodes; /* values, aliases written out; names count too */
} tg_yaml_limits_t;

/* Where the values of one text stand. Keyed by the containers of the value: valid while those live and are not copied.
 */
typedef struct tg_yaml_lines tg_yaml_lines_t;

/* *out is a new reference. *lines: NULL, or what to free with tg_yaml_lines_free; NULL is fine for `lines` itself.
 * TG_ERR_INVALID, TG_ERR_LIMIT: *fault says why, *line where (1 is the first; 0: not known); never quotes a value. An
 * empty text is null. */
tg_err_t tg_yaml_parse(tg_str_t text, const tg_yaml_limits_t *limits, json_t **out, tg_yaml_lines_t **lines,
                       size_t *line, tg_fault_t *fault) TG_MUST_CHECK;

void tg_yaml_lines_free(tg_yaml_lines_t *lines);
/* The line of a member of this object or array; `name` is NULL in an array. 0: not known, as inside of an alias. */
size_t tg_yaml_line_of_member(const tg_yaml_lines_t *lines, const json_t *container, const char *name, size_t index);
/* The line where this object or array begins; 0: not known. */
size_t tg_yaml_line_of(const tg_yaml_lines_t *lines, const json_t *container);

/* Appends the value as a block of YAML that every reader of YAML 1.1 and 1.2 understands the same way: strings that
 * could be read as something else are quoted. TG_ERR_NOMEM, TG_ERR_LIMIT. */
tg_err_t tg_yaml_write(const json_t *value, tg_buf_t *out) TG_MUST_CHECK;

#endif
