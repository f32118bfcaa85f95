"""Trouble with hosts: what must go is replaced first, what is silent is replaced within its limits, nothing that serves
alone is taken down."""
import json
import os
import signal

import pytest
from conftest import wait_for


def seen(zone):
    return zone.json("nodes")["nodes"]


def node_of(zone, cluster):
    """The active node of a cluster that is to stay; None while there is none."""
    nodes = [n for n in seen(zone) if n["type"] == "tenant" and n["state"] == "active" and not n["membership"]["retired"]
             and n["membership"]["clusterid"] == cluster and n.get("serviceStatus") == "up"]
    return nodes[0] if nodes else None


def cluster_of(zone, kind):
    return next(n["membership"]["clusterid"] for n in seen(zone)
                if n["type"] == "tenant" and n["membership"]["clustertype"] == kind)


def instance_of(zone, hostname):
    """The machine of a host, in whatever state."""
    for instance in zone.instances(states=("pending", "running", "shutting-down", "terminated", "stopped")):
        if {"Key": "Name", "Value": hostname} in instance.get("Tags", []) or hostname in json.dumps(instance["Tags"]):
            return instance
    raise AssertionError(f"no instance of {hostname}")


class Shown:
    """What a person sees of one host or node, time after time."""

    def __init__(self, zone, command, hostname):
        self.zone, self.command, self.hostname, self.lines = zone, command, hostname, []

    def look(self):
        self.lines += [line for line in self.zone.enclave(self.command).stdout.splitlines() if self.hostname in line]

    def says(self, words):
        return any(words in line for line in self.lines)


def albums(zone):
    return zone.json("query", "dreams")["root"]["fields"]["totalCount"]


def test_the_only_node_that_serves_is_not_taken_down_for_maintenance(zone):
    node = node_of(zone, cluster_of(zone, "container"))
    refused = zone.enclave("nodes", "restart", node["hostname"], check=False)
    assert refused.returncode != 0 and "retire it instead" in refused.stderr
    assert node_of(zone, node["membership"]["clusterid"])["hostname"] == node["hostname"]


def test_a_command_without_a_name_is_refused(zone):
    assert "say which" in zone.enclave("nodes", "restart", check=False).stderr


@pytest.fixture(scope="module")
def content(zone):
    return cluster_of(zone, "content")


def test_a_retired_content_host_hands_its_documents_over_and_leaves_with_its_logs_archived(zone, content):
    old = node_of(zone, content)
    host = old["parentHostname"]
    label = old["hostname"].split(".")[0]
    before = albums(zone)
    assert before >= 1
    hosts, nodes = Shown(zone, "hosts", host), Shown(zone, "nodes", old["hostname"])
    zone.enclave("nodes", "retire", host)

    def replaced():
        hosts.look(), nodes.look()
        assert albums(zone) == before, "a document was not found while it moved"
        now = node_of(zone, content)
        return now and now["hostname"] != old["hostname"] and now

    new = wait_for("a replacement that serves", replaced, 90)
    assert hosts.says("to be replaced, then to leave"), hosts.lines
    wait_for("the old host is gone", lambda: nodes.look() or instance_of(zone, host)["State"]["Name"] == "terminated", 90)
    assert nodes.says("retired: leaves when the others"), nodes.lines
    assert albums(zone) == before
    assert new["membership"]["index"] != old["membership"]["index"]
    archived = [o["key"] for o in zone.json("logs")]
    assert any(f"/{label[:-1]}/logs/" in key or f"/{label}/logs/" in key for key in archived)


def test_a_silent_container_host_is_replaced_and_its_clients_are_served_throughout(zone):
    cluster = cluster_of(zone, "container")
    old = node_of(zone, cluster)
    machine = instance_of(zone, old["parentHostname"])
    agents = zone.processes(zone.namespace(machine), "enclave-host")
    assert agents
    for pid in agents:
        os.kill(pid, signal.SIGSTOP)
    try:
        before = albums(zone)
        hosts = Shown(zone, "hosts", old["parentHostname"])

        def replaced():
            hosts.look()
            assert albums(zone) == before, "not served"
            now = node_of(zone, cluster)
            return now and now["hostname"] != old["hostname"]

        wait_for("a replacement that serves", replaced, 120)
        assert hosts.says("silent, since") and hosts.says("to be replaced"), hosts.lines
        told = zone.enclave("events").stdout
        assert f"Host {old['parentHostname']} is replaced: " in told, told
    finally:
        for pid in agents:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
    wait_for("the silent host is gone", lambda: instance_of(zone, old["parentHostname"])["State"]["Name"] == "terminated",
             90)
    assert albums(zone) == before
