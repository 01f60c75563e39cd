/* The name that was meant. */
#ifndef TG_CLI_SUGGEST_H
#define TG_CLI_SUGGEST_H

#include <stddef.h>

/* Start with what was typed, try each name that there is, read `name`: NULL if none is near enough. */
typedef struct {
    const char *typed;
    const char *name; /* borrowed from tg_suggestion_try */
    size_t distance;
} tg_suggestion_t;

tg_suggestion_t tg_suggestion_start(const char *typed);
void tg_suggestion_try(tg_suggestion_t *s, const char *name);

#endif
