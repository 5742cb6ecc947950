/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state_fault.h"

#include <errno.h>
#include <string.h>

const char *ctw_state_fault(int error) {
    switch (error) {
    case -ENOENT:
        return "no ctwatchd publishes there";
    case -EACCES:
    case -EPERM:
        return "for root and the group ctwatch";
    case -ESTALE:
        return "of another version of ctwatchd";
    case -EBADMSG:
        return "damaged";
    case -EAGAIN:
        return "ctwatchd stopped in the middle of writing it";
    case -EXDEV:
        return "of another network namespace";
    default: /* the kernel's values, not ours */
        return strerror(-error);
    }
}
