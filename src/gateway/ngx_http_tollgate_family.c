
/*
 * Early revocations, and the end of a family of tokens.
 */


#include "ngx_http_tollgate_endpoints.h"


/* entries of an environment; one client has at most a tenth */
#define NGX_HTTP_TOLLGATE_REVOCATIONS_MAX  1000000


void
ngx_http_tollgate_revocation_write(ngx_http_tollgate_token_t *t,
    const uint8_t id[TG_REVOCATION_LEN], tg_ms_t until, tg_write_t *write)
{
    ngx_memzero(write, sizeof(tg_write_t));

    write->kind = TG_WRITE_REVOCATION;
    write->environment_id = t->ctx->snapshot->snapshot.environment_id;
    write->client_kind = t->kind;
    write->client_id = t->asked.client_id;
    write->until = until;
    write->capacity = NGX_HTTP_TOLLGATE_REVOCATIONS_MAX;
    write->at = ngx_http_tollgate_now_ms();
    ngx_memcpy(write->revocation, id, TG_REVOCATION_LEN);
}


ngx_uint_t
ngx_http_tollgate_family_writes(ngx_http_tollgate_token_t *t,
    const tg_record_t *record, ngx_uint_t jwt,
    tg_write_t writes[NGX_HTTP_TOLLGATE_COMMIT_WRITES])
{
    tg_ms_t  now, until;

    now = ngx_http_tollgate_now_ms();

    ngx_memzero(&writes[0], sizeof(tg_write_t));
    writes[0].kind = TG_WRITE_FAMILY;
    writes[0].at = now;
    ngx_memcpy(writes[0].family, record->family, TG_FAMILY_LEN);

    if (!jwt) {
        return 1;
    }

    until = tg_family_until(record,
                            ngx_http_tollgate_policy_of(t, TG_TOKEN_JWT), now);

    if (until != 0) {
        until += t->ctx->snapshot->snapshot.environment.leeway_s
                 * TG_SECOND_MS;
    }

    ngx_http_tollgate_revocation_write(t, record->family, until, &writes[1]);

    return 2;
}


ngx_int_t
ngx_http_tollgate_revocations_apply(const tg_write_t *writes, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (writes[i].kind != TG_WRITE_REVOCATION) {
            continue;
        }

        if (writes[i].result == TG_ERR_LIMIT) {
            ngx_http_tollgate_count(REVOCATION_FULL, 1);
        }

        if (writes[i].result != TG_OK
            || ngx_http_tollgate_revocation_add(writes[i].revocation,
                                                writes[i].until)
               != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
