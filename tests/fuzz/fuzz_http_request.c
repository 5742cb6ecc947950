/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The HTTP server with whatever a connection sends: what is answered is a request by a second,
 * plain reading of the same bytes; what is refused ends the connection, so nothing behind it is
 * answered.
 */

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/http/pages.h"

/* Below what the server takes, so that a good request is always answered. */
#define INPUT_MAX 8192u

/* Comes behind each input, so that the server ends the connection; the client's reset then leaves
 * no trace of it in the kernel. */
#define LAST "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sockaddr_in address;
static struct ctw_pages *pages;
static unsigned answered; /* since the input began; read when the connection has ended */

/* --- a plain reading -------------------------------------------------------------------------- */

struct input {
    const char *at;
    size_t left;
};

/* Takes a line that ends in CR LF. Return: its length, or -1. */
static ssize_t take_line(struct input *in, const char **ret) {
    const char *end = memmem(in->at, in->left, "\r\n", 2);

    if (!end)
        return -1;
    *ret = in->at;
    in->left -= (size_t)(end + 2 - in->at);
    in->at = end + 2;
    return end - *ret;
}

/* libmicrohttpd leaves out lines before a request that are empty, or begin with a NUL. */
static void skip_empty(struct input *in) {
    const char *lf;

    while (in->left > 0 && (*in->at == '\0' || *in->at == '\n' || memcmp(in->at, "\r\n", 2) == 0) &&
           (lf = memchr(in->at, '\n', in->left))) {
        in->left -= (size_t)(lf + 1 - in->at);
        in->at = lf + 1;
    }
}

static bool is_all(const char *text, size_t length, bool (*is)(char c)) {
    for (size_t i = 0; i < length; i++)
        if (!is(text[i]))
            return false;
    return true;
}

static bool is_visible(char c) {
    return c > ' ' && c < 0x7f;
}

static bool is_token(char c) {
    return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_text(char c) {
    return c != '\0' && c != '\r' && c != '\n';
}

static bool is_request_line(const char *line, size_t length) {
    const size_t method = length > 4 && memcmp(line, "GET ", 4) == 0    ? 4
                          : length > 5 && memcmp(line, "HEAD ", 5) == 0 ? 5
                                                                        : 0;
    const size_t version = strlen(" HTTP/1.1");

    if (method == 0 || length < method + 1 + version)
        return false;
    const char *end = line + length - version, *target = line + method;
    return memcmp(end, " HTTP/1.", version - 1) == 0 && isdigit((unsigned char)line[length - 1]) &&
           *target == '/' && is_all(target, (size_t)(end - target), is_visible) &&
           !memmem(target, (size_t)(end - target), "%00", 3);
}

static bool is_own_host(const char *value, size_t length) {
    char host[512];
    uint8_t bytes[16];

    if (length >= sizeof(host))
        return false;
    memcpy(host, value, length);
    host[length] = '\0';
    char *colon = strrchr(host, ':');
    if (colon && colon[strspn(colon, ":0123456789")] == '\0' &&
        (host[0] != '[' || colon[-1] == ']'))
        *colon = '\0';
    const size_t n = strlen(host);
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        return inet_pton(AF_INET6, host + 1, bytes) == 1 &&
               (memcmp(bytes, &in6addr_loopback, 16) == 0 ||
                (memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0\377\377\177", 13) == 0));
    }
    return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "gateway.example") == 0 ||
           (inet_pton(AF_INET, host, bytes) == 1 && bytes[0] == 127);
}

struct fields {
    unsigned hosts, lengths;
    bool good;
};

static void read_field(const char *line, size_t length, struct fields *f) {
    const char *colon = memchr(line, ':', length);
    const size_t name = colon ? (size_t)(colon - line) : 0;

    if (name == 0 || !is_all(line, name, is_token) || !is_all(line, length, is_text)) {
        f->good = false;
        return;
    }
    const char *value = colon + 1, *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    if (name == 4 && strncasecmp(line, "Host", name) == 0) {
        f->hosts++;
        f->good = f->good && is_own_host(value, (size_t)(end - value));
    } else if (name == 14 && strncasecmp(line, "Content-Length", name) == 0) {
        f->lengths++;
        f->good = f->good && end - value == 1 && *value == '0';
    } else if (name == 17 && strncasecmp(line, "Transfer-Encoding", name) == 0) {
        f->good = false;
    }
}

static bool take_request(struct input *in) {
    struct fields f = {.good = true};
    const char *line;
    ssize_t length;

    skip_empty(in);
    length = take_line(in, &line);
    if (length < 0 || !is_request_line(line, (size_t)length))
        return false;
    while ((length = take_line(in, &line)) > 0)
        read_field(line, (size_t)length, &f);
    return length == 0 && f.good && f.hosts == 1 && f.lengths <= 1;
}

/* --- the server ------------------------------------------------------------------------------- */

static int count_and_answer(void *userdata, const struct ctw_server_request *request,
                            struct ctw_server_reply *ret) {
    assert(request->path[0] == '/');
    __atomic_add_fetch(&answered, 1, __ATOMIC_SEQ_CST);
    return ctw_pages_answer(pages, request, ret);
}

static void *serve(void *server) {
    (void)ctw_server_run(server);
    return NULL;
}

/* In a namespace of its own, as far as that is allowed, which keeps the flood out of other tests.
 */
static void start(void) {
    static const char *const hosts[] = {"gateway.example"};
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    socklen_t length = sizeof(address);
    struct ctw_server *server;
    pthread_t thread;

    const int unshared = unshare(CLONE_NEWNET);
    const int fd = ctw_listen_at("127.0.0.1:0");
    assert(fd >= 0 && (unshared < 0 || ioctl(fd, SIOCSIFFLAGS, &up) == 0));
    assert(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    assert(ctw_pages_new("/nonexistent", true, &pages) == 0);
    assert(ctw_server_new(count_and_answer, NULL, &fd, 1, hosts, 1, &server) == 0);
    assert(pthread_create(&thread, NULL, serve, server) == 0);
}

/* Waits until the server has closed the connection. Return: whether there was one. */
static bool converse(const char *data, size_t size) {
    const struct linger none = {.l_onoff = 1};
    const struct timeval patience = {.tv_sec = 5};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char reply[4096];

    assert(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        if (errno != EADDRNOTAVAIL && errno != EINTR) /* ports in TIME-WAIT; the fuzzer's clock */
            perror("connect"), abort();
        (void)close(fd);
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)send(fd, data, size, MSG_NOSIGNAL);
    while (recv(fd, reply, sizeof(reply), 0) > 0)
        ;
    (void)close(fd);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char sent[INPUT_MAX + sizeof(LAST)];
    struct input in = {.at = sent, .left = size + strlen(LAST)};
    unsigned good = 0;

    /* Before 1.0 it takes a NUL beside an LF for a CR, and the line ":\n" for the empty line at the
     * end, and leaves no trace of it. */
    if (size > INPUT_MAX || memmem(data, size, "\0\n", 2) || memmem(data, size, "\n\0", 2) ||
        memmem(data, size, "\n:\n", 3))
        return 0;
    memcpy(sent, data, size);
    memcpy(sent + size, LAST, strlen(LAST));
    if (!pages)
        start();
    while (take_request(&in))
        good++;
    __atomic_store_n(&answered, 0, __ATOMIC_SEQ_CST);
    if (!converse(sent, size + strlen(LAST)))
        return 0;
    const unsigned n = __atomic_load_n(&answered, __ATOMIC_SEQ_CST);
    if (n > good || (good > 0 && n == 0)) {
        fprintf(stderr, "%u requests, %u answered\n", good, n);
        abort();
    }
    return 0;
}
