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

uint32_t ctw_terminal_columns(void) {
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    uint64_t n;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    if (columns && ctw_text_decimal(columns, strlen(columns), COLUMNS_MOST, &n) == 0 && n > 0)
        return (uint32_t)n;
    return COLUMNS_USUAL;
}

/* Makes each line a row of the terminal, whatever its length. */
#define WRAP_OFF "\033[?7l"
#define WRAP_ON  "\033[?7h"

static void redraw(const struct ctw_terminal *s, const char *text) {
    struct winsize size;
    size_t left = SIZE_MAX; /* further lines would scroll */

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1)
        left = size.ws_row - 1u;
    (void)fputs(s->again ? "\033[H" WRAP_OFF : "\033[H\033[2J" WRAP_OFF, stdout);
    for (const char *line = text; *line != '\0' && left > 0; left--) {
        /* Clear the row first: after a full row the cursor stands on its last character. */
        const size_t n = strcspn(line, "\n");
        (void)fputs("\033[K", stdout);
        (void)fwrite(line, 1, n, stdout);
        (void)fputs("\n", stdout);
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

/* A blocked signal stays pending, even one that is ignored by default. */
void ctw_terminal_notice_size(void) {
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

bool ctw_terminal_wait(uint64_t usec) {
    const uint64_t until = ctw_monotonic_usec() + usec;
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGWINCH);
    for (uint64_t now; (now = ctw_monotonic_usec()) < until;) {
        const struct timespec rest = {.tv_sec = (time_t)((until - now) / CTW_USEC_PER_SEC),
                                      .tv_nsec = (long)((until - now) % CTW_USEC_PER_SEC) * 1000};
        if (sigtimedwait(&set, NULL, &rest) == SIGWINCH)
            return true;
    }
    return false;
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
    if (!p->wanted || entries % PROGRESS_CHECK != 0)
        return;
    const uint64_t now_usec = ctw_monotonic_usec();
    if (now_usec < p->due_usec)
        return;
    p->due_usec = now_usec + PROGRESS_USEC;
    p->shown = true;
    (void)fprintf(stderr, "\r%" PRIu64 " of %" PRIu32 " entries (%" PRIu64 " %%)", entries, p->of,
                  entries * 100 / p->of);
}

void ctw_progress_clear(struct ctw_progress *p) {
    if (p->shown)
        (void)fputs("\r\033[K", stderr);
    p->shown = false;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    (void)number;
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
    sigset_t both, before;
    int r = -1;

    (void)sigemptyset(&both);
    (void)sigaddset(&both, SIGINT);
    (void)sigaddset(&both, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &both, &before);
    errno = EINTR;
    if (!interrupted)
        r = ppoll(fds, n, &rest, &before);
    const int error = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return r;
}
