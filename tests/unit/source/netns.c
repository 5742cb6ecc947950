/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each test runs in a child with network and mount namespaces of its own and an empty /run. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/source/netns.h"

/* The results of a child. */
struct findings {
    int error; /* 0, or a negative errno */
    uint64_t inode;
    char link[64]; /* of /proc/self/ns/net */
    char name[256];
};

static int own_namespaces(void) {
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/netns", 0755) < 0)
        return -errno;
    return 0;
}

static int give_name(const char *name) {
    char path[300];
    int fd;

    snprintf(path, sizeof(path), "/run/netns/%s", name);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0444);
    if (fd < 0)
        return -errno;
    close(fd);
    return mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* Runs @prepare and then ctw_netns_file() of the child's own namespace, or of @inode. */
static struct findings name_in_child(int (*prepare)(void), uint64_t inode) {
    struct findings f = {0};
    int ends[2], status;
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        f.error = own_namespaces();
        if (f.error == 0 && prepare)
            f.error = prepare();
        f.inode = ctw_netns_own_inode();
        if (readlink("/proc/self/ns/net", f.link, sizeof(f.link) - 1) < 0)
            f.error = -errno;
        memset(f.name, 'x', sizeof(f.name));
        (void)ctw_netns_file(inode ? inode : f.inode, f.name, sizeof(f.name));
        _exit(write(ends[1], &f, sizeof(f)) == (ssize_t)sizeof(f) ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &f, sizeof(f)), sizeof(f));
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    if (f.error == -EPERM || f.error == -EACCES) {
        print_message("skipped: no namespaces of our own: %s\n", strerror(-f.error));
        skip();
    }
    assert_int_equal(f.error, 0);
    return f;
}

static void own_inode_is_that_of_proc(void **state) {
    struct findings f = name_in_child(NULL, 0);
    char link[64];

    (void)state;
    snprintf(link, sizeof(link), "net:[%" PRIu64 "]", f.inode);
    assert_string_equal(link, f.link);
    assert_int_not_equal(f.inode, ctw_netns_own_inode());
    assert_int_not_equal(ctw_netns_own_inode(), 0);
}

static int name_it(void) {
    return give_name("customer-7");
}

static void name_of_run_netns(void **state) {
    (void)state;
    assert_string_equal(name_in_child(name_it, 0).name, "customer-7");
}

static int name_it_in_colour(void) {
    return give_name("a\033[31m\nb\xc3\xa9");
}

static void name_unprintable_is_replaced(void **state) {
    (void)state;
    assert_string_equal(name_in_child(name_it_in_colour, 0).name, "a?[31m?b??");
}

static int name_at_full_length(void) {
    char name[256];

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    return give_name(name);
}

static void name_longest_fits(void **state) {
    (void)state;
    assert_int_equal(strlen(name_in_child(name_at_full_length, 0).name), 255);
}

/* Files without a mount, as `ip netns add` leaves them in other mount namespaces. */
static int leave_files_behind(void) {
    for (unsigned i = 0; i < 64; i++) {
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/run/netns/left-behind-%u", i);
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0444);
        if (fd < 0)
            return -errno;
        close(fd);
    }
    return 0;
}

static void name_plain_file_with_the_inode_is_ignored(void **state) {
    (void)state;
    /* the files have low inode numbers on their file system, which no namespace has */
    for (uint64_t inode = 10; inode < 20; inode++)
        assert_string_equal(name_in_child(leave_files_behind, inode).name, "");
}

static void name_unknown_inode_is_empty(void **state) {
    (void)state;
    assert_string_equal(name_in_child(name_it, UINT64_MAX).name, "");
}

static void name_zero_inode_is_empty(void **state) {
    char name[256];

    (void)state;
    memset(name, 'x', sizeof(name));
    assert_false(ctw_netns_file(0, name, sizeof(name)));
    assert_string_equal(name, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_inode_is_that_of_proc),
        cmocka_unit_test(name_of_run_netns),
        cmocka_unit_test(name_unprintable_is_replaced),
        cmocka_unit_test(name_longest_fits),
        cmocka_unit_test(name_plain_file_with_the_inode_is_ignored),
        cmocka_unit_test(name_unknown_inode_is_empty),
        cmocka_unit_test(name_zero_inode_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
