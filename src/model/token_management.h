/*
 * Token management settings (token-api.md "Scopes"; management-api.md /settings/token-management/): one set for the
 * whole installation, carried by each snapshot. Zeroed memory is the defaults.
 */
#ifndef TG_MODEL_TOKEN_MANAGEMENT_H
#define TG_MODEL_TOKEN_MANAGEMENT_H

#include "base/arena.h"
#include "base/json.h"

typedef enum { TG_MISMATCH_STRICT = 0, TG_MISMATCH_LENIENT, TG_MISMATCH_IGNORE_REQUEST } tg_scope_mismatch_t;
typedef enum { TG_NOT_REQUESTED_NO_SCOPE = 0, TG_NOT_REQUESTED_ALL_SCOPES } tg_scope_not_requested_t;
typedef enum { TG_EXPIRES_IN_SECONDS = 0, TG_EXPIRES_IN_MILLISECONDS } tg_expires_in_unit_t;

typedef enum {
    TG_FIELD_ACCESS_TOKEN = 0,
    TG_FIELD_TOKEN_TYPE,
    TG_FIELD_EXPIRES_IN,
    TG_FIELD_REFRESH_TOKEN,
    TG_FIELD_SCOPE,
    TG_FIELDS_N
} tg_response_field_t;

#define TG_RESPONSE_FIELD_MAX 64

typedef struct {
    tg_str_t name; /* "": as RFC 6749 5.1 calls it */
    bool left_out; /* never access_token */
} tg_response_name_t;

typedef struct {
    tg_scope_mismatch_t mismatch;           /* scopeMismatchBehavior */
    tg_scope_not_requested_t not_requested; /* scopeNotRequestedBehavior */
    bool reject_when_no_roles;              /* rejectWhenNoRoles */
    tg_response_name_t names[TG_FIELDS_N];  /* fieldNames */
    tg_expires_in_unit_t expires_in_unit;   /* expiresInUnit */
    bool extended_fields;                   /* extendedFields */
} tg_token_management_t;

/* As tg_policy_parse in model.h. "fieldNames" is an object of the standard names, each with its name in responses; ""
 * leaves the field out. Refused are a name that two fields would have, the standard name of another field, and a name
 * that means something else in a response (tg_response_name_is_taken). */
tg_err_t tg_token_management_parse(const json_t *body, tg_arena_t *a, tg_token_management_t *out,
                                   tg_fault_t *fault) TG_MUST_CHECK;
json_t *tg_token_management_write(const tg_token_management_t *m) TG_MUST_CHECK;

/* The field's name in responses, TG_STR_NONE if it is left out. */
tg_str_t tg_response_name(const tg_token_management_t *m, tg_response_field_t field);

/* Names of token responses that nobody may give to something of his own, without regard to case: error,
 * error_description, error_uri (RFC 6749 5.2), the X-* fields of token-api.md "Metadata of credentials", all that begin
 * with "tg_". */
bool tg_response_name_is_taken(tg_str_t name);
/* The five names of tg_response_field_t, without regard to case. */
bool tg_response_name_is_standard(tg_str_t name);

#endif
