/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/cause.h"

#include <stddef.h>
#include <string.h>

/* A cause is named when it accounts for half of the table. */
#define HALF (CTW_PERMYRIAD / 2)

/* Flows that need not be tracked are named from a quarter on: not to track them harms no one and
 * frees more than any other remedy. */
#define QUARTER (CTW_PERMYRIAD / 4)

static uint32_t share_of(const struct ctw_talkers *talkers, const char *state) {
    for (uint32_t i = 0; i < talkers->n_states; i++)
        if (strcmp(talkers->states[i].name, state) == 0)
            return talkers->states[i].permyriad;
    return 0;
}

enum ctw_cause ctw_cause_of(const struct ctw_talkers *talkers) {
    if (!talkers || !talkers->known || talkers->entries == 0)
        return CTW_CAUSE_UNKNOWN;
    if (talkers->loopback_permyriad >= QUARTER)
        return CTW_CAUSE_LOOPBACK;
    if (talkers->n_sources > 0 && talkers->sources[0].permyriad > HALF)
        return CTW_CAUSE_ONE_SOURCE;
    if (talkers->dns_permyriad >= QUARTER)
        return CTW_CAUSE_DNS;
    if (share_of(talkers, "tcp/SYN_SENT") + share_of(talkers, "tcp/SYN_RECV") >= HALF)
        return CTW_CAUSE_SYN;
    if (share_of(talkers, "udp/unreplied") >= HALF)
        return CTW_CAUSE_UDP;
    if (talkers->idle_tcp_permyriad >= HALF)
        return CTW_CAUSE_IDLE_TCP;
    return CTW_CAUSE_LEGITIMATE;
}
