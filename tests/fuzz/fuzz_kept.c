/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A state file full of anything: what is taken is what would be printed. And /proc/meminfo. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/sysinfo.h"
#include "lib/sizing/saved_limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    char again[CTW_SAVED_LIMITS_TEXT_MAX];
    struct ctw_saved_limits k;
    struct ctw_memory m;

    if (ctw_saved_limits_parse(text, size, &k) == 0) {
        if (ctw_saved_limits_print(&k, again) != size || memcmp(again, text, size) != 0)
            abort();
        if (k.max == 0 || k.max < k.before_max || k.max > CTW_MAX_LARGEST)
            abort();
    }
    if (ctw_memory_parse(text, size, &m) == 0 && m.total_bytes % 1024 != 0)
        abort();
    return 0;
}
