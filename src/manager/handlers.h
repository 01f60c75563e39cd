/* The handlers of the operation table; each is described by its row there. */
#ifndef TG_MANAGER_HANDLERS_H
#define TG_MANAGER_HANDLERS_H

#include "manager/call.h"

tg_err_t tg_login(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_logout(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_project_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_project_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_project_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_project_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_project_patch(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_project_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_environment_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_project_environment_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_environment_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_environment_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_environment_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_environment_patch(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_environment_delete(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_environment_nodes(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_node_drain(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_node_drain_cancel(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_signing_key_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_signing_key_regenerate(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_signing_key_upload(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_signing_key_redeploy(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_signing_key_revoke(tg_call_t *c) TG_MUST_CHECK;

/* API proxies and groups: the path tells which. */
tg_err_t tg_owner_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_patch(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_owner_route_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_route_set(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_addresses_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_addresses_set(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_connection_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_connection_set(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_cors_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_cors_set(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_forwarded_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_forwarded_set(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_limits_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_limits_set(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_keys_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_owner_keys_set(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_definition_proxy_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_definition_proxy_upload(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_definition_put(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_endpoint_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_endpoint_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_endpoint_get(tg_call_t *c) TG_MUST_CHECK;
/* PUT and PATCH */
tg_err_t tg_endpoint_set(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_endpoint_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_member_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_member_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_member_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_policy_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_policy_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_policy_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_policy_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_policy_patch(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_policy_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_deployment_deploy(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_deployment_undeploy(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_deployment_status(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_deployment_histories(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_deployment_history_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_deployment_rollback(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_credential_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_import(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_patch(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_delete(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_password_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_password_delete(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_tokens_delete(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_token_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_token_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_credential_token_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_access_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_access_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_access_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_organization_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_organization_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_organization_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_organization_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_organization_patch(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_organization_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_identity_provider_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_identity_provider_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_identity_provider_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_identity_provider_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_identity_provider_patch(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_identity_provider_delete(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_identity_provider_test(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_identity_provider_sync(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_identity_provider_sync_get(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_token_management_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_token_management_put(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_token_management_patch(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_administrator_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_administrator_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_administrator_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_administrator_patch(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_administrator_delete(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_administrator_password(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_access_token_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_access_token_create(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_access_token_delete(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_export(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_import(tg_call_t *c) TG_MUST_CHECK;

tg_err_t tg_token_request_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_audit_list(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_audit_head(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_openapi_get(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_health_live(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_health_ready(tg_call_t *c) TG_MUST_CHECK;
tg_err_t tg_metrics_get(tg_call_t *c) TG_MUST_CHECK;

#endif
