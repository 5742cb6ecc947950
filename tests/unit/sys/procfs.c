/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
        cmocka_unit_test(first_number_skips_missing_paths),
        cmocka_unit_test(open_fifo_does_not_block),
        cmocka_unit_test(line_is_cut_at_newline_and_room),
        cmocka_unit_test(replace_keeps_mode_whatever_the_umask),
        cmocka_unit_test(replace_failure_keeps_the_old_file),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
