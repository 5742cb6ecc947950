/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/sys/procfs.h"

/* Return: bytes read, at most @size; -EINVAL: no regular file; or another negative errno. */
static ssize_t read_regular(const char *path, char *text, size_t size) {
    const int fd = ctw_procfs_open("", path, O_RDONLY);
    ssize_t n = -EINVAL;
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        n = ctw_procfs_read_all(fd, text, size);
    (void)close(fd);
    return n;
}

static int load(const char *path, struct ctw_settings *ret, struct ctw_settings_error *err) {
    char text[CTW_SETTINGS_TEXT_MAX + 1]; /* a byte more is refused by ctw_settings_parse() */
    const ssize_t length = read_regular(path, text, sizeof(text));

    if (length >= 0)
        return ctw_settings_parse(text, (size_t)length, ret, err);
    (void)ctw_settings_refuse(
        err, 0, "file", "cannot be read (%s), allowed is a regular file of at most %d bytes",
        length == -EINVAL ? "no regular file" : strerror((int)-length), CTW_SETTINGS_TEXT_MAX);
    return (int)length;
}

/* "FILE:LINE: key: reason". A path that is too long is cut at its start. */
static void print_error(const char *path, const struct ctw_settings_error *err, char *buffer) {
    char where[sizeof err->key + sizeof err->reason + 32];
    const int n = snprintf(where, sizeof where, ":%u: %s: %s", err->line, err->key, err->reason);
    const size_t room = CTW_CONFIG_ERROR_MAX - 1 - (size_t)n, length = strlen(path);
    const bool cut = length > room;

    (void)snprintf(buffer, CTW_CONFIG_ERROR_MAX, "%s%s%s", cut ? "..." : "",
                   path + (cut ? length - (room - 3) : 0), where);
    for (char *p = buffer; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}

int ctw_config_load(const char *path, struct ctw_settings *ret,
                    char reterr[static CTW_CONFIG_ERROR_MAX]) {
    struct ctw_settings_error err;
    int r = load(path, ret, &err);
    if (r < 0)
        print_error(path, &err, reterr);
    return r;
}

int ctw_config_load_or_defaults(const char *path, const char *program, struct ctw_settings *ret) {
    char error[CTW_CONFIG_ERROR_MAX];
    const int r = ctw_config_load(path ? path : CTWATCH_CONFIG_PATH, ret, error);

    if (r >= 0)
        return 0;
    if (path) {
        (void)fprintf(stderr, "%s\n", error);
        return r;
    }
    if (access(CTWATCH_CONFIG_PATH, R_OK) == 0)
        (void)fprintf(stderr, "%s\n%s: using the defaults\n", error, program);
    ctw_settings_defaults(ret);
    return 0;
}
