/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a network namespace is called: by its name in /run/netns, by the control group of its oldest
 * process, or by that process's command. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for a name. A longer one ends in "~", so that it is never taken for one that `ip netns exec`
 * knows: NAME_MAX is 255, but the longest in use, "qrouter-UUID", has 44. */
#define CTW_NETNS_TEXT_MAX 96

enum ctw_netns_kind {
    CTW_NETNS_UNNAMED,    /* text is "" */
    CTW_NETNS_IP_NETNS,   /* "qrouter-5fb13b2c-...": `ip netns exec` takes it unless it was cut */
    CTW_NETNS_MACHINE,    /* "machine web": what machinectl lists, systemd-nspawn for one */
    CTW_NETNS_LXC,        /* "lxc web": LXC, LXD, Incus and Proxmox */
    CTW_NETNS_PODMAN,     /* "podman 3f2a9c1b7d20" */
    CTW_NETNS_DOCKER,     /* "docker 3f2a9c1b7d20" */
    CTW_NETNS_CONTAINERD, /* "containerd 3f2a9c1b7d20 pod default/web-0" */
    CTW_NETNS_CRIO,       /* "cri-o 3f2a9c1b7d20 pod default/web-0" */
    CTW_NETNS_CONTAINER,  /* "container 3f2a9c1b7d20": the path does not tell its engine */
    CTW_NETNS_UNIT,       /* "nginx.service" */
    CTW_NETNS_USER,       /* "user 1000: podman 3f2a9c1b7d20", "user 1000: session-3.scope" */
    CTW_NETNS_COMMAND,    /* "command sleep" */
    CTW_NETNS_KINDS,
};

/* Zero-initialised, it is unnamed. */
struct ctw_netns_name {
    uint8_t kind;    /* enum ctw_netns_kind */
    bool below_user; /* the process lies below user.slice, and root did not name the namespace */
    char text[CTW_NETNS_TEXT_MAX]; /* printable ASCII, '?' for other bytes */
};

/* What a name is found by. Every part may be absent. */
struct ctw_netns_evidence {
    const char *run_name; /* in /run/netns; NULL or "": none */
    const char *cgroup;   /* contents of /proc/PID/cgroup */
    size_t cgroup_length; /* bytes in cgroup */
    const char *command;  /* contents of /proc/PID/comm, with or without its newline; NULL: none */
};

/** ctw_netns_kind_word() - "ip netns", "docker", "unit", for JSON and columns; "" for unnamed */
const char *ctw_netns_kind_word(enum ctw_netns_kind kind);

/**
 * ctw_netns_name_find() - what a namespace is called
 *
 * A name in /run/netns comes first, unless a container engine made it up ("cni-UUID" of CNI,
 * "netns-UUID" of Podman, "UUID" of CRI-O) and the path names a container. A container, wherever in
 * the path, comes before the unit that it may run in.
 */
void ctw_netns_name_find(const struct ctw_netns_evidence *e, struct ctw_netns_name *ret);

/** ctw_netns_below_user() - whether a process lies below user.slice, by its /proc/PID/cgroup */
bool ctw_netns_below_user(const char *cgroup, size_t length);

/**
 * ctw_netns_name_add_pod() - add " pod NAMESPACE/NAME" to the name of a container
 * @n:      with the name of ctw_netns_name_find() for the same @cgroup
 * @entry:  a folder's name in /var/log/pods: "NAMESPACE_NAME_UID"
 *
 * Return: whether @entry is that of the pod that @cgroup lies in.
 */
bool ctw_netns_name_add_pod(struct ctw_netns_name *n, const char *cgroup, size_t length,
                            const char *entry);
