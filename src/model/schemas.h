/*
 * What the parse functions of this room take, as JSON Schema (2020-12, which OpenAPI 3.1 uses): written from the very
 * tables that they read by, so that the two cannot disagree. Each is a new reference; NULL: out of memory. Members that
 * are not required may be null, which stands for absent.
 */
#ifndef TG_MODEL_SCHEMAS_H
#define TG_MODEL_SCHEMAS_H

#include "base/err.h"
#include "base/json.h"

json_t *tg_environment_schema(void) TG_MUST_CHECK;
json_t *tg_proxy_schema(void) TG_MUST_CHECK;
json_t *tg_client_route_schema(void) TG_MUST_CHECK;
json_t *tg_routing_info_schema(void) TG_MUST_CHECK;
json_t *tg_connection_schema(void) TG_MUST_CHECK;
json_t *tg_cors_schema(void) TG_MUST_CHECK;
json_t *tg_forwarded_schema(void) TG_MUST_CHECK;
json_t *tg_limits_schema(void) TG_MUST_CHECK;
json_t *tg_api_endpoint_schema(void) TG_MUST_CHECK;
json_t *tg_policy_schema(void) TG_MUST_CHECK;
json_t *tg_group_schema(void) TG_MUST_CHECK;
json_t *tg_identity_provider_schema(void) TG_MUST_CHECK;
json_t *tg_organization_schema(void) TG_MUST_CHECK;
/* A body, and as it is kept and shown: without passwords. */
json_t *tg_credential_schema(void) TG_MUST_CHECK;
json_t *tg_credential_shown_schema(void) TG_MUST_CHECK;
json_t *tg_credential_token_schema(void) TG_MUST_CHECK;
json_t *tg_access_list_schema(void) TG_MUST_CHECK;
/* One element of it, as it is kept and shown. */
json_t *tg_access_row_schema(void) TG_MUST_CHECK;
json_t *tg_token_management_schema(void) TG_MUST_CHECK;

/* A patch of an object (RFC 7396): nothing is required. Takes the reference. */
json_t *tg_schema_partial(json_t *schema) TG_MUST_CHECK;

#endif
