/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_LIB_UTIL_TARGET_H
#define CTW_LIB_UTIL_TARGET_H

/*
 * What a request is for, in either form that a server has to accept (RFC 9112, 3.2):
 *
 *   GET /healthz HTTP/1.1
 *   GET http://127.0.0.1:9817/healthz HTTP/1.1      as a client of a proxy asks
 */

/** ctw_target_path() - "/healthz", within @target; what is of neither form is returned as it is */
const char *ctw_target_path(const char *target);

#endif
