/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * flood: real packets that become real conntrack entries, as fast as one core can make them.
 *
 * A raw socket sends hand-made headers over loopback. The namespace it runs in needs a rule that
 * switches tracking on, and one that drops the packets in `input`: by then the entry is confirmed
 * (at postrouting), and nobody answers with a reset. tests/lib.sh installs both.
 *
 * Flow number N always has the same tuple, so a later run continues where an earlier one stopped:
 *   IPv4   127.16.0.0/16, port 1024 to 9215   ->   127.0.0.1, port 80 (TCP) or 53 (UDP)
 *   IPv6   ::1, port 32768 to 65535           ->   ::1, port 1024 to 17407
 * The ranges of IPv6 do not meet, or two flows could be each other's replies.
 *
 * With --source all come from one address, and what tells them apart is the other end:
 *   IPv4   ADDRESS, port 1024 to 9215    ->   127.32.0.0/16, port 80 (TCP) or 53 (UDP)
 *   IPv6   ADDRESS, port 32768 to 65535  ->   ::1, port 1024 to 17407
 *
 * With --new-sources each comes from an address of its own: 127.64.0.0/10, 4 million of them.
 *
 * With --from and --to the addresses are those of two networks, behind a router for example: flow N
 * comes from address N of the first, and the destinations are scattered over the second. The
 * replies of a flow are sent from here as well, so that they cannot overtake what they answer.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 10000000u  /* a typing error must not fill the machine's memory */
#define RATE_MAX  10000000u  /* no core makes that many */
#define FLOWS_MAX (1u << 29) /* distinct tuples */
#define BATCH     96         /* packets per system call; whole handshakes of three */

#define NSEC_PER_SEC INT64_C(1000000000)

#define PACKETS_MAX 7 /* of a flow */

/* Port 1 to 1023: --port scan */
#define SCAN 0

enum kind { UDP, UDP_ANSWERED, TFTP, ECHO, SYN, ASSURED, CLOSE_WAIT, TIME_WAIT, KINDS };

static const struct {
    const char *name;
    unsigned packets;
    bool tcp;
    uint16_t port; /* of the destination */
} kinds[KINDS] = {
    [UDP] = {"udp", 1, false, 53},
    [UDP_ANSWERED] = {"udp-answered", 2, false, 53},
    [TFTP] = {"tftp", 1, false, 69},
    [ECHO] = {"echo", 1, false, 0},
    [SYN] = {"syn", 1, true, 80},
    [ASSURED] = {"assured", 3, true, 80},
    [CLOSE_WAIT] = {"close-wait", 5, true, 80},
    [TIME_WAIT] = {"time-wait", 7, true, 80},
};

/* Addresses that differ in their last bits. */
struct network {
    bool given;
    struct in6_addr base; /* IPv4: in its first four bytes */
    uint32_t host_mask;   /* of the last four bytes */
};

struct options {
    enum kind kind;
    bool ipv6;
    uint32_t count;
    uint32_t offset;
    uint32_t rate; /* flows per second, 0: as fast as possible */
    uint16_t port; /* of the destination, or SCAN */
    bool new_sources;
    struct network source, from, to;
};

struct endpoint {
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } address;
    uint16_t port;
};

struct packet {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to;
    uint8_t bytes[sizeof(struct ip6_hdr) + 2 * sizeof(struct tcphdr)];
    size_t length;
    uint32_t flow;
};

struct batch {
    struct packet packets[BATCH];
    struct iovec iov[BATCH];
    struct mmsghdr messages[BATCH];
    unsigned n;
};

struct result {
    uint32_t sent;    /* flows of which every packet left */
    uint32_t refused; /* flows of which one was refused: conntrack dropped it */
    int64_t nsec;
    int64_t refused_realtime_usec; /* of the first refused flow */
    int64_t refused_monotonic_usec;
};

static int64_t now_nsec(clockid_t clock) {
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/* --- one packet ------------------------------------------------------------------------------ */

/* Multiplying by an odd number modulo a power of two is one-to-one: no two flows share a tuple,
 * and neighbours do not share a source. */
static uint32_t scatter(uint32_t flow) {
    return (flow * UINT32_C(0x9E3779B1)) & (FLOWS_MAX - 1);
}

static void network_address(const struct options *o, const struct network *n, uint32_t host,
                            struct endpoint *e) {
    const size_t at = o->ipv6 ? 12 : 0;
    uint32_t last;

    e->address.v6 = n->base;
    memcpy(&last, e->address.v6.s6_addr + at, sizeof last);
    last |= htonl(host & n->host_mask);
    memcpy(e->address.v6.s6_addr + at, &last, sizeof last);
}

/* A source address has 60,000 flows before its first tuple comes again. */
static void flow_between_networks(const struct options *o, uint32_t flow, struct endpoint *from,
                                  struct endpoint *to) {
    const uint32_t round = (uint32_t)(flow / ((uint64_t)o->from.host_mask + 1));

    network_address(o, &o->from, flow, from);
    network_address(o, &o->to, scatter(flow), to);
    from->port = (uint16_t)(1024 + round % 60000);
    to->port = o->port == SCAN ? (uint16_t)(1 + flow % 1023) : o->port;
}

static void flow_endpoints(const struct options *o, uint32_t flow, struct endpoint *from,
                           struct endpoint *to) {
    uint32_t key = scatter(flow);

    memset(from, 0, sizeof *from);
    memset(to, 0, sizeof *to);
    if (o->from.given) {
        flow_between_networks(o, flow, from, to);
    } else if (o->ipv6) {
        from->address.v6 = in6addr_loopback;
        from->port = (uint16_t)(32768 + (key & 0x7fff));
        to->address.v6 = in6addr_loopback;
        to->port = (uint16_t)(1024 + (key >> 15));
        if (o->source.given)
            from->address.v6 = o->source.base;
    } else {
        from->address.v4.s_addr = htonl(UINT32_C(0x7f100000) | key >> 13);
        from->port = (uint16_t)(1024 + (key & 0x1fff));
        to->address.v4.s_addr = htonl(INADDR_LOOPBACK);
        to->port = o->port;
        if (o->new_sources)
            from->address.v4.s_addr = htonl(UINT32_C(0x7f400000) | (flow & 0x3fffff));
        if (o->source.given) {
            to->address.v4.s_addr = htonl(UINT32_C(0x7f200000) | key >> 13);
            memcpy(&from->address.v4, &o->source.base, sizeof from->address.v4);
        }
    }
}

static uint32_t sum_words(const void *data, size_t length, uint32_t sum) {
    const uint8_t *bytes = data;

    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    return sum;
}

static uint16_t fold(uint32_t sum) {
    sum = (sum >> 16) + (sum & 0xffff);
    sum += sum >> 16;
    return htons((uint16_t)~sum);
}

/* The checksum over pseudo-header and transport header; the same sum serves both IP versions. */
static uint16_t checksum(const struct options *o, const struct endpoint *from,
                         const struct endpoint *to, uint8_t protocol, const void *header,
                         size_t length) {
    size_t address = o->ipv6 ? sizeof from->address.v6 : sizeof from->address.v4;
    uint32_t sum = (uint32_t)(protocol + length);

    sum = sum_words(&from->address, address, sum);
    sum = sum_words(&to->address, address, sum);
    return fold(sum_words(header, length, sum));
}

/* Returns the length of the IP header. */
static size_t put_ip(const struct options *o, struct packet *p, const struct endpoint *from,
                     const struct endpoint *to, uint8_t protocol, size_t payload) {
    if (o->ipv6) {
        struct ip6_hdr ip = {
            .ip6_flow = htonl(UINT32_C(6) << 28),
            .ip6_plen = htons((uint16_t)payload),
            .ip6_nxt = protocol,
            .ip6_hlim = 64,
            .ip6_src = from->address.v6,
            .ip6_dst = to->address.v6,
        };

        p->to.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = to->address.v6};
        memcpy(p->bytes, &ip, sizeof ip);
        return sizeof ip;
    }

    struct iphdr ip = {
        .version = 4,
        .ihl = sizeof ip / 4,
        .tot_len = htons((uint16_t)(sizeof ip + payload)),
        .id = htons((uint16_t)(p->flow | 1)), /* 0 would make the kernel look for one */
        .ttl = 64,
        .protocol = protocol,
        .saddr = from->address.v4.s_addr,
        .daddr = to->address.v4.s_addr, /* the header's checksum is the kernel's work */
    };

    p->to.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = to->address.v4};
    memcpy(p->bytes, &ip, sizeof ip);
    return sizeof ip;
}

static void put_udp(const struct options *o, struct packet *p, const struct endpoint *from,
                    const struct endpoint *to) {
    static const char read_request[] = "\0\1f\0octet"; /* of the file "f", RFC 1350 */
    struct {
        struct udphdr header;
        char payload[sizeof read_request];
    } udp = {.header = {.source = htons(from->port), .dest = htons(to->port)}};
    size_t length = sizeof udp.header, at;

    if (o->kind == TFTP) {
        memcpy(udp.payload, read_request, sizeof read_request);
        length += sizeof read_request;
    }
    udp.header.len = htons((uint16_t)length);
    at = put_ip(o, p, from, to, IPPROTO_UDP, length);
    udp.header.check = checksum(o, from, to, IPPROTO_UDP, &udp, length);
    memcpy(p->bytes + at, &udp, length);
    p->length = at + length;
}

/* The identifier of an echo request is what tells two flows apart. */
static void put_echo(const struct options *o, struct packet *p, const struct endpoint *from,
                     const struct endpoint *to) {
    struct icmphdr echo = {.type = o->ipv6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
                           .un.echo = {.id = htons(from->port), .sequence = htons(1)}};
    const uint8_t protocol = o->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    const size_t at = put_ip(o, p, from, to, protocol, sizeof echo);

    if (o->ipv6)
        echo.checksum = checksum(o, from, to, protocol, &echo, sizeof echo);
    else
        echo.checksum = fold(sum_words(&echo, sizeof echo, 0));
    memcpy(p->bytes + at, &echo, sizeof echo);
    p->length = at + sizeof echo;
}

/* A segment without data. */
struct segment {
    bool reply, syn, ack, fin;
    uint32_t seq, ack_seq; /* from the initial numbers of the two ends */
};

static void put_tcp(const struct options *o, struct packet *p, const struct endpoint *from,
                    const struct endpoint *to, const struct segment *s) {
    const uint32_t client = p->flow, server = ~p->flow; /* initial sequence numbers */
    struct tcphdr tcp = {
        .source = htons(from->port),
        .dest = htons(to->port),
        .seq = htonl((s->reply ? server : client) + s->seq),
        .ack_seq = s->ack ? htonl((s->reply ? client : server) + s->ack_seq) : 0,
        .doff = sizeof tcp / 4,
        .syn = s->syn,
        .ack = s->ack,
        .fin = s->fin,
        .window = htons(UINT16_MAX),
    };
    size_t at = put_ip(o, p, from, to, IPPROTO_TCP, sizeof tcp);

    tcp.check = checksum(o, from, to, IPPROTO_TCP, &tcp, sizeof tcp);
    memcpy(p->bytes + at, &tcp, sizeof tcp);
    p->length = at + sizeof tcp;
}

/* --- sending --------------------------------------------------------------------------------- */

static struct packet *batch_next(struct batch *b, uint32_t flow) {
    struct packet *p = &b->packets[b->n++];

    p->flow = flow;
    return p;
}

/* A connection as the tracking kernel sees it: the handshake, the client's FIN and its
 * acknowledgement, with which the server waits to close, and the server's FIN and its. */
static const struct segment segments[PACKETS_MAX] = {
    {.syn = true},
    {.reply = true, .syn = true, .ack = true, .ack_seq = 1},
    {.ack = true, .seq = 1, .ack_seq = 1},
    {.fin = true, .ack = true, .seq = 1, .ack_seq = 1},
    {.reply = true, .ack = true, .seq = 1, .ack_seq = 2},
    {.reply = true, .fin = true, .ack = true, .seq = 1, .ack_seq = 2},
    {.ack = true, .seq = 2, .ack_seq = 2},
};

static void batch_add_flow(struct batch *b, const struct options *o, uint32_t flow) {
    struct endpoint ends[2];

    flow_endpoints(o, flow, &ends[0], &ends[1]);
    for (unsigned i = 0; i < kinds[o->kind].packets; i++) {
        struct packet *p = batch_next(b, flow);
        const bool reply = kinds[o->kind].tcp ? segments[i].reply : i > 0;

        if (kinds[o->kind].tcp)
            put_tcp(o, p, &ends[reply], &ends[!reply], &segments[i]);
        else if (o->kind == ECHO)
            put_echo(o, p, &ends[reply], &ends[!reply]);
        else
            put_udp(o, p, &ends[reply], &ends[!reply]);
    }
}

static void batch_address(struct batch *b) {
    for (unsigned i = 0; i < b->n; i++) {
        struct packet *p = &b->packets[i];

        b->iov[i] = (struct iovec){.iov_base = p->bytes, .iov_len = p->length};
        b->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &p->to,
            .msg_namelen = p->to.any.sa_family == AF_INET6 ? sizeof p->to.v6 : sizeof p->to.v4,
            .msg_iov = &b->iov[i],
            .msg_iovlen = 1,
        };
    }
}

static void count_refused(struct result *r) {
    if (r->refused++ > 0)
        return;
    r->refused_realtime_usec = now_nsec(CLOCK_REALTIME) / 1000;
    r->refused_monotonic_usec = now_nsec(CLOCK_MONOTONIC) / 1000;
}

/*
 * sendmmsg() stops at the packet that is refused and tells how many went before it, but then not
 * why. So fewer than asked for means that the next one was refused; trying it again to learn why
 * would make the kernel count it twice.
 */
static int batch_send(int fd, struct batch *b, uint32_t flows, struct result *r) {
    uint32_t refused = 0;

    batch_address(b);
    for (unsigned at = 0; at < b->n;) {
        int n = sendmmsg(fd, b->messages + at, b->n - at, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EPERM)
            return -errno;
        at += n < 0 ? 0 : (unsigned)n;
        if (at == b->n)
            break;
        count_refused(r);
        refused++;
        for (uint32_t flow = b->packets[at].flow; at < b->n && b->packets[at].flow == flow;)
            at++; /* the rest of a refused handshake would be another flow */
    }
    r->sent += flows - refused;
    b->n = 0;
    return 0;
}

/* Wait until flow number @done is due. */
static void pace(int64_t start, uint32_t done, uint32_t rate) {
    int64_t due = start + (int64_t)done * NSEC_PER_SEC / rate;
    struct timespec t = {.tv_sec = due / NSEC_PER_SEC, .tv_nsec = (long)(due % NSEC_PER_SEC)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static int flood(int fd, const struct options *o, struct result *r) {
    static struct batch batch; /* too large for a stack */
    const uint32_t packets = kinds[o->kind].packets;
    const int64_t start = now_nsec(CLOCK_MONOTONIC);
    uint32_t most = BATCH / packets;

    if (o->rate > 0 && o->rate / 1000 < most) /* no more than a millisecond's worth at a time */
        most = o->rate < 1000 ? 1 : o->rate / 1000;
    for (uint32_t done = 0; done < o->count;) {
        uint32_t flows = o->count - done < most ? o->count - done : most;
        int ret;

        if (o->rate > 0)
            pace(start, done, o->rate);
        for (uint32_t i = 0; i < flows; i++)
            batch_add_flow(&batch, o, o->offset + done + i);
        ret = batch_send(fd, &batch, flows, r);
        if (ret < 0)
            return ret;
        done += flows;
    }
    r->nsec = now_nsec(CLOCK_MONOTONIC) - start;
    return 0;
}

/* --- the command line ------------------------------------------------------------------------ */

static void usage(FILE *f) {
    fputs(
        "Usage: flood --KIND --count N [--offset K] [--rate R] [-6] [--port P]\n"
        "             [--source A | --new-sources | --from NETWORK --to NETWORK]\n"
        "Makes N conntrack entries with real packets, over loopback if not told otherwise.\n"
        "\n"
        "  --udp           one UDP packet a flow: an unassured entry\n"
        "  --udp-answered  a UDP packet and its reply\n"
        "  --tftp          one TFTP read request a flow, of which a helper expects another flow\n"
        "  --echo          one ICMP echo request a flow\n"
        "  --syn           one TCP SYN a flow: an unassured entry\n"
        "  --assured       a whole TCP handshake a flow: an ASSURED entry\n"
        "  --close-wait    and the FIN of one end, acknowledged\n"
        "  --time-wait     and that of the other end\n"
        "  --count N       flows, at most 10000000\n"
        "  --offset K      number of the first flow, default 0; a flow's number fixes its tuple\n"
        "  --rate R        flows per second, default 0: as fast as possible\n"
        "  --source A      all flows come from this address, which the namespace must have on lo\n"
        "  --new-sources   each flow from an address of its own, IPv4\n"
        "  --from ADDRESS/LENGTH, --to ADDRESS/LENGTH\n"
        "                  between two networks, with at most 16 bits for the hosts of each\n"
        "  --port P        of the destination, or scan: 1 to 1023 in turn\n"
        "  -6              IPv6\n"
        "\n"
        "Prints one line:\n"
        "  sent=N refused=N seconds=S first_refused_realtime_usec=T "
        "first_refused_monotonic_usec=T\n",
        f);
}

static int parse_number(const char *text, uint32_t max, uint32_t *ret) {
    unsigned long long value;
    char *end;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value > max) {
        fprintf(stderr, "flood: %s: not a number from 0 to %" PRIu32 "\n", text, max);
        return -EINVAL;
    }
    *ret = (uint32_t)value;
    return 0;
}

/* "10.1.0.0/16"; without a length, a single address. */
static int parse_network(bool ipv6, const char *text, struct network *ret) {
    const uint32_t bits = ipv6 ? 128 : 32;
    char address[INET6_ADDRSTRLEN] = "";
    const char *slash = strchr(text, '/');
    uint32_t length = bits;

    snprintf(address, sizeof address, "%.*s", slash ? (int)(slash - text) : (int)strlen(text),
             text);
    if (slash && parse_number(slash + 1, bits, &length) < 0)
        return -EINVAL;
    if (inet_pton(ipv6 ? AF_INET6 : AF_INET, address, &ret->base) != 1 || bits - length > 16) {
        fprintf(stderr, "flood: %s: not a network of that family and size\n", text);
        return -EINVAL;
    }
    ret->host_mask = (1u << (bits - length)) - 1;
    ret->given = true;
    return 0;
}

/* What comes from the command line as text. */
struct words {
    const char *source, *from, *to, *port;
};

static int parse_words(const struct words *w, struct options *o) {
    uint32_t port = SCAN;
    int ret = 0;

    if (w->source)
        ret = parse_network(o->ipv6, w->source, &o->source);
    if (ret == 0 && w->from)
        ret = parse_network(o->ipv6, w->from, &o->from);
    if (ret == 0 && w->to)
        ret = parse_network(o->ipv6, w->to, &o->to);
    if (ret == 0 && w->port && strcmp(w->port, "scan") != 0)
        ret = parse_number(w->port, UINT16_MAX, &port);
    o->port = w->port ? (uint16_t)port : kinds[o->kind].port;
    return ret;
}

static int parse_options(int argc, char **argv, struct options *o) {
    static const struct option longs[] = {
        {"count", required_argument, NULL, 'c'},  {"offset", required_argument, NULL, 'o'},
        {"rate", required_argument, NULL, 'r'},   {"help", no_argument, NULL, 'h'},
        {"source", required_argument, NULL, 's'}, {"new-sources", no_argument, NULL, 'x'},
        {"from", required_argument, NULL, 'f'},   {"to", required_argument, NULL, 't'},
        {"port", required_argument, NULL, 'p'},
    };
    enum { LONGS = sizeof longs / sizeof *longs };
    struct option all[LONGS + KINDS + 1] = {0};
    struct words w = {0};
    bool kind_given = false;
    int c, kind = 0, ret = 0;

    memcpy(all, longs, sizeof longs);
    for (int i = 0; i < KINDS; i++)
        all[LONGS + i] = (struct option){kinds[i].name, no_argument, &kind, i};
    while (ret == 0 && (c = getopt_long(argc, argv, "6", all, NULL)) != -1) {
        switch (c) {
        case 0:
            o->kind = (enum kind)kind;
            kind_given = true;
            break;
        case 'c': ret = parse_number(optarg, COUNT_MAX, &o->count); break;
        case 'o': ret = parse_number(optarg, FLOWS_MAX - COUNT_MAX, &o->offset); break;
        case 'r': ret = parse_number(optarg, RATE_MAX, &o->rate); break;
        case 's': w.source = optarg; break;
        case 'f': w.from = optarg; break;
        case 't': w.to = optarg; break;
        case 'p': w.port = optarg; break;
        case 'x': o->new_sources = true; break;
        case '6': o->ipv6 = true; break;
        case 'h': usage(stdout); return 1;
        default: return -EINVAL;
        }
    }
    if (ret == 0)
        ret = parse_words(&w, o);
    if (ret == 0 &&
        (!kind_given || o->count == 0 || o->from.given != o->to.given || optind < argc)) {
        usage(stderr);
        return -EINVAL;
    }
    return ret;
}

int main(int argc, char **argv) {
    struct options o = {0};
    struct result r = {0};
    int fd, ret = parse_options(argc, argv, &o);

    if (ret != 0)
        return ret < 0 ? 2 : 0;
    fd = socket(o.ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (fd < 0) {
        fprintf(stderr, "flood: raw socket: %s\n", strerror(errno));
        return 1;
    }
    ret = flood(fd, &o, &r);
    close(fd);
    if (ret < 0) {
        fprintf(stderr, "flood: sendmmsg: %s\n", strerror(-ret));
        return 1;
    }
    printf("sent=%" PRIu32 " refused=%" PRIu32 " seconds=%" PRId64 ".%06" PRId64
           " first_refused_realtime_usec=%" PRId64 " first_refused_monotonic_usec=%" PRId64 "\n",
           r.sent, r.refused, r.nsec / NSEC_PER_SEC, r.nsec % NSEC_PER_SEC / 1000,
           r.refused_realtime_usec, r.refused_monotonic_usec);
    return 0;
}
