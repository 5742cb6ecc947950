/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/sys/stdio.h"

/* In a child, whose status is 0 if descriptors 0 to 2 are taken and useless. */
static void stdio_closed_is_reserved(void **state) {
    const pid_t child = fork();
    char byte = 0;
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
            (void)close(fd);
        const bool reserved = ctw_reserve_stdio() == 0 && open("/", O_RDONLY) > STDERR_FILENO;
        const bool useless = read(STDIN_FILENO, &byte, 1) < 0 && write(STDERR_FILENO, "", 1) < 0;
        _exit(reserved && useless ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void stdio_open_stays(void **state) {
    int end[2];

    (void)state;
    assert_int_equal(pipe(end), 0);
    const int stdin_before = dup(STDIN_FILENO);
    assert_true(dup2(end[0], STDIN_FILENO) >= 0);
    assert_int_equal(ctw_reserve_stdio(), 0);
    assert_int_equal(write(end[1], "x", 1), 1);
    char byte;
    assert_int_equal(read(STDIN_FILENO, &byte, 1), 1);
    assert_true(dup2(stdin_before, STDIN_FILENO) >= 0);
    close(stdin_before);
    close(end[0]);
    close(end[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stdio_closed_is_reserved),
        cmocka_unit_test(stdio_open_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
