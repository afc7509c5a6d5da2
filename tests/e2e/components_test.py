#!/usr/bin/env python3
"""/api/v0/web/components: the components in force as Alloy lists them, what each is worth, and how it
is; no secret in any of it; what is none is a 404 in JSON; and it follows reloads and sources."""

import datetime
import json
import os
import sys
import time
import urllib.error
import urllib.request

import harness
from harness import check

SECRETS = ("pass-7151", "token-9031", "header-4127", "file-5561", "user-8181")
CONFIGURATION = """
logging {
  level = "info"
}
local.file "token" {
  filename  = "@TOKEN@"
  is_secret = true
}
discovery.docker "gone" {
  host = "unix:///nonexistent/docker.sock"
}
discovery.relabel "all" {
  targets = array.concat(discovery.docker.gone.targets, [
    {"__process_pid__" = "1", "service_name" = "init \\u00e9 \\"q\\""},
  ])
  rule {
    target_label = "team"
    replacement  = "a"
  }
}
pyroscope.write "store" {
  endpoint {
    url     = "@STORE@"
  }
  endpoint {
    url          = "http://user-8181:pass-7151@127.0.0.1:9/"
    headers      = {"X-Api-Key" = "header-4127"}
    bearer_token = "token-9031"
  }
  endpoint {
    url          = "http://127.0.0.1:9/two"
    bearer_token = local.file.token.content
  }
}
pyroscope.ebpf "test" {
  forward_to = [pyroscope.write.store.receiver]
  targets    = discovery.relabel.all.output
}
"""
LIST = "/api/v0/web/components"
IDS = ["discovery.docker.gone", "discovery.relabel.all", "local.file.token", "pyroscope.ebpf.test",
       "pyroscope.write.store"]
MEMBERS = {"name", "label", "localID", "moduleID", "health", "referencesTo", "referencedBy"}


def ask(triptych, path, method="GET"):
    """(status, content type, body) of a request."""
    request = urllib.request.Request(f"http://127.0.0.1:{triptych.port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["Content-Type"], answer.read().decode()


def get(triptych, path):
    status, kind, body = ask(triptych, path)
    check((status, kind) == (200, "application/json"), f"{path}: {status} {kind} {body}")
    for secret in SECRETS:
        check(secret not in body, f"{path} has the secret {secret}: {body}")
    return json.loads(body)


def check_list(triptych):
    components = get(triptych, LIST)
    check([c["localID"] for c in components] == IDS, f"{components}")
    for component in components:
        check(component.keys() == MEMBERS, f"members of {component}")
        check(f'{component["name"]}.{component["label"]}' == component["localID"], f"{component}")
        check(component["moduleID"] == "", f"{component}")
        health = component["health"]
        since = datetime.datetime.strptime(health["updatedTime"][:26] + "Z", "%Y-%m-%dT%H:%M:%S.%fZ")
        since = since.replace(tzinfo=datetime.timezone.utc).timestamp()
        check(len(health["updatedTime"]) == len("2006-01-02T15:04:05.999999999Z") and
              time.time() - 120 < since <= time.time(), f"{health}")
        is_ill = component["localID"] == "discovery.docker.gone"
        check(health["state"] == ("unhealthy" if is_ill else "healthy"), f"{component}")
        check(("docker.sock" in health["message"]) == is_ill, f"{component}")
    edges = {c["localID"]: (c["referencesTo"], c["referencedBy"]) for c in components}
    check(edges == {
        "discovery.docker.gone": ([], ["discovery.relabel.all"]),
        "discovery.relabel.all": (["discovery.docker.gone"], ["pyroscope.ebpf.test"]),
        "local.file.token": ([], ["pyroscope.write.store"]),
        "pyroscope.ebpf.test": (["discovery.relabel.all", "pyroscope.write.store"], []),
        "pyroscope.write.store": (["local.file.token"], ["pyroscope.ebpf.test"]),
    }, f"{edges}")


def check_each(triptych):
    one = {id: get(triptych, f"{LIST}/{id}") for id in IDS}
    for id, component in one.items():
        check(component.keys() == MEMBERS | {"arguments", "exports", "debugInfo", "isTruncated"},
              f"members of {component}")
        check(component["localID"] == id and component["isTruncated"] is False, f"{component}")
        has_more = id == "pyroscope.ebpf.test"
        check({"targets", "session"} <= component["debugInfo"].keys() if has_more else
              component["debugInfo"] == {}, f"{component}")
    output = [{"__process_pid__": "1", "service_name": "init \u00e9 \"q\"", "team": "a"}]
    check(one["discovery.relabel.all"]["exports"]["output"] == output, "output")
    check(one["pyroscope.ebpf.test"]["arguments"]["targets"] == output, "targets")
    check(one["pyroscope.ebpf.test"]["arguments"]["forward_to"] == ["pyroscope.write.store.receiver"],
          "forward_to")
    check(one["pyroscope.ebpf.test"]["arguments"]["sample_rate"] == 97, "a default")
    check(one["local.file.token"]["exports"] == {"content": "(secret)"}, "the file's content")
    endpoints = one["pyroscope.write.store"]["arguments"]["endpoint"]
    check(endpoints[1]["bearer_token"] == "(secret)", f"{endpoints[1]}")
    check(endpoints[1]["headers"] == {"X-Api-Key": "(secret)"}, f"{endpoints[1]}")
    check(endpoints[2]["bearer_token"] == "(secret)", f"{endpoints[2]}")


def check_what_is_none(triptych):
    for path in (f"{LIST}/nobody", f"{LIST}/logging", f"{LIST}/pyroscope.ebpf.test/x",
                 f"{LIST}/%ff", f"{LIST}/{'x' * 4000}"):
        status, kind, body = ask(triptych, path)
        check((status, kind) == (404, "application/json"), f"{path}: {status} {kind} {body}")
        check(json.loads(body) == {"error": "no such component"}, body)
    for path in (LIST, f"{LIST}/pyroscope.ebpf.test"):
        check(ask(triptych, path, "HEAD") == (200, "application/json", ""), f"HEAD {path}")
        check(ask(triptych, path, "POST")[0] == 405 and ask(triptych, path, "DELETE")[0] == 405,
              f"methods of {path}")
    check(ask(triptych, f"{LIST}/nobody", "HEAD")[0] == 404, "HEAD of nobody")
    check(ask(triptych, LIST + "x")[0] == 404 and ask(triptych, "/api/v0/web")[0] == 404, "others")


def check_changes(triptych, n_targets):
    """A file is published: what it is worth follows. So it does a reload; a refused one is not in
    force."""
    more = 'default_target = {"service_name" = "x"}'
    triptych.write_configuration(triptych.configuration.replace(
        "forward_to", f"{more}\n  forward_to").replace('"a"', '"b"'))
    triptych.get("/-/reload")
    component = get(triptych, f"{LIST}/pyroscope.ebpf.test")
    check(component["arguments"]["default_target"] == {"service_name": "x"}, f"{component}")
    check(component["arguments"]["targets"][0]["team"] == "b", f"{component}")
    triptych.write_configuration("pyroscope.ebpf \"test\" {\n}\n")
    check(ask(triptych, "/-/reload")[0] == 400, "a wrong file is taken")
    again = get(triptych, f"{LIST}/pyroscope.ebpf.test")
    check(again["arguments"] == component["arguments"], f"{again}")
    check(again["health"]["state"] == "unhealthy" and again["health"]["message"], f"{again}")
    targets = ",".join('{"__process_pid__" = "%d"}' % (n + 2) for n in range(n_targets))
    triptych.write_configuration(f"""
discovery.relabel "many" {{
  targets = [{targets}]
  rule {{
    target_label = "filler"
    replacement  = "{"f" * 2000}"
  }}
}}
pyroscope.ebpf "many" {{
  forward_to = []
  targets    = discovery.relabel.many.output
}}""")
    triptych.get("/-/reload")
    many = get(triptych, f"{LIST}/pyroscope.ebpf.many")
    check(many["isTruncated"] is True and len(many["arguments"]["targets"]) > 100,
          f'{len(many["arguments"]["targets"])} targets')


def main():
    with harness.scratch() as directory:
        token = os.path.join(directory, "token")
        with open(token, "w", encoding="utf-8") as file:
            file.write("file-5561")
        os.chmod(token, 0o644)
        with harness.Triptych("", n_symbolizers=1, configuration=CONFIGURATION.replace(
                "@TOKEN@", token)) as triptych:
            harness.wait_for(lambda: '"unhealthy"' in triptych.get(LIST), 20, "an ill component")
            check_list(triptych)
            check_each(triptych)
            check_what_is_none(triptych)
            check_changes(triptych, 2500)
            for name in list(triptych.processes): # how they stop is another test's
                triptych.kill(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
