#!/usr/bin/env python3
"""The manifests, and what README says of them, on a real API server with pod security admission.

usage: manifests_test.py
"""

import copy
import os
import re
import shutil
import subprocess
import sys

import apiserver
import build
import yaml
from apiserver import ApiServer
from harness import TREE, check, scratch
from schema import Schema

MANIFESTS = "deploy/kubernetes"
ACCOUNT = "system:serviceaccount:triptych:triptych"
SECCOMP = "/var/lib/kubelet/seccomp"

# verb, resource, its group, subresource; whether the shipper's account may, in any namespace
RIGHTS = (
    ("list", "pods", "", "", True), ("watch", "pods", "", "", True),
    ("get", "pods", "", "", False), ("create", "pods", "", "", False),
    ("delete", "pods", "", "", False), ("patch", "pods", "", "", False),
    ("create", "pods", "", "exec", False), ("get", "pods", "", "log", False),
    ("create", "pods", "", "ephemeralcontainers", False), ("list", "nodes", "", "", False),
    ("get", "nodes", "", "proxy", False), ("list", "secrets", "", "", False),
    ("get", "secrets", "", "", False), ("list", "configmaps", "", "", False),
    ("create", "serviceaccounts", "", "token", False), ("list", "services", "", "", False),
    ("list", "daemonsets", "apps", "", False),
    ("create", "clusterrolebindings", "rbac.authorization.k8s.io", "", False),
    ("impersonate", "users", "", "", False),
)


def kubectl_must(server, *arguments, text=None):
    """What it printed; it may not even warn."""
    code, out, err = server.kubectl(*arguments, text=text)
    check(code == 0 and not err, f"kubectl {arguments}: {code} {err}")
    return out


def objects_of(server, overlay):
    out = kubectl_must(server, "kustomize", os.path.join(TREE, MANIFESTS, overlay))
    return list(yaml.safe_load_all(out))


def with_more_symbolizers(directory):
    """The overlay with the lines in force that it has as a comment. Returns its directory."""
    copied = os.path.join(directory, "manifests")
    shutil.copytree(os.path.join(TREE, MANIFESTS), copied)
    path = os.path.join(copied, "pyroscope/kustomization.yaml")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    check("# components: [../symbolizers]\n" in text, text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("# components:", "components:"))
    return os.path.dirname(path)


def stored(server):
    """Which objects the namespace has, in which version."""
    lists = [server.must("GET", path)["items"] for path in
             ("/api/v1/namespaces/triptych/configmaps", "/apis/apps/v1/namespaces/triptych/daemonsets",
              "/api/v1/namespaces/triptych/serviceaccounts")]
    return [(one["metadata"]["name"], one["metadata"]["resourceVersion"])
            for items in lists for one in items]


def check_dry_run(server, directory):
    """Each kustomization is accepted, whole; nothing of it is kept."""
    before = stored(server)
    for overlay in ("base", "pyroscope", with_more_symbolizers(directory)):
        objects = objects_of(server, overlay)
        out = kubectl_must(server, "apply", "--dry-run=server", "-k",
                           os.path.join(TREE, MANIFESTS, overlay))
        accepted = re.findall(r"(?m)^(\S+) \w+ \(server dry run\)$", out)
        check(len(accepted) == len(objects), f"{len(objects)} objects: {out}")
        check(stored(server) == before, "a dry run changed something")
        print(f"{overlay.removeprefix(directory)}: {len(accepted)} objects accepted")


def check_that_faults_are_refused(server):
    daemonset = next(one for one in objects_of(server, "base") if one["kind"] == "DaemonSet")
    for change, wanted in (
            ({"hostPid": True}, 'unknown field "spec.template.spec.hostPid"'),
            ({"restartPolicy": "Never"}, "supported values: "),
            ({"tolerations": [{"operator": "Is"}]}, "spec.template.spec.tolerations[0].operator"),
            ({"volumes": []}, "volumeMounts[0].name: Not found")):
        wrong = copy.deepcopy(daemonset)
        wrong["spec"]["template"]["spec"].update(change)
        code, _, err = server.kubectl("apply", "--dry-run=server", "-f", "-", text=yaml.dump(wrong))
        check(code != 0 and wanted in err, f"{change}: {code} {err}")


# ---- pod security --------------------------------------------------------------------------------

def pod_of(server):
    """The pod that each node gets."""
    daemonset = next(one for one in objects_of(server, "base") if one["kind"] == "DaemonSet")
    template = copy.deepcopy(daemonset["spec"]["template"])
    template["metadata"]["name"] = "triptych-1"
    return {"apiVersion": "v1", "kind": "Pod", **template}


def admit(server, namespace, pod):
    pod["metadata"].pop("namespace", None)
    status, answer = server.ask("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
    return status, answer.get("message", "")


def create_level(server, level):
    server.create_namespace(level, {"pod-security.kubernetes.io/enforce": level})
    server.create(f"/api/v1/namespaces/{level}/serviceaccounts", {"metadata": {"name": "triptych"}})


def check_pod_security(server):
    """The namespace's level is the only one that lets the pod in, for the collector's sake alone."""
    pod = pod_of(server)
    status, message = admit(server, "triptych", pod)
    check(status == 201, f"in its own namespace: {status} {message}")
    for level in ("baseline", "restricted"):
        create_level(server, level)
        status, message = admit(server, level, pod)
        check(status == 403 and "hostPID=true" in message and '"BPF"' in message,
              f"{level}: {status} {message}")
        named = set(re.findall(r'container "([\w-]+)"', message))
        check(named <= {"collector"}, f"{level}: {named}: {message}")
    print("pod security: all that is beyond \"baseline\" is hostPID and the collector's")
    pod["spec"]["hostPID"] = False
    pod["spec"]["containers"][0]["securityContext"] = pod["spec"]["initContainers"][0]["securityContext"]
    status, message = admit(server, "restricted", pod)
    check(status == 201, f"shipper and symbolizers as \"restricted\": {status} {message}")


# ---- rights --------------------------------------------------------------------------------------

def check_rights(server):
    """By reviews, and by what the server answers to the account's own token."""
    for verb, resource, group, subresource, wanted in RIGHTS:
        for namespace in ("", "triptych", "kube-system"):
            may = server.may(ACCOUNT, verb, resource, group, subresource, namespace)
            check(may == wanted, f"{verb} {resource}/{subresource} in {namespace!r}: {may}")
    stranger = ACCOUNT.replace("triptych:triptych", "triptych:default")
    check(not server.may(stranger, "list", "pods"), "the default account may list pods")
    token = server.token_of("triptych", "triptych")
    for path, wanted in (("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1", 200),
                         ("/api/v1/namespaces/kube-system/pods", 200),
                         ("/api/v1/namespaces/kube-system/pods/x", 403),
                         ("/api/v1/secrets", 403), ("/api/v1/nodes", 403)):
        status, _ = server.ask("GET", path, token=token)
        check(status == wanted, f"{path}: {status}")
    print(f"rights: {len(RIGHTS)} reviewed, pods may be listed and watched and nothing else")


# ---- README --------------------------------------------------------------------------------------

def commands():
    """Those of the section on Kubernetes which this test is said to run."""
    with open(os.path.join(TREE, "deploy/README.md"), encoding="utf-8") as file:
        section = file.read().split("\n### Kubernetes\n", 1)[1].split("\n### ", 1)[0]
    block = re.search(r"(?ms)^```sh\n(.*?)^```", section)[1]
    return [line.partition(" # ")[0].strip() for line in block.splitlines()
            if "tests/kubernetes/run" in line.partition(" # ")[2]]


def check_commands(server, directory):
    """In their order, as they stand there; the kubelet's directory is one of the test's."""
    kubelet = os.path.join(directory, "kubelet")
    lines = commands()
    check(len(lines) >= 3, f"README has {lines}")
    for line in lines:
        done = subprocess.run(["sh", "-c", line.replace(SECCOMP, kubelet)], cwd=TREE, text=True,
                              capture_output=True, env=server.environment(), check=False)
        check(done.returncode == 0 and not done.stderr, f"{line}: {done.stderr}")
        print(f"README: {line}")
    daemonset = server.must("GET", "/apis/apps/v1/namespaces/triptych/daemonsets/triptych")
    pod = daemonset["spec"]["template"]["spec"]
    for container in pod["initContainers"] + pod["containers"]:
        profile = container["securityContext"]["seccompProfile"]["localhostProfile"]
        check(os.path.exists(os.path.join(kubelet, profile)), f"{profile} is not where README puts it")
    volume = next(one for one in pod["volumes"] if one["name"] == "config")["configMap"]["name"]
    server.must("GET", f"/api/v1/namespaces/triptych/configmaps/{volume}")


def check_oldest(server):
    """README names the oldest version, which has every field; the one before it has not."""
    with open(os.path.join(TREE, "deploy/README.md"), encoding="utf-8") as file:
        minor = int(re.search(r"### Kubernetes\n\n1\.(\d+) or newer", file.read())[1])
    objects = objects_of(server, "pyroscope")
    for version, is_enough in ((f"v1.{minor}.0", True), (f"v1.{minor - 1}.0", False)):
        schema = Schema(build.schema(version))
        faults = [fault for thing in objects for fault in schema.faults(thing)]
        check(is_enough == (not faults), f"{version}: {faults}")
        print(f"{version}: {faults[0] if faults else 'has every field'}")


def main():
    try:
        with scratch() as directory, ApiServer(directory) as server:
            check_commands(server, directory)
            check_dry_run(server, directory)
            check_that_faults_are_refused(server)
            check_pod_security(server)
            check_rights(server)
            check_oldest(server)
    except apiserver.Unavailable as error:
        print(f"skipped: {error}")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
