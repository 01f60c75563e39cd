
/*
 * Looking things up in what others made: request headers, snapshots.
 */


#include "ngx_http_tollgate.h"


tg_str_t
ngx_http_tollgate_header(ngx_http_request_t *r, const char *name, size_t *n)
{
    size_t            len;
    tg_str_t          value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    *n = 0;
    value = TG_STR_NONE;

    len = ngx_strlen(name);
    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return value;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].key.len == len
            && ngx_strncasecmp(header[i].key.data, (u_char *) name, len) == 0
            && (*n)++ == 0)
        {
            value = ngx_http_tollgate_str(header[i].value);
        }
    }
}


const tg_deployed_proxy_t *
ngx_http_tollgate_snapshot_owner(const ngx_http_tollgate_snapshot_t *s,
    int64_t key_id)
{
    size_t  i;

    for (i = 0; i < s->snapshot.n_proxies; i++) {
        if (s->snapshot.proxies[i].key_id == key_id) {
            return &s->snapshot.proxies[i];
        }
    }

    return NULL;
}
