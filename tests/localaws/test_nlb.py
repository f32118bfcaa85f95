"""Load balancers in front of real machines: TLS, whom a target sees, health, datagrams, groups. Needs root."""
import json
import os
import pathlib

import pytest

from machine_region import running, wait_for
from nlb_world import OUTSIDE, BalancedRegion, World
from test_elb_api import make_certificate

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="networks and machines need root")


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    with running(BalancedRegion(tmp_path_factory.mktemp("region"), "nlb")) as region:
        yield region


@pytest.fixture(scope="module")
def world(region):
    world = World(region)
    world.id, world.address = world.machine()
    world.rule("authorize", "::/0")
    return world


@pytest.fixture(scope="module")
def front(world):
    """One load balancer for all tests, with a group for HTTP on 4443."""
    world.lb, world.at = world.front("front", SecurityGroups=[world.group])
    world.plain = world.group_of("plain", world.address)
    world.listener(world.lb, world.plain, 80)
    world.await_health(world.plain)
    return world


def listen(world, group, port, protocol, **more):
    return world.elb.create_listener(
        LoadBalancerArn=world.lb["LoadBalancerArn"], Port=port, Protocol=protocol,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}], **more)["Listeners"][0]["ListenerArn"]


def test_a_target_sees_the_load_balancer_or_its_client_as_the_group_says(region, front):
    wait_for(lambda: region.ask(front.at, 80))
    assert region.ask(front.at, 80)["peer"] == front.at
    front.set(front.plain, preserve_client_ip__enabled="true")
    wait_for(lambda: region.ask(front.at, 80)["peer"] == OUTSIDE)
    front.set(front.plain, preserve_client_ip__enabled="false", proxy_protocol_v2__enabled="true")
    wait_for(lambda: region.ask(front.at, 80)["header"])
    header = bytes.fromhex(region.ask(front.at, 80)["header"])
    assert header[12:14] == b"\x21\x21" and len(header) == 16 + 36
    assert header[16:32].hex() == "20010db8ffff" + "0" * 19 + "1" and header[-2:] == (80).to_bytes(2, "big")
    front.set(front.plain, proxy_protocol_v2__enabled="false")
    wait_for(lambda: not region.ask(front.at, 80)["header"])


def test_a_targets_group_judges_the_client_where_it_is_seen_and_may_name_the_load_balancers(region, front):
    front.rule("revoke", "::/0")
    own = front.ec2.create_security_group(VpcId=front.vpc, GroupName="front", Description="x")["GroupId"]
    front.rule("authorize", "::/0", of=own)
    front.elb.set_security_groups(LoadBalancerArn=front.lb["LoadBalancerArn"], SecurityGroups=[own])
    front.rule("authorize", f"{front.at}/128")
    wait_for(lambda: region.ask(front.at, 80))
    front.set(front.plain, preserve_client_ip__enabled="true")
    wait_for(lambda: region.ask(front.at, 80) is None)  # the client is not let in, only the load balancer
    front.rule("authorize", group=own)
    assert wait_for(lambda: region.ask(front.at, 80))["peer"] == OUTSIDE
    front.rule("revoke", "::/0", of=own)
    wait_for(lambda: region.ask(front.at, 80) is None)
    front.rule("authorize", "::/0")
    front.rule("authorize", "::/0", of=own)
    front.set(front.plain, preserve_client_ip__enabled="false")
    wait_for(lambda: region.ask(front.at, 80))


def test_who_faces_the_internet_is_reached_by_ipv4_too(region, front):
    own, = front.elb.describe_load_balancers(Names=["front"])["LoadBalancers"][0]["SecurityGroups"]
    ask = lambda: region.from_internet("curl", "-s", "-m", "2", f"http://{front.public_address('front')}/").stdout
    assert ask() == ""
    front.ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    assert json.loads(wait_for(ask))["peer"] == front.at


@pytest.fixture(scope="module")
def authority(front, tmp_path_factory):
    """Two certificates in ACM, for whom curl trusts both."""
    directory = tmp_path_factory.mktemp("certificates")
    made = {name: make_certificate(directory, name) for name in ("one.example", "two.example")}
    (directory / "ca.pem").write_bytes(b"".join(certificate for certificate, _ in made.values()))
    arns = {name: front.acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
            for name, (certificate, key) in made.items()}
    return directory / "ca.pem", arns


def tls_ask(region, at, port, name, ca, *options):
    done = region.from_internet("curl", "-gsv", "-m", "4", "--cacert", str(ca), "--resolve", f"{name}:{port}:[{at}]", *options,
                                f"https://{name}:{port}/")
    return (json.loads(done.stdout), done.stderr) if done.returncode == 0 else (None, done.stderr)


def test_tls_ends_at_the_load_balancer_with_the_certificate_of_the_name(region, front, authority):
    ca, arns = authority
    listener = listen(front, front.plain, 443, "TLS", SslPolicy="ELBSecurityPolicy-TLS13-1-3-2021-06",
                      AlpnPolicy=["HTTP1Only"], Certificates=[{"CertificateArn": arns["one.example"]}])
    answer, said = wait_for(lambda: (lambda a: a[0] and a)(tls_ask(region, front.at, 443, "one.example", ca)))
    assert answer["peer"] == front.at and "TLSv1.3" in said and "server accepted http/1.1" in said
    assert tls_ask(region, front.at, 443, "one.example", ca, "--tls-max", "1.2")[0] is None
    assert tls_ask(region, front.at, 443, "two.example", ca)[0] is None
    front.elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": arns["two.example"]}])
    wait_for(lambda: tls_ask(region, front.at, 443, "two.example", ca)[0])
    assert tls_ask(region, front.at, 443, "one.example", ca)[0]
    front.elb.modify_listener(ListenerArn=listener, SslPolicy="ELBSecurityPolicy-TLS-1-2-2017-01")
    wait_for(lambda: "TLSv1.2" in tls_ask(region, front.at, 443, "one.example", ca)[1])
    front.elb.delete_listener(ListenerArn=listener)


def test_tls_can_go_on_to_the_target(region, front, authority):
    ca, arns = authority
    group = front.group_of("sealed", front.address, Protocol="TLS", Port=4444, HealthCheckProtocol="HTTPS")
    listener = listen(front, group, 8443, "TLS", AlpnPolicy=["HTTP2Preferred"],
                      Certificates=[{"CertificateArn": arns["one.example"]}])
    front.set(group, proxy_protocol_v2__enabled="true")
    front.await_health(group)
    answer, _ = wait_for(lambda: (lambda a: a[0] and a)(
        tls_ask(region, front.at, 8443, "one.example", ca, "--http1.1")))
    assert answer["peer"] == front.at and answer["alpn"] == "http/1.1" and answer["header"].startswith("0d0a0d0a")
    front.elb.delete_listener(ListenerArn=listener)
    front.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def test_an_http_check_looks_at_the_status(front):
    group = front.group_of("looked-at", front.address, HealthCheckProtocol="HTTP", HealthCheckPath="/unwell",
                           UnhealthyThresholdCount=2)
    listener = listen(front, group, 81, "TCP")
    wait_for(lambda: front.health(group) == [("initial", "Elb.InitialHealthChecking")])
    front.elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], Matcher={"HttpCode": "200-299,503"})
    front.await_health(group)
    front.elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], Matcher={"HttpCode": "200"})
    wait_for(lambda: front.health(group) == [("unhealthy", "Target.FailedHealthChecks")], 30)
    front.elb.delete_listener(ListenerArn=listener)
    front.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def test_datagrams_reach_the_target_from_their_sender(region, front):
    group = front.group_of("datagrams", front.address, Protocol="UDP", Port=5353, HealthCheckPort="4443")
    listener = listen(front, group, 53, "UDP")
    front.rule("authorize", "::/0", protocol="udp")
    own, = front.elb.describe_load_balancers(Names=["front"])["LoadBalancers"][0]["SecurityGroups"]
    front.rule("authorize", "::/0", of=own, protocol="udp")
    front.await_health(group)
    send = ("import socket; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.settimeout(2); "
            f"s.sendto(b'hello', ('{front.at}', 53)); print(s.recvfrom(2048))")
    done = wait_for(lambda: (lambda d: d.returncode == 0 and d)(region.from_internet("/usr/bin/python3", "-c", send)))
    assert f"{OUTSIDE} hello" in done.stdout and front.at in done.stdout
    front.elb.delete_listener(ListenerArn=listener)


def test_a_load_balancer_and_its_tls_come_back_with_the_region(region, front, authority):
    ca, arns = authority
    listen(front, front.plain, 9443, "TLS", Certificates=[{"CertificateArn": arns["one.example"]}])
    wait_for(lambda: tls_ask(region, front.at, 9443, "one.example", ca)[0])
    region.stop()
    region.start()
    wait_for(lambda: tls_ask(region, front.at, 9443, "one.example", ca)[0], 30)
