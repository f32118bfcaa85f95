"""Network Load Balancers and the certificates they use, as records: what is refused, what is shown, what keeps what."""
import subprocess

import botocore.exceptions
import pytest

from local_region import TENANT, fresh_region, region  # noqa: F401  (fixtures)
from test_ec2_instances import refused
from test_elb import Balancing


def make_certificate(directory, name, *more, days=30):
    """A certificate for a name, signed by itself, and its key."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    str(days), "-subj", f"/CN={name}", "-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in (name, *more)),
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate.read_bytes(), key.read_bytes()


@pytest.fixture(scope="module")
def net(region):
    net = Balancing(region)
    net.acm = region.client("acm")
    return net


@pytest.fixture(scope="module")
def certificates(net, tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    return {name: make_certificate(directory, name, f"www.{name}") for name in ("one.example", "two.example")}


@pytest.fixture(scope="module")
def arns(net, certificates):
    return [net.acm.import_certificate(Certificate=c, PrivateKey=k)["CertificateArn"] for c, k in certificates.values()]


def tls(net, balancer, group, arn, port=443, **more):
    return net.elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Port=port, Protocol="TLS",
                                   Certificates=[{"CertificateArn": arn}],
                                   DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
                                   **more)["Listeners"][0]


def gone(net, *balancers):
    for balancer in balancers:
        net.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])


def test_a_certificate_is_imported_shown_and_its_key_never(net, region, certificates):
    certificate, key = certificates["one.example"]
    arn = net.acm.import_certificate(Certificate=certificate, PrivateKey=key, CertificateChain=certificate,
                                     Tags=[{"Key": "a", "Value": "b"}])["CertificateArn"]
    assert arn.startswith(f"arn:aws:acm:us-east-1:{TENANT}:certificate/")
    shown = net.acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert shown["DomainName"] == "one.example" and shown["SubjectAlternativeNames"] == ["one.example", "www.one.example"]
    assert (shown["Status"], shown["Type"], shown["KeyAlgorithm"]) == ("ISSUED", "IMPORTED", "EC_prime256v1")
    assert shown["InUseBy"] == [] and shown["NotAfter"] > shown["NotBefore"]
    got = net.acm.get_certificate(CertificateArn=arn)
    assert got["Certificate"].encode() == certificate and got["CertificateChain"].encode() == certificate
    assert net.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    net.acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    net.acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a"}])
    assert net.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert arn in [one["CertificateArn"] for one in net.acm.list_certificates()["CertificateSummaryList"]]
    page = net.acm.list_certificates(MaxItems=1)
    assert len(page["CertificateSummaryList"]) == 1
    secret = key.split(b"\n")[1]
    for path in region.directory.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path
    net.acm.delete_certificate(CertificateArn=arn)
    assert refused(net.acm.describe_certificate, CertificateArn=arn) == "ResourceNotFoundException"


def test_a_key_of_another_certificate_is_refused_and_so_is_what_is_no_certificate(net, certificates):
    one, two = certificates.values()
    for certificate, key in ((one[0], two[1]), (b"nothing", one[1]), (one[0], b"nothing")):
        assert refused(net.acm.import_certificate, Certificate=certificate, PrivateKey=key) == "ValidationException"


def test_a_tls_listener_has_certificates_and_keeps_them(net, arns):
    balancer, group = net.balancer("tls-one"), net.target_group("tls-one")
    assert refused(tls, net, balancer, group, arns[0] + "0") == "CertificateNotFound"
    assert refused(tls, net, balancer, group, arns[0], SslPolicy="ELBSecurityPolicy-None") == "SSLPolicyNotFound"
    assert refused(tls, net, balancer, group, arns[0], AlpnPolicy=["HTTP9"]) == "ALPNPolicyNotSupported"
    made = tls(net, balancer, group, arns[0], SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06", AlpnPolicy=["HTTP2Preferred"])
    assert made["Certificates"] == [{"CertificateArn": arns[0]}] and made["AlpnPolicy"] == ["HTTP2Preferred"]
    listener = made["ListenerArn"]
    net.elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": arns[1]}])
    shown = net.elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]
    assert shown == [{"CertificateArn": arns[0], "IsDefault": True}, {"CertificateArn": arns[1], "IsDefault": False}]
    assert refused(net.acm.delete_certificate, CertificateArn=arns[1]) == "ResourceInUseException"
    assert net.acm.describe_certificate(CertificateArn=arns[1])["Certificate"]["InUseBy"] == [balancer["LoadBalancerArn"]]
    changed, = net.elb.modify_listener(ListenerArn=listener, Certificates=[{"CertificateArn": arns[1]}])["Listeners"]
    assert changed["Certificates"] == [{"CertificateArn": arns[1]}] and changed["SslPolicy"] == made["SslPolicy"]
    assert refused(net.elb.remove_listener_certificates, ListenerArn=listener,
                   Certificates=[{"CertificateArn": arns[1]}]) == "OperationNotPermitted"
    changed, = net.elb.modify_listener(ListenerArn=listener, Protocol="TCP")["Listeners"]
    assert "Certificates" not in changed and "SslPolicy" not in changed
    gone(net, balancer)


def test_protocols_of_listener_and_group_have_to_fit(net):
    balancer = net.balancer("fitting")
    udp, tcp = net.target_group("fitting-udp", Protocol="UDP"), net.target_group("fitting-tcp")
    make = lambda protocol, group, port: net.elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Port=port, Protocol=protocol,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}])
    assert refused(make, "TCP", udp, 53) == "IncompatibleProtocols"
    assert refused(make, "UDP", tcp, 53) == "IncompatibleProtocols"
    assert refused(make, "HTTP", tcp, 80) == "UnsupportedProtocol"
    assert refused(make, "TLS", tcp, 443) == "ValidationError"
    make("UDP", udp, 53)
    other = net.balancer("fitting-other")
    assert refused(lambda: net.elb.create_listener(
        LoadBalancerArn=other["LoadBalancerArn"], Port=53, Protocol="UDP",
        DefaultActions=[{"Type": "forward", "TargetGroupArn": udp["TargetGroupArn"]}])) == "TargetGroupAssociationLimit"
    gone(net, balancer, other)


def test_what_is_not_a_network_load_balancers_is_refused_by_name(net):
    for type in ("application", "gateway"):
        assert refused(net.balancer, "other-type", Type=type) == "UnsupportedOperation"
    assert refused(net.target_group, "http", Protocol="HTTP") == "UnsupportedOperation"
    assert refused(net.target_group, "lambda", TargetType="lambda") == "UnsupportedOperation"


def test_policies_and_limits_are_listed_in_pages(net):
    policies = net.elb.describe_ssl_policies()["SslPolicies"]
    assert {"ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS13-1-2-2021-06"} <= {one["Name"] for one in policies}
    page = net.elb.describe_ssl_policies(PageSize=2)
    rest = net.elb.describe_ssl_policies(PageSize=400, Marker=page["NextMarker"])["SslPolicies"]
    assert page["SslPolicies"] + rest == policies
    strict, = net.elb.describe_ssl_policies(Names=["ELBSecurityPolicy-TLS13-1-3-2021-06"])["SslPolicies"]
    assert strict["SslProtocols"] == ["TLSv1.3"] and strict["Ciphers"][0] == {"Name": "TLS_AES_128_GCM_SHA256", "Priority": 1}
    assert {"Name": "network-load-balancers", "Max": "50"} in net.elb.describe_account_limits()["Limits"]


def second_subnet(net, zone="us-east-1b"):
    block = net.block.replace("1::/64", "2::/64")
    return net.ec2.create_subnet(VpcId=net.vpc, CidrBlock="10.128.64.0/24", Ipv6CidrBlock=block,
                                 AvailabilityZone=zone)["Subnet"]["SubnetId"]


def test_addresses_can_be_chosen_and_subnets_come_and_go(net):
    second = second_subnet(net)
    address, ipv6 = "10.128.128.77", net.block.replace("::/64", "::77")
    balancer = net.elb.create_load_balancer(
        Name="chosen", Type="network", Scheme="internal", IpAddressType="dualstack",
        SubnetMappings=[{"SubnetId": net.subnet, "PrivateIPv4Address": address, "IPv6Address": ipv6}])["LoadBalancers"][0]
    zone, = balancer["AvailabilityZones"]
    assert zone["LoadBalancerAddresses"] == [{"PrivateIPv4Address": address, "IPv6Address": ipv6}]
    arn = balancer["LoadBalancerArn"]
    zones = net.elb.set_subnets(LoadBalancerArn=arn, Subnets=[net.subnet, second])["AvailabilityZones"]
    assert [zone["SubnetId"] for zone in zones] == [net.subnet, second]
    assert zones[0]["LoadBalancerAddresses"][0]["PrivateIPv4Address"] == address
    assert net.elb.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="ipv4")["IpAddressType"] == "ipv4"
    interfaces = net.ec2.describe_network_interfaces(
        Filters=[{"Name": "description", "Values": ["ELB net/chosen/*"]}])["NetworkInterfaces"]
    assert len(interfaces) == 2 and not any(one["Ipv6Addresses"] for one in interfaces)
    assert len(net.elb.set_subnets(LoadBalancerArn=arn, Subnets=[second])["AvailabilityZones"]) == 1
    gone(net, balancer)
    net.ec2.delete_subnet(SubnetId=second)


def test_an_elastic_address_stands_for_a_load_balancer_that_faces_the_internet(net):
    elastic = net.ec2.allocate_address(Domain="vpc")
    mappings = [{"SubnetId": net.subnet, "AllocationId": elastic["AllocationId"]}]
    make = lambda name, scheme: net.elb.create_load_balancer(
        Name=name, Type="network", Scheme=scheme, SubnetMappings=mappings)["LoadBalancers"][0]
    assert refused(make, "elastic", "internal") == "InvalidConfigurationRequest"
    balancer = make("elastic", "internet-facing")
    assert balancer["AvailabilityZones"][0]["LoadBalancerAddresses"] == [
        {"IpAddress": elastic["PublicIp"], "AllocationId": elastic["AllocationId"]}]
    assert refused(make, "elastic-again", "internet-facing") == "ResourceInUse"
    shown, = net.ec2.describe_addresses(AllocationIds=[elastic["AllocationId"]])["Addresses"]
    assert "AssociationId" in shown
    gone(net, balancer)
    net.ec2.release_address(AllocationId=elastic["AllocationId"])


def test_security_groups_stay_if_there_were_any_and_never_come_later(net):
    with_groups = net.balancer("grouped", SecurityGroups=[net.group])
    without = net.balancer("ungrouped")
    set_groups = lambda balancer, groups: net.elb.set_security_groups(
        LoadBalancerArn=balancer["LoadBalancerArn"], SecurityGroups=groups)["SecurityGroupIds"]
    assert refused(set_groups, without, [net.group]) == "InvalidConfigurationRequest"
    assert refused(set_groups, with_groups, []) == "InvalidConfigurationRequest"
    assert set_groups(with_groups, [net.group]) == [net.group]
    assert refused(net.balancer, "grouped") == "DuplicateLoadBalancerName"
    gone(net, with_groups, without)


def test_attributes_take_what_aws_takes(net):
    group = net.target_group("attributes")
    shown = lambda: {a["Key"]: a["Value"] for a in net.elb.describe_target_group_attributes(
        TargetGroupArn=group["TargetGroupArn"])["Attributes"]}
    change = lambda key, value: net.elb.modify_target_group_attributes(
        TargetGroupArn=group["TargetGroupArn"], Attributes=[{"Key": key, "Value": value}])
    assert shown()["preserve_client_ip.enabled"] == "false" and shown()["deregistration_delay.timeout_seconds"] == "300"
    change("deregistration_delay.timeout_seconds", "0")
    change("preserve_client_ip.enabled", "true")
    assert shown()["preserve_client_ip.enabled"] == "true" and shown()["deregistration_delay.timeout_seconds"] == "0"
    for key, value in (("deregistration_delay.timeout_seconds", "3601"), ("stickiness.enabled", "maybe"),
                       ("stickiness.type", "lb_cookie"), ("made.up", "1")):
        assert refused(change, key, value) == "ValidationError", key
    instances = net.target_group("attributes-instances", TargetType="instance", IpAddressType="ipv4")
    of_instances = net.elb.describe_target_group_attributes(TargetGroupArn=instances["TargetGroupArn"])["Attributes"]
    assert {"Key": "preserve_client_ip.enabled", "Value": "true"} in of_instances


def test_health_checks_are_checked(net):
    good = dict(HealthCheckProtocol="HTTP", HealthCheckPath="/ready", Matcher={"HttpCode": "200,204-299"})
    group = net.target_group("checked", **good)
    assert group["Matcher"]["HttpCode"] == "200,204-299" and group["HealthCheckTimeoutSeconds"] == 6
    for wrong in ({"HealthCheckPath": "ready"}, {"Matcher": {"HttpCode": "1000"}}, {"HealthCheckPort": "0"},
                  {"HealthCheckTimeoutSeconds": 11}, {"HealthCheckProtocol": "UDP"}):
        assert refused(net.target_group, "wrong", **{**good, **wrong}) == "ValidationError", wrong
    changed, = net.elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckProtocol="TCP")["TargetGroups"]
    assert "HealthCheckPath" not in changed and "Matcher" not in changed


def test_a_deregistered_target_drains_before_it_is_gone(net):
    balancer, group = net.balancer("draining"), net.target_group("draining")
    net.listener(balancer, group)
    target = [{"Id": net.block.replace("::/64", "::88")}]
    arn = group["TargetGroupArn"]
    health = lambda: [(one["TargetHealth"]["State"], one["TargetHealth"].get("Reason"))
                      for one in net.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]]
    net.elb.register_targets(TargetGroupArn=arn, Targets=target)
    assert health() == [("healthy", None)]
    net.elb.deregister_targets(TargetGroupArn=arn, Targets=target)
    assert health() == [("draining", "Target.DeregistrationInProgress")]
    net.elb.register_targets(TargetGroupArn=arn, Targets=target)
    assert health() == [("healthy", None)]
    net.elb.modify_target_group_attributes(
        TargetGroupArn=arn, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}])
    net.elb.deregister_targets(TargetGroupArn=arn, Targets=target)
    assert health() == []
    gone(net, balancer)


def test_a_stopped_instance_is_no_target(net):
    balancer = net.balancer("stopping")
    group = net.target_group("stopping", TargetType="instance", IpAddressType="ipv4")
    net.listener(balancer, group)
    id = net.run()[0]["InstanceId"]
    net.shown(id)
    arn = group["TargetGroupArn"]
    net.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": id}])
    health = lambda: net.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"][0]["TargetHealth"]
    assert health() == {"State": "healthy"}
    net.ec2.stop_instances(InstanceIds=[id])
    net.shown(id)
    assert (health()["State"], health()["Reason"]) == ("unused", "Target.InvalidState")
    gone(net, balancer)


def test_certificates_and_tls_listeners_come_back_with_the_region(fresh_region, certificates):
    net = Balancing(fresh_region)
    net.acm = fresh_region.client("acm")
    certificate, key = certificates["two.example"]
    arn = net.acm.import_certificate(Certificate=certificate, PrivateKey=key)["CertificateArn"]
    balancer, group = net.balancer("kept-tls"), net.target_group("kept-tls")
    tls(net, balancer, group, arn)
    look = lambda elb, acm: [elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"],
                             acm.describe_certificate(CertificateArn=arn)["Certificate"]]
    before = look(net.elb, net.acm)
    fresh_region.stop()
    fresh_region.start()
    assert look(fresh_region.client("elbv2"), fresh_region.client("acm")) == before
