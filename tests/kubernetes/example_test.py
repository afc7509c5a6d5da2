#!/usr/bin/env python3
"""The page's example for Kubernetes, unchanged, against a real API server, up to profiles.

Two pods of the node and one of another, each container a process in a cgroup of the shape that a
kubelet's runtime makes. usage: example_test.py
"""

import contextlib
import os
import sys
import tempfile

from apiserver import ApiServer, Unavailable
from cluster import NODE, ClusterTriptych, Pod, container, in_cgroup
from harness import TREE, check, scratch, wait_for
from receiver import Receiver
import workloads

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "example.alloy")
ADDRESS = "127.0.77.5"  # of the example's pyroscope:4040, which another test may have on 127.0.0.1


def make_pods(server):
    """{service: (pod, its container, the cgroup's shape)} of those that the example takes."""
    server.create_namespace("shop")
    front = Pod(server, "shop", "front-1", [container("web"), container("log")], address="10.244.0.2",
                labels={"app": "front", "app.kubernetes.io/part-of": "shop"})
    done = Pod(server, "shop", "job-1", [container("job")], address="10.244.0.3")
    done.set_status(phase="Succeeded")
    elsewhere = Pod(server, "shop", "front-2", [container("web")], node="node-2", address="10.244.1.2")
    waiting = Pod(server, "shop", "waiting", [container("idle")], node=None, address="10.244.0.4")
    return {"web": (front, "web", "cgroupfs"), "log": (front, "log", "systemd"),
            "job": (done, "job", "cgroupfs"), "elsewhere": (elsewhere, "web", "cgroupfs"),
            "waiting": (waiting, "idle", "systemd")}


def labels_of(pod, name):
    common = {"namespace": "shop", "pod": pod.name, "container": name,
              "service_name": f"ebpf/shop/{name}"}
    if pod.name.startswith("front"):
        common.update(app="front", app_kubernetes_io_part_of="shop")
    return common


def by_labels(receiver):
    found = {}
    for one in receiver.distinct():
        labels = {k: v for k, v in one.labels.items() if k != "__name__"}
        found.setdefault(tuple(sorted(labels.items())), []).append(one)
    return found


def programs_of(received):
    return {stack[-1].lines[0][0].name for one in received for stack, _ in one.profile.samples
            if stack and stack[-1].lines}


def check_profiles(server, directory, pods, environment, wanted):
    """Those of the containers in @wanted come, under their labels, and no others."""
    with open(EXAMPLE, encoding="utf-8") as file:
        text = file.read()
    expected = {tuple(sorted(labels_of(*pods[key][:2]).items())): key for key in wanted}
    found = profiles_by(server, directory, text, environment, set(expected))
    check(set(found) == set(expected), f"{set(found) ^ set(expected)}")
    for labels, key in expected.items():
        programs = programs_of(found[labels])
        check(programs == {f"spin-{key}"}, f"{key}: profiles of {programs}")


def profiles_by(server, directory, text, environment, labels):
    """All profiles that come by a configuration, by their labels, once all of @labels have some."""
    with tempfile.TemporaryDirectory(dir=directory) as store, \
            Receiver(store, 4040, ADDRESS) as receiver:
        with ClusterTriptych(server, address=ADDRESS, configuration=text, environment=environment):
            wait_for(lambda: labels <= set(by_labels(receiver)), 60, f"profiles of {labels}")
        return by_labels(receiver)


def check_deployed(server, directory, pods):
    """What deploy/ sends to a Pyroscope in the cluster: pods of the node, and all else as "host"."""
    with open(os.path.join(TREE, "deploy/kubernetes/pyroscope/config.alloy"), encoding="utf-8") as file:
        text = file.read()
    expected = {(("node", NODE), ("service_name", "host")): None}
    for key in ("web", "log"):
        pod, name, _ = pods[key]
        labels = {"namespace": "shop", "pod": pod.name, "container": name, "node": NODE,
                  "service_name": f"shop/{name}"}
        expected[tuple(sorted(labels.items()))] = key
    found = profiles_by(server, directory, text, {"NODE_NAME": NODE}, set(expected))
    check(set(found) == set(expected), f"{set(found) ^ set(expected)}")
    for labels, key in expected.items():
        programs = programs_of(found[labels])
        if key:
            check(programs == {f"spin-{key}"}, f"{key}: profiles of {programs}")
        else:
            check({"spin-job", "spin-elsewhere"} <= programs and
                  not programs & {"spin-web", "spin-log"}, f"host: profiles of {programs}")


def main():
    try:
        with scratch() as directory, ApiServer(directory) as server, contextlib.ExitStack() as stack:
            code, _, err = server.kubectl("apply", "-k", os.path.join(TREE, "deploy/kubernetes/base"))
            check(code == 0, err)
            pods = make_pods(server)
            for key, (pod, name, driver) in pods.items():
                program = workloads.build_c(directory, "split.c", f"spin-{key}", ["-static"])
                stack.enter_context(in_cgroup(pod.cgroup(name, driver), [program, "600"]))
            check_profiles(server, directory, pods, {"<HOSTNAME>": NODE}, ["web", "log"])
            print("with the node's name: its pods that run, by both shapes of cgroups")
            check_profiles(server, directory, pods, {}, ["waiting"])
            print("without: what is on no node, as the page has it")
            check_deployed(server, directory, pods)
            print("as deployed: the node's pods by name, all else as host")
    except Unavailable as error:
        print(f"skipped: {error}")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
