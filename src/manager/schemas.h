/* Bodies that the manager reads itself, as JSON Schema from the tables that it reads them by; new references. */
#ifndef TG_MANAGER_SCHEMAS_H
#define TG_MANAGER_SCHEMAS_H

#include "model/schemas.h"

json_t *tg_project_schema(void) TG_MUST_CHECK;
json_t *tg_key_regenerate_schema(void) TG_MUST_CHECK;
json_t *tg_key_upload_schema(void) TG_MUST_CHECK;
json_t *tg_application_key_schema(void) TG_MUST_CHECK;
json_t *tg_credential_password_schema(void) TG_MUST_CHECK;
json_t *tg_deploy_schema(void) TG_MUST_CHECK;
json_t *tg_administrator_schema(void) TG_MUST_CHECK;
json_t *tg_administrator_patch_schema(void) TG_MUST_CHECK;
json_t *tg_administrator_password_schema(void) TG_MUST_CHECK;
json_t *tg_access_token_schema(void) TG_MUST_CHECK;
json_t *tg_provider_test_schema(void) TG_MUST_CHECK;
json_t *tg_provider_sync_schema(void) TG_MUST_CHECK;
json_t *tg_import_schema(void) TG_MUST_CHECK;
/* What an export gives, too. */
json_t *tg_document_schema(void) TG_MUST_CHECK;
/* The body of a proxy or group with what a document says beside it. */
json_t *tg_import_proxy_schema(void) TG_MUST_CHECK;
json_t *tg_import_group_schema(void) TG_MUST_CHECK;
json_t *tg_import_credential_schema(void) TG_MUST_CHECK;

/* Members and required ones of `more` go into `schema`; takes both references. */
json_t *tg_schema_join(json_t *schema, json_t *more) TG_MUST_CHECK;

#endif
