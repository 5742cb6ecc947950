/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names of network namespaces, from /proc/PID/cgroup as engines of containers make it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/netns_name.h"

#define ID        "3f2a9c1b7d20e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9"
#define OTHER_ID  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define POD       "0f6f2c1e-7a57-4d3b-9f5e-2b1d6c1f9a11"
#define POD_SLICE "0f6f2c1e_7a57_4d3b_9f5e_2b1d6c1f9a11"

static struct ctw_netns_name by(const char *run_name, const char *cgroup, const char *command) {
    const struct ctw_netns_evidence e = {run_name, cgroup, cgroup ? strlen(cgroup) : 0, command};
    struct ctw_netns_name n;

    memset(&n, 0x55, sizeof(n));
    n.below_user = false;
    ctw_netns_name_find(&e, &n);
    return n;
}

static void cgroup_path_names_it(void **state) {
    static const struct {
        const char *cgroup, *text;
        enum ctw_netns_kind kind;
    } cases[] = {
        /* Docker: the drivers systemd and cgroupfs on v2, systemd on v1 */
        {"0::/system.slice/docker-" ID ".scope\n", "docker 3f2a9c1b7d20", CTW_NETNS_DOCKER},
        {"0::/docker/" ID "\n", "docker 3f2a9c1b7d20", CTW_NETNS_DOCKER},
        {"0::/docker/" ID "/system.slice/ssh.service\n", "docker 3f2a9c1b7d20", CTW_NETNS_DOCKER},
        {"0::/docker/" ID "/docker/" OTHER_ID "\n", "docker 3f2a9c1b7d20", CTW_NETNS_DOCKER},
        {"0::/ecs.slice/ecs-1.slice/docker-" ID ".scope\n", "docker 3f2a9c1b7d20",
         CTW_NETNS_DOCKER},
        {"12:pids:/docker/" ID "\n5:cpu,cpuacct:/docker/" ID "\n1:name=systemd:/docker/" ID
         "\n0::/system.slice/containerd.service\n",
         "docker 3f2a9c1b7d20", CTW_NETNS_DOCKER},
        {"3:memory:/docker/" ID "\n2:cpu:/\n0::/\n", "docker 3f2a9c1b7d20", CTW_NETNS_DOCKER},
        {"1:name=systemd:/ecs/7f31/" ID "\n", "container 3f2a9c1b7d20", CTW_NETNS_CONTAINER},
        /* Podman of root: on v2, in a pod, by cgroupfs, of a quadlet */
        {"0::/machine.slice/libpod-" ID ".scope/container\n", "podman 3f2a9c1b7d20",
         CTW_NETNS_PODMAN},
        {"0::/machine.slice/machine-libpod_pod_" OTHER_ID ".slice/libpod-" ID ".scope\n",
         "podman 3f2a9c1b7d20", CTW_NETNS_PODMAN},
        {"0::/libpod_parent/libpod-" ID "\n", "podman 3f2a9c1b7d20", CTW_NETNS_PODMAN},
        {"0::/system.slice/web.service/libpod-payload-" ID "\n", "podman 3f2a9c1b7d20",
         CTW_NETNS_PODMAN},
        {"0::/machine.slice/libpod-conmon-" ID ".scope\n", "libpod-conmon-" ID ".scope",
         CTW_NETNS_UNIT},
        /* containerd: for Kubernetes by systemd and cgroupfs, with both confused, nerdctl */
        {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_SLICE
         ".slice/cri-containerd-" ID ".scope\n",
         "containerd 3f2a9c1b7d20", CTW_NETNS_CONTAINERD},
        {"11:memory:/kubepods/besteffort/pod" POD "/" ID "\n", "container 3f2a9c1b7d20",
         CTW_NETNS_CONTAINER},
        {"0::/system.slice/containerd.service/kubepods-besteffort-pod" POD_SLICE
         ".slice:cri-containerd:" ID "\n",
         "containerd 3f2a9c1b7d20", CTW_NETNS_CONTAINERD},
        {"0::/system.slice/nerdctl-" ID ".scope\n", "containerd 3f2a9c1b7d20",
         CTW_NETNS_CONTAINERD},
        /* CRI-O by systemd, and by cgroupfs */
        {"0::/kubepods.slice/kubepods-pod" POD_SLICE ".slice/crio-" ID ".scope/container\n",
         "cri-o 3f2a9c1b7d20", CTW_NETNS_CRIO},
        {"0::/kubepods/burstable/pod" POD "/crio-" ID "\n", "cri-o 3f2a9c1b7d20", CTW_NETNS_CRIO},
        /* LXC 4, LXC 3, and what runs inside */
        {"0::/lxc.payload.web/system.slice/nginx.service\n", "lxc web", CTW_NETNS_LXC},
        {"1:name=systemd:/lxc/101/ns/system.slice/nginx.service\n", "lxc 101", CTW_NETNS_LXC},
        /* systemd-nspawn: --machine, and the unit that starts it at boot */
        {"0::/machine.slice/machine-web\\x2d1.scope/payload/init.scope\n", "machine web-1",
         CTW_NETNS_MACHINE},
        {"0::/machine.slice/systemd-nspawn@web\\x2d1.service/payload/docker/" ID "\n",
         "machine web-1", CTW_NETNS_MACHINE},
        /* units */
        {"0::/system.slice/nginx.service\n", "nginx.service", CTW_NETNS_UNIT},
        {"0::/system.slice/system-openvpn.slice/openvpn@a\\x2db.service/sub\n",
         "openvpn@a\\x2db.service", CTW_NETNS_UNIT},
        {"0::/_nginx.service\n", "nginx.service", CTW_NETNS_UNIT},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ctw_netns_name n = by("", cases[i].cgroup, "sleep\n");
        assert_string_equal(n.text, cases[i].text);
        assert_int_equal(n.kind, cases[i].kind);
        assert_false(n.below_user);
        assert_false(ctw_netns_below_user(cases[i].cgroup, strlen(cases[i].cgroup)));
    }
}

static void below_user_slice_names_the_user_first(void **state) {
#define MANAGER "0::/user.slice/user-1000.slice/user@1000.service/"
    static const struct {
        const char *cgroup, *text;
    } cases[] = {
        {MANAGER "user.slice/libpod-" ID ".scope/container\n", "user 1000: podman 3f2a9c1b7d20"},
        {MANAGER "user.slice/docker-" ID ".scope\n", "user 1000: docker 3f2a9c1b7d20"},
        {MANAGER "app.slice/app-x\\x2dy-7.scope\n", "user 1000: app-x\\x2dy-7.scope"},
        {MANAGER "app.slice/nginx.service\n", "user 1000: nginx.service"},
        {"0::/user.slice/user-0.slice/session-3.scope\n", "user 0: session-3.scope"},
        {"1:name=systemd:/user.slice/user-7.slice/session-3.scope\n0::/user.slice/x\n",
         "user 7: session-3.scope"},
        {"0::/user.slice\n", "user"},
        {MANAGER "\n", "user 1000"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ctw_netns_name n = by(NULL, cases[i].cgroup, "sleep");
        assert_string_equal(n.text, cases[i].text);
        assert_int_equal(n.kind, CTW_NETNS_USER);
        assert_true(n.below_user);
        assert_true(ctw_netns_below_user(cases[i].cgroup, strlen(cases[i].cgroup)));
    }
}

static void path_without_a_name_is_called_by_its_command(void **state) {
    static const char *const cgroups[] = {
        NULL,
        "",
        "0::/\n",
        "0::/../..\n",
        "4:memory:/process_api/4b39ea2ed5c1d0da\n0::/\n",
        "0::/system.slice/nginx.service", /* without its newline, a line was cut off */
        "x\n",
        "0:\n",
        "0::\n",
        "0::nginx.service\n",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cgroups) / sizeof(cgroups[0]); i++) {
        assert_string_equal(by("", cgroups[i], "sleep\n").text, "command sleep");
        assert_int_equal(by("", cgroups[i], "sleep\n").kind, CTW_NETNS_COMMAND);
        assert_int_equal(by("", cgroups[i], "\n").kind, CTW_NETNS_UNNAMED);
        assert_string_equal(by(NULL, cgroups[i], NULL).text, "");
    }
}

static void name_in_run_netns_comes_first_unless_an_engine_made_it_up(void **state) {
    static const char container[] = "0::/machine.slice/libpod-" ID ".scope\n";
    static const char user[] = "0::/user.slice/user-0.slice/session-3.scope\n";
    (void)state;

    assert_string_equal(by("blue", container, "sleep").text, "blue");
    assert_int_equal(by("blue", container, "sleep").kind, CTW_NETNS_IP_NETNS);
    assert_string_equal(by("qrouter-" POD, container, NULL).text, "qrouter-" POD);
    assert_string_equal(by("cni-" POD, container, NULL).text, "podman 3f2a9c1b7d20");
    assert_string_equal(by("netns-" POD, container, NULL).text, "podman 3f2a9c1b7d20");
    assert_string_equal(by(POD, container, NULL).text, "podman 3f2a9c1b7d20");
    assert_string_equal(by(POD, "0::/system.slice/a.service\n", NULL).text, POD);
    /* Only root can make one. */
    assert_string_equal(by("blue", user, NULL).text, "blue");
    assert_false(by("blue", user, NULL).below_user);
}

static void name_is_printable_and_bounded(void **state) {
    char name[256];
    (void)state;

    assert_string_equal(by("a\x1b[2J\nb\xff", NULL, NULL).text, "a?[2J?b?");
    assert_string_equal(by(NULL, "0::/machine.slice/machine-a\\x0Ab\\xfF\\x.scope\n", NULL).text,
                        "machine a?b?\\x");
    memset(name, 'a', sizeof(name));
    name[255] = '\0';
    const struct ctw_netns_name n = by(name, NULL, NULL);
    assert_int_equal(strlen(n.text), CTW_NETNS_TEXT_MAX - 1);
    assert_string_equal(n.text + CTW_NETNS_TEXT_MAX - 3, "a~");
}

static void pod_is_added_by_its_folder_of_logs(void **state) {
    static const char cgroup[] = "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-"
                                 "pod" POD_SLICE ".slice/cri-containerd-" ID ".scope\n";
    static const char cgroupfs[] = "0::/kubepods/besteffort/pod" POD "/crio-" ID "\n";
    static const char *const others[] = {
        "default_web-0_1f6f2c1e-7a57-4d3b-9f5e-2b1d6c1f9a11",
        "default_web-0",
        "",
        POD,
        "_" POD,
        "web-0_" POD,
    };
    struct ctw_netns_name n = by(NULL, cgroup, NULL);
    (void)state;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(ctw_netns_name_add_pod(&n, cgroup, strlen(cgroup), others[i]));
    assert_true(ctw_netns_name_add_pod(&n, cgroup, strlen(cgroup), "default_web-0_" POD));
    assert_string_equal(n.text, "containerd 3f2a9c1b7d20 pod default/web-0");
    n = by(NULL, cgroupfs, NULL);
    assert_true(ctw_netns_name_add_pod(&n, cgroupfs, strlen(cgroupfs), "a_b_" POD));
    assert_string_equal(n.text, "cri-o 3f2a9c1b7d20 pod a/b");
}

static void every_kind_has_a_word(void **state) {
    (void)state;
    assert_string_equal(ctw_netns_kind_word(CTW_NETNS_UNNAMED), "");
    for (int k = CTW_NETNS_UNNAMED + 1; k < CTW_NETNS_KINDS; k++)
        assert_true(strlen(ctw_netns_kind_word((enum ctw_netns_kind)k)) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cgroup_path_names_it),
        cmocka_unit_test(below_user_slice_names_the_user_first),
        cmocka_unit_test(path_without_a_name_is_called_by_its_command),
        cmocka_unit_test(name_in_run_netns_comes_first_unless_an_engine_made_it_up),
        cmocka_unit_test(name_is_printable_and_bounded),
        cmocka_unit_test(pod_is_added_by_its_folder_of_logs),
        cmocka_unit_test(every_kind_has_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
