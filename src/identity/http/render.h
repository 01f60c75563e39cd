/*
 * Templates of an API's request, filled in with what was asked, escaped for where a value stands. The templates have
 * passed tg_identity_provider_parse: places stand in a URL behind its authority, and in JSON inside of strings. Pure;
 * internal to the API kind.
 */
#ifndef TG_IDENTITY_HTTP_RENDER_H
#define TG_IDENTITY_HTTP_RENDER_H

#include "base/buf.h"
#include "identity/identity.h"

typedef enum {
    TG_RENDER_URL,   /* percent-encoded; refused: a segment "." or ".." of the path, also behind an encoded slash */
    TG_RENDER_JSON,  /* escaped for the inside of a string */
    TG_RENDER_FORM,  /* percent-encoded, the template's own text too */
    TG_RENDER_HEADER /* as it is; refused: more than visible ASCII and spaces, and a space at either end */
} tg_render_t;

/* Appends to *out; look at out->err at the end. 0, or the place (TG_PLACE_*, model/template.h) whose value is refused.
 */
int tg_render(tg_str_t text, tg_render_t where, const tg_identity_question_t *q, tg_buf_t *out) TG_MUST_CHECK;

#endif
