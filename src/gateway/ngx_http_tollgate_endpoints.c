
/*
 * What the endpoints half does at the usual moments.
 */


#include "ngx_http_tollgate_endpoints.h"


ngx_int_t
ngx_http_tollgate_endpoints_preconfiguration(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_endpoints_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt            *h;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_tollgate_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_tollgate_module);

    if (!mcf->enabled) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_tollgate_request_row_handler;

    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_endpoints_init_process(ngx_cycle_t *cycle)
{
    if (ngx_http_tollgate_delay_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_tollgate_commit_init(cycle);
}


void
ngx_http_tollgate_endpoints_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_tollgate_delay_exit();
}
