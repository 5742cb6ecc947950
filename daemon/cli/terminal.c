/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/cli/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "daemon/sys/clock.h"
#include "lib/util/parse.h"
#include "lib/util/units.h"

#define COLUMNS_USUAL 80u
#define COLUMNS_MOST  10000u

#define INTERVAL_USEC     (2 * CTW_USEC_PER_SEC)
#define INTERVAL_USEC_MIN (100 * CTW_USEC_PER_MSEC)
#define INTERVAL_USEC_MAX (86400 * CTW_USEC_PER_SEC)

/* 0: not known. */
static struct winsize size_of(int fd) {
    struct winsize size = {0};

    (void)ioctl(fd, TIOCGWINSZ, &size);
    return size;
}

uint32_t ctw_terminal_columns(void) {
    const char *columns = getenv("COLUMNS");
    uint64_t n = size_of(STDOUT_FILENO).ws_col;

    if (n > 0)
        return (uint32_t)n;
    if (columns && ctw_text_decimal(columns, strlen(columns), COLUMNS_MOST, &n) == 0 && n > 0)
        return (uint32_t)n;
    return COLUMNS_USUAL;
}

uint32_t ctw_terminal_rows(void) {
    const uint32_t rows = size_of(STDOUT_FILENO).ws_row;

    return rows > 0 ? rows : 24;
}

/* Makes each line a row of the terminal, whatever its length. */
#define WRAP_OFF "\033[?7l"
#define WRAP_ON  "\033[?7h"

#define REVERSE     "\033[7m"
#define REVERSE_OFF "\033[27m"

static void redraw(const struct ctw_terminal *s, const char *text) {
    const uint32_t rows = size_of(STDOUT_FILENO).ws_row;
    size_t left = rows > 1 ? rows - 1 : SIZE_MAX; /* further lines would scroll */

    (void)fputs(s->again ? "\033[H" WRAP_OFF : "\033[H\033[2J" WRAP_OFF, stdout);
    unsigned number = 1;
    for (const char *line = text; *line != '\0' && left > 0; left--, number++) {
        /* Clear the row first: after a full row the cursor stands on its last character. */
        const size_t n = strcspn(line, "\n");
        const bool reverse = number == s->highlight;
        (void)fputs(reverse ? "\033[K" REVERSE : "\033[K", stdout);
        (void)fwrite(line, 1, n, stdout);
        (void)fputs(reverse ? REVERSE_OFF "\n" : "\n", stdout);
        line += line[n] == '\n' ? n + 1 : n;
    }
    (void)fputs(WRAP_ON "\033[J", stdout);
}

int ctw_terminal_show(struct ctw_terminal *s, const char *text) {
    sigset_t interrupt, before;

    (void)sigemptyset(&interrupt);
    (void)sigaddset(&interrupt, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &interrupt, &before);
    errno = 0;
    if (s->redraw)
        redraw(s, text);
    else
        (void)printf("%s%s", s->again && s->apart ? "\n" : "", text);
    s->again = true;
    const int r = fflush(stdout) == 0 && !ferror(stdout) ? 0 : errno > 0 ? -errno : -EIO;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return r;
}

int ctw_terminal_print(struct ctw_terminal *s, const struct ctw_cli *cli, const char *text,
                       size_t n, size_t size) {
    const int r = n > 0 && n < size ? ctw_terminal_show(s, text) : -ENOMEM;

    if (r == -ENOMEM)
        (void)fprintf(stderr, "%s: no memory\n", cli->program);
    else if (r < 0 && r != -EPIPE)
        (void)fprintf(stderr, "%s: cannot write: %s\n", cli->program, strerror(-r));
    return r;
}

static void on_size(int number) {
}

/* A blocked signal stays pending until ctw_interruptible_poll(). */
void ctw_terminal_notice_size(void) {
    const struct sigaction size = {.sa_handler = on_size};
    sigset_t set;

    (void)sigaction(SIGWINCH, &size, NULL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

void ctw_terminal_wait(uint64_t usec) {
    (void)ctw_interruptible_poll(NULL, 0, usec);
}

int ctw_terminal_interval(const struct ctw_cli *cli, const char *text, uint64_t *ret) {
    uint64_t usec = INTERVAL_USEC;

    if (text && text[0] != '\0' &&
        (ctw_text_duration(text, &usec) < 0 || usec < INTERVAL_USEC_MIN ||
         usec > INTERVAL_USEC_MAX)) {
        (void)ctw_cli_bad(cli, "--watch", text, "from 0.1 to 86400 seconds");
        return -EINVAL;
    }
    *ret = usec;
    return 0;
}

#define PROGRESS_FROM  100000u
#define PROGRESS_CHECK 16384u /* entries between two readings of the clock; a power of two */
#define PROGRESS_USEC  (100 * CTW_USEC_PER_MSEC)

void ctw_progress_start(struct ctw_progress *p, uint32_t entries) {
    *p = (struct ctw_progress){.wanted = entries >= PROGRESS_FROM && isatty(STDERR_FILENO),
                               .of = entries};
}

void ctw_progress_show(struct ctw_progress *p, uint64_t entries) {
    const uint32_t columns = size_of(STDERR_FILENO).ws_col;
    char line[80];

    if (!p->wanted || entries % PROGRESS_CHECK != 0)
        return;
    const uint64_t now_usec = ctw_monotonic_usec();
    if (now_usec < p->due_usec)
        return;
    p->due_usec = now_usec + PROGRESS_USEC;
    p->shown = true;
    (void)snprintf(line, sizeof(line), "%" PRIu64 " of %" PRIu32 " entries (%" PRIu64 " %%)",
                   entries, p->of, entries * 100 / p->of);
    if (columns > 0 && columns < sizeof(line)) /* a line that wraps could not be taken back */
        line[columns - 1] = '\0';
    (void)fprintf(stderr, "\r%s", line);
}

void ctw_progress_clear(struct ctw_progress *p) {
    if (p->shown)
        (void)fputs("\r\033[K", stderr);
    p->shown = false;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    interrupted = 1;
}

void ctw_interrupt_catch(void) {
    const struct sigaction action = {.sa_handler = on_interrupt,
                                     .sa_flags = SA_RESTART | SA_RESETHAND};

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

bool ctw_interrupted(void) {
    return interrupted != 0;
}

int ctw_interruptible_poll(struct pollfd *fds, unsigned n, uint64_t usec) {
    const uint64_t day_usec = 86400 * CTW_USEC_PER_SEC, at_most = usec < day_usec ? usec : day_usec;
    const struct timespec rest = {.tv_sec = (time_t)(at_most / CTW_USEC_PER_SEC),
                                  .tv_nsec = (long)(at_most % CTW_USEC_PER_SEC) * 1000};
    sigset_t both, before, during;
    int r = -1;

    (void)sigemptyset(&both);
    (void)sigaddset(&both, SIGINT);
    (void)sigaddset(&both, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &both, &before);
    during = before;
    (void)sigdelset(&during, SIGWINCH); /* one that came before has stayed pending */
    errno = EINTR;
    if (!interrupted)
        r = ppoll(fds, n, &rest, &during);
    const int error = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return r;
}

/* --- keys ------------------------------------------------------------------------------------- */

static struct termios settings_before;

/* Both functions may be called in a handler. */
static void on_end(int number) {
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &settings_before);
    (void)raise(number); /* its usual action, now */
}

static bool is_ours(void) {
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* Also after a stop, when the shell has given the terminal its own settings. */
static void apply_settings(void) {
    struct termios settings = settings_before;

    settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (is_ours())
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &settings);
}

bool ctw_keys_start(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    const struct sigaction end = {.sa_handler = on_end, .sa_flags = SA_RESETHAND | SA_NODEFER};
    struct sigaction before;

    if (!isatty(STDOUT_FILENO) || !is_ours() || tcgetattr(STDIN_FILENO, &settings_before) < 0)
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(ends[i], &end, NULL);
    ctw_terminal_notice_size(); /* from now on it ends only ctw_keys_read() */
    apply_settings();
    return true;
}

void ctw_keys_stop(void) {
    if (is_ours())
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &settings_before);
}

/* The arrows are ESC [ A and ESC [ B, or ESC O A and ESC O B; other keys of that kind are none. */
static int key_of(const char *bytes, ssize_t n) {
    if (n <= 0 || bytes[0] == '\004') /* Ctrl-D */
        return CTW_KEY_END;
    if (bytes[0] == '\r')
        return CTW_KEY_ENTER;
    if (bytes[0] != '\033')
        return bytes[0] > 0 ? bytes[0] : CTW_KEY_NONE;
    if (n < 3 || (bytes[1] != '[' && bytes[1] != 'O'))
        return CTW_KEY_NONE;
    return bytes[2] == 'A' ? CTW_KEY_UP : bytes[2] == 'B' ? CTW_KEY_DOWN : CTW_KEY_NONE;
}

/* A terminal sends all bytes of a key at once; of several keys typed ahead, one is read a time. */
int ctw_keys_read(uint64_t usec) {
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    char bytes[3];

    apply_settings();
    const int r = ctw_interruptible_poll(&p, 1, usec);
    if (r < 0 && errno != EINTR)
        return CTW_KEY_END;
    if (r <= 0)
        return CTW_KEY_NONE;
    ssize_t n = read(STDIN_FILENO, bytes, 1);
    if (n == 1 && bytes[0] == '\033' && poll(&p, 1, 0) > 0) {
        const ssize_t rest = read(STDIN_FILENO, bytes + 1, sizeof(bytes) - 1);
        n += rest > 0 ? rest : 0;
    }
    return n < 0 && errno == EINTR ? CTW_KEY_NONE : key_of(bytes, n);
}
