/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A fuzzer as an ordinary test: hands every file of the folders and files named as arguments to
 * LLVMFuzzerTestOneInput() once. Finding none is a failure, since then nothing was tested.
 */

#include <errno.h>
#include <fts.h>
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

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
        return 2;
    }

    FTS *files = fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (files == NULL) {
        perror("fts_open");
        return 1;
    }

    unsigned n = 0, failed = 0;
    for (FTSENT *e; (e = fts_read(files)) != NULL;) {
        if (e->fts_info == FTS_F) {
            n++;
            if (replay(e->fts_path, (size_t)e->fts_statp->st_size) < 0)
                failed++;
        } else if (e->fts_info != FTS_D && e->fts_info != FTS_DP) {
            fprintf(stderr, "%s: %s\n", e->fts_path,
                    e->fts_errno ? strerror(e->fts_errno) : "neither a file nor a folder");
            failed++;
        }
    }
    fts_close(files);

    printf("%u files replayed, %u failed\n", n, failed);
    return n > 0 && failed == 0 ? 0 : 1;
}
