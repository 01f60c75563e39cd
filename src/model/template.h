/*
 * Texts with places to fill in: {{username}}. What stands for a place, and how it is escaped, is for the reader's
 * caller to say. Pure views; used by those who check such texts and by those who fill them in, so that both see the
 * same places.
 */
#ifndef TG_MODEL_TEMPLATE_H
#define TG_MODEL_TEMPLATE_H

#include "base/str.h"

/* What may stand in {{}}. */
enum { TG_PLACE_USERNAME = 1, TG_PLACE_PASSWORD = 2, TG_PLACE_CLIENT_ID = 4, TG_PLACE_ADDRESS = 8 };

/* Takes the text before the next place, and which place that is; 0 with the last text, -1: "{{" without a known name
 * behind it. false: nothing is left. */
bool tg_template_take(tg_str_t *rest, tg_str_t *before, int *place);

/* NULL if every place is known and among `allowed` (bits), else the rule that it breaks. */
const char *tg_template_rule(tg_str_t text, unsigned allowed);
/* How often the places of these bits stand in it. */
size_t tg_template_count(tg_str_t text, unsigned places);

#endif
