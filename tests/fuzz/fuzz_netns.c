/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a network namespace shows of itself. The first byte chooses: 't' for its fib_trie, '6' for
 * if_inet6, 'n' for a message of rtnetlink, anything else for the path of its control group, of
 * which the first line is also its name in /run/netns, its command and a folder of its pod.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/kernel/addresses.h"
#include "lib/kernel/netns_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct ctw_netns_name *n) {
    if (!memchr(n->text, '\0', sizeof(n->text)) || n->kind >= CTW_NETNS_KINDS ||
        (n->kind == CTW_NETNS_UNNAMED) != (n->text[0] == '\0'))
        abort();
    for (const char *c = n->text; *c; c++)
        if (*c < ' ' || *c > '~')
            abort();
}

static void find_name(const char *text, size_t size) {
    struct ctw_netns_evidence e = {.cgroup = text, .cgroup_length = size};
    char line[300] = "";
    struct ctw_netns_name n;

    memcpy(line, text, size < sizeof(line) - 1 ? size : sizeof(line) - 1);
    ctw_netns_name_find(&e, &n);
    check_name(&n);
    if (n.below_user != ctw_netns_below_user(text, size))
        abort();
    (void)ctw_netns_name_add_pod(&n, text, size, line);
    if (n.kind != CTW_NETNS_UNNAMED)
        check_name(&n);
    e.command = line;
    ctw_netns_name_find(&e, &n);
    check_name(&n);
    e.run_name = line;
    ctw_netns_name_find(&e, &n);
    check_name(&n);
}

static void find_addresses(bool next(struct ctw_piece *, struct ctw_address *), const char *text,
                           size_t size, uint8_t family) {
    struct ctw_piece rest = {text, size};
    struct ctw_address a;

    while (next(&rest, &a))
        if (a.family != family || rest.at + rest.length != text + size)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ctw_address before = {.family = 77};
    struct ctw_address after = before;

    if (size == 0)
        return 0;
    /* malloc() aligns it, as the receiver's buffer is, and its end is guarded. */
    char *rest = malloc(size);
    if (!rest)
        return 0;
    memcpy(rest, data + 1, size - 1);
    if (data[0] == 't')
        find_addresses(ctw_fib_trie_next, rest, size - 1, AF_INET);
    else if (data[0] == '6')
        find_addresses(ctw_if_inet6_next, rest, size - 1, AF_INET6);
    else if (data[0] != 'n')
        find_name(rest, size - 1);
    else if (ctw_address_of_message(rest, size - 1, &after) < 0 &&
             memcmp(&before, &after, sizeof(after)) != 0)
        abort();
    free(rest);
    return 0;
}
