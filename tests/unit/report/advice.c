/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Advice for many machines, its text, and that advice that was followed does not come back. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/cli/advise.h"
#include "lib/view/advice.h"

#define GIB       (UINT64_C(1) << 30)
#define MIB       (UINT64_C(1) << 20)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* A machine of 24 GiB as its kernel has sized it, where nothing was ever lost. */
static struct ctw_advice_facts machine(void) {
    return (struct ctw_advice_facts){
        .has_table = true,
        .table = {.count = 1000,
                  .max = 1048576,
                  .buckets = 262144,
                  .has_buckets = true,
                  .has_counters = true},
        .has_sysctls = true,
        .module = CTW_MODULE_LOADABLE,
        .host = {.known = true,
                 .memory = {24 * GIB, true, 20 * GIB, false},
                 .release = {.entries_per_bucket = 8,
                             .insert_failed_in_drop = true,
                             .buckets_writable = true,
                             .chain_limit = true},
                 .namespaces = 1,
                 .initial_netns = true,
                 .timeouts_sec =
                     {[CTW_TIMEOUT_TCP_ESTABLISHED] = 86400, [CTW_TIMEOUT_TCP_SYN_SENT] = 120}},
        .lack = CTW_CENSUS_CAPTURED,
    };
}

static struct ctw_settings settings;
static struct ctw_advice advice;
static char text[CTW_RENDER_ADVICE_MAX];

static void advise(const struct ctw_advice_facts *f) {
    ctw_advise(f, &settings, &advice);
}

static int defaults(void **state) {
    (void)state;
    ctw_settings_defaults(&settings);
    return 0;
}

static const struct ctw_finding *found(enum ctw_finding_kind kind) {
    for (size_t i = 0; i < advice.n_findings; i++)
        if (advice.findings[i].kind == kind)
            return &advice.findings[i];
    return NULL;
}

static void assert_no_lines(void) {
    for (size_t i = 0; i < CTW_ADVICE_FILES; i++)
        assert_string_equal(advice.files[i], "");
}

static void assert_no_change_is_not_said(void) {
    struct ctw_advice_facts f = machine();

    ctw_render_advice_text(&f, &settings, &advice, text, sizeof(text));
    assert_null(strstr(text, "There is nothing to change."));
}

/* --- the limits ------------------------------------------------------------------------------- */

static void advise_healthy_machine_finds_nothing(void **state) {
    const struct ctw_advice_facts f = machine();

    (void)state;
    advise(&f);
    assert_int_equal(advice.n_findings, 0);
    assert_no_lines();
    ctw_render_advice_text(&f, &settings, &advice, text, sizeof(text));
    assert_non_null(strstr(text, "\nThere is nothing to change.\n"));
}

static void advise_limits_by_hand(void **state) {
    /* 10 % of 24 GiB / (384 + 2) bytes = 6676114, of 256 MiB 69542, in multiples of 4096 */
    static const struct {
        uint32_t count, max, buckets, peak;
        int64_t rate;
        uint32_t refused, per_bucket;
        uint64_t memory;
        uint32_t want_max, want_buckets;
    } cases[] = {
        /* three quarters of the limit leave room enough; one entry more does not */
        {1000, 65536, 16384, 0, 0, 0, 8, 24 * GIB, 65536, 16384},
        {49152, 65536, 16384, 0, 0, 0, 8, 24 * GIB, 65536, 16384},
        {49153, 65536, 16384, 0, 0, 0, 8, 24 * GIB, 102400, 25600}, /* 98306; one for four */
        {1000, 65536, 16384, 49153, 0, 0, 8, 24 * GIB, 102400, 25600},
        {400000, 524288, 262144, 0, 0, 0, 8, 24 * GIB, 802816, 262144},
        /* a second more of the fastest fill does not fit: two are advised */
        {0, 65536, 32768, 10000, 55536, 0, 8, 24 * GIB, 65536, 32768},
        {0, 65536, 32768, 10000, 60000, 0, 8, 24 * GIB, 131072, 32768},
        /* a full table: twice the limit, not as much as memory allows; and no more after that */
        {65536, 65536, 65536, 0, 0, 1, 8, 24 * GIB, 131072, 65536},
        {62260, 65536, 65536, 65536, 0, 1, 8, 24 * GIB, 131072, 65536},
        {62260, 131072, 65536, 65536, 0, 1, 8, 24 * GIB, 131072, 65536},
        {0, 65536, 65536, 0, 0, 1, 8, 24 * GIB, 65536, 65536}, /* when it was full is not known */
        /* chains of 8 are too long already; 9 entries a bucket are too many, 8 are not */
        {0, 1048576, 131072, 0, 0, 0, 8, 24 * GIB, 1048576, 131072},
        {0, 1048577, 131072, 0, 0, 0, 8, 24 * GIB, 1048577, 263168},
        {0, 1048576, 262144, 0, 0, 0, 1, 24 * GIB, 1048576, 1048576},
        /* of a limit that memory cannot hold, as much as it can: 6672384 / 4 */
        {0, 2147483647, 262144, 0, 0, 0, 8, 24 * GIB, 2147483647, 1668096},
        /* a small machine */
        {16384, 16384, 16384, 0, 0, 1, 8, 256 * MIB, 32768, 16384},
        {60000, 60000, 16384, 0, 0, 1, 8, 256 * MIB, 65536, 16384}, /* it should be 122880 */
        {65536, 65536, 16384, 0, 0, 1, 8, 256 * MIB, 65536, 16384}, /* it cannot be raised */
        /* no limit: only the chains count */
        {58, 0, 65536, 0, 0, 0, 8, 24 * GIB, 0, 65536},
        {600000, 0, 65536, 0, 0, 0, 8, 24 * GIB, 0, 300032},
        /* of a machine whose memory is not known, no limit can be */
        {65536, 65536, 16384, 0, 0, 1, 8, 0, 65536, 16384},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_advice_facts f = machine();
        f.table.count = cases[i].count;
        f.table.max = cases[i].max;
        f.table.buckets = cases[i].buckets;
        f.table.counters.drop = cases[i].refused;
        f.past.peak_count = cases[i].peak;
        f.past.fastest_rate = cases[i].rate;
        f.host.release.entries_per_bucket = cases[i].per_bucket;
        f.host.memory = (struct ctw_memory){.total_bytes = cases[i].memory};
        advise(&f);
        if (advice.max != cases[i].want_max || advice.buckets != cases[i].want_buckets)
            fail_msg("case %zu: max %u, buckets %u", i, advice.max, advice.buckets);
        assert_int_equal(found(CTW_FINDING_MAX) != NULL, advice.max != cases[i].max);
        assert_int_equal(found(CTW_FINDING_BUCKETS) != NULL, advice.buckets != cases[i].buckets);
        assert_true(cases[i].refused == 0 || advice.n_findings > 0);
    }
}

/* What a full table refused would have stayed for as long as an entry lives: 66 s here. */
static void advise_full_table_by_its_losses(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.table.count = f.table.max = 66000;
    f.table.counters.early_drop = 5;
    f.past.new_per_sec = 1000;
    f.past.lost_per_sec = 3000;
    advise(&f);
    assert_int_equal(advice.need.lifetime_sec, 66);
    assert_int_equal(advice.max, 352256); /* (66000 + 66 * 3000) / 0.75, rounded up */
    f.past.lost_per_sec = 100;            /* fewer than twice the limit */
    advise(&f);
    assert_int_equal(advice.max, 135168);
    f.past = (struct ctw_advice_past){.fastest_rate = INT64_MAX,
                                      .lost_per_sec = UINT64_MAX,
                                      .new_per_sec = 1,
                                      .peak_count = UINT32_MAX};
    advise(&f);
    assert_int_equal(advice.need.wanted, CTW_MAX_LARGEST);
}

/* The counters do not show when the table was full; a ctwatchd that watched knows. */
static void advise_losses_that_ctwatchd_saw(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.table.counters.drop = 7;
    advise(&f);
    assert_int_equal(advice.lost.other_drops, 7);
    assert_non_null(strstr(found(CTW_FINDING_REFUSED)->text.text, "7 new flows were refused"));
    f.past.lost.drops = 5;
    f.past.peak_count = 65536;
    advise(&f);
    assert_int_equal(advice.lost.drops, 5);
    assert_int_equal(advice.lost.other_drops, 2);
    assert_non_null(strstr(found(CTW_FINDING_PAST)->text.text, "5 new flows were refused"));
    f.table.count = f.table.max;
    f.past.lost = (struct ctw_losses){.other_drops = 6};
    advise(&f);
    assert_int_equal(advice.lost.drops, 1);
    assert_int_equal(advice.lost.other_drops, 6);
    assert_no_change_is_not_said();
}

static void advise_states_the_memory_of_a_full_table(void **state) {
    const struct ctw_advice_facts f = machine();

    (void)state;
    advise(&f);
    assert_int_equal(advice.bytes_least, 1048576 * 256 + 262144 * 8);
    assert_int_equal(advice.bytes_most, 1048576 * 384 + 262144 * 8);
}

static void advise_uses_the_ceiling_of_growth(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    advise(&f);
    assert_int_equal(advice.bounds.ceiling, 8 * 262144);
    assert_int_equal(advice.bounds.bound, CTW_BOUND_BUCKETS);
    assert_int_equal(advice.resized.ceiling, 6672384);
    assert_int_equal(advice.resized.bound, CTW_BOUND_MEMORY);

    settings.growth.ceiling = 700000;
    f.table.counters.early_drop = 1;
    f.table.count = f.table.max = 400000;
    advise(&f);
    assert_int_equal(advice.max, 700000);
    assert_non_null(strstr(found(CTW_FINDING_MAX)->text.text, "growth.ceiling allows no more"));
    assert_non_null(strstr(found(CTW_FINDING_RELIEF)->text.text, "ctwatch top"));
}

static void advise_limit_at_the_ceiling_has_no_line(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.host.memory = (struct ctw_memory){256 * MIB, false, 0, false};
    f.table.count = f.table.max = 65536;
    f.table.counters.drop = 7;
    advise(&f);
    assert_non_null(strstr(found(CTW_FINDING_CEILING)->text.text,
                           "growth.memory allows no more than 65536 (10.0 % of 256 MiB of memory"));
    assert_string_equal(found(CTW_FINDING_CEILING)->cause, "unknown");
    assert_non_null(found(CTW_FINDING_RELIEF));
    assert_no_lines();

    f.host.memory = (struct ctw_memory){0};
    advise(&f);
    assert_non_null(strstr(found(CTW_FINDING_CEILING)->text.text, "7 new flows were refused"));
    assert_no_lines();
}

static void advise_ceiling_below_the_limit(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.host.memory = (struct ctw_memory){57 * MIB, true, 9 * MIB, true};
    f.table.count = f.table.max = 16384;
    f.table.counters.early_drop = 211;
    advise(&f);
    assert_non_null(
        strstr(found(CTW_FINDING_CEILING)->text.text, ", less than the present 16384."));
    settings.growth.memory_permyriad = 9000;
    advise(&f);
    assert_non_null(strstr(found(CTW_FINDING_MAX)->text.text,
                           "MemAvailable allows no more than 24576 (half of 9 MiB, estimated from "
                           "MemFree, Cached and SReclaimable)"));
}

static void advise_states_the_cost_of_real_objects(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.host.entry_bytes = 320;
    f.table.count = f.table.max = 65536;
    f.table.counters.drop = 1;
    advise(&f);
    /* 131072 x (320 + 128) + 262144 x 8 bytes = 58 MiB, of it 65536 x 448 = 28 */
    assert_int_equal(advice.bytes_advised, UINT64_C(131072) * 448 + 262144 * 8);
    assert_non_null(
        strstr(found(CTW_FINDING_MAX)->text.text, "up to 58 MiB when full, 28 more than now"));
}

/* As the kernel counts them: not as drops. No limit helps against long chains. */
/* A hash table of 262144 buckets carries 2097152 entries. */
static void advise_counts_entries_of_other_namespaces(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.table.other_entries = 1048576;
    advise(&f);
    assert_null(found(CTW_FINDING_BUCKETS));
    assert_int_equal(advice.bytes_most, 2097152 * 384ull + 262144 * 8ull);
    f.table.other_entries++;
    advise(&f);
    assert_int_equal(found(CTW_FINDING_BUCKETS)->advised,
                     ctw_growth_buckets_for(ctw_growth_round_max(2097153), 8));
    ctw_render_advice_text(&f, &settings, &advice, text, sizeof(text));
    assert_non_null(strstr(text, "262144, 8.1 entries each at the limit, up to 8 safe\n"));
    assert_non_null(strstr(text, "with 1048577 entries of other network namespaces\n"));
    assert_non_null(strstr(text, " = (10.0 % of 25769803776 bytes / 386 - 1048577) x 3 / 4"));
}

static void advise_counts_refusals_for_long_chains(void **state) {
    struct ctw_advice_facts f = machine();
    json_int_t refused, evicted, chains;

    (void)state;
    f.table.counters = (struct ctw_counters){.insert_failed = 1193, .chainlength = 1193};
    advise(&f);
    assert_int_equal(advice.max, f.table.max);
    assert_int_equal(advice.buckets, f.table.max); /* one for each entry */
    assert_string_equal(found(CTW_FINDING_BUCKETS)->cause, "too_few_buckets");
    ctw_render_advice_text(&f, &settings, &advice, text, sizeof(text));
    assert_non_null(
        strstr(text, "\nlost so far          1193 new flows dropped (too few buckets)\n"));
    ctw_render_advice_json(&f, &advice, text, sizeof(text));
    json_t *o = json_loads(text, 0, NULL);
    assert_int_equal(json_unpack(o, "{s:{s:I,s:I}, s:{s:I}}", "table", "refused", &refused,
                                 "evicted", &evicted, "lost", "chain_too_long", &chains),
                     0);
    assert_int_equal(refused, 1193);
    assert_int_equal(evicted, 0);
    assert_int_equal(chains, 1193);
    json_decref(o);

    f.table.buckets = advice.buckets;
    advise(&f);
    assert_null(found(CTW_FINDING_BUCKETS));
    assert_non_null(found(CTW_FINDING_CHAINS));
}

static void advise_expectations_at_their_limit(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.host.has_expectations = true;
    f.host.expectations = 256;
    f.host.expect_max = 256;
    (void)snprintf(f.host.expect_helper, sizeof(f.host.expect_helper), "sip");
    f.table.counters.drop = 800;
    advise(&f);
    assert_int_equal(advice.max, f.table.max);
    assert_int_equal(advice.n_findings, 1);
    assert_string_equal(advice.findings[0].cause, "expectations");
    assert_non_null(strstr(advice.findings[0].text.text,
                           "800 new flows were refused below the limit: expectations are at their "
                           "limit, 256 of 256 (nf_conntrack_expect_max), and most are of the "
                           "helper sip."));
    assert_string_equal(advice.files[CTW_FILE_SYSCTL],
                        "net.netfilter.nf_conntrack_expect_max = 512\n");
    f.host.expect_max = 512;
    advise(&f);
    assert_int_equal(advice.n_findings, 1);
    assert_int_equal(advice.findings[0].kind, CTW_FINDING_REFUSED);
    assert_no_lines();
}

static void advise_clashes_leave_the_limit(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.table.counters.drop = f.table.counters.insert_failed = 42808;
    advise(&f);
    assert_int_equal(advice.n_findings, 1);
    assert_int_equal(advice.findings[0].kind, CTW_FINDING_CLASHES);
    assert_non_null(strstr(advice.findings[0].text.text, "42808 new flows were lost to clashes"));
    assert_no_lines();
}

static void advise_more_than_half_of_memory_has_no_line(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    /* 1048576 x 384 + 262144 x 8 bytes = 386 MiB */
    f.host.memory.total_bytes = 772 * MIB;
    advise(&f);
    assert_null(found(CTW_FINDING_MEMORY));
    f.host.memory.total_bytes = 771 * MIB;
    advise(&f);
    assert_non_null(strstr(found(CTW_FINDING_MEMORY)->text.text, "386 of 771 MiB"));
    assert_no_lines();
}

static void advise_in_a_child_namespace_leaves_the_limits(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.host.initial_netns = false;
    f.table.count = f.table.max = 65536;
    f.table.buckets = 1024;
    f.table.counters.drop = 1;
    f.host.timeouts_sec[CTW_TIMEOUT_TCP_ESTABLISHED] = 432000;
    f.lack = CTW_CENSUS_TAKEN;
    f.talkers = (struct ctw_talkers){.known = true, .entries = 100, .idle_tcp_permyriad = 1000};
    advise(&f);
    assert_non_null(strstr(found(CTW_FINDING_FOREIGN)->text.text, "it should be 131072."));
    assert_non_null(found(CTW_FINDING_RELIEF));
    assert_string_equal(advice.files[CTW_FILE_SYSCTL],
                        "net.netfilter.nf_conntrack_tcp_timeout_established = 86400\n");
    assert_string_equal(advice.files[CTW_FILE_MODPROBE], "");
}

/* --- timeouts and what need not be tracked ---------------------------------------------------- */

/* Only where there are entries that a shorter timeout would free. */
static void advise_lowers_only_long_timeouts_of_entries(void **state) {
    static const struct {
        enum ctw_timeout timeout;
        const char *entries;
        uint32_t most;
    } cases[] = {
        {CTW_TIMEOUT_TCP_SYN_SENT, "tcp/SYN_SENT", 120},
        {CTW_TIMEOUT_TCP_CLOSE_WAIT, "tcp/CLOSE_WAIT", 60},
        {CTW_TIMEOUT_TCP_TIME_WAIT, "tcp/TIME_WAIT", 120},
        {CTW_TIMEOUT_UDP, "udp/unreplied", 300},
        {CTW_TIMEOUT_UDP, "udp/replied", 300},
        {CTW_TIMEOUT_UDP_STREAM, "udp/assured", 300},
        {CTW_TIMEOUT_ICMP, "icmp/unreplied", 30},
        {CTW_TIMEOUT_ICMPV6, "icmpv6/replied", 30},
        {CTW_TIMEOUT_SCTP_ESTABLISHED, "sctp/assured", 86400},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_advice_facts f = machine();
        f.table.count = 200000;
        f.lack = CTW_CENSUS_TAKEN;
        f.talkers = (struct ctw_talkers){.known = true, .entries = 1000, .n_states = 1};
        (void)snprintf(f.talkers.states[0].name, sizeof(f.talkers.states[0].name), "%s",
                       cases[i].entries);
        f.talkers.states[0].permyriad = 1000;
        for (size_t k = 0; k < CTW_TIMEOUTS; k++)
            f.host.timeouts_sec[k] = UINT32_MAX;
        advise(&f);
        assert_int_equal(advice.n_findings, 1);
        assert_string_equal(advice.findings[0].name, ctw_timeout_name(cases[i].timeout));
        assert_int_equal(advice.findings[0].advised, cases[i].most);
        assert_non_null(strstr(advice.findings[0].text.text, "frees no idle entry"));
        f.talkers.states[0].permyriad = 999;
        advise(&f);
        assert_int_equal(advice.n_findings, 0);
        f.talkers.states[0].permyriad = 1000;
        f.lack = CTW_CENSUS_NOT_PERMITTED;
        advise(&f);
        assert_int_equal(advice.n_findings, 0);
        f.lack = CTW_CENSUS_TAKEN;
        f.host.timeouts_sec[cases[i].timeout] = cases[i].most;
        advise(&f);
        assert_int_equal(advice.n_findings, 0);
    }
}

static void advise_idle_table_gets_the_shortest_timeout(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.lack = CTW_CENSUS_TAKEN;
    f.table.count = 500000;
    f.talkers = (struct ctw_talkers){.known = true, .entries = 1000, .idle_tcp_permyriad = 5000};
    advise(&f);
    assert_int_equal(found(CTW_FINDING_TIMEOUT)->advised, 7440);
    f.talkers.idle_tcp_permyriad = 4999;
    advise(&f);
    assert_null(found(CTW_FINDING_TIMEOUT));
}

static void advise_few_idle_entries_keep_the_timeout(void **state) {
    static const struct {
        uint32_t count, max;
        bool shortest;
        uint32_t want; /* in place of five days */
    } cases[] = {
        {2, 262144, false, 0},         {2620, 262144, false, 0},    {2621, 262144, false, 86400},
        {26213, 262144, false, 86400}, {26214, 262144, true, 7440}, {262144, 262144, true, 7440},
        {1000000, 0, false, 86400},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_advice_facts f = machine();
        f.table.count = cases[i].count;
        f.table.max = cases[i].max;
        f.lack = CTW_CENSUS_TAKEN;
        f.talkers = (struct ctw_talkers){.known = true, .entries = 2, .idle_tcp_permyriad = 10000};
        advise(&f);
        assert_int_equal(found(CTW_FINDING_TIMEOUT) != NULL, cases[i].shortest);
        f.host.timeouts_sec[CTW_TIMEOUT_TCP_ESTABLISHED] = 432000;
        advise(&f);
        const struct ctw_finding *d = found(CTW_FINDING_TIMEOUT);
        assert_int_equal(d ? d->advised : 0, cases[i].want);
    }
}

static void advise_untracks_large_shares_only(void **state) {
    static const struct {
        uint32_t count, loopback, dns;
        bool want_loopback, want_dns;
    } cases[] = {
        {100000, 2499, 2499, false, false}, {100000, 2500, 0, true, false},
        {100000, 0, 2500, false, true},     {100000, 4000, 6000, true, false},
        {100000, 3000, 6000, true, true},   {10484, 10000, 0, false, false},
        {10485, 10000, 0, true, false},     {0, 10000, 10000, false, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct ctw_advice_facts f = machine();
        f.table.count = cases[i].count;
        f.lack = CTW_CENSUS_TAKEN;
        f.talkers = (struct ctw_talkers){.known = true,
                                         .entries = 5000,
                                         .loopback_permyriad = cases[i].loopback,
                                         .dns_permyriad = cases[i].dns,
                                         .dns_loopback_permyriad =
                                             (uint32_t)ctw_least(cases[i].loopback, cases[i].dns)};
        advise(&f);
        assert_int_equal(found(CTW_FINDING_LOOPBACK) != NULL, cases[i].want_loopback);
        assert_int_equal(found(CTW_FINDING_DNS) != NULL, cases[i].want_dns);
        const char *nft = advice.files[CTW_FILE_NFT];
        assert_int_equal(strstr(nft, "oif \"lo\" notrack") != NULL, cases[i].want_loopback);
        assert_int_equal(strstr(nft, "udp sport 53 notrack") != NULL, cases[i].want_dns);

        f.talkers.loopback_nat_permyriad = 1;
        advise(&f);
        assert_null(found(CTW_FINDING_LOOPBACK));

        f.lack = CTW_CENSUS_NOT_PERMITTED;
        advise(&f);
        assert_null(found(CTW_FINDING_LOOPBACK));
        assert_null(found(CTW_FINDING_DNS));
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

static struct ctw_advice_facts in_need(void) {
    struct ctw_advice_facts f = machine();

    f.table.count = f.table.max = 65536;
    f.table.buckets = 16384;
    f.table.counters.drop = 1;
    f.host.timeouts_sec[CTW_TIMEOUT_TCP_ESTABLISHED] = 432000;
    f.lack = CTW_CENSUS_TAKEN;
    f.talkers = (struct ctw_talkers){.known = true,
                                     .entries = 500,
                                     .sampled = true,
                                     .margin_permyriad = 310,
                                     .loopback_permyriad = 1234,
                                     .dns_permyriad = 1000,
                                     .idle_tcp_permyriad = 1000};
    return f;
}

static void files_follow_the_kind_of_kernel(void **state) {
    static const char sysctls[] = "net.netfilter.nf_conntrack_max = 131072\n"
                                  "net.netfilter.nf_conntrack_tcp_timeout_established = 86400\n";
    struct ctw_advice_facts f = in_need();
    char all[256];

    (void)state;
    advise(&f);
    (void)snprintf(all, sizeof(all), "net.netfilter.nf_conntrack_buckets = 32768\n%s", sysctls);
    assert_string_equal(advice.files[CTW_FILE_SYSCTL], all);
    assert_string_equal(advice.files[CTW_FILE_MODULES_LOAD], "nf_conntrack\n");
    assert_string_equal(advice.files[CTW_FILE_MODPROBE], "options nf_conntrack hashsize=32768\n");

    f.host.release.buckets_writable = false;
    advise(&f);
    assert_string_equal(advice.files[CTW_FILE_SYSCTL], sysctls);
    assert_string_not_equal(advice.files[CTW_FILE_MODPROBE], "");

    f.module = CTW_MODULE_BUILT_IN;
    advise(&f);
    assert_string_equal(advice.files[CTW_FILE_MODULES_LOAD], "");
    assert_string_equal(advice.files[CTW_FILE_MODPROBE], "");
    assert_non_null(strstr(found(CTW_FINDING_BUCKETS)->text.text, "nf_conntrack.hashsize=32768"));

    f.host.release.buckets_writable = true;
    advise(&f);
    assert_string_equal(advice.files[CTW_FILE_SYSCTL], all);
    assert_null(strstr(found(CTW_FINDING_BUCKETS)->text.text, "hashsize"));
}

static void advise_once_followed_finds_nothing(void **state) {
    static const uint32_t counts[] = {0, 1000, 65536, 1000000}, drops[] = {0, 5};
    static const uint64_t memory[] = {128 * MIB, GIB, 24 * GIB, 4096 * GIB};

    (void)state;
    for (size_t i = 0; i < LENGTH(counts) * LENGTH(drops) * LENGTH(memory) * 2; i++) {
        struct ctw_advice_facts f = in_need();
        f.table.count = counts[i % LENGTH(counts)];
        f.table.counters.drop = drops[i / 4 % 2];
        f.host.memory =
            (struct ctw_memory){memory[i / 8 % 4], true, memory[i / 8 % 4] / 10 * 9, false};
        f.host.release.entries_per_bucket = i / 32 ? 1 : 8;
        advise(&f);
        assert_true(advice.max >= f.table.max);
        if (advice.max != f.table.max)
            assert_true(advice.max <= advice.resized.ceiling);
        assert_true(advice.buckets >= f.table.buckets);
        f.table.max = advice.max;
        f.table.buckets = advice.buckets;
        f.host.timeouts_sec[CTW_TIMEOUT_TCP_ESTABLISHED] = 86400;
        f.table.count += f.table.count / 2;
        advise(&f);
        assert_null(found(CTW_FINDING_MAX));
        assert_null(found(CTW_FINDING_BUCKETS));
        assert_no_lines();
    }
}

/* --- how it reads ----------------------------------------------------------------------------- */

static void render_text_word_for_word(void **state) {
    struct ctw_advice_facts f = in_need();

    (void)state;
    f.past = (struct ctw_advice_past){
        .peak_count = 65536, .fastest_rate = 3000, .lost_per_sec = 5, .new_per_sec = 1000};
    advise(&f);
    const size_t n = ctw_render_advice_text(&f, &settings, &advice, text, sizeof(text));
    assert_int_equal(n, strlen(text));
    assert_string_equal(
        text, "entries              65536 of 65536 (100.0 %)\n"
              "buckets              16384, 4.0 entries each at the limit, up to 8 safe\n"
              "memory at the limit  16 MiB = 65536 x 256 + 16384 x 8 bytes\n"
              "  at worst           24 MiB, with 384 instead of 256: events, or accounting\n"
              "highest count        65536 since the boot\n"
              "  fastest fill       3000 entries in a second\n"
              "  an entry lives     65 s on average, 1000 new flows/s now\n"
              "lost so far          1 new flow dropped (table full)\n"
              "could go untracked   12.3 % loopback, 10.0 % DNS, of 500 read, +- 3.1\n"
              "growth ceiling       131072, set by buckets (growth is off)\n"
              "                     6672384, set by growth.memory, with enough buckets\n"
              "  growth.ceiling     no bound\n"
              "  growth.memory      6672384 = 10.0 % of 25769803776 bytes / 386\n"
              "  MemAvailable       27951104 = 65536 + 21474836480 bytes / 2 / 385\n"
              "  buckets            131072 = 16384 x 8\n"
              "\n"
              "* Raise nf_conntrack_max from 65536 to 131072: 1 new flow was refused at this\n"
              "  limit; this leaves room for at least as many again. It takes no memory until\n"
              "  entries come, and up to 49 MiB when full, 24 more than now.\n"
              "* Raise nf_conntrack_buckets from 16384 to 32768: one for every four of 131072\n"
              "  entries keeps chains short. Done now, this stops packets for some 26 ms; at\n"
              "  boot it does not.\n"
              "* Lower nf_conntrack_tcp_timeout_established from 432000 to 86400 s: 10 % of the\n"
              "  entries are TCP that has been idle for an hour. It frees no idle entry: an\n"
              "  entry takes the new timeout with its next packet.\n"
              "\n"
              "# /etc/sysctl.d/99-conntrack.conf (at once: sysctl -p FILE)\n"
              "net.netfilter.nf_conntrack_buckets = 32768\n"
              "net.netfilter.nf_conntrack_max = 131072\n"
              "net.netfilter.nf_conntrack_tcp_timeout_established = 86400\n"
              "\n"
              "# /etc/modules-load.d/conntrack.conf (or the sysctls come too early)\n"
              "nf_conntrack\n"
              "\n"
              "# /etc/modprobe.d/conntrack.conf (for when it is loaded)\n"
              "options nf_conntrack hashsize=32768\n");
}

static void render_lines_fit_80_columns(void **state) {
    struct ctw_advice_facts f = machine();

    (void)state;
    f.table = (struct ctw_sample){.count = UINT32_MAX,
                                  .max = UINT32_MAX,
                                  .buckets = UINT32_MAX / 100,
                                  .has_buckets = true,
                                  .has_counters = true,
                                  .counters = {.drop = INT32_MAX,
                                               .early_drop = INT32_MAX,
                                               .insert_failed = INT32_MAX,
                                               .chainlength = INT32_MAX}};
    f.host.memory = (struct ctw_memory){4096 * GIB, true, 4096 * GIB, false};
    f.host.namespaces = 100000;
    f.lack = CTW_CENSUS_TAKEN;
    f.talkers = (struct ctw_talkers){.known = true,
                                     .entries = UINT32_MAX,
                                     .loopback_permyriad = 10000,
                                     .dns_permyriad = 10000,
                                     .sampled = true,
                                     .margin_permyriad = 3100};
    for (size_t i = 0; i < CTW_TIMEOUTS; i++)
        f.host.timeouts_sec[i] = UINT32_MAX;
    for (int again = 0; again < 2; again++) {
        advise(&f);
        assert_in_range(ctw_render_advice_text(&f, &settings, &advice, text, sizeof(text)), 1,
                        sizeof(text) - 1);
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
            if (strcspn(line, "\n") > 80)
                fail_msg("%.*s", (int)strcspn(line, "\n"), line);
        f.table.max = 65536;
    }
    assert_int_equal(strlen(advice.files[CTW_FILE_NFT]) < CTW_ADVICE_FILE_MAX - 100, true);
    assert_int_equal(strlen(advice.files[CTW_FILE_SYSCTL]) < CTW_ADVICE_FILE_MAX - 100, true);
    assert_in_range(ctw_render_advice_json(&f, &advice, text, sizeof(text)), 1, sizeof(text) - 1);
}

static void render_json_has_the_same_values(void **state) {
    struct ctw_advice_facts f = in_need();
    const char *kind, *name, *file, *bound, *cause;
    json_int_t max, is, advised, worst, ceiling, peak, dropped, new_max, full_bytes;

    (void)state;
    f.past.peak_count = 65536;
    f.lack = CTW_CENSUS_CAPTURED;
    advise(&f);
    const size_t n = ctw_render_advice_json(&f, &advice, text, sizeof(text));
    assert_int_equal(n, strlen(text));
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    assert_int_equal(
        json_unpack(o, "{s:{s:I,s:I}, s:{s:I,s:s}, s:n, s:{s:n}, s:{s:I}, s:{s:I}, s:{s:I,s:I}}",
                    "table", "max", &max, "bytes_at_limit_worst", &worst, "growth", "ceiling",
                    &ceiling, "bound", &bound, "untracked", "need", "entry_lifetime_seconds",
                    "need", "highest_count", &peak, "lost", "dropped_full", &dropped, "advised",
                    "max", &new_max, "memory_full_at_most_bytes", &full_bytes),
        0);
    assert_int_equal(json_unpack(o, "{s:[{s:s,s:s,s:I,s:I,s:s}]}", "findings", "kind", &kind,
                                 "name", &name, "is", &is, "advised", &advised, "cause", &cause),
                     0);
    assert_int_equal(max, 65536);
    assert_int_equal(worst, 65536 * 384 + 16384 * 8);
    assert_int_equal(peak, 65536);
    assert_int_equal(dropped, 1);
    assert_int_equal(new_max, 131072);
    assert_int_equal(full_bytes, 131072 * 384 + 32768 * 8);
    assert_int_equal(ceiling, 131072);
    assert_string_equal(bound, "buckets");
    assert_string_equal(kind, "max");
    assert_string_equal(name, "nf_conntrack_max");
    assert_int_equal(is, 65536);
    assert_int_equal(advised, 131072);
    assert_string_equal(cause, "unknown");
    file = json_string_value(
        json_object_get(json_object_get(o, "files"), "/etc/sysctl.d/99-conntrack.conf"));
    assert_string_equal(file, advice.files[CTW_FILE_SYSCTL]);
    json_decref(o);
}

/* --- captured machines ------------------------------------------------------------------------ */

/* @kinds: of the findings, each with a space behind it. */
static void advise_captured(const char *folder, const char *name, char kinds[static 256]) {
    const char *source = getenv("SOURCE_DIR");
    char root[4096], error[CTW_ADVISE_ERROR_MAX];
    struct ctw_advice_facts f;

    (void)snprintf(root, sizeof(root), "%s/tests/fixtures/%s/%s", source ? source : ".", folder,
                   name);
    if (ctw_advise_gather(root, NULL, &settings, &f, error) < 0)
        fail_msg("%s (run it in the source tree, or set SOURCE_DIR)", error);
    assert_int_equal(f.has_table, strcmp(name, "no-module") != 0);
    assert_int_equal(f.lack, CTW_CENSUS_CAPTURED);
    advise(&f);
    kinds[0] = '\0';
    for (size_t k = 0; k < advice.n_findings; k++) {
        const size_t used = strlen(kinds);
        (void)snprintf(kinds + used, 256 - used, "%s ", ctw_finding_name(advice.findings[k].kind));
    }
    assert_in_range(ctw_render_advice_json(&f, &advice, text, sizeof(text)), 1, sizeof(text) - 1);
    assert_in_range(ctw_render_advice_text(&f, &settings, &advice, text, sizeof(text)), 1,
                    sizeof(text) - 1);
}

static void gather_captured_machines(void **state) {
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"linux-6.18", ""},          {"linux-6.18-full", "ceiling relief "},
        {"debian-6.1", "buckets "},  {"rhel6-2.6.32", "ceiling relief clashes "},
        {"rhel5-2.6.18", "kernel "}, {"linux-2.4", "kernel "},
        {"no-module", ""},           {"max-0", ""},
    };
    char kinds[256];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        advise_captured("roots", cases[i].name, kinds);
        assert_string_equal(kinds, cases[i].want);
    }
}

/* What people really had (tests/fixtures/cases), and what should be said. */
static void advise_real_cases(void **state) {
    static const struct {
        const char *name, *kinds;
        uint32_t max, buckets;
        const char *cause; /* of the first finding; NULL: none */
        const char *words;
    } cases[] = {
        {"counters-sum-past-32-bits", "max buckets ", 131072, 131072, "unknown",
         "4294967298 new flows were refused"},
        {"full-3.10", "max buckets clashes ", 131072, 32768, "unknown",
         "5000 new flows were refused at this limit"},
        {"full-at-ceiling", "ceiling relief ", 524288, 131072, "unknown",
         "1790355 new flows were refused and 239357 entries were evicted at this limit. It should "
         "be 1048576, but growth.memory allows no more than 536576"},
        {"full-small-router", "ceiling relief ", 16384, 4096, "unknown",
         "growth.memory allows no more than 12288 (10.0 % of 57 MiB of memory, 386 bytes an "
         "entry), less than the present 16384."},
        {"helper-refuses", "expectations ", 65536, 16384, "expectations",
         "expectations are at their limit, 256 of 256 (nf_conntrack_expect_max), and most are of "
         "the helper sip."},
        {"long-chains-el9", "buckets ", 1310720, 1310720, "too_few_buckets",
         "4402 new flows were refused because of chains that are too long"},
        {"nat-clashes", "clashes ", 262144, 65536, "clash_race",
         "42808 new flows were lost to clashes."},
        {"nat-clashes-large-max", "clashes ", 1048576, 262144, "clash_race",
         "42808 new flows were lost to clashes."},
        {"no-memavailable", "max ", 122880, 65536, NULL,
         "the count is 60000 (91.5 % of the limit)"},
    };
    char kinds[256];

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        advise_captured("cases/roots", cases[i].name, kinds);
        print_message("%s\n", cases[i].name);
        assert_string_equal(kinds, cases[i].kinds);
        assert_int_equal(advice.max, cases[i].max);
        assert_int_equal(advice.buckets, cases[i].buckets);
        assert_string_equal(advice.findings[0].cause ? advice.findings[0].cause : "none",
                            cases[i].cause ? cases[i].cause : "none");
        assert_non_null(strstr(advice.findings[0].text.text, cases[i].words));
        assert_null(strstr(text, "There is nothing to change."));
    }
    assert_non_null(strstr(text, "estimated: MemFree + Cached - Shmem + SReclaimable\n"));

    advise_captured("cases/roots", "full-3.10", kinds); /* the sysctl is read-only there */
    assert_string_equal(advice.files[CTW_FILE_SYSCTL], "net.netfilter.nf_conntrack_max = 131072\n");
    assert_string_equal(advice.files[CTW_FILE_MODPROBE], "options nf_conntrack hashsize=32768\n");
    assert_non_null(strstr(found(CTW_FINDING_BUCKETS)->text.text,
                           "write 32768 to /sys/module/nf_conntrack/parameters/hashsize"));
}

static void gather_no_folder_fails(void **state) {
    char error[CTW_ADVISE_ERROR_MAX];
    struct ctw_advice_facts f;

    (void)state;
    assert_true(ctw_advise_gather("/nonexistent", NULL, &settings, &f, error) < 0);
    assert_non_null(strstr(error, "/nonexistent: "));
    assert_true(ctw_advise_gather("/dev/null", NULL, &settings, &f, error) < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(advise_healthy_machine_finds_nothing, defaults),
        cmocka_unit_test_setup(advise_limits_by_hand, defaults),
        cmocka_unit_test_setup(advise_full_table_by_its_losses, defaults),
        cmocka_unit_test_setup(advise_losses_that_ctwatchd_saw, defaults),
        cmocka_unit_test_setup(advise_states_the_memory_of_a_full_table, defaults),
        cmocka_unit_test_setup(advise_uses_the_ceiling_of_growth, defaults),
        cmocka_unit_test_setup(advise_limit_at_the_ceiling_has_no_line, defaults),
        cmocka_unit_test_setup(advise_ceiling_below_the_limit, defaults),
        cmocka_unit_test_setup(advise_states_the_cost_of_real_objects, defaults),
        cmocka_unit_test_setup(advise_counts_entries_of_other_namespaces, defaults),
        cmocka_unit_test_setup(advise_counts_refusals_for_long_chains, defaults),
        cmocka_unit_test_setup(advise_expectations_at_their_limit, defaults),
        cmocka_unit_test_setup(advise_clashes_leave_the_limit, defaults),
        cmocka_unit_test_setup(advise_more_than_half_of_memory_has_no_line, defaults),
        cmocka_unit_test_setup(advise_in_a_child_namespace_leaves_the_limits, defaults),
        cmocka_unit_test_setup(advise_lowers_only_long_timeouts_of_entries, defaults),
        cmocka_unit_test_setup(advise_idle_table_gets_the_shortest_timeout, defaults),
        cmocka_unit_test_setup(advise_few_idle_entries_keep_the_timeout, defaults),
        cmocka_unit_test_setup(advise_untracks_large_shares_only, defaults),
        cmocka_unit_test_setup(files_follow_the_kind_of_kernel, defaults),
        cmocka_unit_test_setup(advise_once_followed_finds_nothing, defaults),
        cmocka_unit_test_setup(render_text_word_for_word, defaults),
        cmocka_unit_test_setup(render_lines_fit_80_columns, defaults),
        cmocka_unit_test_setup(render_json_has_the_same_values, defaults),
        cmocka_unit_test_setup(gather_captured_machines, defaults),
        cmocka_unit_test_setup(advise_real_cases, defaults),
        cmocka_unit_test_setup(gather_no_folder_fails, defaults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
