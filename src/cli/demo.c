#include "cli/demo.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/json.h"
#include "cli/files.h"
#include "cli/http.h"
#include "cli/privileges.h"
#include "cli/say.h"
#include "cli/supervise.h"

typedef struct {
    const char *name, *path, *policy;
    char client_id[300], client_secret[600];
} sample_t;

typedef struct {
    tg_options_t *o;
    char work[64]; /* a folder of our own, removed at the end */
    char password_file[128], ready_file[128], backend_dir[128];
    char password[32];
    char gateway[400], manager[400], session[600], token[8300];
    tg_endpoint_t backend;
    pid_t planes, backend_pid;
    sample_t jwt, opaque;
} demo_t;

static volatile sig_atomic_t stop_asked;

static void stop_note(int sig) {
    (void)sig;
    stop_asked = 1;
}

static void pause_ms(long ms) {
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

static void step(const char *fmt, ...) TG_PRINTF(1, 2);
static void step(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    fputs("\n==> ", stdout);
    vprintf(fmt, args);
    fputs("\n", stdout);
    fflush(stdout);
    va_end(args);
}

/* ---- the folder ---- */

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static tg_err_t work_make(demo_t *d) {
    uint8_t random[18];
    strcpy(d->work, "/tmp/tollgate-demo.XXXXXX");
    if (!mkdtemp(d->work) || chmod(d->work, 0711) != 0) {
        tg_say_errno("cannot make a folder in /tmp");
        return TG_ERR_UNAVAILABLE;
    }
    snprintf(d->password_file, sizeof(d->password_file), "%s/password", d->work);
    snprintf(d->ready_file, sizeof(d->ready_file), "%s/ready", d->work);
    snprintf(d->backend_dir, sizeof(d->backend_dir), "%s/backend", d->work);
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return TG_ERR_UNAVAILABLE;
    d->password[tg_b64url_encode(tg_strn(random, sizeof(random)), d->password)] = '\0';
    if (tg_file_write(d->password_file, tg_str(d->password), 0600) || mkdir(d->backend_dir, 0700) != 0 ||
        (geteuid() == 0 &&
         (chown(d->password_file, d->o->uid, d->o->gid) != 0 || chown(d->backend_dir, d->o->uid, d->o->gid) != 0))) {
        tg_say_errno("cannot write to %s", d->work);
        return TG_ERR_UNAVAILABLE;
    }
    return TG_OK;
}

static void options_settle(demo_t *d) {
    tg_options_t *o = d->o;
    if (!o->gateway.given)
        strcpy(o->gateway.host, "127.0.0.1");
    if (!o->data[0]) {
        snprintf(o->data, sizeof(o->data), "%s/data", d->work);
        if (!o->store[0])
            snprintf(o->store, sizeof(o->store), "sqlite:%s", o->data);
        if (!o->master_key_file[0])
            snprintf(o->master_key_file, sizeof(o->master_key_file), "%s/master.key", o->data);
    }
    snprintf(o->admin_password_file, sizeof(o->admin_password_file), "%s", d->password_file);
    if (!o->ready_file[0])
        snprintf(o->ready_file, sizeof(o->ready_file), "%s", d->ready_file);
}

static tg_err_t ports_settle(demo_t *d) {
    tg_options_t *o = d->o;
    d->backend = (tg_endpoint_t){"127.0.0.1", 9000, false};
    tg_endpoint_t *const all[] = {&o->gateway, &o->manager, &o->status, &d->backend};
    const char *const names[] = {"gateway", "manager", "status", "backend"};
    for (size_t i = 0; i < 4; i++)
        if (tg_endpoint_settle(all[i], names[i]))
            return TG_ERR_CONFLICT;
    char text[300];
    tg_endpoint_write(&o->gateway, text, sizeof(text));
    snprintf(d->gateway, sizeof(d->gateway), "%s://%s", o->tls_certificate[0] ? "https" : "http", text);
    tg_endpoint_write(&o->manager, text, sizeof(text));
    snprintf(d->manager, sizeof(d->manager), "http://%s/apiops", text);
    return TG_OK;
}

/* ---- processes ---- */

/* A small nginx of its own: it answers each request with what it saw. */
static void backend_exec(const demo_t *d, const char *nginx) {
    char conf[256];
    tg_buf_t b;
    tg_buf_init(&b, 8192);
    tg_buf_putf(&b,
                "daemon off; worker_processes 1; pid %s/pid; error_log stderr error;%s\n"
                "events { }\n"
                "http {\n"
                "  access_log off; default_type application/json;\n",
                d->backend_dir, d->o->uid == 0 ? " user root;" : "");
    static const char *const temporary[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
    for (size_t i = 0; i < 5; i++)
        tg_buf_putf(&b, "  %s_temp_path %s/%s;\n", temporary[i], d->backend_dir, temporary[i]);
    tg_buf_putf(&b,
                "  server { listen 127.0.0.1:%u; keepalive_requests 100000;\n"
                "    location / { return 200 "
                "'{\"backend\":\"sample\",\"method\":\"$request_method\",\"path\":\"$request_uri\",\"caller\":"
                "\"$http_x_authenticated_userid\"}\\n'; }\n"
                "  }\n}\n",
                d->backend.port);
    snprintf(conf, sizeof(conf), "%s/nginx.conf", d->backend_dir);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0);
    if (tg_privileges_drop(d->o, false) == TG_OK && tg_file_write(conf, tg_buf_str(&b), 0600) == TG_OK) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        execl(nginx, "nginx", "-p", d->backend_dir, "-c", conf, "-e", "stderr", (char *)NULL);
    }
    tg_say_errno("cannot run the sample backend");
    tg_buf_release(&b);
}

static pid_t process_start(demo_t *d, const char *nginx) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (nginx) {
        backend_exec(d, nginx);
        _exit(127);
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    exit(tg_up(d->o));
}

static bool process_ended(pid_t *pid) {
    if (*pid > 0 && waitpid(*pid, NULL, WNOHANG) == *pid)
        *pid = 0;
    return *pid == 0;
}

static void process_stop(pid_t *pid) {
    if (*pid <= 0)
        return;
    kill(*pid, SIGTERM);
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *pid = 0;
}

static tg_err_t planes_wait(demo_t *d) {
    for (int i = 0; i < 600 && !stop_asked; i++) {
        if (access(d->o->ready_file, F_OK) == 0)
            return TG_OK;
        if (process_ended(&d->planes))
            return TG_ERR_UNAVAILABLE;
        pause_ms(100);
    }
    return TG_ERR_UNAVAILABLE;
}

/* ---- calls ---- */

/* Makes a call and parses its JSON answer; *answer is a new reference (NULL if it is no JSON). */
static tg_err_t call(const demo_t *d, const tg_http_call_t *what, long *status, json_t **answer) {
    tg_http_call_t c = *what;
    tg_buf_t body;
    tg_fault_t fault = {0};
    c.timeout_ms = 15000;
    if (d->o->tls_certificate[0])
        c.ca_file = d->o->tls_certificate;
    tg_buf_init(&body, 1u << 20);
    *answer = NULL;
    tg_err_t err = tg_http_run(&c, status, &body, &fault);
    if (err)
        tg_say("%s", fault.text);
    else if (tg_json_parse(tg_buf_str(&body), 1u << 20, 32, answer, NULL))
        *answer = NULL;
    tg_buf_release(&body);
    return err;
}

/* A call of the management API that must succeed, or end in `accept` as well (0: no other). */
static tg_err_t manage(const demo_t *d, const char *method, const char *path, const char *json, long accept,
                       long *status, json_t **answer) {
    char url[1024];
    json_t *own;
    snprintf(url, sizeof(url), "%s%s", d->manager, path);
    tg_err_t err = call(d, &(tg_http_call_t){.method = method, .url = url, .bearer = d->session, .json = json}, status,
                        answer ? answer : &own);
    json_t *got = err ? NULL : answer ? *answer : own;
    if (!err && *status / 100 != 2 && *status != accept) {
        tg_str_t why = tg_json_str(got, "resultMessage");
        tg_say("%s %s: status %ld %.*s", method, path, *status, TG_STR_ARGS(why));
        err = TG_ERR_UNAVAILABLE;
    }
    if (!answer)
        json_decref(own);
    return err;
}

static bool text_copy(tg_str_t s, char *out, size_t cap) {
    if (s.n == 0 || s.n >= cap)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static tg_err_t login(demo_t *d) {
    char url[600], form[256];
    long status = 0;
    json_t *answer;
    snprintf(url, sizeof(url), "%s/auth/token", d->manager);
    snprintf(form, sizeof(form), "grant_type=client_credentials&client_id=admin&client_secret=%s", d->password);
    tg_err_t err = call(d, &(tg_http_call_t){.method = "POST", .url = url, .form = form}, &status, &answer);
    if (!err && !text_copy(tg_json_str(answer, "access_token"), d->session, sizeof(d->session))) {
        tg_say("login at the manager: status %ld%s", status,
               status == 401 ? " (this data directory has another administrator password)" : "");
        err = TG_ERR_UNAVAILABLE;
    }
    json_decref(answer);
    return err;
}

static bool key_take(const json_t *answer, sample_t *s) {
    const json_t *key = json_object_get(answer, "applicationKey");
    return text_copy(tg_json_str(key, "clientId"), s->client_id, sizeof(s->client_id)) &&
           text_copy(tg_json_str(key, "clientSecret"), s->client_secret, sizeof(s->client_secret));
}

/* The proxy with its application key; one that is there from an earlier run gets a new secret, since secrets are shown
 * once. */
static tg_err_t proxy_make(const demo_t *d, sample_t *s) {
    char json[1024], path[256], backend[300];
    long status = 0;
    json_t *answer;
    tg_endpoint_write(&d->backend, backend, sizeof(backend));
    snprintf(json, sizeof(json),
             "{\"apiProxyName\":\"%s\",\"apiProxyCreationType\":\"REVERSE_PROXY\",\"clientRoute\":{"
             "\"relativePathList\":[\"%s\"]},"
             "\"routingInfo\":{\"routingAddressList\":[{\"address\":\"http://%s\"}]}}",
             s->name, s->path, backend);
    tg_err_t err = manage(d, "POST", "/projects/sample/apiProxies/url/", json, 409, &status, &answer);
    if (!err && status == 409) {
        json_decref(answer);
        snprintf(path, sizeof(path), "/projects/sample/apiProxies/%s/settings/keys/", s->name);
        err = manage(d, "PATCH", path, "{\"regenerate\":true}", 0, &status, &answer);
        if (!err) {
            char addresses[400];
            json_t *ignored = NULL;
            snprintf(path, sizeof(path), "/projects/sample/apiProxies/%s/settings/addresses/", s->name);
            snprintf(addresses, sizeof(addresses), "{\"routingAddressList\":[{\"address\":\"http://%s\"}]}", backend);
            err = manage(d, "PATCH", path, addresses, 0, &status, &ignored);
            json_decref(ignored);
        }
    }
    if (!err && !key_take(answer, s)) {
        tg_say("the manager's answer holds no application key for %s", s->name);
        err = TG_ERR_BUG;
    }
    json_decref(answer);
    return err;
}

static tg_err_t sample_make(const demo_t *d, sample_t *s) {
    char json[512], path[256];
    long status = 0;
    tg_err_t err = proxy_make(d, s);
    if (err)
        return err;
    snprintf(path, sizeof(path), "/projects/sample/apiProxies/%s/policies/auth/", s->name);
    snprintf(json, sizeof(json),
             "{\"operationMetadata\":{\"targetScope\":\"ALL\",\"targetPipeline\":\"REQUEST\",\"order\":1},\"policy\":{"
             "\"type\":\"%s\","
             "\"tokenExpiresInAmount\":1,\"tokenExpiresInUnit\":\"HOURS\",\"grantType\":\"CLIENT_CREDENTIALS\","
             "\"addUserToHeader\":true}}",
             s->policy);
    err = manage(d, "POST", path, json, 409, &status, NULL);
    if (err)
        return err;
    snprintf(path, sizeof(path), "/projects/sample/apiProxies/%s/environments/%s/", s->name, d->o->environment);
    json_t *answer;
    err = manage(d, "POST", path, NULL, 0, &status, &answer);
    if (!err && !tg_json_bool(json_object_get(answer, "deploymentResult"), "success", false)) {
        char *text = json_dumps(answer, JSON_COMPACT);
        tg_say("deploy of %s: %s", s->name, text ? text : "");
        free(text);
        err = TG_ERR_UNAVAILABLE;
    }
    json_decref(answer);
    return err;
}

static tg_err_t token_get(demo_t *d) {
    char url[600], basic[1000];
    long status = 0;
    json_t *answer;
    snprintf(url, sizeof(url), "%s/auth/token", d->gateway);
    snprintf(basic, sizeof(basic), "%s:%s", d->jwt.client_id, d->jwt.client_secret);
    tg_err_t err = call(
        d, &(tg_http_call_t){.method = "POST", .url = url, .basic = basic, .form = "grant_type=client_credentials"},
        &status, &answer);
    if (!err && !text_copy(tg_json_str(answer, "access_token"), d->token, sizeof(d->token))) {
        tg_say("the token endpoint answered %ld %.*s", status, TG_STR_ARGS(tg_json_str(answer, "error")));
        err = TG_ERR_UNAVAILABLE;
    }
    if (!err) {
        int64_t expires = 0;
        tg_json_int(answer, "expires_in", &expires);
        step("Token acquired: status %ld, a JWT of %zu characters, expires in %lld s", status, strlen(d->token),
             (long long)expires);
    }
    json_decref(answer);
    tg_wipe(basic, sizeof(basic));
    return err;
}

static tg_err_t api_call(const demo_t *d) {
    char url[600];
    long status = 0;
    tg_buf_t body;
    tg_fault_t fault = {0};
    snprintf(url, sizeof(url), "%s/orders/42?verbose=1", d->gateway);
    tg_buf_init(&body, 1u << 20);
    tg_err_t err = tg_http_run(&(tg_http_call_t){.method = "GET",
                                                 .url = url,
                                                 .bearer = d->token,
                                                 .timeout_ms = 15000,
                                                 .ca_file = d->o->tls_certificate[0] ? d->o->tls_certificate : NULL},
                               &status, &body, &fault);
    if (err)
        tg_say("%s", fault.text);
    else
        step("API called: GET /orders/42?verbose=1 -> status %ld\n    %.*s", status,
             TG_STR_ARGS(tg_str_trim(tg_buf_str(&body))));
    tg_buf_release(&body);
    return err ? err : status == 200 ? TG_OK : TG_ERR_UNAVAILABLE;
}

/* ---- what to try ---- */

static void next_print(const demo_t *d) {
    const char *ca = d->o->tls_certificate[0] ? " --cacert " : "", *file = d->o->tls_certificate;
    printf("\nTry next, in another terminal:\n\n");
    printf("  # a JWT for the orders API\n  curl -s%s%s -u '%s:%s' -d grant_type=client_credentials %s/auth/token\n\n",
           ca, file, d->jwt.client_id, d->jwt.client_secret, d->gateway);
    printf("  # an opaque token for the reports API\n  curl -s%s%s -u '%s:%s' -d grant_type=client_credentials "
           "%s/auth/token\n\n",
           ca, file, d->opaque.client_id, d->opaque.client_secret, d->gateway);
    printf("  # call the API with a token, and without\n  TOKEN=$(curl -s%s%s -u '%s:%s' -d "
           "grant_type=client_credentials %s/auth/token | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')\n"
           "  curl -i%s%s -H \"Authorization: Bearer $TOKEN\" %s/orders/42\n  curl -i%s%s %s/orders/42\n\n",
           ca, file, d->jwt.client_id, d->jwt.client_secret, d->gateway, ca, file, d->gateway, ca, file, d->gateway);
    printf("  # the public keys and the metadata\n  curl -s%s%s %s/auth/.well-known/jwks.json\n  curl -s%s%s "
           "%s/auth/.well-known/oauth-authorization-server\n\n",
           ca, file, d->gateway, ca, file, d->gateway);
    printf("  # the manager: list the proxies, add an open one, deploy it, call it\n"
           "  curl -s -u 'admin:%s' %s/projects/sample/apiProxies/\n"
           "  curl -s -u 'admin:%s' %s/projects/sample/apiProxies/url/ -H 'Content-Type: application/json' \\\n"
           "    -d "
           "'{\"apiProxyName\":\"hello\",\"apiProxyCreationType\":\"REVERSE_PROXY\",\"clientRoute\":{"
           "\"relativePathList\":[\"/hello\"]},"
           "\"routingInfo\":{\"routingAddressList\":[{\"address\":\"http://127.0.0.1:%u\"}]}}'\n"
           "  curl -s -u 'admin:%s' -X POST %s/projects/sample/apiProxies/hello/environments/%s/\n"
           "  curl -s%s%s %s/hello/world\n\n",
           d->password, d->manager, d->password, d->manager, d->backend.port, d->password, d->manager,
           d->o->environment, ca, file, d->gateway);
    printf("Ctrl-C stops everything.\n");
    fflush(stdout);
}

static tg_err_t run(demo_t *d) {
    tg_install_t in;
    long status = 0;
    if (tg_install_find(true, true, &in) || work_make(d))
        return TG_ERR_UNAVAILABLE;
    options_settle(d);
    if (ports_settle(d))
        return TG_ERR_CONFLICT;
    step("Starting manager, gateway and a sample backend (data in %s)", d->o->data);
    d->backend_pid = process_start(d, in.nginx);
    d->planes = process_start(d, NULL);
    if (d->backend_pid < 0 || d->planes < 0 || planes_wait(d))
        return TG_ERR_UNAVAILABLE;
    step("Describing two sample APIs at the manager: /orders (JWT) and /reports (opaque tokens)");
    tg_err_t err = login(d);
    if (!err)
        err = manage(d, "POST", "/projects/", "{\"name\":\"sample\"}", 409, &status, NULL);
    if (!err)
        err = sample_make(d, &d->jwt);
    if (!err)
        err = sample_make(d, &d->opaque);
    if (!err)
        err = token_get(d);
    return err ? err : api_call(d);
}

int tg_demo(tg_options_t *o) {
    demo_t d = {.o = o,
                .jwt = {.name = "orders", .path = "/orders", .policy = "policy-auth-jwt"},
                .opaque = {.name = "reports", .path = "/reports", .policy = "policy-auth-oauth2"}};
    struct sigaction sa = {.sa_handler = stop_note};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    tg_err_t err = run(&d);
    if (!err && !o->once) {
        next_print(&d);
        while (!stop_asked && !process_ended(&d.planes))
            pause_ms(200);
    }
    process_stop(&d.planes);
    process_stop(&d.backend_pid);
    if (d.work[0])
        nftw(d.work, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    tg_wipe(d.password, sizeof(d.password));
    return err && !stop_asked ? 1 : 0;
}
