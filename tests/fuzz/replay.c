/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A fuzzer as an ordinary test: hands every file of the folders and files named as arguments to
 * LLVMFuzzerTestOneInput() once. Finding none is a failure, since then nothing was tested.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read @path into memory of exactly its size, so that a sanitizer sees the first byte too far. */
static int read_whole(const char *path, size_t size, uint8_t **ret) {
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -errno;

    int r = 0;
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL)
        r = -ENOMEM;
    else if (fread(data, 1, size, f) != size)
        r = -EIO;
    fclose(f);

    if (r < 0) {
        free(data);
        return r;
    }
    *ret = data;
    return 0;
}

static int replay(const char *path, size_t size) {
    uint8_t *data = NULL;
    int r = read_whole(path, size, &data);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
        return r;
    }
    /* Said before, so that a crash is preceded by the name of its file. */
    printf("%s (%zu bytes)\n", path, size);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

/* Return: whether every file at or in @path could be read; folders in it are left out. */
static bool replay_all(const char *path, unsigned *n) {
    struct dirent **names;
    struct stat st;
    bool ok = true;

    if (stat(path, &st) < 0) {
        perror(path);
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        ++*n;
        return replay(path, (size_t)st.st_size) == 0;
    }
    const int found = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        char file[PATH_MAX];
        (void)snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        free(names[i]);
        if (stat(file, &st) < 0 || !S_ISDIR(st.st_mode))
            ok = replay_all(file, n) && ok;
    }
    if (found >= 0)
        free(names);
    return ok && found >= 0;
}

int main(int argc, char **argv) {
    unsigned n = 0;
    bool ok = argc > 1;

    if (!ok)
        fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
    for (int i = 1; i < argc; i++)
        ok = replay_all(argv[i], &n) && ok;
    printf("%u files replayed\n", n);
    return n > 0 && ok ? 0 : 1;
}
