#!/usr/bin/env python3
"""The manifests have fields that the API's own schema has, of its types. No server, no build.

The schema is in the Go module of Kubernetes' release, which is fetched when it is not there.
"""

import copy
import os
import shutil
import subprocess
import sys

import build
from schema import Schema

try:
    import yaml
except ImportError:
    print("skipped: python3-yaml is missing")
    sys.exit(77)

TREE = os.path.dirname(os.path.dirname(build.HERE))
MANIFESTS = os.path.join(TREE, "deploy/kubernetes")
OVERLAYS = ("base", "pyroscope")


def read(path):
    with open(path, encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


def objects():
    """Of the files of the base, and of each kustomization where kubectl can build it."""
    found = {f"base/{name}.yaml": read(f"{MANIFESTS}/base/{name}.yaml")
             for name in ("namespace", "rbac", "daemonset")}
    if not shutil.which("kubectl"):
        print("kustomizations are not built: kubectl is missing")
        return found
    for overlay in OVERLAYS:
        text = subprocess.run(["kubectl", "kustomize", f"{MANIFESTS}/{overlay}"], check=True,
                              capture_output=True, text=True).stdout
        found[overlay] = list(yaml.safe_load_all(text))
    return found


def edited(pod, where, value):
    """The DaemonSet @pod with one thing changed."""
    pod = copy.deepcopy(pod)
    place = pod
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    return pod


def check_that_faults_are_found(schema, daemonset):
    spec = ("spec", "template", "spec")
    for where, value, wanted in (
            ((*spec, "hostPid"), True, "DaemonSet.spec.template.spec: hostPid is not a field"),
            ((*spec, "hostPID"), "true", "DaemonSet.spec.template.spec.hostPID: 'true' is not of type "
                                         "boolean"),
            ((*spec, "containers", 0, "securityContext", "capabilities", "add"), "BPF",
             "DaemonSet.spec.template.spec.containers[0].securityContext.capabilities.add: 'BPF' is "
             "not of type array"),
            ((*spec, "containers", 0, "resources", "limits", "memory"), {},
             "DaemonSet.spec.template.spec.containers[0].resources.limits.memory: {} is not of type "
             "string"),
            ((*spec, "terminationGracePeriodSeconds"), 1.5,
             "DaemonSet.spec.template.spec.terminationGracePeriodSeconds: 1.5 is not of type int64"),
            ((*spec, "initContainers", 1, "volumeMounts", 0), {"name": "x"},
             "DaemonSet.spec.template.spec.initContainers[1].volumeMounts[0]: mountPath is missing"),
            (("apiVersion",), "apps/v2", "apps/v2 DaemonSet: the API has no such kind")):
        found = schema.faults(edited(daemonset, where, value))
        assert found == [wanted], f"{where}: {found}"


def main():
    try:
        schema = Schema(build.schema())
    except build.Unavailable as error:
        print(f"skipped: {error}")
        return 77
    found = objects()
    faults = [f"{place}: {fault}" for place, things in found.items() for thing in things
              for fault in schema.faults(thing)]
    assert not faults, "\n".join(faults)
    daemonset = next(one for one in found["base/daemonset.yaml"])
    check_that_faults_are_found(schema, daemonset)
    print(f"{sum(map(len, found.values()))} objects are as Kubernetes {build.VERSION} describes them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
