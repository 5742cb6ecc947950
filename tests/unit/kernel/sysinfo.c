/* SPDX-License-Identifier: GPL-2.0-or-later */

/* /proc/meminfo, and the kernel's release. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/release.h"
#include "lib/kernel/sysinfo.h"

static struct ctw_memory parse(const char *text) {
    struct ctw_memory m;

    assert_int_equal(ctw_memory_parse(text, strlen(text), &m), 0);
    return m;
}

static void memory_reads_total_and_available(void **state) {
    const struct ctw_memory m = parse("MemTotal:       24622396 kB\n"
                                      "MemFree:         1120148 kB\n"
                                      "MemAvailable:   22350748 kB\n"
                                      "Buffers:               0 kB\n");
    (void)state;

    assert_int_equal(m.total_bytes, UINT64_C(24622396) * 1024);
    assert_true(m.has_available);
    assert_int_equal(m.available_bytes, UINT64_C(22350748) * 1024);
}

static void memory_before_linux_3_14_uses_mem_free(void **state) {
    struct ctw_memory m = parse("MemTotal:         131072 kB\nMemFree:           64000 kB\n");
    (void)state;

    assert_true(m.has_available);
    assert_int_equal(m.available_bytes, 64000 * 1024);
    m = parse("MemTotal:         131072 kB\nMemFree:           64");
    assert_false(m.has_available); /* cut short */
}

static void memory_junk_refuses(void **state) {
    static const char *const texts[] = {
        "",
        "MemTotal:",
        "MemTotal:\n",
        "MemTotal: kB\n",
        "MemTotal:       24622396\n",
        "MemTotal:       24622396 MB\n",
        "MemTotal:       -1 kB\n",
        "MemTotal:       99999999999999999999 kB\n",
        "MemTotal:       18446744073709551615 kB\n",
        "XMemTotal:      24622396 kB\n",
        "MemTotal:       24622396 kB\nMemAvailable: x kB\n",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ctw_memory m = {.total_bytes = 7};
        assert_int_equal(ctw_memory_parse(texts[i], strlen(texts[i]), &m), -EBADMSG);
        assert_int_equal(m.total_bytes, 7);
    }
}

static void release_gives_the_chain_limit(void **state) {
    static const struct {
        const char *osrelease, *version, *signature;
        uint32_t entries;
    } kernels[] = {
        {"2.6.32-754.el6.x86_64", "", "", 8},
        {"4.18.0-553.el8_10.x86_64", "", "", 8},
        {"5.14.21", "", "", 8},
        {"5.15.0", "", "", 1},
        {"5.15.102", "", "", 1},
        {"5.15.103", "", "", 8},
        {"5.16.1", "", "", 1},
        {"5.19.17", "", "", 1},
        {"6.0.19", "", "", 1},
        {"6.1.19", "", "", 1},
        {"6.1.20", "", "", 8},
        {"6.2.6", "", "", 1},
        {"6.2.7-arch1-1", "", "", 8},
        {"6.3", "", "", 8},
        {"6.18.44", "", "", 8},
        {"7.0.1", "", "", 8},
        {"6.1.0-56-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.172-1 (2026-01-01)", "", 8},
        {"6.1.0-5-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.12-1 (2023-02-15)", "", 1},
        {"5.15.0-91-generic", "#101-Ubuntu SMP", "Ubuntu 5.15.0-91.101-generic 5.15.131", 8},
        {"5.15.0-60-generic", "#66-Ubuntu SMP", "Ubuntu 5.15.0-60.66-generic 5.15.78", 1},
        {"", "", "", 1},
        {"Debian", " Debian x", "Ubuntu", 1},
        {"6", "", "", 1},
        {"99999999999999999999.1", "", "", 8},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        print_message("%s\n", kernels[i].osrelease);
        assert_int_equal(ctw_release_entries_per_bucket(kernels[i].osrelease, kernels[i].version,
                                                        kernels[i].signature),
                         kernels[i].entries);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_reads_total_and_available),
        cmocka_unit_test(memory_before_linux_3_14_uses_mem_free),
        cmocka_unit_test(memory_junk_refuses),
        cmocka_unit_test(release_gives_the_chain_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
