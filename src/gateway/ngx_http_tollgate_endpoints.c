
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
    return NGX_OK;
}


ngx_int_t
ngx_http_tollgate_endpoints_init_process(ngx_cycle_t *cycle)
{
    return ngx_http_tollgate_commit_init(cycle);
}


void
ngx_http_tollgate_endpoints_exit_process(ngx_cycle_t *cycle)
{
}
