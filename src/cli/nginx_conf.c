#include "cli/nginx_conf.h"

#include <string.h>

static void process_write(const tg_options_t *o, const tg_nginx_parts_t *parts, tg_buf_t *out) {
    tg_buf_putf(out,
                "# Written by tollgate at each start and SIGHUP: changes here are lost. Yours go into operator.conf.\n"
                "daemon off;\n"
                "master_process on;\n"
                "load_module \"%s\";\n"
                "worker_processes %d;\n"
                "worker_shutdown_timeout 30s;\n"
                "pid \"%s/gateway/nginx.pid\";\n"
                "error_log stderr warn;\n"
                "events { worker_connections 8192; }\n\n",
                parts->module, o->workers, o->data);
    if (o->uid == 0)
        tg_buf_put(out, TG_STR("user root;\n\n")); /* --user root: else nginx would drop to nobody by itself */
}

static void tollgate_write(const tg_options_t *o, tg_buf_t *out) {
    char address[300];
    tg_endpoint_write(&o->gateway, address, sizeof(address));
    tg_buf_putf(out,
                "    tollgate_store \"%s\";\n"
                "    tollgate_master_key_file \"%s\";\n"
                "    tollgate_environment \"%s\";\n"
                "    tollgate_data \"%s/gateway\";\n"
                "    tollgate_address \"%s\";\n\n",
                o->store, o->master_key_file, o->environment, o->data, address);
}

/* The request line stands in the log as $tg_log_request, where values that carry secrets are struck out. */
static void logs_write(const tg_options_t *o, tg_buf_t *out) {
    tg_buf_put(
        out,
        TG_STR("    log_format tollgate escape=json "
               "'{\"time\":\"$time_iso8601\",\"request_id\":\"$tg_request_id\",\"trace\":\"$tg_trace\",\"client\":\"$"
               "remote_addr\","
               "\"request\":\"$tg_log_request\",\"status\":$status,\"bytes\":$bytes_sent,\"seconds\":$request_time,'\n"
               "        "
               "'\"proxy\":\"$tg_proxy\",\"client_id\":\"$tg_client\",\"user\":\"$tg_user\",\"token\":\"$tg_verdict\","
               "\"upstream\":\"$upstream_addr\","
               "\"upstream_status\":\"$upstream_status\",\"upstream_seconds\":\"$upstream_response_time\"}';\n"));
    tg_buf_putf(out, "    access_log \"%s/gateway/access.log\" tollgate buffer=64k flush=1s;\n\n", o->data);
}

static void limits_write(const tg_options_t *o, tg_buf_t *out) {
    static const char *const temporary[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
    for (size_t i = 0; i < sizeof(temporary) / sizeof(temporary[0]); i++)
        tg_buf_putf(out, "    %s_temp_path \"%s/gateway/tmp/%s\";\n", temporary[i], o->data, temporary[i]);
    tg_buf_put(out, TG_STR("    server_tokens off;\n"
                           "    default_type application/octet-stream;\n"
                           "    keepalive_timeout 75s;\n"
                           "    keepalive_requests 100000;\n"
                           "    client_header_timeout 30s;\n"
                           "    client_body_timeout 60s;\n"
                           "    large_client_header_buffers 4 16k;\n"
                           "    merge_slashes on;\n"
                           "    ignore_invalid_headers on;\n"
                           "    underscores_in_headers off;\n"
                           "    tcp_nodelay on;\n"
                           "    aio off;\n\n"));
}

static void token_location_write(const char *location, tg_buf_t *out) {
    tg_buf_putf(out,
                "        location %s {\n"
                "            tollgate_token on;\n"
                "            client_max_body_size 64k;\n"
                "            client_body_buffer_size 64k;\n"
                "        }\n",
                location);
}

/* proxy_pass has neither path nor variables: the module puts the target where the proxy module takes it from. What a
 * backend says in X-Accel-* is not obeyed: it could send a request to another proxy. With proxy_buffering an answer
 * without a length would wait until a buffer is full: events, long polls. */
static void proxy_location_write(tg_buf_t *out) {
    tg_buf_put(out, TG_STR("        location / {\n"
                           "            tollgate on;\n"
                           "            client_max_body_size 0;\n"
                           "            proxy_pass http://tollgate;\n"
                           "            proxy_http_version 1.1;\n"
                           "            proxy_set_header Host $tg_host;\n"
                           "            proxy_set_header Connection $tg_connection;\n"
                           "            proxy_set_header Upgrade $tg_upgrade;\n"
                           "            proxy_set_header X-Request-Id $tg_request_id;\n"
                           "            proxy_hide_header X-Request-Id;\n"
                           "            proxy_set_header Proxy-Connection \"\";\n"
                           "            proxy_set_header Proxy \"\";\n"
                           "            proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate\n"
                           "                X-Accel-Buffering X-Accel-Charset;\n"
                           "            proxy_request_buffering off;\n"
                           "            proxy_buffering off;\n"
                           "            proxy_buffer_size 16k;\n"
                           "            proxy_buffers 4 16k;\n"
                           "            proxy_max_temp_file_size 0;\n"
                           "            proxy_redirect off;\n"
                           "            proxy_next_upstream error timeout;\n"
                           "        }\n"));
}

static void gateway_server_write(const tg_options_t *o, const tg_nginx_parts_t *parts, tg_buf_t *out) {
    char address[300];
    tg_endpoint_write(&o->gateway, address, sizeof(address));
    bool tls = parts->tls_certificate[0] != '\0';
    tg_buf_putf(out,
                "    upstream tollgate {\n"
                "        tollgate_balancer;\n"
                "    }\n\n"
                "    server {\n"
                "        listen %s%s backlog=4096;\n",
                address, tls ? " ssl http2" : "");
    if (tls)
        tg_buf_putf(out,
                    "        ssl_certificate \"%s\";\n"
                    "        ssl_certificate_key \"%s\";\n"
                    "        ssl_protocols TLSv1.2 TLSv1.3;\n"
                    "        ssl_session_cache shared:tls:10m;\n",
                    parts->tls_certificate, parts->tls_key);
    tg_buf_put(out, TG_STR("\n"));
    token_location_write("/auth/", out);
    token_location_write("/credential/", out);
    token_location_write("^~ /.well-known/oauth-authorization-server", out);
    proxy_location_write(out);
    tg_buf_put(out, TG_STR("    }\n\n"));
}

static void status_server_write(const tg_options_t *o, tg_buf_t *out) {
    char address[300];
    tg_endpoint_write(&o->status, address, sizeof(address));
    tg_buf_putf(out,
                "    server {\n"
                "        listen %s;\n"
                "        access_log off;\n"
                "        location = /health/live { tollgate_status live; }\n"
                "        location = /health/ready { tollgate_status ready; }\n"
                "        location = /metrics { tollgate_status metrics; }\n"
                "        location / { return 404; }\n"
                "    }\n\n",
                address);
}

void tg_nginx_conf_write(const tg_options_t *o, const tg_nginx_parts_t *parts, tg_buf_t *out) {
    process_write(o, parts, out);
    tg_buf_put(out, TG_STR("http {\n"));
    tollgate_write(o, out);
    logs_write(o, out);
    limits_write(o, out);
    gateway_server_write(o, parts, out);
    status_server_write(o, out);
    tg_buf_putf(out, "    include \"%s/operator.conf\";\n}\n", o->data);
}
