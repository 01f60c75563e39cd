#include "model/parts.h"

#include "model/token_settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define LIMIT_MAX    1000000000 /* counters of the gateway have 32 bits */
#define INTERVAL_MAX (365 * TG_DAY_MS)

enum { FIXED = 1, SLIDING = 2 };
static const tg_choice_t window_choices[] = {{"FIXED", FIXED, false}, {"SLIDING", SLIDING, false}, {NULL, 0, false}};

const tg_limit_rule_t tg_quota_rule = {.fixed = true, .min_ms = TG_SECOND_MS};
const tg_limit_rule_t tg_throttling_rule = {.fixed = true, .sliding = true, .min_ms = 1};
const tg_limit_rule_t tg_failure_limit_rule = {.sliding = true, .min_ms = 1};

/* ---- one limit ---- */

typedef struct {
    int64_t limit;
    int64_t amount;
    tg_str_t unit;
    int window;
} row_t;

static const tg_field_t limit_fields[] = {
    {.name = "limit", .read = tg_read_int64, .offset = offsetof(row_t, limit), .required = true, .max = LIMIT_MAX},
    {.name = "intervalAmount", .read = tg_read_int64, .offset = offsetof(row_t, amount), .min = 1, .max = INTERVAL_MAX},
    {.name = "intervalUnit", .read = tg_read_unit, .offset = offsetof(row_t, unit)},
    {.name = "windowType", .read = tg_read_choice, .offset = offsetof(row_t, window), .more = window_choices},
};

static tg_err_t interval_finish(const tg_reader_t *r, const tg_place_t *at, const row_t *row, int64_t min_ms,
                                int64_t *interval_ms) {
    if (row->amount == 0) {
        return tg_refuse(r, TG_MEMBER(at, "intervalAmount"), "is required with a limit");
    }
    if (row->unit.n == 0) {
        return tg_refuse(r, TG_MEMBER(at, "intervalUnit"), "is required with a limit");
    }
    tg_ms_t unit = tg_unit_ms(row->unit);
    if (row->amount > INTERVAL_MAX / unit) {
        return tg_refuse(r, TG_MEMBER(at, "intervalAmount"), "must be at most one year");
    }
    *interval_ms = row->amount * unit;
    return *interval_ms >= min_ms ? TG_OK : tg_refuse(r, TG_MEMBER(at, "intervalAmount"), "must be at least a second");
}

tg_err_t tg_read_limit(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    const tg_limit_rule_t *rule = f->more;
    tg_limit_t *limit = out;
    row_t row = {.window = rule->fixed ? FIXED : SLIDING};
    *limit = (tg_limit_t){.limit = 0};
    tg_err_t err = tg_fields_read(r, at, v, limit_fields, COUNT(limit_fields), &row);
    if (err) {
        return err;
    }
    if (row.window == FIXED ? !rule->fixed : !rule->sliding) {
        return tg_refuse(r, TG_MEMBER(at, "windowType"), "must be %s here", rule->fixed ? "FIXED" : "SLIDING");
    }
    if (row.limit == 0) {
        return TG_OK;
    }
    limit->limit = row.limit;
    limit->sliding = row.window == SLIDING;
    return interval_finish(r, at, &row, rule->min_ms, &limit->interval_ms);
}

/* The rule says which windows there are. */
json_t *tg_schema_limit(const tg_field_t *f) {
    const tg_limit_rule_t *rule = f->more;
    json_t *schema = tg_fields_schema(limit_fields, COUNT(limit_fields)), *names = json_array();
    json_t *window = json_object_get(json_object_get(schema, "properties"), "windowType");
    for (const tg_choice_t *c = window_choices; c->name != NULL; c++) {
        if (c->value == FIXED ? rule->fixed : rule->sliding) {
            tg_list_put(&names, json_string(c->name));
        }
    }
    tg_list_put(&names, json_null());
    if (json_object_set_new(window, "enum", names) != 0) {
        json_decref(schema);
        schema = NULL;
    }
    return schema;
}

tg_str_t tg_unit_for(int64_t interval_ms) {
    static const tg_str_t units[] = {TG_STR("YEARS"), TG_STR("MONTHS"),  TG_STR("WEEKS"),  TG_STR("DAYS"),
                                     TG_STR("HOURS"), TG_STR("MINUTES"), TG_STR("SECONDS")};
    for (size_t i = 0; i < COUNT(units); i++) {
        if (interval_ms % tg_unit_ms(units[i]) == 0) {
            return units[i];
        }
    }
    return TG_STR("MILLI_SECONDS");
}

json_t *tg_limit_write(const tg_limit_t *l) {
    tg_writer_t w = tg_writer();
    tg_write_int(&w, "limit", l->limit);
    if (l->limit > 0) {
        tg_str_t unit = tg_unit_for(l->interval_ms);
        tg_write_int(&w, "intervalAmount", l->interval_ms / tg_unit_ms(unit));
        tg_write_str(&w, "intervalUnit", unit);
        tg_write_cstr(&w, "windowType", tg_choice_name(window_choices, l->sliding ? SLIDING : FIXED));
    }
    return tg_writer_end(&w);
}

/* ---- quota, throttling, countingMode ---- */

static const tg_choice_t counting_choices[] = {{"ALL", 0, false}, {"ACCEPTED", 1, false}, {NULL, 0, false}};

tg_err_t tg_read_counting_mode(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                               void *out) {
    (void)f;
    const tg_field_t choices = {.more = counting_choices};
    int choice = 0;
    tg_err_t err = tg_read_choice(r, at, &choices, v, &choice);
    *(bool *)out = choice == 1;
    return err;
}

json_t *tg_schema_counting_mode(const tg_field_t *f) {
    const tg_field_t choices = {.more = counting_choices};
    (void)f;
    return tg_schema_choice(&choices);
}

static const tg_field_t limits_fields[] = {TG_LIMITS_FIELDS(0)};

tg_err_t tg_read_limits(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    (void)f;
    return tg_fields_read(r, at, v, limits_fields, COUNT(limits_fields), out);
}

tg_err_t tg_limits_parse(const json_t *body, tg_arena_t *a, tg_limits_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    *out = (tg_limits_t){.accepted_only = false};
    return tg_read_limits(&r, NULL, NULL, body, out);
}

void tg_limits_write_members(tg_writer_t *w, const tg_limits_t *l) {
    tg_write_json(w, "quota", l->quota.limit > 0 ? tg_limit_write(&l->quota) : json_null());
    tg_write_json(w, "throttling", l->throttling.limit > 0 ? tg_limit_write(&l->throttling) : json_null());
    tg_write_cstr(w, "countingMode", tg_choice_name(counting_choices, l->accepted_only));
}

json_t *tg_limits_schema(void) {
    const tg_limits_t none = {.accepted_only = false};
    return tg_schema_defaults(tg_fields_schema(limits_fields, COUNT(limits_fields)), tg_limits_write(&none));
}

json_t *tg_limits_write(const tg_limits_t *l) {
    tg_writer_t w = tg_writer();
    tg_limits_write_members(&w, l);
    return tg_writer_end(&w);
}
