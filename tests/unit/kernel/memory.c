/* SPDX-License-Identifier: GPL-2.0-or-later */

/* /proc/meminfo, and the kernel's release. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/host.h"
#include "lib/kernel/release.h"

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

static void memory_before_linux_3_14_estimates_available(void **state) {
    static const struct {
        const char *text;
        uint64_t kib;
    } cases[] = {
        {"MemFree: 18340 kB\nBuffers: 904412 kB\nCached: 58211040 kB\n", 18340 + 58211040},
        {"MemFree: 1000 kB\nCached: 500 kB\nSwapCached: 70 kB\nShmem: 200 kB\n"
         "Slab: 90 kB\nSReclaimable: 40 kB\n",
         1000 + 500 - 200 + 40},
        {"MemFree: 1000 kB\nCached: 500 kB\nShmem: 501 kB\n", 1000},
        {"MemFree: 1000 kB\n", 1000},
        {"MemFree: 18014398509481983 kB\nCached: 18014398509481983 kB\n"
         "SReclaimable: 18014398509481983 kB\n",
         65921344},
        {"MemFree: 65921344 kB\nSReclaimable: 1 kB\n", 65921344},
    };
    char text[512];
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(text, sizeof(text), "MemTotal: 65921344 kB\n%s", cases[i].text);
        const struct ctw_memory m = parse(text);
        assert_true(m.has_available && m.estimated);
        assert_int_equal(m.available_bytes, cases[i].kib * 1024);
    }
    assert_false(parse("MemTotal: 131072 kB\nMemAvailable: 5 kB\n").estimated);
    const struct ctw_memory cut = parse("MemTotal:         131072 kB\nMemFree:           64");
    assert_false(cut.has_available || cut.estimated);
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
        "MemTotal:       24622396 kB\nMemFree: 1 kB\nCached: x kB\n",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ctw_memory m = {.total_bytes = 7};
        assert_int_equal(ctw_memory_parse(texts[i], strlen(texts[i]), &m), -EBADMSG);
        assert_int_equal(m.total_bytes, 7);
    }
}

static void release_gives_what_the_kernel_does(void **state) {
    static const struct {
        const char *osrelease, *version, *signature;
        uint32_t entries;
        bool in_drop, writable, chain_limit;
    } kernels[] = {
        {"2.6.32-754.el6.x86_64", "", "", 8, false, false, false},
        {"3.10.0-1160.el7.x86_64", "", "", 8, false, false, false},
        {"3.12.28-4-default", "", "", 8, false, false, false},
        {"4.6.7", "", "", 8, false, false, false},
        {"4.7.0", "", "", 8, true, false, false},
        {"4.8.0", "", "", 8, true, true, false},
        {"4.14.355-275.570.amzn2.x86_64", "", "", 8, true, true, false},
        {"4.18.0-553.el8_10.x86_64", "", "", 1, true, true, true},
        {"5.4.17-2136.315.5.el8uek.x86_64", "", "", 8, true, true, false},
        {"5.10.230-223.885.amzn2.x86_64", "", "", 8, true, true, false},
        {"5.14.0-162.12.1.el9_1.0.2.x86_64", "", "", 1, true, true, true},
        {"5.14.0-503.11.1.el9_5.aarch64", "", "", 1, true, true, true},
        {"5.14.21-150500.55.19-default", "", "", 8, true, true, false},
        {"5.15.0-200.131.27.el9uek.x86_64", "", "", 1, true, true, true},
        {"5.15.0", "", "", 1, true, true, true},
        {"5.15.102", "", "", 1, true, true, true},
        {"5.15.103", "", "", 8, true, true, true},
        {"5.16.1", "", "", 1, true, true, true},
        {"5.19.17", "", "", 1, true, true, true},
        {"6.0.19", "", "", 1, true, true, true},
        {"6.1.19", "", "", 1, true, true, true},
        {"6.1.20", "", "", 8, true, true, true},
        {"6.1.119-129.201.amzn2023.x86_64", "", "", 8, true, true, true},
        {"6.2.6", "", "", 1, true, true, true},
        {"6.2.7-arch1-1", "", "", 8, true, true, true},
        {"6.3", "", "", 8, true, true, true},
        {"6.12.0-55.9.1.el10_0.x86_64", "", "", 8, true, true, true},
        {"6.18.44", "", "", 8, true, true, true},
        {"7.0.1", "", "", 8, true, true, true},
        {"6.1.0-56-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.172-1 (2026-01-01)", "", 8,
         true, true, true},
        {"6.1.0-5-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.12-1 (2023-02-15)", "", 1, true, true,
         true},
        {"5.15.0-91-generic", "#101-Ubuntu SMP", "Ubuntu 5.15.0-91.101-generic 5.15.131", 8, true,
         true, true},
        {"5.15.0-60-generic", "#66-Ubuntu SMP", "Ubuntu 5.15.0-60.66-generic 5.15.78", 1, true,
         true, true},
        {"", "", "", 1, true, false, true},
        {"Debian", " Debian x", "Ubuntu", 1, true, false, true},
        {"el9", "", "", 1, true, false, true},
        {"6", "", "", 1, true, false, true},
        {"99999999999999999999.1", "", "", 1, true, false, true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        struct ctw_release r;

        print_message("%s\n", kernels[i].osrelease);
        ctw_release_read(kernels[i].osrelease, kernels[i].version, kernels[i].signature, &r);
        assert_int_equal(r.entries_per_bucket, kernels[i].entries);
        assert_int_equal(r.insert_failed_in_drop, kernels[i].in_drop);
        assert_int_equal(r.buckets_writable, kernels[i].writable);
        assert_int_equal(r.chain_limit, kernels[i].chain_limit);
    }
}

static void release_nft_counts_since_4_18(void **state) {
    static const struct {
        const char *osrelease;
        bool counts;
    } kernels[] = {{"3.10.0-1160.el7.x86_64", false},
                   {"4.17.19", false},
                   {"4.18.0", true},
                   {"5.10.0", true},
                   {"", false}};
    struct ctw_release r;
    (void)state;

    for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        ctw_release_read(kernels[i].osrelease, "", "", &r);
        assert_int_equal(r.nft_counts, kernels[i].counts);
    }
}

static void release_counters_overrule_the_name(void **state) {
    static const struct ctw_counters with = {.has_chainlength = true}, without = {0};
    struct ctw_release r;
    (void)state;

    ctw_release_read("4.18.0-553.el8_10.x86_64", "", "", &r);
    ctw_release_correct(&r, NULL);
    assert_true(r.chain_limit);
    ctw_release_correct(&r, &without);
    assert_false(r.chain_limit);
    assert_int_equal(r.entries_per_bucket, 8);
    ctw_release_correct(&r, &with);
    assert_true(r.chain_limit);
    assert_int_equal(r.entries_per_bucket, 1);

    ctw_release_read("6.18.44", "", "", &r);
    ctw_release_correct(&r, &with);
    assert_int_equal(r.entries_per_bucket, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_reads_total_and_available),
        cmocka_unit_test(memory_before_linux_3_14_estimates_available),
        cmocka_unit_test(memory_junk_refuses),
        cmocka_unit_test(release_gives_what_the_kernel_does),
        cmocka_unit_test(release_nft_counts_since_4_18),
        cmocka_unit_test(release_counters_overrule_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
