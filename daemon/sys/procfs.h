/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Files of /proc and /sys below a root: "" is this machine, a folder a captured one. The first path
 * of a list that exists is used; a list ends with NULL.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Where each kernel generation keeps a table's count, limit and buckets, newest first:
 * nf_conntrack, then ip_conntrack (Linux 2.6), whose limit was at first one directory higher (2.4).
 * nf_conntrack_frag6_* beside them belong to nf_defrag_ipv6, and exist without conntrack.
 */
extern const char *const ctw_count_paths[];
extern const char *const ctw_max_paths[];
extern const char *const ctw_buckets_paths[];

/**
 * ctw_procfs_open() - open a file below @root
 * @path:   absolute, without ".."
 * @flags:  as for open(2); O_NONBLOCK is added, since a captured tree may hold a FIFO, and
 * O_CLOEXEC
 *
 * A root that is called "proc" is the captured /proc itself.
 *
 * A captured tree is not trusted: a link in it leads below @root, as if that were "/". Before Linux
 * 5.6 links are not followed at all.
 *
 * Return: a descriptor or a negative errno.
 */
int ctw_procfs_open(const char *root, const char *path, int flags);

/** ctw_procfs_stat() - stat(2) below @root. Return: 0 or a negative errno, as ctw_procfs_open(). */
int ctw_procfs_stat(const char *root, const char *path, struct stat *ret);

/**
 * ctw_procfs_read() - read from an open file at @offset
 *
 * It is a single pread(2), which returns as much as the kernel prints at once, often a page.
 *
 * Return: bytes read or a negative errno.
 */
ssize_t ctw_procfs_read(int fd, void *buffer, size_t size, size_t offset);

/** ctw_procfs_read_all() - the text from the start, up to the end of the file or @size bytes; CRLF
 * becomes a newline, and a last line gets one */
ssize_t ctw_procfs_read_all(int fd, void *buffer, size_t size);

/**
 * ctw_procfs_read_number() - read a sysctl of at most 32 bits from an open file
 *
 * Return: 0; -EBADMSG when the file holds anything else; a negative errno.
 */
int ctw_procfs_read_number(int fd, uint32_t *ret);

/** ctw_procfs_number() - read a sysctl. Return: as ctw_procfs_read_number(). */
int ctw_procfs_number(const char *root, const char *path, uint32_t *ret);

/**
 * ctw_procfs_first_number() - read a sysctl from the first of @paths that exists
 * @retpath:  that path; set only on success; NULL: not asked for
 *
 * Return: as ctw_procfs_read_number(); -ENOENT when no path exists.
 */
int ctw_procfs_first_number(const char *root, const char *const *paths, uint32_t *ret,
                            const char **retpath);

/**
 * ctw_procfs_line() - read the first line of a file, without its newline
 * @size:  room; a longer line is cut off
 * @ret:   "" when the file cannot be read
 */
void ctw_procfs_line(const char *root, const char *path, char *ret, size_t size);

/**
 * ctw_replace_file() - write a file so that readers see the old contents or the new, never a part
 * @mode:  of the new file, regardless of the umask
 * @sync:  return only when the new contents survive a power failure
 *
 * The contents go to "@path.XXXXXX" in the same directory, which is then renamed. After an error
 * the old file is as it was.
 *
 * Return: 0 or a negative errno.
 */
int ctw_replace_file(const char *path, const void *bytes, size_t length, mode_t mode, bool sync);
