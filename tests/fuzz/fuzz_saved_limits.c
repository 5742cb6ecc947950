/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A file of saved limits with any contents: what parses is printed and parses again to the same.
 * And /proc/meminfo. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/host.h"
#include "lib/kernel/release.h"
#include "lib/sizing/saved_limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    char printed[CTW_SAVED_LIMITS_TEXT_MAX];
    struct ctw_saved_limits l, again;
    struct ctw_memory m;

    if (ctw_saved_limits_parse(text, size, &l) == 0) {
        const size_t length = ctw_saved_limits_print(&l, printed);
        if (length >= sizeof(printed) || ctw_saved_limits_parse(printed, length, &again) < 0 ||
            memcmp(&l, &again, sizeof(l)) != 0)
            abort();
        if (l.max == 0 || l.max < l.before_max || l.max > CTW_MAX_LARGEST)
            abort();
    }
    if (ctw_memory_parse(text, size, &m) == 0 && m.total_bytes % 1024 != 0)
        abort();
    return 0;
}
