#!/usr/bin/env python3
"""The Kubernetes manifests: each container as confined as its service of the compose file.

usage: kubernetes_test.py SHIPPER

Without kubectl, which builds what kustomizations stand for, the files of the base are read alone.
"""

import copy
import json
import os
import re
import shutil
import subprocess
import sys

try:
    import yaml
except ImportError:
    print("missing: python3-yaml")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
MANIFESTS = os.path.join(TREE, "deploy/kubernetes")
SERVICES = ("collector", "symbolizer", "shipper")


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as file:
        return file.read()


def service_of(container):
    return container["name"].split("-")[0]


def pod_of(objects):
    return next(one for one in objects if one["kind"] == "DaemonSet")["spec"]["template"]["spec"]


def containers_of(pod):
    return pod["initContainers"] + pod["containers"]


def fields_of_compose(service, compose, image_user):
    """The security fields of a service, in words that both files can be put into."""
    options = dict(re.split("[=:]", one, maxsplit=1) for one in compose["security_opt"])
    uid, _, gid = str(compose.get("user", image_user)).partition(":")
    return {
        "uid": int(uid), "gid": int(gid),
        "drop": compose["cap_drop"],
        "add": {one for one in compose.get("cap_add", []) if not one.startswith("$")},
        "read only": compose["read_only"],
        "no new privileges": options["no-new-privileges"] == "true",
        "seccomp": os.path.basename(options["seccomp"]),
        "apparmor": options.get("apparmor", "default").lower(),
        "memory": compose["mem_limit"],
        "privileged": compose.get("privileged", False),
        "mounts": {re.search(r":(/[^:]*)", one)[1] for one in
                   (re.sub(r"\$\{[^}]*\}", "", volume) for volume in compose["volumes"])},
        "program": f"triptych-{service}",
    }


def fields_of_container(container):
    context = container["securityContext"]
    profile = context["seccompProfile"]
    assert profile["type"] == "Localhost", container["name"]
    return {
        "uid": context["runAsUser"], "gid": context["runAsGroup"],
        "drop": context["capabilities"]["drop"],
        "add": set(context["capabilities"].get("add", [])),
        "read only": context["readOnlyRootFilesystem"],
        "no new privileges": not context["allowPrivilegeEscalation"],
        "seccomp": os.path.basename(profile["localhostProfile"]),
        "apparmor": context.get("appArmorProfile", {"type": "default"})["type"].lower(),
        "memory": container["resources"]["limits"]["memory"].removesuffix("i").lower(),
        "privileged": context.get("privileged", False),
        "mounts": {one["mountPath"] for one in container["volumeMounts"]},
        "program": os.path.basename(container["command"][0]),
    }


def comparable(fields, service):
    """Without what the two cannot share: Docker's tmpfs and its proxy, and the API's token."""
    fields = copy.deepcopy(fields)
    fields["mounts"] -= {"/tmp", "/var/run", "/var/run/secrets/kubernetes.io/serviceaccount"}
    if service == "shipper":  # compose mounts the file, Kubernetes its directory
        fields["mounts"] = {one.removesuffix("/config.alloy") for one in fields["mounts"]}
    return fields


def differences(objects, compose, users):
    found = []
    for container in containers_of(pod_of(objects)):
        service = service_of(container)
        wanted = comparable(fields_of_compose(service, compose[service], users[service]), service)
        have = comparable(fields_of_container(container), service)
        found += [f"{container['name']}: {key} is {have[key]}, in compose {wanted[key]}"
                  for key in wanted if have[key] != wanted[key]]
    return found


def check_that_a_drift_is_found(objects, compose, users):
    for change in ({"runAsUser": 0}, {"readOnlyRootFilesystem": False},
                   {"allowPrivilegeEscalation": True}, {"capabilities": {"drop": []}},
                   {"seccompProfile": {"type": "Localhost", "localhostProfile": "triptych/x.json"}}):
        drifted = copy.deepcopy(objects)
        containers_of(pod_of(drifted))[0]["securityContext"].update(change)
        assert differences(drifted, compose, users), f"{change} is not seen"


def check_pod(objects, compose):
    pod = pod_of(objects)
    names = [one["name"] for one in containers_of(pod)]
    assert pod["hostPID"] == (compose["collector"]["pid"] == "host")
    assert not any(pod.get(key) for key in ("hostNetwork", "hostIPC"))
    assert not any("hostPath" in one for one in pod["volumes"])
    assert pod["automountServiceAccountToken"] is False
    with_token = [one["name"] for one in containers_of(pod)
                  if any(mount["name"] == "token" for mount in one["volumeMounts"])]
    assert with_token == ["shipper"], with_token
    assert names[0] == "shipper" and names[-1] == "collector", names  # stopped in the other order
    assert all(one["restartPolicy"] == "Always" for one in pod["initContainers"])
    symbolizers = [one for one in pod["initContainers"] if service_of(one) == "symbolizer"]
    assert len(symbolizers) == compose["symbolizer"]["deploy"]["replicas"]
    seconds = sum(int(compose[one]["stop_grace_period"].removesuffix("s")) for one in SERVICES)
    assert pod["terminationGracePeriodSeconds"] == seconds
    check_copies(symbolizers)


def check_copies(symbolizers):
    """They differ in their name and the place of their health file."""
    plain = []
    for one in copy.deepcopy(symbolizers):
        name = one.pop("name")
        assert one["volumeMounts"][0].pop("subPath") == name, name
        plain.append(json.dumps(one, sort_keys=True))
    assert len(set(plain)) == 1
    assert len({one["name"] for one in symbolizers}) == len(symbolizers)


def check_api_access(objects):
    role = next(one for one in objects if one["kind"] == "ClusterRole")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]


def kustomize(directory):
    done = subprocess.run(["kubectl", "kustomize", directory], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def check_kustomizations(compose, users):
    if not shutil.which("kubectl"):
        print("kustomizations are not built: kubectl is missing")
        return
    for overlay in ("base", "pyroscope"):
        objects = kustomize(os.path.join(MANIFESTS, overlay))
        assert not differences(objects, compose, users)
        settings = next(one for one in objects if one["kind"] == "ConfigMap")
        assert settings["data"]["config.alloy"] == read(f"deploy/kubernetes/{overlay}/config.alloy")
    with_one_more = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"triptych-k8s.{os.getpid()}")
    shutil.copytree(MANIFESTS, with_one_more)
    try:
        with open(f"{with_one_more}/pyroscope/kustomization.yaml", "r+", encoding="utf-8") as file:
            text = file.read().replace("# components:", "components:")
            file.seek(0)
            file.truncate()
            file.write(text)
        objects = kustomize(f"{with_one_more}/pyroscope")
    finally:
        shutil.rmtree(with_one_more)
    assert not differences(objects, compose, users)
    symbolizers = [one for one in containers_of(pod_of(objects)) if service_of(one) == "symbolizer"]
    assert [one["name"] for one in symbolizers] == [f"symbolizer-{i}" for i in (1, 2, 3)]
    check_copies(symbolizers)


def check_configurations(shipper):
    for overlay in ("base", "pyroscope"):
        done = subprocess.run([shipper, "check", f"{MANIFESTS}/{overlay}/config.alloy"],
                              capture_output=True, text=True, check=False,
                              env=dict(os.environ, NODE_NAME="node"))
        assert done.returncode == 0, done.stderr


def main():
    compose = yaml.safe_load(read("deploy/docker-compose.yml"))["services"]
    stages = re.split(r"(?m)^FROM scratch AS ", read("deploy/Dockerfile"))[1:]
    users = {stage.split()[0]: (re.search(r"(?m)^USER (\S+)", stage) or [None, "0:0"])[1]
             for stage in stages}
    objects = [one for name in ("namespace", "rbac", "daemonset") for one in
               yaml.safe_load_all(read(f"deploy/kubernetes/base/{name}.yaml"))]
    found = differences(objects, compose, users)
    assert not found, "\n".join(found)
    check_that_a_drift_is_found(objects, compose, users)
    check_pod(objects, compose)
    check_api_access(objects)
    check_kustomizations(compose, users)
    check_configurations(sys.argv[1])


if __name__ == "__main__":
    main()
