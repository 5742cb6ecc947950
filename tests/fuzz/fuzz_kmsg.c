/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * lib/kernel/kmsg against regular expressions written from the same list of forms. Both must agree
 * on the kind, except with numbers of ten and more digits, some of which fit their field.
 */

#undef NDEBUG /* the assertions are the test, in every kind of build */
#include <assert.h>
#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/kmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TWICE    "((nf_conntrack: ){1,2}|(ip_conntrack: ){1,2})"
#define FULL(N)  "(table full(,| in netns " N ",) dropping packet|" LIMIT(N) ")"
#define LIMIT(N) "maximum limit of " N " entries exceeded"
#define SOME(N)  "(NET|printk|__ratelimit): " N " messages|(__|net_)ratelimit: " N " callbacks"
#define SMALL    "[0-9]{1,9}"
#define ANY      "[0-9]+"

static bool matches(const char *text, const char *pattern) {
    regex_t regex;
    int r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);

    assert(r == 0);
    r = regexec(&regex, text, 0, NULL, 0);
    regfree(&regex);
    return r == 0;
}

/* What must hold of a record of the kernel's own with this text. */
static void check_kind(const struct ctw_kmsg *k, const char *text) {
    if (k->kind == CTW_KMSG_TABLE_FULL)
        assert(matches(text, "^" TWICE FULL(ANY) "\\.?$"));
    if (k->kind == CTW_KMSG_SUPPRESSED)
        assert(matches(text, "^(" SOME(ANY) ") suppressed\\.?$"));
    if (matches(text, "^" TWICE FULL(SMALL) "\\.?$"))
        assert(k->kind == CTW_KMSG_TABLE_FULL);
    if (matches(text, "^(" SOME(SMALL) ") suppressed\\.?$"))
        assert(k->kind == CTW_KMSG_SUPPRESSED);
    assert((k->kind == CTW_KMSG_EXPECT_FULL) ==
           matches(text, "^" TWICE "expectation table full\\.?$"));
}

static void check_record(const struct ctw_kmsg *k, const uint8_t *data, size_t size) {
    const uint8_t *semicolon = memchr(data, ';', size);
    const uint8_t *newline = memchr(data, '\n', size);
    const uint8_t *end = newline ? newline : data + size;
    char *text;

    assert(semicolon && semicolon < end);
    assert(k->kind == CTW_KMSG_TABLE_FULL || k->netns_inode == 0);
    assert(k->kind == CTW_KMSG_SUPPRESSED || k->suppressed == 0);
    semicolon++;
    text = strndup((const char *)semicolon, (size_t)(end - semicolon));
    assert(text);
    if (strlen(text) != (size_t)(end - semicolon))
        assert(k->kind == CTW_KMSG_OTHER); /* a NUL, which a regex cannot see beyond */
    else if (strtoul((const char *)data, NULL, 10) >= 8)
        assert(k->kind == CTW_KMSG_OTHER);
    else
        check_kind(k, text);
    free(text);
}

static void check_tally(const struct ctw_kmsg *k) {
    struct ctw_log_counts t = {0};

    ctw_log_counts_add(&t, k);
    assert((t.full_lines + t.n_netns == 1) == (k->kind == CTW_KMSG_TABLE_FULL));
    assert((t.n_netns == 1) == (k->netns_inode > 0));
    assert((t.expect_lines == 1) == (k->kind == CTW_KMSG_EXPECT_FULL));
    assert(t.suppressed == k->suppressed && t.lost_records == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ctw_kmsg k, untouched;
    int r;

    memset(&untouched, 0x5a, sizeof(untouched));
    memcpy(&k, &untouched, sizeof(k));
    r = ctw_kmsg_parse((const char *)data, size, &k);
    if (r < 0) {
        assert(r == -EBADMSG);
        assert(memcmp(&k, &untouched, sizeof(k)) == 0);
        return 0;
    }
    assert(r == 0);
    check_record(&k, data, size);
    check_tally(&k);
    return 0;
}
