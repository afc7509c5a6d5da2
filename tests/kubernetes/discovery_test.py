#!/usr/bin/env python3
"""discovery.kubernetes against a real API server, its targets against Prometheus' own discovery.

usage: discovery_test.py [WORD]...     only checks whose names have one of the words
"""

import random
import string
import sys
import time

import build
from apiserver import ApiServer, Unavailable
from cluster import NODE, Pod, container
from kubernetes_case import (ACCOUNT, Shipper, apply_base, by_api, encoded, grant, judged, question)
from harness import TREE, check, scratch, wait_for
from relay import Relay

N_MANY = 700
N_CHANGES = 60


# ---- what the pods are ---------------------------------------------------------------------------

def random_name(r, n_max=20):
    return r.choice(string.ascii_letters) + "".join(
        r.choice(string.ascii_letters + string.digits + "-._") for _ in range(r.randrange(n_max))) + "x"


def random_key(r):
    prefix = r.choice(("", "", "app.kubernetes.io/", "pyroscope.io/", "a-b.c.test/"))
    return prefix + random_name(r)


def random_ports(r):
    return [{"containerPort": 1000 + i, "protocol": r.choice(("TCP", "UDP", "SCTP")),
             **({"name": f"port-{i}"} if r.random() < 0.5 else {})} for i in range(r.randrange(3))]


def random_pod(r, server, namespace, name):
    """With all that has a label, in any combination."""
    texts = ("", "true", "ümläut ✓", "a\nb", '"quoted\\"', "x" * 3000)
    metadata = {"labels": {random_key(r): r.choice(("", "v", "V.1-2_3")) for _ in range(r.randrange(4))},
                "annotations": {random_key(r): r.choice(texts) for _ in range(r.randrange(4))}}
    if r.random() < 0.5:
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs",
                                        "uid": "1", "controller": r.random() < 0.7}]
    containers = [container(f"c{i}", ports=random_ports(r)) for i in range(r.randint(1, 3))]
    init = [container(f"i{i}", ports=random_ports(r)) for i in range(r.randrange(2))]
    pod = Pod(server, namespace, name, containers, r.choice((NODE, "node-2", None)), init=init,
              address=r.choice(("10.244.0.7", "10.244.0.8", "fd00::7", None)), **metadata)
    pod.set_status(phase=r.choice(("Pending", "Running", "Succeeded", "Failed", "Unknown")),
                   conditions=r.choice(([], [{"type": "Ready", "status": "False"}],
                                        [{"type": "Ready", "status": "True"}],
                                        [{"type": "Initialized", "status": "True"}])))
    return pod


def make_nodes(server):
    for name, labels in ((NODE, {"zone": "a", "kubernetes.io/arch": "amd64"}), ("node-2", {})):
        server.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels,
                                                     "annotations": {"of.test/the-node": name}}})
    server.create("/apis/rbac.authorization.k8s.io/v1/clusterroles",
                  {"metadata": {"name": "nodes"},
                   "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}]})


# ---- checks --------------------------------------------------------------------------------------

def check_labels(server, r):
    """Every label of every kind of pod, under every argument."""
    server.create_namespace("one")
    server.create_namespace("two")
    for i in range(40):
        random_pod(r, server, r.choice(("one", "two")), f"pod-{i}")
    field, label = f"spec.nodeName={NODE}", "!absent"
    for ours, theirs in (
            ("", {}),
            ('namespaces { names = ["one"] }', {"namespaces": {"names": ["one"]}}),
            ('namespaces { names = ["two", "one"] }', {"namespaces": {"names": ["two", "one"]}}),
            (f'selectors {{\n role = "pod"\n field = "{field}"\n }}',
             {"selectors": [{"role": "pod", "field": field}]}),
            (f'selectors {{\n role = "pod"\n field = "status.phase!=Failed"\n label = "{label}"\n }}',
             {"selectors": [{"role": "pod", "field": "status.phase!=Failed", "label": label}]}),
            ("attach_metadata { node = true }", {"attach_metadata": {"node": True}})):
        wanted = judged(server, **theirs)
        with Shipper(server, ours) as shipper:
            shipper.wait_for_targets(wanted, f"targets as the judge's with {ours!r}")
            check(shipper.health()[0] == "healthy", shipper.health())
        print(f"{len(wanted)} targets are the judge's: {' '.join(ours.split()) or 'all pods'}")


def check_requests(server, _):
    """As the server heard them: pages, the selectors as they were given, bookmarks."""
    begun = len(server.heard(ACCOUNT))
    options = f'selectors {{\n role = "pod"\n field = "spec.nodeName={NODE}"\n label = "a in (b, c)"\n }}'
    with Shipper(server, options) as shipper:
        shipper.wait_for_health("healthy")
        heard = wait_for(lambda: (all_of := server.heard(ACCOUNT, begun)) and
                         any(verb == "watch" for verb, _ in all_of) and all_of, 10, "a watch")
    check([verb for verb, _ in heard[:2]] == ["list", "watch"], heard)
    for verb, uri in heard[:2]:
        path, asked = question(uri)
        check(path == "/api/v1/pods" and asked["fieldSelector"] == f"spec.nodeName={NODE}" and
              asked["labelSelector"] == "a in (b, c)", uri)
        if verb == "watch":
            check(asked["allowWatchBookmarks"] in ("true", "1") and asked["resourceVersion"] not in
                  ("", "0") and 300 <= int(asked["timeoutSeconds"]) <= 600, uri)
    print("requests: a list, then a watch from its version")


def check_changes(server, r):
    """Pods come, change and go; a target is there, changed or gone within a second."""
    server.create_namespace("live")
    pods, slowest = [], 0
    with Shipper(server, 'namespaces { names = ["live"] }') as shipper:
        shipper.wait_for_targets(0, "no pod")
        for i in range(N_CHANGES):
            action = r.choice(("create", "create", "label", "status", "delete")) if pods else "create"
            if action == "create":
                pods.append(Pod(server, "live", f"pod-{i}", address="10.0.0.1"))
            elif action == "label":
                r.choice(pods).patch({"metadata": {"labels": {"n": str(i)}}})
            elif action == "status":
                r.choice(pods).set_status(podIP=f"10.0.1.{i}", podIPs=[{"ip": f"10.0.1.{i}"}])
            else:
                pods.pop(r.randrange(len(pods))).delete()
            if i % 5:
                continue
            begun = time.monotonic()
            shipper.wait_for_targets(len(pods), f"change {i}")
            slowest = max(slowest, time.monotonic() - begun)
        shipper.wait_for_targets(judged(server, namespaces={"names": ["live"]}), "the judge's")
        check(slowest < 1, f"a change was seen after {slowest:.3f} s")
        check(shipper.health()[0] == "healthy", shipper.health())
    print(f"{N_CHANGES} changes, each seen within {1000 * slowest:.0f} ms")


def check_moves(server, _):
    """Pods come into a selection and leave it, by their phase, their labels and their node."""
    server.create_namespace("moves")
    waits, labelled = Pod(server, "moves", "waits", node=None), Pod(server, "moves", "labelled")
    field, label = f"spec.nodeName={NODE},status.phase=Running", "team"
    only = {"namespaces": {"names": ["moves"]},
            "selectors": [{"role": "pod", "field": field, "label": label}]}
    options = ('namespaces { names = ["moves"] }\n'
               f'selectors {{\n role = "pod"\n field = "{field}"\n label = "{label}"\n }}')
    with Shipper(server, options) as shipper:
        shipper.wait_for_health("healthy")
        for what, act, n in (
                ("a label", lambda: labelled.patch({"metadata": {"labels": {"team": "a"}}}), 1),
                ("a label, on no node", lambda: waits.patch({"metadata": {"labels": {"team": ""}}}), 1),
                ("a node", waits.bind, 2),
                ("a phase", lambda: labelled.set_status(phase="Succeeded"), 1),
                ("no label", lambda: waits.patch({"metadata": {"labels": {"team": None}}}), 0)):
            act()
            shipper.wait_for_targets(n, what)
            shipper.wait_for_targets(judged(server, **only), what)
    print("moves: into a selection and out of it")


def check_nodes(server, _):
    """Labels of nodes follow; who may not see nodes gets pods without them, and hears why not."""
    options, only = "attach_metadata { node = true }", {"attach_metadata": {"node": True}}
    with Shipper(server, options) as shipper:
        shipper.wait_for_targets(judged(server, **only), "pods with their nodes")
        server.must("PATCH", f"/api/v1/nodes/{NODE}", {"metadata": {"labels": {"zone": "b"}}},
                    kind="application/merge-patch+json")
        shipper.wait_for_targets(judged(server, **only), "another label of a node")
    server.create_namespace("no-nodes")
    grant(server, "no-nodes", "triptych", ("no-nodes", "default"))
    with Shipper(server, options, account=("no-nodes", "default")) as shipper:
        shipper.wait_for_targets(judged(server), "pods without nodes", 20)
        shipper.wait_for_health("unhealthy", ["403", "/api/v1/nodes"])
    print("nodes: their labels follow; without the right, pods alone")


def check_many(server, _):
    """More than one page of a list."""
    server.create_namespace("many")
    for i in range(N_MANY):
        server.create("/api/v1/namespaces/many/pods",
                      {"metadata": {"name": f"pod-{i}"}, "spec": {"containers": [container("c")]}})
        server.must("PATCH", f"/api/v1/namespaces/many/pods/pod-{i}/status",
                    {"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}},
                    kind="application/merge-patch+json")
    begun = len(server.heard(ACCOUNT))
    with Shipper(server, 'namespaces { names = ["many"] }') as shipper:
        shipper.wait_for_targets(judged(server, namespaces={"names": ["many"]}), "all of them", 20)
    pages = [uri for verb, uri in server.heard(ACCOUNT, begun)
             if verb == "list" and "continue=" in uri]
    check(pages, "there was one page only")
    print(f"{N_MANY} pods, {len(pages) + 1} pages")


def check_rights(server, _):
    """Without the right the last targets stay; it recovers when the right is given."""
    server.create_namespace("mine")
    server.create_namespace("other")
    account = ("mine", "default")
    Pod(server, "mine", "a")
    Pod(server, "other", "b")
    with Relay(server.port) as relay, \
            Shipper(server, account=account, port=relay.port) as shipper:
        shipper.wait_for_health("unhealthy", ["403"])
        check(shipper.targets() == [], shipper.targets())
        grant(server, "all", "triptych", account)
        shipper.wait_for_targets(judged(server), "all pods, once that is allowed", 40)
        shipper.wait_for_health("healthy")
        server.must("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/all")
        relay.cut()
        relay.join()
        shipper.wait_for_health("unhealthy", ["403"], 40)
        check(shipper.targets() == judged(server), "the last targets did not stay")
    grant(server, "mine", "triptych", account, "mine")
    for options in ("own_namespace = true", 'names = ["mine"]'):
        with Shipper(server, f"namespaces {{ {options} }}", account=account) as shipper:
            shipper.wait_for_targets(judged(server, namespaces={"names": ["mine"]}), options)
            check(shipper.health()[0] == "healthy", shipper.health())
    print("rights: refused, given, taken away; one namespace alone")


def check_token(server, _):
    """The account is made anew, so that its old token is worth nothing; the kubelet writes another."""
    server.create_namespace("rotated")
    grant(server, "rotated", "triptych", ("rotated", "default"))
    wanted = judged(server)
    with Relay(server.port) as relay, \
            Shipper(server, account=("rotated", "default"), port=relay.port) as shipper:
        shipper.wait_for_targets(wanted, "all pods")
        relay.cut()
        path = "/api/v1/namespaces/rotated/serviceaccounts"
        server.must("DELETE", path + "/default")
        server.create(path, {"metadata": {"name": "default"}})
        wait_for(lambda: server.ask("GET", "/api/v1/pods?limit=1", token=token_of(shipper))[0] == 401,
                 30, "an end of the old token")
        relay.join()
        shipper.wait_for_health("unhealthy", ["401"], 40)
        check(shipper.targets() == wanted, "the last targets did not stay")
        shipper.write_secret("token", server.token_of("rotated", "default"))
        shipper.wait_for_health("healthy", seconds=90)
        said = shipper.log("shipper") + "".join(map(shipper.get, ("/", "/metrics", "/-/healthy")))
        check(token_of(shipper) not in said, "it tells its token")
    print("token: refused, then read anew")


def token_of(shipper):
    with open(shipper.secret("token"), encoding="utf-8") as file:
        return file.read()


def check_breaks(server, _):
    """A way that is cut, and a server that is started anew: targets stay, changes are caught up."""
    server.create_namespace("cut")
    before = Pod(server, "cut", "before")
    only = {"namespaces": {"names": ["cut"]}}
    with Relay(server.port) as relay, \
            Shipper(server, 'namespaces { names = ["cut"] }', port=relay.port) as shipper:
        wanted = shipper.wait_for_targets(judged(server, **only), "the pod")
        relay.cut()
        shipper.wait_for_health("unhealthy")
        check(shipper.targets() == wanted, "the last targets did not stay")
        before.patch({"metadata": {"labels": {"while": "cut"}}})
        Pod(server, "cut", "meanwhile")
        relay.join()
        shipper.wait_for_targets(judged(server, **only), "what happened meanwhile", 40)
        server.stop()
        shipper.wait_for_health("unhealthy")
        server.start()
        before.delete()
        shipper.wait_for_targets(judged(server, **only), "after the server's restart", 40)
        shipper.wait_for_health("healthy", seconds=40)
    print("breaks: caught up after a cut and after a restart of the server")


def check_authority(server, _):
    """The server's certificate is another authority's: not trusted until the pod's file has that."""
    server.create_namespace("renewed")
    old = server.authority.cert
    with Shipper(server, 'namespaces { names = ["renewed"] }') as shipper:
        shipper.wait_for_health("healthy")
        server.stop()
        server.renew_authority("another")
        server.start()
        Pod(server, "renewed", "new")
        check(old != server.authority.cert, "the authority is the old one")
        shipper.wait_for_health("unhealthy", ["certificate"], 40)
        check(shipper.targets() == [], shipper.targets())
        with open(server.authority.cert, encoding="utf-8") as file:
            shipper.write_secret("ca.crt", file.read())
        shipper.wait_for_targets(judged(server, namespaces={"names": ["renewed"]}), "the pod", 60)
        shipper.wait_for_health("healthy")
    print("authority: another one's certificate is refused, then the file is read anew")


def check_compaction(server, _):
    """On a server without a cache of its own etcd's 410 is what a client sees."""
    server.stop()
    server.options = ("--watch-cache=false",)
    server.start()
    server.create_namespace("compact")
    gone = Pod(server, "compact", "gone")
    only = {"namespaces": {"names": ["compact"]}}
    with Relay(server.port) as relay, \
            Shipper(server, 'namespaces { names = ["compact"] }', port=relay.port) as shipper:
        shipper.wait_for_targets(judged(server, **only), "the pod")
        server.compact()
        relay.cut()
        gone.delete()
        Pod(server, "compact", "new")
        server.compact()
        begun = len(server.heard(ACCOUNT))
        relay.join()
        shipper.wait_for_targets(judged(server, **only), "after the compaction", 40)
        shipper.wait_for_health("healthy", seconds=40)
        verbs = [verb for verb, _ in server.heard(ACCOUNT, begun)]
    check("list" in verbs, f"it did not list again: {verbs}")
    print(f"compaction: 410, and {' '.join(verbs)}")


def check_trust(server, _):
    """By certificates: the server's authority, its name, the client's own."""
    cert, key = server.authority.sign("client")
    grant_to_user(server, "client")
    mine = server.kubeconfig("by-data", {"client-certificate-data": encoded(cert),
                                         "client-key-data": encoded(key)},
                             {"server": server.url, "tls-server-name": "apiserver.test",
                              "certificate-authority-data": encoded(server.authority.cert)})
    token = server.token_of("triptych", "triptych")
    by_token = server.kubeconfig("by-token", {"token": token})
    wrong_name = server.kubeconfig("by-name", {"token": token},
                                   {"server": server.url, "tls-server-name": "wrong.test",
                                    "certificate-authority": server.authority.cert})
    no_authority = f'api_server = "{server.url}"\n  bearer_token = "{token}"'
    wanted = judged(server)
    for what, options, complaint in (
            ("a token", by_api(server, token), None),
            ("no token", by_api(server), "403"),  # it is taken for system:anonymous
            ("a wrong token", by_api(server, token + "x"), "401"),
            ("an unknown authority", no_authority, "certificate"),
            ("no verification", no_authority + "\n  tls_config { insecure_skip_verify = true }", None),
            ("a kubeconfig's certificate", f'kubeconfig_file = "{mine}"', None),
            ("a kubeconfig's token", f'kubeconfig_file = "{by_token}"', None),
            ("a kubeconfig's wrong name", f'kubeconfig_file = "{wrong_name}"', "wrong.test")):
        with Shipper(server, options) as shipper:
            if complaint:
                shipper.wait_for_health("unhealthy", [complaint])
                check(shipper.targets() == [], what)
            else:
                shipper.wait_for_targets(wanted, what)
        print(f"trust: {what}")


def grant_to_user(server, name):
    server.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                  {"metadata": {"name": f"user-{name}"},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                               "name": "triptych"},
                   "subjects": [{"kind": "User", "name": name}]})


CHECKS = (check_labels, check_requests, check_changes, check_moves, check_nodes,
          check_rights, check_token, check_trust,
          check_breaks, check_authority, check_many, check_compaction)


def main():
    words = sys.argv[1:]
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    try:
        build.judge()
        with scratch() as directory, ApiServer(directory) as server:
            apply_base(server, TREE)
            make_nodes(server)
            grant(server, "nodes", "nodes")
            for one in CHECKS:
                if not words or any(word in one.__name__ for word in words):
                    begun = time.monotonic()
                    one(server, random.Random(seed))
                    print(f"   {one.__name__}: {time.monotonic() - begun:.0f} s", flush=True)
    except Unavailable as error:
        print(f"skipped: {error}")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
