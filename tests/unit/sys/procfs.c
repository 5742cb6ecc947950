/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/procfs.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/ctwatch-procfs.XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) < 0;
}

static int remove_folder(void **state) {
    (void)state;
    (void)unlink("number");
    (void)unlink("fifo");
    (void)unlink("file");
    return rmdir(folder);
}

static void put(const char *name, const char *text) {
    assert_int_equal(ctw_replace_file(name, text, strlen(text), 0600, false), 0);
}

static int read_number(const char *text, uint32_t *ret) {
    put("number", text);
    return ctw_procfs_number(folder, "/number", ret);
}

static unsigned files_here(void) {
    unsigned n = 0;
    DIR *d = opendir(".");

    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

static void number_of_32_bits_is_read(void **state) {
    uint32_t n;
    (void)state;

    assert_int_equal(read_number("4294967295\n", &n), 0);
    assert_true(n == UINT32_MAX);
}

static void number_anything_else_fails(void **state) {
    char digits[100];
    uint32_t n;
    (void)state;

    memset(digits, '1', sizeof(digits) - 1);
    digits[sizeof(digits) - 1] = '\0';
    assert_int_equal(read_number("", &n), -EBADMSG);
    assert_int_equal(read_number("many\n", &n), -EBADMSG);
    assert_int_equal(read_number(digits, &n), -EBADMSG);
}

/* People pass the folder that they copied /proc into. */
static void open_below_a_captured_proc_finds_its_files(void **state) {
    char proc[sizeof(folder) + sizeof("/proc/")];
    uint32_t n = 0;
    (void)state;

    assert_int_equal(mkdir("proc", 0700), 0);
    put("proc/number", "12");
    (void)snprintf(proc, sizeof(proc), "%s/proc/", folder);
    assert_int_equal(ctw_procfs_number(folder, "/proc/number", &n), 0);
    assert_int_equal(ctw_procfs_number(proc, "/proc/number", &n), 0);
    assert_int_equal(n, 12);
    assert_int_equal(unlink("proc/number"), 0);
    assert_int_equal(rmdir("proc"), 0);
}

static void first_number_skips_missing_paths(void **state) {
    static const char *const paths[] = {"/missing", "/number", "/number2", NULL};
    const char *path = NULL;
    uint32_t n;
    (void)state;

    put("number", "7\n");
    assert_int_equal(ctw_procfs_first_number(folder, paths, &n, &path), 0);
    assert_int_equal(n, 7);
    assert_string_equal(path, "/number");
    assert_int_equal(ctw_procfs_first_number("/nowhere", paths, &n, &path), -ENOENT);
}

/* What the next openat2() fails with, as on older kernels; 0: it does not. */
static int openat2_error;

long syscall(long number, ...) {
    static long (*real)(long, ...);
    long a[4]; /* those of openat2() */
    va_list list;

    va_start(list, number);
    for (size_t i = 0; i < 4; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    if (number == SYS_openat2 && openat2_error != 0) {
        errno = openat2_error;
        return -1;
    }
    return real(number, a[0], a[1], a[2], a[3]);
}

/* "secret" beside a root with a file, a folder, and links that lead out in each way. */
static void put_links(char root[static PATH_MAX]) {
    char secret[PATH_MAX];

    (void)snprintf(root, PATH_MAX, "%s/root", folder);
    (void)snprintf(secret, sizeof(secret), "%s/secret", folder);
    put("secret", "13\n");
    assert_int_equal(mkdir("root", 0700), 0);
    assert_int_equal(mkdir("root/proc", 0700), 0);
    put("root/proc/number", "7\n");
    assert_int_equal(symlink(secret, "root/proc/absolute"), 0);
    assert_int_equal(symlink("../../../../../../secret", "root/proc/relative"), 0);
    assert_int_equal(symlink("../../secret", "root/proc/beside"), 0);
    assert_int_equal(symlink("..", "root/folder"), 0);
    assert_int_equal(symlink(folder, "root/absolute"), 0);
    assert_int_equal(symlink("/proc/number", "root/inside"), 0);
}

static void take_links(void) {
    static const char *const paths[] = {
        "root/proc/number", "root/proc/absolute", "root/proc/relative", "root/proc/beside",
        "root/folder",      "root/absolute",      "root/inside",        "secret"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(unlink(paths[i]), 0);
    assert_int_equal(rmdir("root/proc") | rmdir("root"), 0);
}

static void open_below_a_root_follows_no_link_out_of_it(void **state) {
    static const char *const out[] = {"/proc/absolute", "/proc/relative", "/proc/beside",
                                      "/folder/secret", "/absolute/secret"};
    static const int errors[] = {0, ENOSYS, EPERM};
    char root[PATH_MAX];
    struct stat st;
    uint32_t n;
    (void)state;

    /* qemu-user and Linux before 5.6 have none */
    const bool has_openat2 = syscall(SYS_openat2, -1, NULL, NULL, 0) >= 0 || errno != ENOSYS;
    put_links(root);
    for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
        openat2_error = errors[e];
        for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
            assert_true(ctw_procfs_number(root, out[i], &n) < 0);
            assert_true(ctw_procfs_stat(root, out[i], &st) < 0);
        }
        assert_int_equal(ctw_procfs_number(root, "/proc/number", &n), 0);
        assert_int_equal(n, 7);
        assert_int_equal(ctw_procfs_stat(root, "/proc/number", &st), 0);
        assert_int_equal(st.st_size, 2);
        assert_int_equal(ctw_procfs_number(root, "/proc/missing", &n), -ENOENT);
        /* Links within are followed where the kernel keeps them within. */
        assert_int_equal(ctw_procfs_number(root, "/inside", &n),
                         has_openat2 && errors[e] == 0 ? 0 : -ELOOP);
    }
    openat2_error = 0;
    take_links();
}

static void open_fifo_does_not_block(void **state) {
    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    const int fd = ctw_procfs_open(folder, "/fifo", O_RDONLY);
    assert_true(fd >= 0);
    (void)close(fd);
}

static void line_is_cut_at_newline_and_room(void **state) {
    char text[4];
    (void)state;

    put("number", "ab\ncd\n");
    ctw_procfs_line(folder, "/number", text, sizeof(text));
    assert_string_equal(text, "ab");
    put("number", "abcdef");
    ctw_procfs_line(folder, "/number", text, sizeof(text));
    assert_string_equal(text, "abc");
    ctw_procfs_line(folder, "/missing", text, sizeof(text));
    assert_string_equal(text, "");
}

static void replace_keeps_mode_whatever_the_umask(void **state) {
    struct stat st;
    (void)state;

    const mode_t mask = umask(0077);
    assert_int_equal(ctw_replace_file("file", "new\n", 4, 0644, true), 0);
    umask(mask);
    assert_int_equal(stat("file", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(st.st_size, 4);
}

static void replace_failure_keeps_the_old_file(void **state) {
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    const unsigned before = files_here();
    assert_int_equal(ctw_replace_file("folder", "new\n", 4, 0644, false), -EISDIR);
    assert_int_equal(files_here(), before); /* no temporary file is left */
    assert_int_equal(rmdir("folder"), 0);
    assert_int_equal(ctw_replace_file("missing/file", "new\n", 4, 0644, false), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_of_32_bits_is_read),
        cmocka_unit_test(number_anything_else_fails),
        cmocka_unit_test(open_below_a_captured_proc_finds_its_files),
        cmocka_unit_test(first_number_skips_missing_paths),
        cmocka_unit_test(open_below_a_root_follows_no_link_out_of_it),
        cmocka_unit_test(open_fifo_does_not_block),
        cmocka_unit_test(line_is_cut_at_newline_and_room),
        cmocka_unit_test(replace_keeps_mode_whatever_the_umask),
        cmocka_unit_test(replace_failure_keeps_the_old_file),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
