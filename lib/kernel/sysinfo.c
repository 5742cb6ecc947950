/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/sysinfo.h"

#include <errno.h>

#include "lib/util/parse.h"

#define BYTES_PER_KIB 1024u

/*
 * MemTotal:       24622396 kB
 * MemFree:         1120148 kB
 * MemAvailable:   22350748 kB
 *
 * Reads the number of the line that starts with @name, in bytes.
 */
static int find(const char *text, size_t length, const char *name, uint64_t *ret) {
    struct ctw_piece rest = {text, length}, line, number;
    uint64_t kib;

    while (ctw_piece_line(&rest, &line)) {
        if (!ctw_piece_take(&line, name))
            continue;
        if (!ctw_piece_word(&line, &number) || !ctw_piece_is(line, " kB") ||
            ctw_text_decimal(number.at, number.length, UINT64_MAX / BYTES_PER_KIB, &kib) < 0)
            return -EBADMSG;
        *ret = kib * BYTES_PER_KIB;
        return 0;
    }
    return -ENOENT;
}

static uint64_t add_up_to(uint64_t most, uint64_t a, uint64_t b) {
    return a > most || b > most - a ? most : a + b;
}

/* At most @total. Return: as find(); -ENOENT: there is not even MemFree. */
static int estimate_available(const char *text, size_t length, uint64_t total, uint64_t *ret) {
    uint64_t free, cached = 0, shmem = 0, reclaimable = 0;

    const int r = find(text, length, "MemFree:", &free);
    if (r < 0)
        return r;
    if (find(text, length, "Cached:", &cached) == -EBADMSG ||
        find(text, length, "Shmem:", &shmem) == -EBADMSG ||
        find(text, length, "SReclaimable:", &reclaimable) == -EBADMSG)
        return -EBADMSG;
    *ret = add_up_to(total, free, cached > shmem ? cached - shmem : 0);
    *ret = add_up_to(total, *ret, reclaimable);
    return 0;
}

int ctw_memory_parse(const char *text, size_t length, struct ctw_memory *ret) {
    struct ctw_memory m = {0};

    if (find(text, length, "MemTotal:", &m.total_bytes) < 0)
        return -EBADMSG;
    int r = find(text, length, "MemAvailable:", &m.available_bytes);
    if (r == -ENOENT) {
        r = estimate_available(text, length, m.total_bytes, &m.available_bytes);
        m.estimated = r == 0;
    }
    if (r == -EBADMSG)
        return r;
    m.has_available = r == 0;
    *ret = m;
    return 0;
}
