/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/state/cut_guard.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

/* A signal handler is given no argument of ours, so this is the one thing here that cannot but be
 * global. The signal comes to who touched the memory, in the midst of it: there is no race. */
static struct {
    void *volatile start;
    volatile size_t bytes;
} guarded;

static void on_bus_error(int number, siginfo_t *info, void *context) {
    const uintptr_t at = (uintptr_t)info->si_addr;
    const uintptr_t start = (uintptr_t)guarded.start;
    (void)context;

    if (info->si_code > 0 && start != 0 && at >= start && at - start < guarded.bytes &&
        mmap(guarded.start, guarded.bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
        return; /* and what touched it does so again */
    (void)signal(number, SIG_DFL);
    (void)raise(number); /* taken when this returns */
}

void ctw_cut_guard(void *start, size_t bytes) {
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};

    guarded.bytes = bytes;
    guarded.start = start;
    (void)sigemptyset(&action.sa_mask);
    if (start)
        action.sa_sigaction = on_bus_error;
    else
        action.sa_handler = SIG_DFL;
    (void)sigaction(SIGBUS, &action, NULL);
}
