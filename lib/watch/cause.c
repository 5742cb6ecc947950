/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/watch/cause.h"

#include <stddef.h>
#include <string.h>

/* A cause is named when it accounts for half of the table. */
#define HALF (CTW_PERMYRIAD / 2)

/* What need not be tracked at all is named from a quarter on: leaving it out costs nobody
 * anything, and gives back more room than any other remedy. */
#define QUARTER (CTW_PERMYRIAD / 4)

static uint32_t share_of(const struct ctw_who *who, const char *state) {
    for (uint32_t i = 0; i < who->n_states; i++)
        if (strcmp(who->states[i].name, state) == 0)
            return who->states[i].permyriad;
    return 0;
}

enum ctw_diagnosis ctw_diagnose(const struct ctw_who *who) {
    if (!who || !who->known || who->entries == 0)
        return CTW_DIAGNOSIS_UNKNOWN;
    if (who->loopback_permyriad >= QUARTER)
        return CTW_DIAGNOSIS_LOOPBACK;
    if (who->n_sources > 0 && who->sources[0].permyriad > HALF)
        return CTW_DIAGNOSIS_ONE_SOURCE;
    if (who->dns_permyriad >= QUARTER)
        return CTW_DIAGNOSIS_DNS;
    if (share_of(who, "tcp/SYN_SENT") + share_of(who, "tcp/SYN_RECV") >= HALF)
        return CTW_DIAGNOSIS_SYN;
    if (share_of(who, "udp/unreplied") >= HALF)
        return CTW_DIAGNOSIS_UDP;
    if (who->idle_tcp_permyriad >= HALF)
        return CTW_DIAGNOSIS_IDLE_TCP;
    return CTW_DIAGNOSIS_LEGITIMATE;
}
