/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is read of a captured machine, whole, in part and hostile; and of this one. */

#include "tests/support/table_root.h"

#include "daemon/source/machine.h"

#define EXPECT     "/proc/net/nf_conntrack_expect"
#define EXPECT_MAX "/proc/sys/net/netfilter/nf_conntrack_expect_max"
#define QUEUES     "/proc/net/netfilter/nfnetlink_queue"
#define SLABINFO   "/proc/slabinfo"

static struct ctw_host host;

static void read_host(const char *root) {
    struct ctw_machine *m;

    assert_int_equal(ctw_machine_new(NULL, root, &m), 0);
    memset(&host, 0x5a, sizeof(host));
    ctw_machine_host(m, 1, &host);
    assert_null(ctw_machine_free(m));
    assert_true(host.known);
    assert_true(host.namespaces >= 1);
}

static void host_of_an_empty_root_is_not_known(void **state) {
    const struct fixture *f = *state;

    read_host(f->root);
    assert_int_equal(host.entry_bytes, 0);
    assert_int_equal(host.memory.total_bytes, 0);
    assert_false(host.has_nft || host.has_iptables || host.has_expectations || host.has_queue);
    assert_false(host.initial_netns);
    assert_string_equal(host.netns, "");
    for (size_t i = 0; i < CTW_TIMEOUTS; i++)
        assert_int_equal(host.timeouts_sec[i], 0);
}

static void host_is_read_below_the_root(void **state) {
    const struct fixture *f = *state;
    char path[PATH_MAX];

    put_table(f);
    write_file(f, "/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "29\n");
    write_file(f, EXPECT_MAX, "256\n");
    write_file(f, EXPECT, "297 l3proto = 2 proto=6 src=192.0.2.1 dst=192.0.2.2 dport=40001 ftp\n");
    write_file(f, QUEUES, "    5  31337 19000 2 65531     0     0    19000  1\n");
    write_file(f, SLABINFO, "nf_conntrack 102 160 320 16 1 : tunables 0 0 0\n");
    write_file(f, "/usr/sbin/nft", "");
    path_of(f, "/usr/sbin/nft", path);
    assert_int_equal(chmod(path, 0755), 0);
    write_file(f, "/sbin/iptables", ""); /* not executable */
    read_host(f->root);
    assert_int_equal(host.timeouts_sec[CTW_TIMEOUT_UDP], 29);
    assert_int_equal(host.timeouts_sec[CTW_TIMEOUT_ICMP], 0);
    assert_true(host.has_expectations);
    assert_int_equal(host.expectations, 1);
    assert_int_equal(host.expect_max, 256);
    assert_string_equal(host.expect_helper, "ftp");
    assert_true(host.has_queue);
    assert_int_equal(host.queue_number, 5);
    assert_int_equal(host.queue_held, 19000);
    assert_int_equal(host.entry_bytes, 320);
    assert_true(host.has_nft);
    assert_false(host.has_iptables);
    assert_true(host.initial_netns);
}

/* Files that are no files, and one without an end: reading ends all the same. */
static void host_of_a_hostile_root_is_bounded(void **state) {
    const struct fixture *f = *state;
    char path[PATH_MAX];

    place_for(f, SLABINFO, path);
    assert_int_equal(mkfifo(path, 0600), 0);
    place_for(f, QUEUES, path);
    assert_int_equal(mkdir(path, 0700), 0);
    place_for(f, EXPECT, path);
    assert_int_equal(symlink("/dev/zero", path), 0);
    read_host(f->root);
    assert_int_equal(host.entry_bytes, 0);
    assert_false(host.has_queue);
    assert_int_equal(host.expectations, 0);
}

static void host_of_this_machine_can_be_read(void **state) {
    (void)state;
    read_host("");
    assert_true(host.memory.total_bytes > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(host_of_an_empty_root_is_not_known),
        TEST(host_is_read_below_the_root),
        TEST(host_of_a_hostile_root_is_bounded),
        TEST(host_of_this_machine_can_be_read),
    };

    alarm(HANGS_AFTER);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
