/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sys/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config/syntax.h"

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

static void free_text(char **text) {
    free(*text);
}

static const char *kind_name(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    default: /* the kernel's values, not ours */
        return "no regular file";
    }
}

/* What is wrong with the file itself; returns @error. */
static int refuse(struct ctw_settings_error *err, int error, const char *what) {
    ctw_refuse(err, 0, "file", "%s, allowed is a readable regular file of at most %d bytes", what,
               CTW_SETTINGS_TEXT_MAX);
    return error;
}

static int refuse_errno(struct ctw_settings_error *err, int error, const char *what) {
    char reason[128];
    snprintf(reason, sizeof reason, "%s (%s)", what, strerror(-error));
    return refuse(err, error, reason);
}

/* Never blocks: a FIFO opens at once, and is then found to be one. */
static int open_regular(const char *path, struct ctw_settings_error *err) {
    int fd __attribute__((cleanup(close_fd))) =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return refuse_errno(err, -errno, "cannot be opened");

    struct stat st;
    if (fstat(fd, &st) < 0)
        return refuse_errno(err, -errno, "cannot be examined");
    if (!S_ISREG(st.st_mode)) {
        char what[64];
        snprintf(what, sizeof what, "is %s", kind_name(st.st_mode));
        return refuse(err, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL, what);
    }
    if (st.st_size > CTW_SETTINGS_TEXT_MAX) {
        char what[64];
        snprintf(what, sizeof what, "has %lld bytes", (long long)st.st_size);
        return refuse(err, -EFBIG, what);
    }
    int opened = fd;
    fd = -1;
    return opened;
}

/* Up to @size bytes; it may have grown since it was examined, so @size is one more than allowed. */
static int read_whole(int fd, char *text, size_t size, size_t *ret_length,
                      struct ctw_settings_error *err) {
    size_t length = 0;
    while (length < size) {
        ssize_t n = read(fd, text + length, size - length);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(err, -errno, "cannot be read");
        length += (size_t)n;
    }
    *ret_length = length;
    return 0;
}

static int load(const char *path, struct ctw_settings *ret, struct ctw_settings_error *err) {
    int fd __attribute__((cleanup(close_fd))) = open_regular(path, err);
    if (fd < 0)
        return fd;

    const size_t size = CTW_SETTINGS_TEXT_MAX + 1;
    char *text __attribute__((cleanup(free_text))) = malloc(size);
    if (text == NULL)
        return refuse_errno(err, -ENOMEM, "cannot be read");

    size_t length = 0;
    int r = read_whole(fd, text, size, &length, err);
    if (r < 0)
        return r;
    return ctw_settings_parse(text, length, ret, err);
}

/* "FILE:LINE: key: reason", on one line. Of a very long path the end is shown: the reason must
 * never be what falls off. */
static void print_error(const char *path, const struct ctw_settings_error *err, char *buffer) {
    char where[sizeof err->key + sizeof err->reason + 32];
    int n = snprintf(where, sizeof where, ":%u: %s: %s", err->line, err->key, err->reason);
    size_t room = CTW_CONFIG_ERROR_MAX - 1 - (size_t)n, length = strlen(path);

    if (length <= room)
        snprintf(buffer, CTW_CONFIG_ERROR_MAX, "%s%s", path, where);
    else
        snprintf(buffer, CTW_CONFIG_ERROR_MAX, "...%s%s", path + length - (room - 3), where);
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
        (void)fprintf(stderr, "%s\n%s: going on with the defaults\n", error, program);
    ctw_settings_defaults(ret);
    return 0;
}
