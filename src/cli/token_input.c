#include "cli/token_input.h"

#include <unistd.h>

#include "cli/say.h"

static bool looks_like_token(tg_str_t text) {
    return tg_str_starts(text, TG_STR("tga_")) || tg_str_starts(text, TG_STR("tgr_")) ||
           (tg_str_starts(text, TG_STR("eyJ")) && text.n > 60);
}

tg_err_t tg_token_input(const tg_args_t *a, tg_buf_t *out) {
    const char *file = a->n_operands > 0 ? a->operands[0] : NULL;
    if (file && looks_like_token(tg_str(file))) {
        tg_say("a token on the command line can be read by others on this machine: give it on the standard input, or "
               "in a file");
        return TG_ERR_INVALID;
    }
    if (!file && !isatty(STDIN_FILENO))
        file = "-";
    return tg_secret_read(&(tg_secret_source_t){.file = file, .question = "Token: ", .what = "the token"}, out);
}
