/*
 * A PostgreSQL of the test's own: made in a temporary folder and started at its first use, stopped when the process
 * ends. The server refuses to run as root: it then runs as postgres or nobody.
 */
#ifndef TG_TEST_CONTRACT_SERVER_H
#define TG_TEST_CONTRACT_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    pid_t owner; /* the process that started it */
    pid_t pid;
    char bin[128], dir[64], admin[256];
    int port;
} server;

#define SERVER_MUST(condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline const struct passwd *server_user(void) {
    const struct passwd *p = getpwnam("postgres");
    return p != NULL ? p : getpwnam("nobody");
}

/* In a child: BIN/program, with its output in DIR/log. */
static inline void server_exec(const char *program, const char *const argv[]) {
    char path[192], log[96];
    const struct passwd *p = geteuid() == 0 ? server_user() : NULL;
    snprintf(path, sizeof(path), "%s/%s", server.bin, program);
    snprintf(log, sizeof(log), "%s/log", server.dir);
    SERVER_MUST(p == NULL || (setgid(p->pw_gid) == 0 && setuid(p->pw_uid) == 0));
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    SERVER_MUST(fd >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2);
    SERVER_MUST(chdir(server.dir) == 0);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    execv(path, (char *const *)argv);
    _exit(127);
}

static inline pid_t server_fork(const char *program, const char *const argv[]) {
    pid_t pid = fork();
    SERVER_MUST(pid >= 0);
    if (pid == 0) {
        server_exec(program, argv);
    }
    return pid;
}

static inline int server_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SERVER_MUST(fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline void server_run(void) {
    char data[80], port[16];
    snprintf(data, sizeof(data), "%s/data", server.dir);
    snprintf(port, sizeof(port), "%d", server.port);
    const char *const argv[] = {"postgres",
                                "-D",
                                data,
                                "-k",
                                server.dir,
                                "-p",
                                port,
                                "-c",
                                "listen_addresses=127.0.0.1",
                                "-c",
                                "max_connections=100",
                                "-c",
                                "shared_buffers=32MB",
                                "-c",
                                "deadlock_timeout=200ms",
                                NULL};
    server.pid = server_fork("postgres", argv);
    for (int i = 0; i < 600 && PQping(server.admin) != PQPING_OK; i++) {
        usleep(50000);
    }
    SERVER_MUST(PQping(server.admin) == PQPING_OK);
}

static inline void server_signal_stop(int signal) {
    kill(server.pid, signal);
    waitpid(server.pid, NULL, 0);
    server.pid = 0;
}

static inline void server_end(void) {
    char command[96];
    if (server.owner != getpid()) {
        return;
    }
    if (server.pid > 0) {
        server_signal_stop(SIGINT);
    }
    snprintf(command, sizeof(command), "rm -rf '%s'", server.dir);
    SERVER_MUST(system(command) == 0);
}

static inline void server_need(void) {
    glob_t found;
    int status;
    char data[80];
    if (server.owner == getpid()) {
        return;
    }
    SERVER_MUST(glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0);
    snprintf(server.bin, sizeof(server.bin), "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    snprintf(server.dir, sizeof(server.dir), "/tmp/tg-postgres-XXXXXX");
    SERVER_MUST(mkdtemp(server.dir) != NULL);
    SERVER_MUST(geteuid() != 0 || chown(server.dir, server_user()->pw_uid, server_user()->pw_gid) == 0);
    server.owner = getpid();
    server.port = server_port();
    snprintf(server.admin, sizeof(server.admin), "postgresql://admin@127.0.0.1:%d/postgres", server.port);
    atexit(server_end);
    snprintf(data, sizeof(data), "%s/data", server.dir);
    const char *const argv[] = {"initdb", "-D", data,   "-U",         "admin",     "-A",
                                "trust",  "-E", "UTF8", "--locale=C", "--no-sync", NULL};
    SERVER_MUST(waitpid(server_fork("initdb", argv), &status, 0) > 0 && status == 0);
    server_run();
}

/* A statement of the administrator's in a database. */
static inline void server_sql(const char *database, const char *sql) {
    char uri[256];
    snprintf(uri, sizeof(uri), "postgresql://admin@127.0.0.1:%d/%s", server.port, database);
    PGconn *c = PQconnectdb(uri);
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s", sql, PQerrorMessage(c));
    }
    SERVER_MUST(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
    PQclear(r);
    PQfinish(c);
}

/* Waits until nothing is under way in a database: what a killed client has sent may still be done, and is rolled back
 * or durable a moment later. */
static inline void server_settle(const char *database) {
    server_sql(database, "DO $$BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                         " AND pid <> pg_backend_pid() AND state <> 'idle')"
                         " LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END$$");
}

#endif
