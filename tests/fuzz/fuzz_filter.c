/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * lib/filter with any text: an error points into it; a program that parses is printed, and parses
 * again into the same program; the kernel's checks never refuse what it matches.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/filter_print.h"
#include "tests/support/random_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct ctw_filter *f) {
    static char text[CTW_FILTER_NODES_MAX * 96];
    static struct ctw_filter again;
    struct ctw_filter_error error;
    const size_t length = filter_print(f, text, sizeof(text));

    assert(length > 0 && length < sizeof(text) && length == strlen(text));
    if (length > CTW_FILTER_TEXT_MAX)
        return; /* "dport {1,2,...}" is longer when it is written out */
    if (ctw_filter_parse(text, length, NULL, NULL, &again, &error) < 0) {
        /* "not tcp udp" is printed with parentheses */
        assert(strstr(error.message.text, "is nested too deeply"));
        return;
    }
    assert(f->n == again.n && f->root == again.root);
    assert(memcmp(f->nodes + 1, again.nodes + 1, (f->n - 1u) * sizeof(f->nodes[0])) == 0);
}

static void check_kernel(const struct ctw_filter *f, uint64_t seed) {
    struct ctw_filter_kernel k;
    struct dice dice = {seed};
    struct ctw_flow_details details;
    struct ctw_flow flow;

    ctw_filter_for_kernel(f, &k);
    for (unsigned i = 0; i < 8; i++) {
        random_entry(&dice, &flow, &details);
        const enum ctw_filter_verdict v = ctw_filter_match(f, &flow, &details);
        const enum ctw_filter_verdict early = ctw_filter_match(f, &flow, NULL);
        assert(v != CTW_FILTER_UNKNOWN && (early == v || early == CTW_FILTER_UNKNOWN));
        if (v == CTW_FILTER_NO)
            continue;
        assert(!k.nothing);
        assert((details.mark & k.mark_mask) == k.mark);
        assert((flow.status & k.status_mask) == k.status);
        assert(k.family == 0 || k.family == flow.family);
        assert(k.zone == 0 || k.zone == details.zone);
        assert(k.n_protocols == 0 || memchr(k.protocols, flow.protocol, k.n_protocols));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ctw_filter filter;
    struct ctw_filter_error error = {.offset = SIZE_MAX};

    if (ctw_filter_parse((const char *)data, size, random_label, NULL, &filter, &error) < 0) {
        assert(error.offset <= size && error.length <= size - error.offset);
        assert(error.message.length > 0 && strlen(error.message.text) == error.message.length);
        return 0;
    }
    assert(size <= CTW_FILTER_TEXT_MAX);
    check_again(&filter);
    check_kernel(&filter, size);
    return 0;
}
