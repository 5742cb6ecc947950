/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_DAEMON_SYS_PROCFS_H
#define CTW_DAEMON_SYS_PROCFS_H

/*
 * Where each kernel generation keeps a table's count and limit, newest first: nf_conntrack, then
 * ip_conntrack (Linux 2.6), whose limit was at first one directory higher (2.4). Each list ends
 * with NULL. nf_conntrack_frag6_* beside them are no sign of conntrack: they belong to
 * nf_defrag_ipv6.
 */

extern const char *const ctw_count_paths[];
extern const char *const ctw_max_paths[];

#endif
