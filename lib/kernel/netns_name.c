/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/kernel/netns_name.h"

#include <string.h>

#include "lib/util/parse.h"
#include "lib/util/strbuf.h"

/* The digits that engines print of a container's ID, and all of them. */
#define SHORT_ID 12
#define LONG_ID  64u

/* The last character of a name that was too long. */
#define CUT '~'

/* "12345678-1234-1234-1234-123456789012" */
#define UUID 36u

static const char *const words[CTW_NETNS_KINDS] = {
    [CTW_NETNS_UNNAMED] = "",
    [CTW_NETNS_IP_NETNS] = "ip netns",
    [CTW_NETNS_MACHINE] = "machine",
    [CTW_NETNS_LXC] = "lxc",
    [CTW_NETNS_PODMAN] = "podman",
    [CTW_NETNS_DOCKER] = "docker",
    [CTW_NETNS_CONTAINERD] = "containerd",
    [CTW_NETNS_CRIO] = "cri-o",
    [CTW_NETNS_CONTAINER] = "container",
    [CTW_NETNS_UNIT] = "unit",
    [CTW_NETNS_USER] = "user",
    [CTW_NETNS_COMMAND] = "command",
};

const char *ctw_netns_kind_word(enum ctw_netns_kind kind) {
    return words[kind];
}

/* What a path names: a container, a machine or a unit. */
struct found {
    enum ctw_netns_kind kind;
    struct ctw_piece name;
};

/* --- pieces ----------------------------------------------------------------------------------- */

static bool drop_suffix(struct ctw_piece *p, const char *suffix) {
    const size_t n = strlen(suffix);

    if (p->length < n || memcmp(p->at + p->length - n, suffix, n) != 0)
        return false;
    p->length -= n;
    return true;
}

/* The value of a hexadecimal digit. Return: -1: it is none. */
static int digit(char c) {
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *const at = c == '\0' ? NULL : strchr(digits, c);

    return !at ? -1 : (int)(at - digits) - (at - digits > 15 ? 6 : 0);
}

static bool all_hexadecimal(const char *at, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (digit(at[i]) < 0)
            return false;
    return true;
}

static bool is_uuid(const char *at, size_t length, char dash) {
    if (length != UUID)
        return false;
    for (size_t i = 0; i < UUID; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? at[i] != dash : digit(at[i]) < 0)
            return false;
    return true;
}

/* Take the next component off the front of a path, without the '_' by which systemd guards a name
 * that the kernel would take for a file of its own (cg_escape). */
static bool take_component(struct ctw_piece *path, struct ctw_piece *ret) {
    while (ctw_piece_take(path, "/"))
        ;
    if (path->length == 0)
        return false;
    const char *const slash = memchr(path->at, '/', path->length);

    *ret = (struct ctw_piece){path->at, slash ? (size_t)(slash - path->at) : path->length};
    path->at += ret->length;
    path->length -= ret->length;
    (void)ctw_piece_take(ret, "_");
    return true;
}

/* --- containers ------------------------------------------------------------------------------- */

/* A container's component is PREFIX, 64 digits, and ".scope" where systemd made it. */
static const struct {
    const char *prefix;
    enum ctw_netns_kind kind;
} engines[] = {
    {"docker-", CTW_NETNS_DOCKER},
    {"libpod-payload-", CTW_NETNS_PODMAN}, /* --cgroups=split, inside the unit of a quadlet */
    {"libpod-", CTW_NETNS_PODMAN},
    {"cri-containerd-", CTW_NETNS_CONTAINERD},
    {"nerdctl-", CTW_NETNS_CONTAINERD},
    {"crio-", CTW_NETNS_CRIO},
    /* Engines without systemd's driver leave the digits bare, or, given a path of systemd's form
     * ("SLICE:PREFIX:ID"), take it for a name. */
    {"docker:", CTW_NETNS_DOCKER},
    {"cri-containerd:", CTW_NETNS_CONTAINERD},
    {"crio:", CTW_NETNS_CRIO},
    {"", CTW_NETNS_CONTAINER},
};

static bool is_container(struct ctw_piece c, struct ctw_piece parent, struct found *ret) {
    (void)drop_suffix(&c, ".scope");
    if (c.length < LONG_ID || !all_hexadecimal(c.at + c.length - LONG_ID, LONG_ID))
        return false;
    ret->name = (struct ctw_piece){c.at + c.length - LONG_ID, SHORT_ID};
    c.length -= LONG_ID;
    const char *const colon = c.length > 1 ? memchr(c.at, ':', c.length - 1) : NULL;
    if (colon) {
        c.length -= (size_t)(colon + 1 - c.at);
        c.at = colon + 1;
    }
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
        if (ctw_piece_is(c, engines[i].prefix)) {
            ret->kind = engines[i].kind;
            if (c.length == 0 && ctw_piece_is(parent, "docker"))
                ret->kind = CTW_NETNS_DOCKER;
            return true;
        }
    return false;
}

static bool is_machine(struct ctw_piece c, struct found *ret) {
    ret->kind = CTW_NETNS_MACHINE;
    ret->name = c;
    return (ctw_piece_take(&ret->name, "machine-") && drop_suffix(&ret->name, ".scope")) ||
           (ctw_piece_take(&ret->name, "systemd-nspawn@") && drop_suffix(&ret->name, ".service"));
}

static bool is_lxc(struct ctw_piece c, struct ctw_piece parent, struct found *ret) {
    ret->kind = CTW_NETNS_LXC;
    ret->name = c;
    return ctw_piece_take(&ret->name, "lxc.payload.") || ctw_piece_is(parent, "lxc");
}

static bool is_unit(struct ctw_piece c, struct found *ret) {
    ret->kind = CTW_NETNS_UNIT;
    ret->name = c;
    /* user@1000.service is every session of its user. */
    return !ctw_piece_take(&c, "user@") &&
           (drop_suffix(&c, ".service") || drop_suffix(&c, ".scope"));
}

/*
 * The first container of a path, from its root, else its first unit.
 *
 *   /system.slice/docker-ID.scope                 Docker by systemd, the driver on cgroup v2
 *   /docker/ID                                    Docker by cgroupfs
 *   /machine.slice/libpod-ID.scope/container      Podman of root
 *   /user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container
 *   /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice/
 *     cri-containerd-ID.scope
 *   /kubepods/besteffort/podUID/ID                containerd by cgroupfs
 *   /system.slice/containerd.service/kubepods-besteffort-podUID.slice:cri-containerd:ID
 *   /kubepods.slice/kubepods-podUID.slice/crio-ID.scope
 *   /lxc.payload.web/system.slice/nginx.service   LXC 4 and later
 *   /lxc/101/ns/system.slice/nginx.service        LXC 3, Proxmox
 *   /machine.slice/machine-web\x2d1.scope/payload/init.scope
 *   /machine.slice/systemd-nspawn@web.service/payload
 */
static struct found find_in(struct ctw_piece path) {
    struct ctw_piece component, parent = {"", 0};
    struct found found, unit = {0};

    while (take_component(&path, &component)) {
        if (is_container(component, parent, &found) || is_machine(component, &found) ||
            is_lxc(component, parent, &found))
            return found;
        if (unit.kind == CTW_NETNS_UNNAMED && is_unit(component, &found))
            unit = found;
        parent = component;
    }
    return unit;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Take "user.slice/user-1000.slice" off the front. Return: whether it is below user.slice. */
static bool take_user(struct ctw_piece *path, struct ctw_piece *ret_uid) {
    struct ctw_piece rest = *path, component;

    if (!take_component(&rest, &component) || !ctw_piece_is(component, "user.slice"))
        return false;
    *path = rest;
    *ret_uid = (struct ctw_piece){"", 0};
    if (take_component(&rest, &component) && ctw_piece_take(&component, "user-") &&
        drop_suffix(&component, ".slice")) {
        *ret_uid = component;
        *path = rest;
    }
    return true;
}

/*
 * The path that tells most. With cgroup v2 there is one line. Where both are mounted, systemd's own
 * hierarchy comes first, since engines that know only v1 leave the process in their own v2 group:
 *
 *   5:memory:/docker/3f2a9c1b7d20...
 *   1:name=systemd:/docker/3f2a9c1b7d20...
 *   0::/system.slice/containerd.service
 */
static struct ctw_piece choose_path(const char *cgroup, size_t length) {
    static const char *const hierarchies[] = {"name=systemd:", ":", ""};
    struct ctw_piece uid;

    for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++) {
        struct ctw_piece rest = {cgroup, length}, line;
        uint64_t id;

        while (ctw_piece_line(&rest, &line)) {
            if (!ctw_piece_number(&line, UINT32_MAX, &id) || !ctw_piece_take(&line, ":") ||
                !ctw_piece_take(&line, hierarchies[i]))
                continue;
            const char *const slash = memchr(line.at, '/', line.length);
            if (!slash)
                continue;
            line.length -= (size_t)(slash - line.at);
            line.at = slash;
            struct ctw_piece path = line;
            if (take_user(&path, &uid) || find_in(line).kind != CTW_NETNS_UNNAMED)
                return line;
        }
    }
    return (struct ctw_piece){"", 0};
}

bool ctw_netns_below_user(const char *cgroup, size_t length) {
    struct ctw_piece path = choose_path(cgroup, length), uid;

    return take_user(&path, &uid);
}

/* --- the name --------------------------------------------------------------------------------- */

/* "web\x2d1" is "web-1": unit_name_escape of systemd. Units keep it, since systemctl asks for it.
 */
static void put_unescaped(struct ctw_out *o, struct ctw_piece name) {
    while (name.length > 0) {
        const bool escaped = name.length >= 4 && name.at[0] == '\\' && name.at[1] == 'x' &&
                             all_hexadecimal(name.at + 2, 2);
        const size_t used = escaped ? 4 : 1;
        const int byte = escaped ? digit(name.at[2]) << 4 | digit(name.at[3]) : name.at[0];
        ctw_out_put(o, "%c", byte == 0 ? '?' : byte);
        name.at += used;
        name.length -= used;
    }
}

static void put_found(struct ctw_out *o, const struct found *f) {
    if (f->kind == CTW_NETNS_UNIT) {
        ctw_out_put(o, "%.*s", (int)f->name.length, f->name.at);
    } else if (f->kind != CTW_NETNS_UNNAMED) {
        ctw_out_put(o, "%s ", words[f->kind]);
        put_unescaped(o, f->name);
    }
}

static void finish(struct ctw_netns_name *n, const struct ctw_out *o) {
    if (n->text[0] == '\0') /* a path with NULs */
        n->kind = CTW_NETNS_UNNAMED;
    if (o->used >= o->size)
        n->text[sizeof(n->text) - 2] = CUT;
    for (char *c = n->text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

/* Whether a container engine made the name up. */
static bool is_made_up(const char *run_name) {
    struct ctw_piece name = {run_name, strlen(run_name)};

    if (!ctw_piece_take(&name, "cni-"))
        (void)ctw_piece_take(&name, "netns-");
    return is_uuid(name.at, name.length, '-');
}

void ctw_netns_name_find(const struct ctw_netns_evidence *e, struct ctw_netns_name *ret) {
    struct ctw_piece path = choose_path(e->cgroup, e->cgroup ? e->cgroup_length : 0), uid;
    const bool below_user = take_user(&path, &uid);
    const struct found found = find_in(path);
    const bool is_named = e->run_name && *e->run_name;
    const bool is_contained = found.kind != CTW_NETNS_UNNAMED && found.kind != CTW_NETNS_UNIT;
    struct ctw_out o = {ret->text, sizeof(ret->text), 0};

    memset(ret, 0, sizeof(*ret));
    ret->below_user = below_user && !is_named;
    if (is_named && !(is_contained && is_made_up(e->run_name))) {
        ret->kind = CTW_NETNS_IP_NETNS;
        ctw_out_put(&o, "%s", e->run_name);
    } else if (below_user) {
        ret->kind = CTW_NETNS_USER;
        ctw_out_put(&o, "user%s%.*s%s", uid.length > 0 ? " " : "", (int)uid.length, uid.at,
                    found.kind != CTW_NETNS_UNNAMED ? ": " : "");
        put_found(&o, &found);
    } else if (found.kind != CTW_NETNS_UNNAMED) {
        ret->kind = (uint8_t)found.kind;
        put_found(&o, &found);
    } else if (e->command && strcspn(e->command, "\n") > 0) {
        ret->kind = CTW_NETNS_COMMAND;
        ctw_out_put(&o, "command %.*s", (int)strcspn(e->command, "\n"), e->command);
    }
    finish(ret, &o);
}

/* "pod12345678-...", in a slice "kubepods-burstable-pod12345678_....slice" */
static bool find_pod(struct ctw_piece path, char ret_uid[static UUID + 1]) {
    for (; path.length >= 3 + UUID; path.at++, path.length--)
        if (memcmp(path.at, "pod", 3) == 0 &&
            (is_uuid(path.at + 3, UUID, '-') || is_uuid(path.at + 3, UUID, '_'))) {
            for (size_t i = 0; i < UUID; i++)
                ret_uid[i] = path.at[3 + i] == '_' ? '-' : path.at[3 + i];
            ret_uid[UUID] = '\0';
            return true;
        }
    return false;
}

bool ctw_netns_name_add_pod(struct ctw_netns_name *n, const char *cgroup, size_t length,
                            const char *entry) {
    struct ctw_out o = {n->text, sizeof(n->text), strlen(n->text)};
    struct ctw_piece name = {entry, strlen(entry)};
    char uid[UUID + 1];

    if (!find_pod(choose_path(cgroup, length), uid) || !drop_suffix(&name, uid) ||
        !drop_suffix(&name, "_"))
        return false;
    /* No name in Kubernetes has a '_'. */
    const char *const bar = memchr(name.at, '_', name.length);
    if (!bar)
        return false;
    ctw_out_put(&o, " pod %.*s/%.*s", (int)(bar - name.at), name.at,
                (int)(name.at + name.length - bar - 1), bar + 1);
    finish(n, &o);
    return true;
}
