/* The writer lock of SQLite files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sqlite/lock.h"

static char dir[64], path[96];

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/tg-lock-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/lock", dir);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void handles_exclude_each_other(void **state) {
    (void)state;
    tg_filelock_t a, b;
    tg_filelock_init(&a, path);
    tg_filelock_init(&b, path);
    assert_int_equal(tg_filelock_take(&a, 0), TG_OK);
    assert_int_equal(tg_filelock_take(&b, 0), TG_ERR_AGAIN);
    assert_int_equal(tg_filelock_take(&b, 20), TG_ERR_AGAIN);
    tg_filelock_drop(&a);
    assert_int_equal(tg_filelock_take(&b, 0), TG_OK);
    assert_int_equal(tg_filelock_take(&a, 0), TG_ERR_AGAIN);
    tg_filelock_release(&b); /* closing lets go */
    assert_int_equal(tg_filelock_take(&a, 0), TG_OK);
    tg_filelock_release(&a);
}

static void a_killed_holder_lets_go(void **state) {
    (void)state;
    tg_filelock_t a;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        tg_filelock_t mine;
        tg_filelock_init(&mine, path);
        if (tg_filelock_take(&mine, 1000) != TG_OK || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    tg_filelock_init(&a, path);
    assert_int_equal(tg_filelock_take(&a, 0), TG_ERR_AGAIN);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(tg_filelock_take(&a, 0), TG_OK);
    tg_filelock_release(&a);
}

static void a_lock_that_cannot_be_made_is_unavailable(void **state) {
    (void)state;
    tg_filelock_t a;
    tg_filelock_init(&a, "/nonexistent/directory/lock");
    assert_int_equal(tg_filelock_take(&a, 0), TG_ERR_UNAVAILABLE);
    assert_int_equal(errno, ENOENT);
    tg_filelock_release(&a);
}

/* ---- order ---- */

typedef struct {
    tg_filelock_t lock;
    _Atomic bool waits, had;
    tg_err_t err;
} waiter_t;

static void *wait_thread(void *arg) {
    waiter_t *w = arg;
    w->waits = true;
    w->err = tg_filelock_take(&w->lock, 30000);
    w->had = true;
    if (w->err == TG_OK) {
        tg_filelock_drop(&w->lock);
    }
    return NULL;
}

/* The holder lets go and wants the lock again at once; whoever has waited comes first. */
static bool waiter_was_first(void) {
    tg_filelock_t a;
    waiter_t w = {.err = TG_ERR_BUG};
    pthread_t thread;
    tg_filelock_init(&a, path);
    tg_filelock_init(&w.lock, path);
    assert_int_equal(tg_filelock_take(&a, 1000), TG_OK);
    assert_int_equal(pthread_create(&thread, NULL, wait_thread, &w), 0);
    while (!w.waits) {
        usleep(1000);
    }
    usleep(20000);
    tg_filelock_drop(&a);
    assert_int_equal(tg_filelock_take(&a, 30000), TG_OK);
    bool first = w.had;
    tg_filelock_drop(&a);
    pthread_join(thread, NULL);
    assert_int_equal(w.err, TG_OK);
    tg_filelock_release(&w.lock);
    tg_filelock_release(&a);
    return first;
}

static void a_writer_that_waits_is_the_next(void **state) {
    (void)state;
    int first = 0;
    for (int i = 0; i < 20; i++) {
        first += waiter_was_first();
    }
    print_message("the waiter came first %d times in 20\n", first);
    assert_true(first >= 15); /* a busy machine may not have let it wait yet */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles_exclude_each_other),
        cmocka_unit_test(a_killed_holder_lets_go),
        cmocka_unit_test(a_lock_that_cannot_be_made_is_unavailable),
        cmocka_unit_test(a_writer_that_waits_is_the_next),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
