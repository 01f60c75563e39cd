#include "model/parts.h"

#include "model/url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ADDRESSES_MAX 64

static const tg_choice_t type_choices[] = {{"REVERSE_PROXY", TG_PROXY_REVERSE, false},
                                           {"OPEN_API", TG_PROXY_OPEN_API, false},
                                           {"EMPTY_API", TG_PROXY_EMPTY, false},
                                           {NULL, 0, false}};

/* ---- routingInfo.routingAddressList ---- */

static const tg_choice_t address_choices[] = {{"PRIMARY", 1, false}, {"FAILOVER_ONLY", 2, false}, {NULL, 0, false}};

typedef struct {
    tg_address_t address;
    int weight;
    int type;
} address_row_t;

static tg_err_t read_address_url(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                                 void *out) {
    (void)f;
    tg_address_t *address = out;
    tg_str_t s;
    tg_url_t url;
    tg_err_t err = tg_want_string(r, at, v, &s);
    if (err) {
        return err;
    }
    const char *why = tg_url_parse(s, &url);
    if (why != NULL) {
        return tg_refuse(r, at, "%s", why);
    }
    address->tls = url.tls;
    address->port = url.port;
    if ((err = tg_keep(r, s, &address->text)) || (err = tg_keep(r, url.path, &address->base_path))) {
        return err;
    }
    return tg_keep_lower(r, url.host, &address->host);
}

static json_t *address_schema(const tg_field_t *f) {
    (void)f;
    return json_pack("{s:s, s:s}", "type", "string", "format", "uri");
}

static const tg_field_t address_fields[] = {
    {.name = "address",
     .read = read_address_url,
     .offset = offsetof(address_row_t, address),
     .required = true,
     .schema = address_schema},
    {.name = "weight", .read = tg_read_int, .offset = offsetof(address_row_t, weight), .min = 1, .max = 1000},
    {.name = "addressType", .read = tg_read_choice, .offset = offsetof(address_row_t, type), .more = address_choices},
    {.name = "healthCheckPath", .read = tg_read_unavailable},
    {.name = "healthMonitoringEnabled", .read = tg_read_only_false},
};

static tg_err_t read_address(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                             void *out) {
    (void)f;
    address_row_t row = {.weight = 1, .type = 1};
    tg_err_t err = tg_fields_read(r, at, v, address_fields, COUNT(address_fields), &row);
    row.address.weight = (uint16_t)row.weight;
    row.address.failover_only = row.type == 2;
    *(tg_address_t *)out = row.address;
    return err;
}

static bool has_primary(const tg_address_t *addresses, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!addresses[i].failover_only) {
            return true;
        }
    }
    return false;
}

/* ---- routingInfo ---- */

static const tg_field_t routing_fields[] = {
    {.name = "routingAddressList",
     TG_STRUCTS(tg_proxy_t, addresses, n_addresses, read_address),
     .required = true,
     .min = 1,
     .max = ADDRESSES_MAX,
     TG_INNER(address_fields)},
    {.name = "routingEnabled", .read = tg_read_bool, .offset = offsetof(tg_proxy_t, routing_enabled)},
};

tg_err_t tg_read_routing_info(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                              void *out) {
    (void)f;
    const tg_proxy_t *p = out;
    tg_err_t err = tg_fields_read(r, at, v, routing_fields, COUNT(routing_fields), out);
    if (!err && !has_primary(p->addresses, p->n_addresses)) {
        err = tg_refuse(r, TG_MEMBER(at, "routingAddressList"), "must have an address of type PRIMARY");
    }
    return err;
}

static json_t *address_write(const tg_address_t *a) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "address", a->text);
    tg_write_int(&w, "weight", a->weight);
    tg_write_cstr(&w, "addressType", tg_choice_name(address_choices, a->failover_only ? 2 : 1));
    return tg_writer_end(&w);
}

json_t *tg_routing_info_write(const tg_proxy_t *p) {
    tg_writer_t w = tg_writer();
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_addresses; i++) {
        tg_list_put(&list, address_write(&p->addresses[i]));
    }
    tg_write_json(&w, "routingAddressList", list);
    tg_write_bool(&w, "routingEnabled", p->routing_enabled);
    return tg_writer_end(&w);
}

json_t *tg_routing_info_schema(void) {
    const tg_proxy_t none = {.routing_enabled = true};
    return tg_schema_defaults(tg_fields_schema(routing_fields, COUNT(routing_fields)), tg_routing_info_write(&none));
}

/* ---- the whole ---- */

static const tg_field_t proxy_fields[] = {
    {.name = "apiProxyName", .read = tg_read_name, .offset = offsetof(tg_proxy_t, name), .required = true},
    {.name = "apiProxyDescription", .read = tg_read_text, .offset = offsetof(tg_proxy_t, description), .max = 1024},
    {.name = "apiProxyCreationType",
     .read = tg_read_choice,
     .offset = offsetof(tg_proxy_t, type),
     .required = true,
     .more = type_choices},
    {.name = "clientRoute", .read = tg_read_client_route, .offset = offsetof(tg_proxy_t, route), .required = true},
    {.name = "routingInfo", .read = tg_read_routing_info, .required = true},
    {.name = "connection", .read = tg_read_connection, .offset = offsetof(tg_proxy_t, connection)},
    {.name = "cors", .read = tg_read_cors, .offset = offsetof(tg_proxy_t, cors)},
    {.name = "forwardedIp", .read = tg_read_forwarded, .offset = offsetof(tg_proxy_t, forwarded)},
    {.name = "limits", .read = tg_read_limits, .offset = offsetof(tg_proxy_t, limits)},
    {.name = "endpoints", TG_STRUCTS(tg_proxy_t, endpoints, n_endpoints, tg_read_endpoint), .max = TG_ENDPOINTS_MAX},
    {.name = "deploy", .read = tg_read_deploy},
    {.name = "deployTargetEnvironmentNameList", .read = tg_read_deploy_targets},
};

static void proxy_init(tg_proxy_t *out) {
    *out = (tg_proxy_t){.type = TG_PROXY_REVERSE, .route.strip_path = true, .routing_enabled = true};
    tg_connection_init(&out->connection);
    tg_cors_init(&out->cors);
    tg_forwarded_init(&out->forwarded);
}

tg_err_t tg_proxy_read(const tg_reader_t *r, const tg_place_t *at, const json_t *body, tg_str_t project,
                       tg_proxy_t *out) {
    proxy_init(out);
    tg_err_t err = tg_keep(r, project, &out->project);
    if (!err) {
        err = tg_fields_read(r, at, body, proxy_fields, COUNT(proxy_fields), out);
    }
    return err ? err : tg_endpoints_finish(r, TG_MEMBER(at, "endpoints"), out->endpoints, out->n_endpoints);
}

tg_err_t tg_proxy_parse(const json_t *body, tg_str_t project, tg_arena_t *a, tg_proxy_t *out, tg_fault_t *fault) {
    tg_reader_t r = {a, fault};
    return tg_proxy_read(&r, NULL, body, project, out);
}

json_t *tg_proxy_schema(void) {
    tg_proxy_t none;
    proxy_init(&none);
    return tg_schema_defaults(tg_fields_schema(proxy_fields, COUNT(proxy_fields)), tg_proxy_write(&none));
}

json_t *tg_proxy_write(const tg_proxy_t *p) {
    tg_writer_t w = tg_writer();
    tg_write_str(&w, "apiProxyName", p->name);
    tg_write_str(&w, "apiProxyDescription", p->description);
    tg_write_cstr(&w, "apiProxyCreationType", tg_choice_name(type_choices, (int)p->type));
    tg_write_json(&w, "clientRoute", tg_client_route_write(&p->route));
    tg_write_json(&w, "routingInfo", tg_routing_info_write(p));
    tg_write_json(&w, "connection", tg_connection_write(&p->connection));
    tg_write_json(&w, "cors", tg_cors_write(&p->cors));
    tg_write_json(&w, "forwardedIp", tg_forwarded_write(&p->forwarded));
    tg_write_json(&w, "limits", tg_limits_write(&p->limits));
    tg_write_json(&w, "endpoints", tg_endpoints_write(p));
    return tg_writer_end(&w);
}
