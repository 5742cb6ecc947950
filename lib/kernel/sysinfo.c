/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/sysinfo.h"

#include <errno.h>
#include <string.h>

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
    static const char unit[] = " kB";
    const size_t name_length = strlen(name);

    for (const char *line = text, *end = text + length, *next; line < end; line = next) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop)
            break; /* cut off: the number may be incomplete */
        next = stop + 1;
        if ((size_t)(stop - line) < name_length || memcmp(line, name, name_length) != 0)
            continue;
        line += name_length;
        while (line < stop && *line == ' ')
            line++;
        if (stop - line < (ptrdiff_t)sizeof(unit) ||
            memcmp(stop - (sizeof(unit) - 1), unit, sizeof(unit) - 1) != 0)
            return -EBADMSG;
        uint64_t kib;
        if (ctw_text_decimal(line, (size_t)(stop - line) - (sizeof(unit) - 1),
                             UINT64_MAX / BYTES_PER_KIB, &kib) < 0)
            return -EBADMSG;
        *ret = kib * BYTES_PER_KIB;
        return 0;
    }
    return -ENOENT;
}

int ctw_memory_parse(const char *text, size_t length, struct ctw_memory *ret) {
    struct ctw_memory m = {0};

    if (find(text, length, "MemTotal:", &m.total_bytes) < 0)
        return -EBADMSG;
    int r = find(text, length, "MemAvailable:", &m.available_bytes);
    if (r == -ENOENT)
        r = find(text, length, "MemFree:", &m.available_bytes);
    if (r == -EBADMSG)
        return r;
    m.has_available = r == 0;
    *ret = m;
    return 0;
}
