/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sys/config.h"

#define FILE_NAME "ctwatch.conf"

/* Each test runs in an empty folder. */
static int enter_folder(void **state) {
    char *folder = strdup("/tmp/ctwatch-config-XXXXXX");
    *state = folder;
    return folder != NULL && mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state) {
    rmdir(FILE_NAME);
    unlink(FILE_NAME);
    int r = chdir("/") == 0 && rmdir(*state) == 0 ? 0 : -1;
    free(*state);
    return r;
}

static void write_file(const char *text, size_t length) {
    FILE *f = fopen(FILE_NAME, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}

static void refuse(const char *path, int result, const char *line_start) {
    struct ctw_settings s, untouched;
    char error[CTW_CONFIG_ERROR_MAX];
    memset(&s, 0x5a, sizeof s);
    memset(&untouched, 0x5a, sizeof untouched);

    assert_int_equal(ctw_config_load(path, &s, error), result);
    if (strncmp(error, line_start, strlen(line_start)) != 0 || strchr(error, '\n') != NULL)
        fail_msg("got      %s\nexpected %s", error, line_start);
    assert_non_null(strstr(error, ", allowed "));
    assert_memory_equal(&s, &untouched, sizeof s);
}

static void config_of_64_kib_is_read_whole(void **state) {
    static char text[CTW_SETTINGS_TEXT_MAX];
    static const char last[] = "\ntalkers: { top = 7; }";
    struct ctw_settings s;
    char error[CTW_CONFIG_ERROR_MAX];
    (void)state;

    memset(text, '#', sizeof text);
    memcpy(text + sizeof text - strlen(last), last, strlen(last));
    write_file(text, sizeof text);
    assert_int_equal(ctw_config_load(FILE_NAME, &s, error), 0);
    assert_int_equal(s.talkers.top, 7);
}

static void config_error_names_file_line_and_key(void **state) {
    static const char text[] = "# one\nlevels: {\n\n warning = 950;\n};\n";
    (void)state;
    write_file(text, strlen(text));
    refuse(FILE_NAME, -EINVAL,
           "ctwatch.conf:4: levels.warning: is 950, allowed is 1 to 100 (percent)");
}

static void config_missing_is_refused(void **state) {
    (void)state;
    refuse(FILE_NAME, -ENOENT,
           "ctwatch.conf:0: file: cannot be read (No such file or directory), allowed is");
    refuse("", -ENOENT, ":0: file: cannot be read (No such file or directory), allowed is");
    refuse(FILE_NAME "/x", -ENOENT, "ctwatch.conf/x:0: file: cannot be read");
}

static void config_empty_is_refused(void **state) {
    (void)state;
    write_file("", 0);
    refuse(FILE_NAME, -EINVAL, "ctwatch.conf:0: file: is empty");
}

static void config_directory_is_refused(void **state) {
    (void)state;
    assert_int_equal(mkdir(FILE_NAME, 0700), 0);
    refuse(FILE_NAME, -EINVAL,
           "ctwatch.conf:0: file: cannot be read (no regular file), allowed is");
}

static void config_fifo_is_refused_without_blocking(void **state) {
    (void)state;
    assert_int_equal(mkfifo(FILE_NAME, 0600), 0);
    alarm(10); /* ends a test that blocks */
    refuse(FILE_NAME, -EINVAL,
           "ctwatch.conf:0: file: cannot be read (no regular file), allowed is");
    alarm(0);
}

static void config_device_is_refused(void **state) {
    (void)state;
    refuse("/dev/zero", -EINVAL, "/dev/zero:0: file: cannot be read (no regular file), allowed is");
}

static void config_of_10_mb_is_refused(void **state) {
    (void)state;
    write_file("#\n", 2);
    assert_int_equal(truncate(FILE_NAME, 10 << 20), 0);
    refuse(FILE_NAME, -EINVAL, "ctwatch.conf:0: file: has more than 65536 bytes, allowed is");
}

static void config_above_64_kib_is_refused(void **state) {
    static char text[CTW_SETTINGS_TEXT_MAX + 1];
    (void)state;
    memset(text, '#', sizeof text);
    write_file(text, sizeof text);
    refuse(FILE_NAME, -EINVAL, "ctwatch.conf:0: file: has more than 65536 bytes, allowed is");
}

static void config_without_size_is_bounded(void **state) {
    struct ctw_settings s;
    char error[CTW_CONFIG_ERROR_MAX];
    (void)state;
    /* stat(2) reports 0 bytes. The contents vary, but are no configuration. */
    assert_int_equal(ctw_config_load("/proc/self/maps", &s, error), -EINVAL);
    assert_memory_equal(error, "/proc/self/maps:", 16);
}

static void config_binary_is_refused_with_its_line(void **state) {
    (void)state;
    write_file("# one\n\x7f\x45LF\0\0\n", 13);
    refuse(FILE_NAME, -EINVAL, "ctwatch.conf:2: file: holds byte 0x7f, allowed is text");
}

/* As another user in a child, since root may read every file. */
static void config_unreadable_is_refused(void **state) {
    write_file("# one\n", 6);
    assert_int_equal(chmod(*state, 0755), 0);
    assert_int_equal(chmod(FILE_NAME, 0), 0);

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct ctw_settings s;
        char error[CTW_CONFIG_ERROR_MAX] = "";
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(2);
        int r = ctw_config_load(FILE_NAME, &s, error);
        const char *start = "ctwatch.conf:0: file: cannot be read (Permission denied), allowed ";
        _exit(r == -EACCES && strncmp(error, start, strlen(start)) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void config_error_with_long_path_is_one_line(void **state) {
    char path[CTW_CONFIG_ERROR_MAX * 2];
    (void)state;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    refuse(path, -ENAMETOOLONG, "...xxxx");
    refuse("a\nb", -ENOENT, "a?b:0: file: cannot be read");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(config_of_64_kib_is_read_whole),
        IN_FOLDER(config_error_names_file_line_and_key),
        IN_FOLDER(config_missing_is_refused),
        IN_FOLDER(config_empty_is_refused),
        IN_FOLDER(config_directory_is_refused),
        IN_FOLDER(config_fifo_is_refused_without_blocking),
        IN_FOLDER(config_device_is_refused),
        IN_FOLDER(config_of_10_mb_is_refused),
        IN_FOLDER(config_above_64_kib_is_refused),
        IN_FOLDER(config_without_size_is_bounded),
        IN_FOLDER(config_binary_is_refused_with_its_line),
        IN_FOLDER(config_unreadable_is_refused),
        IN_FOLDER(config_error_with_long_path_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
