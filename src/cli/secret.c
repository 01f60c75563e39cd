#include "cli/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/say.h"
#include "cli/terminal.h"

tg_err_t tg_input_read(const char *path, tg_buf_t *out) {
    bool in = strcmp(path, "-") == 0;
    tg_err_t err = tg_file_read(in ? "/dev/stdin" : path, out);
    if (err == TG_ERR_LIMIT)
        tg_say("%s: longer than %zu bytes", path, out->max);
    else if (err)
        tg_say_errno("%s: cannot read it", path);
    return err;
}

static tg_err_t found(const tg_secret_source_t *source, tg_buf_t *out) {
    while (out->n > 0 && (out->p[out->n - 1] == '\n' || out->p[out->n - 1] == '\r'))
        out->n--;
    if (out->n > 0 && !memchr(out->p, '\0', out->n) && !memchr(out->p, '\n', out->n))
        return TG_OK;
    tg_say("%s is %s", source->what, out->n ? "more than one line" : "empty");
    return TG_ERR_INVALID;
}

tg_err_t tg_secret_read(const tg_secret_source_t *source, tg_buf_t *out) {
    const char *set = source->variable ? getenv(source->variable) : NULL;
    tg_buf_reset(out);
    if (source->file) {
        tg_err_t err = tg_input_read(source->file, out);
        return err ? err : found(source, out);
    }
    if (set && *set) {
        tg_buf_put(out, tg_str(set));
        return out->err ? out->err : found(source, out);
    }
    tg_err_t err = source->question ? tg_terminal_ask(source->question, true, out) : TG_ERR_NOTFOUND;
    if (err == TG_ERR_NOTFOUND)
        tg_say("%s is needed: in a file%s%s%s", source->what, source->variable ? ", in " : "",
               source->variable ? source->variable : "", source->question ? ", or at a terminal" : "");
    return err ? TG_ERR_INVALID : found(source, out);
}
