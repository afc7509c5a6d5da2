"""What a node does for its pods, done by HTTP and by hand: their status, and processes in cgroups."""

import contextlib
import os
import re
import secrets
import subprocess
import sys

import build

sys.path.insert(0, os.path.join(os.path.dirname(build.HERE), "e2e"))
import harness  # noqa: E402
import workloads  # noqa: E402

NODE = "node-1"


def container(name, **more):
    return {"name": name, "image": f"registry.test/{name}:1", **more}


class Pod:
    """A pod that a node has started: containers have ids, the pod an address."""

    def __init__(self, server, namespace, name, containers=(), node=NODE, address="10.244.0.9",
                 init=(), **metadata):
        self.server, self.name = server, name
        self.path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        containers = list(containers) or [container("main")]
        spec = {"containers": containers, "initContainers": list(init),
                "terminationGracePeriodSeconds": 0}
        if node:
            spec["nodeName"] = node
        made = server.create(self.path.rpartition("/")[0], {"metadata": {"name": name, **metadata},
                                                            "spec": spec})
        self.uid = made["metadata"]["uid"]
        self.ids = {one["name"]: secrets.token_hex(32) for one in [*containers, *init]}
        self.set_status(
            phase="Running", hostIP="192.0.2.1", hostIPs=[{"ip": "192.0.2.1"}], podIP=address,
            podIPs=[{"ip": address}] if address else None,
            conditions=[{"type": "Ready", "status": "True"}],
            containerStatuses=[self._status(one) for one in containers],
            initContainerStatuses=[self._status(one) for one in init])

    def _status(self, one):
        return {"name": one["name"], "containerID": f"containerd://{self.ids[one['name']]}",
                "image": one["image"], "imageID": "", "ready": True, "restartCount": 0}

    def set_status(self, **status):
        self.patch({"status": status}, "/status")

    def patch(self, change, subresource=""):
        self.server.must("PATCH", self.path + subresource, change,
                         kind="application/merge-patch+json")

    def bind(self, node=NODE):
        """As a scheduler does."""
        self.server.create(self.path + "/binding", {"metadata": {"name": self.name}, "target":
                                                    {"kind": "Node", "name": node}})

    def delete(self):
        self.server.must("DELETE", self.path + "?gracePeriodSeconds=0")

    # -- as a kubelet names them

    def cgroup(self, name, driver="cgroupfs"):
        """The path of a container's cgroup, as the runtime makes it under each driver."""
        if driver == "cgroupfs":
            return f"kubepods/burstable/pod{self.uid}/{self.ids[name]}"
        slices = ("kubepods.slice", "kubepods-burstable.slice",
                  f"kubepods-burstable-pod{self.uid.replace('-', '_')}.slice")
        return "/".join([*slices, f"cri-containerd-{self.ids[name]}.scope"])


def unified_hierarchy():
    with open("/proc/mounts", encoding="utf-8") as file:
        found = re.search(r"(?m)^\S+ (\S+) cgroup2 ", file.read())
    if not found:
        raise build.Unavailable("no unified cgroup hierarchy is mounted here")
    return found[1]


@contextlib.contextmanager
def in_cgroup(path, command):
    """Runs @command in a cgroup of that path until the end of the block."""
    place = os.path.join(unified_hierarchy(), path)
    os.makedirs(place, exist_ok=True)
    harness.guard().tell("d", os.path.dirname(place))
    process = harness.spawn(["sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"', "sh",
                             place, *command], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        with contextlib.suppress(harness.Failed):
            harness.reap(process, 5)
        harness.guard().tell("D", os.path.dirname(place))
        while path:
            with contextlib.suppress(OSError):  # another container of the same pod is in there
                os.rmdir(os.path.join(unified_hierarchy(), path))
            path = os.path.dirname(path)


# Runs a command where a pod's files are, and where Pyroscope's names are an address of the test.
NAMESPACE = r"""
set -e
directory=$1 address=$2
shift 2
mount --make-rprivate /
cp /etc/hosts "$directory/hosts"
echo "$address pyroscope pyroscope.pyroscope.svc" >>"$directory/hosts"
mount --bind "$directory/hosts" /etc/hosts
mount --rbind "$directory/run" /run
exec "$@"
"""


class ClusterTriptych(harness.Triptych):
    """The three services; the shipper is in a pod, as far as it can see."""

    def __init__(self, server, account=("triptych", "triptych"), address="127.0.0.1", port=None,
                 environment=(), **options):
        super().__init__(None, **options)
        self.server, self.account, self.address = server, account, address
        self.environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1",
                            "KUBERNETES_SERVICE_PORT": str(port or server.port), **dict(environment)}

    def secret(self, name):
        return self.path("pod/run/secrets/kubernetes.io/serviceaccount", name)

    def write_secret(self, name, text):
        """As the kubelet does: another file in its place."""
        with open(self.secret(name) + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.secret(name) + ".new", 0o644)
        os.rename(self.secret(name) + ".new", self.secret(name))

    def _prepare(self):
        super()._prepare()
        os.makedirs(self.secret(""))
        namespace, name = self.account
        self.write_secret("namespace", namespace)
        self.write_secret("token", self.server.token_of(namespace, name))
        with open(self.server.authority.cert, encoding="utf-8") as file:
            self.write_secret("ca.crt", file.read())

    def command(self, name):
        command = super().command(name)
        if name != "shipper":
            return command
        variables = [f"{key}={value}" for key, value in self.environment.items()]
        return ["unshare", "-m", "sh", "-c", NAMESPACE, "sh", self.path("pod"), self.address, "env",
                *variables, *command]
