/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_WATCH_CAUSE_H
#define CTW_WATCH_CAUSE_H

/* From who fills the table to what is the matter with it: the one cause to act upon first. */

#include "lib/talkers/census.h"

enum ctw_diagnosis {
    CTW_DIAGNOSIS_UNKNOWN,    /* there was no census */
    CTW_DIAGNOSIS_ONE_SOURCE, /* one source has more than half of the entries */
    CTW_DIAGNOSIS_LOOPBACK,   /* the host talks to itself: need not be tracked */
    CTW_DIAGNOSIS_DNS,        /* queries: need not be tracked */
    CTW_DIAGNOSIS_SYN,        /* half-open TCP: a SYN flood, or a peer that is gone */
    CTW_DIAGNOSIS_UDP,        /* UDP that nobody answers: a flood, or a scan */
    CTW_DIAGNOSIS_IDLE_TCP,   /* established, assured, idle for long: timeouts keep the dead */
    CTW_DIAGNOSIS_LEGITIMATE, /* nothing stands out: the table is too small */
};

/** ctw_diagnose() - of several that hold, the one whose remedy frees most for the least harm */
enum ctw_diagnosis ctw_diagnose(const struct ctw_who *who);

#endif
