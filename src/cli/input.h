/* One document from a file or the standard input, YAML or JSON, with its secrets put in. */
#ifndef TG_CLI_INPUT_H
#define TG_CLI_INPUT_H

#include "cli/places.h"
#include "yaml/document.h"

#define TG_INPUT_MAX ((size_t)64 << 20)

extern const tg_yaml_limits_t tg_input_limits;

/* A file as a value; `places` (NULL is fine) learns where its parts stand. Said, with the line. */
tg_err_t tg_input_parse(const char *path, json_t **out, tg_yaml_lines_t **lines) TG_MUST_CHECK;
/* An object whose secrets by reference are filled in. Said. */
tg_err_t tg_input_document(const char *path, json_t **out) TG_MUST_CHECK;

#endif
