#!/usr/bin/env python3
"""discovery.kubernetes, and an API that does what no real one does when it is asked to."""

import base64
import json
import os
import re
import time
import unittest

import discovery_case
import http_servers
import kubernetes_double as doubles
from discovery_case import wait_for
from kubernetes_double import Double, node, pod

LABEL_BYTES = 10 << 20
ALL_PODS = "/api/v1/pods"
GONE = b'{"type":"ERROR","object":{"code":410,"message":"too old resource version"}}\n'

TEXT = """
discovery.kubernetes "k" {
  role = "pod"
  %(arguments)s
}
"""
KEEP = """
discovery.relabel "r" {
  targets = discovery.kubernetes.k.targets
  rule {
    action        = "keep"
    source_labels = ["%(label)s"]
    regex         = "%(regex)s"
  }
}
"""

# Runs a command where the directory of the account is @directory.
NAMESPACE = r"""
set -e
directory=$1
shift
mount --make-rprivate /
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
mount --bind "$directory" /run/secrets/kubernetes.io/serviceaccount
exec "$@"
"""


class KubernetesCase(discovery_case.DiscoveryCase):
    def double(self, **options):
        double = Double(**options)
        self.addCleanup(double.stop)
        return double

    def start(self, double, more=""):
        self.start_text(f'api_server = "{double.url}"\n{more}')

    def start_text(self, arguments, keep=None, **options):
        text = TEXT % {"arguments": arguments}
        if keep:
            text += KEEP % {"label": keep[0], "regex": keep[1]}
        self.start_with("discovery.relabel.r.output" if keep else "discovery.kubernetes.k.targets",
                        text, **options)

    def wait_for_stream(self, double, n=1):
        wait_for(lambda: len(double.streams) == n, f"{n} streams")

    def start_with_one(self, more=""):
        """One pod is known, and the stream is open."""
        double = self.double()
        double.put(pod("one"))
        self.start(double, more)
        self.wait_for_targets(1)
        self.wait_for_stream(double)
        return double

    def seen(self):
        """Numbers of targets, each change once."""
        return [n for i, n in enumerate(self.settings) if self.settings[i - 1:i] != [n]]


class Changes(KubernetesCase):
    def test_a_change_is_seen_at_once(self):
        double = self.start_with_one()
        double.put(pod("two"))
        self.wait_for_targets(2, 1)
        double.delete("default", "one")
        self.wait_for_targets(1, 1)
        double.put(pod("two", ip=""))
        self.wait_for_targets(0, 1)
        double.put(pod("two"))
        self.wait_for_targets(1, 1)
        self.assertEqual(len(double.asked("list")), 1)

    def test_selectors_reach_the_api_as_they_are(self):
        double = self.double()
        for name in ("a", "b"):
            double.put(pod(name, node=f"node-{name}", labels={"app": "shop"}))
        self.start(double, 'selectors {\n role = "pod"\n field = "spec.nodeName=node-a"\n'
                           ' label = "app=shop"\n}\n')
        self.wait_for_targets(1)
        self.wait_for_stream(double)
        for verb in ("list", "watch"):
            (_, path, query, headers, _), = double.asked(verb)
            self.assertEqual(path, ALL_PODS)
            self.assertEqual((query["fieldSelector"], query["labelSelector"]),
                             ("spec.nodeName=node-a", "app=shop"))
            self.assertEqual(headers["Accept"], "application/json")
        self.assertEqual(query["allowWatchBookmarks"], "true")
        self.assertEqual(query["resourceVersion"], "102")

    def test_each_namespace_is_asked_for(self):
        double = self.double()
        for name in ("a", "b", "c"):
            double.put(pod("one", name))
        self.start(double, 'namespaces {\n names = ["b", "a", "b"]\n}\n')
        self.wait_for_targets(2)
        self.wait_for_stream(double, 2)
        self.assertEqual(sorted(request[1] for request in double.asked("list")),
                         ["/api/v1/namespaces/a/pods", "/api/v1/namespaces/b/pods"])
        double.put(pod("two", "b"))
        double.put(pod("two", "c"))
        self.wait_for_targets(3, 1)

    def test_many_pods_come_page_by_page(self):
        double = self.double()
        double.page_max = 10
        for i in range(35):
            double.put(pod(f"p{i}"))
        self.start(double)
        self.wait_for_targets(35)
        self.assertEqual(set(self.settings), {0, 35})  # nothing of a part of it
        self.assertEqual([request[2].get("continue") for request in double.asked("list")],
                         [None, "10", "20", "30"])

    def test_metadata_of_nodes_is_attached_and_followed(self):
        double = self.double()
        double.put(pod("one", node="node-1"))
        double.put(node("node-1", zone="a"))
        self.start_text(f'api_server = "{double.url}"\nattach_metadata {{\n node = true\n}}\n',
                        ("__meta_kubernetes_node_label_zone", "b"))
        self.wait_for_stream(double, 2)
        time.sleep(0.2)
        self.assertEqual(self.settings[-1], 0)
        double.put(node("node-1", zone="b"))
        self.wait_for_targets(1, 1)
        accept = double.asked("list", "/api/v1/nodes")[0][3]["Accept"]
        self.assertTrue(accept.startswith("application/json;as=PartialObjectMetadataList;"))

    def test_a_flood_of_events_is_no_flood_of_publications(self):
        double = self.start_with_one()
        before, end, i = len(self.settings), time.monotonic() + 1, 0
        while time.monotonic() < end:
            double.put(pod(f"p{i % 50}", number=i))
            i += 1
            time.sleep(0.001)
        self.assertLess(len(self.settings) - before, 15)
        for i in range(50):
            if ("default", f"p{i}") in double.pods:
                double.delete("default", f"p{i}")
        self.wait_for_targets(1)


class Accidents(KubernetesCase):
    """Each time: one target is there, the API misbehaves, the target stays; then all is well."""

    def check_relist(self, how, message):
        """A list that is asked for because the version is gone goes wrong as @how does it."""
        double = self.start_with_one()
        double.misbehave("list", how)
        double.send(GONE)
        self.wait_for_log(message)
        self.assertIn("event=source-failing component=discovery.kubernetes.k", self.log_text())
        self.assertEqual(self.settings[-1], 1)
        double.put_silently(pod("two"))
        double.behave()
        self.wait_for_targets(2)
        self.wait_for_log("event=source-recovered")

    def check_line(self, line, message):
        """The stream says @line; a list follows."""
        double = self.start_with_one()
        double.put_silently(pod("two"))
        double.send(line)
        self.wait_for_log(message)
        self.wait_for_targets(2)
        self.assertEqual(self.seen(), [0, 1, 2])
        self.wait_for_log("event=source-recovered")

    def test_a_version_that_is_gone(self):
        double = self.start_with_one()
        double.put_silently(pod("two"))
        double.forget()
        double.break_streams()
        self.wait_for_targets(2)
        self.assertEqual(self.seen(), [0, 1, 2])
        self.assertNotIn("source-failing", self.log_text())

    def test_a_version_that_goes_while_it_is_watched(self):
        double = self.start_with_one()
        double.put_silently(pod("two"))
        double.send(GONE)
        self.wait_for_targets(2)
        self.assertNotIn("source-failing", self.log_text())

    def test_a_stream_that_breaks_within_a_line_goes_on_where_it_was(self):
        double = self.start_with_one()
        double.bookmark()
        event = json.dumps({"type": "ADDED", "object": dict(
            pod("half"), metadata={"namespace": "default", "name": "half",
                                   "resourceVersion": "999"})}).encode()
        double.send(event[:len(event) // 2])
        double.break_streams()
        wait_for(lambda: len(double.asked("watch")) == 2, "a second stream")
        self.assertEqual(double.asked("watch")[1][2]["resourceVersion"], "102")
        self.wait_for_stream(double)
        double.put(pod("two"))
        self.wait_for_targets(2, 1)
        self.assertEqual(self.seen(), [0, 1, 2])
        self.assertEqual(len(double.asked("list")), 1)

    def test_what_happened_while_there_was_no_stream_is_seen(self):
        double = self.start_with_one()
        double.misbehave("watch", doubles.then_break())
        double.break_streams()
        double.put(pod("two"))
        double.delete("default", "one")
        double.put(pod("three"))
        double.behave()
        self.wait_for_targets(2)

    def test_a_line_that_is_no_json(self):
        self.check_line(b"<html>oh no</html>\n", "says what is not usable: it is no JSON")

    def test_an_error_in_the_stream_with_words_that_are_not_fit_for_a_terminal(self):
        self.check_line(b'{"type":"ERROR","object":{"code":500,"message":"\\u001b[31mred"}}\n',
                        "ends with error 500")
        self.assertNotIn("\x1b", self.log_text())

    def test_a_tower_of_brackets(self):
        self.check_line(b'{"type":"ADDED","object":' + b"[" * 1000000 + b"\n",
                        "it is too long or too deep")

    def test_an_error_of_the_list(self):
        self.check_relist(doubles.status(500, "etcd is \x1b[31m gone"), "the API answers 500 for")

    def test_half_a_list(self):
        self.check_relist(doubles.half, "the API cannot be asked for /api/v1/pods")

    def test_a_label_of_10_megabytes_costs_nobody_a_target_and_holds_nobody_up(self):
        double = self.start_with_one()
        double.put(pod("two", labels={"big": "x" * LABEL_BYTES, "small": "y"}))
        began = time.monotonic()
        double.put(pod("three"))
        self.wait_for_targets(3)
        self.assertLess(time.monotonic() - began, 3)
        self.wait_for_log("event=kubernetes-labels-left-out component=discovery.kubernetes.k n=1")
        double.send(GONE)  # the same in a list
        wait_for(lambda: len(double.asked("list")) == 2, "a second list")
        self.wait_for_stream(double)
        self.assertEqual(self.settings[-1], 3)

    def test_an_answer_that_does_not_come_and_a_slow_stream(self):
        double = self.start_with_one()
        event = json.dumps({"type": "DELETED", "object": dict(
            pod("one"), metadata={"namespace": "default", "name": "one",
                                  "resourceVersion": "999"})}).encode()
        for at in range(0, len(event), 100):
            double.send(event[at:at + 100])
            time.sleep(0.02)
            self.assertEqual(self.settings[-1], 1)
        double.version = 999
        double.send(b"\n")
        self.wait_for_targets(0, 1)
        double.misbehave("list", doubles.silent)
        double.send(GONE)
        wait_for(lambda: len(double.asked("list")) == 2, "a second list")
        time.sleep(0.5)
        self.assertEqual(self.settings[-1], 0)

    def test_an_api_that_is_not_there_yet(self):
        port = http_servers.free_port()
        self.start_text(f'api_server = "http://127.0.0.1:{port}"\n')
        self.wait_for_log("event=source-failing component=discovery.kubernetes.k")
        double = self.double(port=port)
        double.put(pod("one"))
        self.wait_for_targets(1)
        self.wait_for_log("event=source-recovered")


class Permissions(KubernetesCase):
    def test_who_must_not_watch_is_told_of_and_has_targets(self):
        double = self.double()
        double.put(pod("one"))
        double.misbehave("watch", doubles.status(403, "pods is forbidden"))
        self.start(double)
        self.wait_for_targets(1)
        self.wait_for_log(r'answers 403 for /api/v1/pods: \"pods is forbidden\"')
        double.put(pod("two"))
        self.wait_for_targets(2)
        self.assertNotIn("source-recovered", self.log_text())

    def test_a_namespace_that_is_denied_does_not_hold_the_others_back(self):
        double = self.double()
        double.put(pod("one", "a"))
        double.misbehave(("list", "/api/v1/namespaces/b/pods"), doubles.status(403, "not you"))
        self.start(double, 'namespaces {\n names = ["a", "b"]\n}\n')
        self.wait_for_log("answers 403 for /api/v1/namespaces/b/pods")
        self.wait_for_targets(1, 8)
        double.put(pod("two", "a"))
        self.wait_for_targets(2, 2)
        self.assertNotIn("source-recovered", self.log_text())

    def test_a_token_is_read_again(self):
        double = self.double()
        double.token = "old"
        double.put(pod("one"))
        token = self.write("token", "old\n")
        self.start(double, f'bearer_token_file = "{token}"\n')
        self.wait_for_targets(1)
        self.wait_for_stream(double)
        double.token = "new"
        double.break_streams()
        self.wait_for_log("answers 401")
        double.put(pod("two"))
        self.write("token", "new\n")
        self.wait_for_targets(2)
        self.wait_for_log("event=source-recovered")
        self.assertIsNone(re.search("old|new", self.log_text()))

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o644)
        return self.path(name)


class Places(Permissions):
    """Over TLS: where the API is, and who we are, as files say."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("authority"))
        authority = http_servers.Authority(self.path("authority"))
        self.certificate, self.key = authority.sign("server", "IP:127.0.0.1", "DNS:api.internal")
        with open(authority.cert, encoding="utf-8") as file:
            self.ca = file.read()
        self.api = self.double(certificate=self.certificate, key=self.key)
        self.api.token = "geheim"
        self.api.put(pod("one", "shop"))
        self.api.put(pod("one", "other"))

    test_who_must_not_watch_is_told_of_and_has_targets = None
    test_a_namespace_that_is_denied_does_not_hold_the_others_back = None
    test_a_token_is_read_again = None

    def kubeconfig(self, token="geheim", cluster=None, user=None):
        cluster = cluster or {"certificate-authority-data":
                              base64.b64encode(self.ca.encode()).decode()}
        return self.write("kubeconfig", json.dumps({
            "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c",
                                                                           "user": "u"}}],
            "clusters": [{"name": "c", "cluster": dict(cluster, server=self.api.url)}],
            "users": [{"name": "u", "user": user or {"token": token}}]}))

    def test_a_kubeconfig_file_says_all(self):
        self.start_text(f'kubeconfig_file = "{self.kubeconfig()}"\n')
        self.wait_for_targets(2)
        self.assertNotIn("geheim", self.log_text())

    def test_a_kubeconfig_file_is_read_again_when_it_was_wrong(self):
        path = self.kubeconfig(user={"exec": {"command": "aws"}})
        self.start_text(f'kubeconfig_file = "{path}"\n')
        self.wait_for_log("the user is made by a program (exec), expected token")
        self.kubeconfig("wrong")
        wait_for(lambda: self.api.requests, "a question")
        self.kubeconfig(cluster={"insecure-skip-tls-verify": True})
        self.wait_for_targets(2)

    def test_who_is_not_signed_by_the_authority_is_not_asked(self):
        self.start_text(f'kubeconfig_file = "{self.kubeconfig(cluster={"x": "y"})}"\n')
        self.wait_for_log("event=source-failing")
        self.assertEqual(self.api.requests, [])

    @unittest.skipIf(os.geteuid() != 0, "mounts need root")
    def test_in_a_cluster_its_files_and_its_environment_say_all(self):
        os.mkdir(self.path("account"))
        self.write("account/ca.crt", self.ca)
        self.write("account/namespace", "shop")
        port = self.api.url.rpartition(":")[2]
        self.start_text("namespaces {\n own_namespace = true\n}\n",
                        before=["unshare", "-m", "sh", "-c", NAMESPACE, "sh", self.path("account")],
                        environment={"KUBERNETES_SERVICE_HOST": "127.0.0.1",
                                     "KUBERNETES_SERVICE_PORT": port})
        self.wait_for_log("serviceaccount/token")
        self.write("account/token", "geheim")
        self.wait_for_targets(1)
        self.assertEqual({request[1] for request in self.api.requests},
                         {"/api/v1/namespaces/shop/pods"})


if __name__ == "__main__":
    discovery_case.main()
