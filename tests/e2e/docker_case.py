"""What the tests with a Docker Engine share: images, containers, the services beside them."""

import datetime
import os
import sys
import tempfile

import harness
import workloads

sys.path.insert(0, os.path.join(harness.TREE, "tests/engine"))
from engine import Engine, Unavailable  # noqa: E402,F401

SKIPPED = 77
GO_IMAGE, C_IMAGE, FORKS_IMAGE = "triptych-test/go:1", "triptych-test/c:1", "triptych-test/forks:1"

# Runs a command where /run/docker.sock is @socket, and the name pyroscope is @address.
NAMESPACE = r"""
set -e
directory=$1 socket=$2 address=$3
shift 3
mount --make-rprivate /
cp /etc/hosts "$directory/hosts"
echo "$address pyroscope" >>"$directory/hosts"
mount --bind "$directory/hosts" /etc/hosts
mkdir "$directory/run"
: >"$directory/run/docker.sock"
mount --bind "$socket" "$directory/run/docker.sock"
mount --rbind "$directory/run" /run
exec "$@"
"""


class DockerTriptych(harness.Triptych):
    """The three services; the shipper finds the engine at the usual place."""

    def __init__(self, engine, address="127.0.0.1", **options):
        super().__init__(None, **options)
        self.engine, self.address = engine, address

    def command(self, name):
        command = super().command(name)
        if name != "shipper":
            return command
        directory = tempfile.mkdtemp(dir=self.work)
        os.chmod(directory, 0o755)
        return ["unshare", "-m", "sh", "-c", NAMESPACE, "sh", directory, self.engine.socket,
                self.address, *command]


def prepare(engine, directory):
    """Makes the images. The socket is for the group docker, which the shipper is not in here."""
    os.chmod(engine.socket, 0o666)
    engine.program_image(workloads.build_go(directory), GO_IMAGE)
    engine.program_image(workloads.build_c(directory, "split.c", "split", ["-static"]), C_IMAGE)
    engine.program_image(workloads.build_c(directory, "forks.c", "forks", ["-static"]), FORKS_IMAGE)


def run_container(engine, name, image, *arguments, options=()):
    """Starts a container in the background and returns its id."""
    return engine.start_container(name, image, *arguments, options=options)


def inspect(engine, container):
    return engine.get(f"/containers/{container}/json")


def by_service(receiver):
    services = {}
    for one in receiver.distinct():
        services.setdefault(one.labels.get("service_name"), []).append(one)
    return services


def functions_of(received):
    """The names of all functions in these profiles."""
    return {line[0].name for one in received for stack, _ in one.profile.samples
            for location in stack for line in location.lines}


def cpu_ns_of(received, process):
    """What these profiles say of processes of that name: its root frame has it."""
    return sum(values[0] for one in received
               for (stack, _), values in one.profile.samples.items()
               if stack and stack[-1].lines and stack[-1].lines[0][0].name == process)


def started_wall_s(engine, container):
    """When the engine started it, by its clock, which is ours."""
    text = inspect(engine, container)["State"]["StartedAt"]
    moment = datetime.datetime.strptime(text[:26].rstrip("Z"), "%Y-%m-%dT%H:%M:%S.%f")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()
