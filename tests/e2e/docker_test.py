#!/usr/bin/env python3
"""The page's example for Docker, unchanged, against a real engine; and a container that comes late.

usage: docker_test.py 1|2     the engine's cgroup version
"""

import os
import sys
import time

import docker_case
import harness
from docker_case import C_IMAGE, FORKS_IMAGE, GO_IMAGE, DockerTriptych, Engine, by_service
from harness import check
from http_servers import Authority, Nginx
from receiver import Receiver

EXAMPLE = os.path.join(harness.HERE, "docker_example.alloy")
ADDRESS = "127.0.77.4"  # of the example's pyroscope:4040, which another test may have on 127.0.0.1
RATE_HZ = 997
LATE_CPU_S = 2
SHARE_MIN = 0.95

LATE = """
discovery.docker "linux" {{
  host             = "unix:///var/run/docker.sock"
  refresh_interval = "1h"
}}
discovery.relabel "local_containers" {{
  targets = discovery.docker.linux.targets
  rule {{
    action        = "replace"
    source_labels = ["__meta_docker_container_name"]
    target_label  = "service_name"
  }}
}}
pyroscope.ebpf "default" {{
  forward_to       = [pyroscope.write.staging.receiver]
  targets          = discovery.relabel.local_containers.output
  sample_rate      = {rate}
  collect_interval = "1s"
}}
pyroscope.write "staging" {{
  endpoint {{ url = "{url}" }}
}}
"""


def check_example(engine, directory):
    """Both containers get profiles under their names, with their functions; nobody else does."""
    with open(EXAMPLE, encoding="utf-8") as file:
        text = file.read()
    with Receiver(os.path.join(directory, "example"), 4040, ADDRESS) as receiver, \
            DockerTriptych(engine, ADDRESS, configuration=text):
        docker_case.run_container(engine, "shop-go", GO_IMAGE, "600")
        docker_case.run_container(engine, "shop-c", C_IMAGE, "600")
        harness.wait_for(lambda: {"/shop-go", "/shop-c"} <= set(by_service(receiver)), 60,
                         "profiles of both containers")
    services = by_service(receiver)
    check(set(services) == {"/shop-go", "/shop-c"}, f"profiles of {set(services)}")
    for service, functions in (("/shop-go", {"main.(*mixer).churn", "main.goBusy"}),
                               ("/shop-c", {"split_half", "split_third", "split_fifth"})):
        found = docker_case.functions_of(services[service])
        check(functions <= found, f"{service}: {sorted(found)[:30]}")
        for one in services[service]:
            labels = {k: v for k, v in one.labels.items() if k != "__name__"}
            check(labels == {"service_name": service}, f"{service}: {one.labels}")
    engine.remove_containers()


def cpu_ns_used(engine, container):
    """What the program itself measured: "function nanoseconds" lines."""
    return sum(int(line.split()[1]) for line in
               engine.docker("logs", container).splitlines() if len(line.split()) == 2)


def wait_for_target(triptych, engine, container):
    """Returns how long after its start @container is a target at the collector."""
    harness.wait_for(lambda: "targets=1 " in triptych.log("collector"), 10, "a target", 0.002)
    return time.time() - docker_case.started_wall_s(engine, container)


def check_late(engine, directory, name, image):
    """Of a container that starts while all run, and the engine is asked once an hour."""
    with Receiver(os.path.join(directory, "received-" + name)) as receiver:
        text = LATE.format(url=receiver.url, rate=RATE_HZ)
        with DockerTriptych(engine, configuration=text, sample_rate=RATE_HZ) as triptych:
            time.sleep(1)  # all has settled, nothing is asked any more
            container = docker_case.run_container(engine, name, image, str(LATE_CPU_S))
            delay_s = wait_for_target(triptych, engine, container)
            engine.docker("wait", container)
            used_ns = cpu_ns_used(engine, container)
        seen_ns = docker_case.cpu_ns_of(by_service(receiver).get(f"/{name}", []), "program")
    share = seen_ns / used_ns if used_ns else 0
    print(f"cgroup v{engine.cgroup_version}: {name} is a target within {1000 * delay_s:.0f} ms; "
          f"{100 * share:.1f} % of its first {used_ns / 1e9:.2f} s of CPU time are in its profile")
    check(delay_s < 1, f"a target after {delay_s:.3f} s")
    check(share >= SHARE_MIN, f"{seen_ns / 1e9:.3f} s of {used_ns / 1e9:.3f} s")
    engine.remove_containers()


JOINED = """
discovery.docker "linux" {{
  host             = "unix:///var/run/docker.sock"
  refresh_interval = "1h"
}}
discovery.process "all" {{
  join             = discovery.docker.linux.targets
  refresh_interval = "1h"
}}
discovery.relabel "programs" {{
  targets = discovery.process.all.targets
  rule {{
    action        = "keep"
    source_labels = ["__meta_docker_container_name", "__meta_process_exe"]
    regex         = "/joined;/program"
  }}
  rule {{
    source_labels = ["__meta_docker_container_name"]
    target_label  = "service_name"
  }}
  rule {{
    source_labels = ["__meta_process_commandline"]
    target_label  = "command"
  }}
}}
pyroscope.ebpf "default" {{
  forward_to       = [pyroscope.write.staging.receiver]
  targets          = discovery.relabel.programs.output
  collect_interval = "1s"
}}
pyroscope.write "staging" {{
  endpoint {{ url = "{url}" }}
}}
"""


def check_joined(engine, directory):
    """The processes of a new container are targets with its labels, though lists are made hourly."""
    with Receiver(os.path.join(directory, "joined")) as receiver:
        with DockerTriptych(engine, configuration=JOINED.format(url=receiver.url),
                            n_symbolizers=1, collector_options=("--stop-seconds", "2")):
            time.sleep(1)  # the first lists are made, without the container
            docker_case.run_container(engine, "joined", C_IMAGE, "600")
            harness.wait_for(lambda: by_service(receiver).get("/joined"), 20, "a profile")
    services = by_service(receiver)
    check(set(services) == {"/joined"}, f"profiles of {set(services)}")
    for one in services["/joined"]:
        check(one.labels.get("command") == "/program 600", f"labels {one.labels}")
    engine.remove_containers()


TLS_SERVER = """
server {{
  listen 127.0.0.1:{port} ssl;
  ssl_certificate {cert}; ssl_certificate_key {key};
  ssl_client_certificate {authority}; ssl_verify_client on;
  location / {{
    proxy_pass http://unix:{socket}:; proxy_http_version 1.1;
    proxy_buffering off; proxy_read_timeout 1h;
  }}
}}
"""

TLS_BLOCK = """
  tls_config {{
    ca_file     = "{authority}"
    server_name = "engine"
    cert_file   = "{cert}"
    key_file    = "{key}"
  }}
"""


def tls_configuration(url, host, block):
    text = LATE.format(url=url, rate=RATE_HZ)
    host_line = 'host             = "unix:///var/run/docker.sock"'
    check(host_line in text, "the host is where it was")
    return text.replace(host_line, f'host = "{host}"{block}')


def check_tls(engine, directory):
    """Behind a front that wants a client's certificate: by tcp:// and https://; a stranger's fails."""
    authority, stranger = Authority(directory), Authority(directory, "stranger")
    server, client = authority.sign("front", "DNS:engine"), authority.sign("client")
    unknown = stranger.sign("unknown")
    for _, key in (client, unknown):
        os.chmod(key, 0o644)  # the shipper is not its owner here
    port = harness.free_port()
    front = Nginx(directory, TLS_SERVER.format(port=port, cert=server[0], key=server[1],
                                               authority=authority.cert, socket=engine.socket),
                  [port])
    try:
        for scheme, (cert, key), is_let_in in (("tcp", client, True), ("https", client, True),
                                               ("tcp", unknown, False)):
            block = TLS_BLOCK.format(authority=authority.cert, cert=cert, key=key)
            text = tls_configuration("http://127.0.0.1:1", f"{scheme}://127.0.0.1:{port}", block)
            check_front(engine, text, is_let_in)
            engine.remove_containers()
    finally:
        front.stop()


def check_front(engine, text, is_let_in):
    with DockerTriptych(engine, configuration=text) as triptych:
        if not is_let_in:
            harness.wait_for(lambda: "source-failing component=discovery.docker.linux" in
                             triptych.log("shipper"), 10, "a refusal")
            return
        time.sleep(1)
        container = docker_case.run_container(engine, "tls", C_IMAGE, "600")
        delay_s = wait_for_target(triptych, engine, container)
        print(f"cgroup v{engine.cgroup_version}: over TLS a target within {1000 * delay_s:.0f} ms")
        check(delay_s < 1, f"a target after {delay_s:.3f} s")
        check("source-failing" not in triptych.log("shipper"), triptych.log("shipper"))


def main():
    try:
        with harness.scratch() as directory, Engine(int(sys.argv[1])) as engine:
            docker_case.prepare(engine, directory)
            check_example(engine, directory)
            check_late(engine, directory, "late", C_IMAGE)
            check_late(engine, directory, "forks", FORKS_IMAGE)  # most of it in exits of children
            check_joined(engine, directory)
            check_tls(engine, directory)
    except docker_case.Unavailable as error:
        print(f"skipped: {error}")
        return docker_case.SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
