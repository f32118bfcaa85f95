"""The VPC is shut: nothing gets in, IPv4 gets nowhere, containers reach nothing but their application."""
import subprocess
import time

import pytest
from conftest import wait_for


@pytest.fixture(scope="module")
def hosts(zone):
    return zone.instances()


def node_namespace(zone, host):
    """The pid of a process in the node's own network, for nsenter."""
    for pid in subprocess.run(["pgrep", "-x", "album-search"], capture_output=True, text=True).stdout.split():
        addresses = subprocess.run(["nsenter", "-t", pid, "-n", "ip", "-6", "addr"], capture_output=True, text=True).stdout
        if zone.address(host, 1) in addresses:
            return pid
    raise AssertionError("no node runs on " + host["InstanceId"])


def inside_node(zone, host, *words):
    return subprocess.run(["nsenter", "-t", node_namespace(zone, host), "-n", *words], capture_output=True, text=True,
                          timeout=30)


def places(zone, hosts, ports):
    return [(zone.address(host, index), port) for host in hosts for index in (0, 1) for port in ports]


def test_from_the_vendors_network_no_host_or_node_port_answers(zone, hosts):
    controller = zone.namespace(zone.instance("controller"))
    assert zone.reached(controller, places(zone, hosts, [22, 80, 443, 4443, 8080])) == []


def test_from_the_internet_no_host_or_node_port_answers(zone, hosts):
    assert zone.reached(f"{zone.label}-internet", places(zone, hosts, [22, 443, 4443])) == []


def test_that_a_connection_can_be_seen_at_all(zone):
    """The controls: the same attempt succeeds where it is allowed."""
    controller, zts = zone.instance("controller"), zone.instance("zts")
    assert zone.can_connect(zone.namespace(controller), zone.address(zts), 4443)


def test_hosts_reach_the_outside_by_ipv6(zone, hosts):
    assert zone.can_connect(zone.namespace(hosts[0]), "2001:db8:ffff::1", 443)


def test_each_host_holds_one_connection_to_its_config_server(zone, hosts):
    """Ten thousand of them are as many connections, not twice that: what is told goes between two polls."""
    configserver = zone.namespace(zone.instance("cfg1"))
    tunnels = [zone.tunnel_address(host) for host in hosts]

    def held():
        shown = zone.inside(configserver, "ss", "-Htn", "state", "established", "sport", "=", "4443").stdout
        return [sum(f"[{tunnel}]" in line for line in shown.splitlines()) for tunnel in tunnels]

    wait_for("nothing is told any more that cannot wait", lambda: held() == [1, 1], 20)
    seen = []
    for _ in range(24):  # over a poll and a regular report
        seen.append(held())
        time.sleep(0.5)
    assert sum(counts != [1, 1] for counts in seen) <= 2, seen  # one may have been made anew meanwhile


@pytest.mark.parametrize("address", ["203.0.113.7", "8.8.8.8", "10.0.0.20"])
def test_hosts_reach_nothing_by_ipv4_outside_the_vpc(zone, hosts, address):
    for host in hosts:
        assert not zone.can_connect(zone.namespace(host), address, 443)


def test_no_instance_of_the_tenant_has_a_public_ipv4_address(zone, hosts):
    assert all("PublicIpAddress" not in host for host in hosts)
    assert zone.aws("ec2").describe_nat_gateways()["NatGateways"] == []
    assert zone.aws("ec2").describe_addresses()["Addresses"] == []


def test_a_node_cannot_reach_the_metadata_service(zone, hosts):
    for host in hosts:
        for url in ("http://169.254.169.254/latest/api/token", "http://[fd00:ec2::254]/latest/api/token"):
            done = inside_node(zone, host, "curl", "-s", "-m", "2", "-X", "PUT", "-H",
                               "X-aws-ec2-metadata-token-ttl-seconds: 60", url)
            assert done.returncode != 0 and not done.stdout


def test_a_node_cannot_reach_the_tunnel_or_its_host(zone, hosts):
    for host in hosts:
        configserver = zone.tunnel_address(host).split("::")[0] + "::1"
        for address, port in ((configserver, "4443"), (zone.tunnel_address(host), "8080"), (zone.address(host, 0), "4443")):
            assert inside_node(zone, host, "nc", "-z", "-w", "1", address, port).returncode != 0


def test_config_servers_reach_hosts_only_through_the_tunnel(zone, hosts):
    configserver = zone.namespace(zone.instance("cfg1"))
    for host in hosts:
        assert zone.can_connect(configserver, zone.tunnel_address(host), 8080)
        assert not zone.can_connect(configserver, zone.address(host, 0), 8080)


def test_a_hosts_health_is_for_config_servers_only(zone, hosts):
    """The same port, the same tunnel, no certificate of the zone: refused."""
    configserver = zone.namespace(zone.instance("cfg1"))
    done = zone.inside(configserver, "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}",
                       f"https://[{zone.tunnel_address(hosts[0])}]:8080/state/v1/health")
    assert done.stdout in ("000", "401")
