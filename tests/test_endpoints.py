"""Endpoints as deployment.xml asks for them: a private one, for those it allows, announced when its nodes are certified for
it; the public one shut, by who says twice that it may be; and the private one goes on."""
import json
import shutil
import subprocess

import pytest
from conftest import TENANT, VENDOR, wait_for
from signing import signed

NAME = "partner"
SERVICES = """<services version="1.0">
  <container id="default" version="1.0"><document-api /><search />
    <clients><client id="mtls" permissions="read,write"><certificate file="security/clients.pem" /></client></clients>
    <nodes count="1"><resources vcpu="2" memory="8Gb" disk="50Gb" /></nodes></container>
</services>
"""
DEPLOYMENT = """<deployment version="1.0" cloud-account="aws:%s"><dev><endpoints>
  %s<endpoint type="private" container-id="default"><allow with="aws-private-link" arn="%s" /></endpoint>
</endpoints></dev></deployment>
"""
CONSUMER = f"arn:aws:iam::{VENDOR}:root"
SHUT = '<endpoint type="zone" container-id="default" enabled="false" />'
OVERRIDE = """<validation-overrides><allow until="%s" comment="clients come by PrivateLink">zone-endpoint-change</allow>
</validation-overrides>
"""


@pytest.fixture(scope="module")
def package(zone):
    package = zone.directory / NAME
    shutil.copytree(zone.directory / "application", package, dirs_exist_ok=True)
    shutil.rmtree(package / "schemas")
    (package / "services.xml").write_text(SERVICES)
    (package / "deployment.xml").write_text(DEPLOYMENT % (TENANT, "", CONSUMER))
    return package


def deploy(zone, package, **more):
    return zone.enclave("deploy", package, "--application", NAME, "--wait", "0", **more)


def service(zone):
    _, shown = signed(zone, "GET", f"/application/v4/tenant/acme/application/{NAME}/instance/default/environment/dev/"
                                   "region/aws-us-east-1c/private-services")
    return shown["privateServices"]


@pytest.fixture(scope="module")
def offered(zone, package):
    """The one service, as it is told to consumers once it is ready."""
    deploy(zone, package)
    zone.enclave("run", "--wait", "180", "--application", NAME)
    one, = service(zone)
    yield one
    zone.enclave("destroy", "--application", NAME, "--yes", "--wait", "120")


def test_the_service_lets_in_whom_deployment_xml_names_and_nobody_else(zone, offered):
    assert offered["type"] == "aws-private-link" and offered["cluster"] == "default"
    assert [one["urn"] for one in offered["allowedUrns"]] == [CONSUMER]
    ec2 = zone.aws("ec2")
    made, = ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]
    assert made["ServiceName"] == offered["serviceId"] and not made["AcceptanceRequired"]
    allowed = ec2.describe_vpc_endpoint_service_permissions(ServiceId=made["ServiceId"])["AllowedPrincipals"]
    assert [one["Principal"] for one in allowed] == [CONSUMER]
    balancer, = zone.json("loadbalancers", ENCLAVE_APPLICATION=NAME)["loadBalancers"]
    assert balancer["public"] and balancer["private"] and balancer["serviceName"] == offered["serviceId"]
    shown = zone.enclave("loadbalancers", ENCLAVE_APPLICATION=NAME).stdout
    assert "public, private" in shown and offered["serviceId"] in shown
    assert offered["serviceId"] in zone.enclave("status", ENCLAVE_APPLICATION=NAME).stdout


@pytest.fixture(scope="module")
def endpoint(zone, offered):
    """A consumer's own endpoint, in the vendor's account: its name."""
    ec2 = zone.aws("ec2", "vendor")
    subnet = zone.instance("controller")["SubnetId"]
    vpc = zone.instance("controller")["VpcId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="partner", Description="to the partner")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=offered["serviceId"], VpcEndpointType="Interface",
                                   IpAddressType="dualstack", SubnetIds=[subnet], SecurityGroupIds=[group])["VpcEndpoint"]
    wait_for("the endpoint", lambda: ec2.describe_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])[
        "VpcEndpoints"][0]["State"] == "available", 30)
    yield made["DnsEntries"][0]["DnsName"]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])


def ask(zone, name):
    """What a consumer's client sees, which trusts the zone's authority and looks away from nothing."""
    controller = zone.instance("controller")
    pid = (zone.directory / f"localaws/machines/{controller['InstanceId']}.pid").read_text().strip()
    done = subprocess.run(["nsenter", "-t", pid, "-a", "curl", "-s", "-m", "5", "--cacert", "/dev/stdin", "-o", "/dev/null",
                           "-w", "%{http_code} %{ssl_verify_result}", f"https://{name}/status.html"],
                          input=(zone.directory / "ca/ca.pem").read_text(), capture_output=True, text=True)
    return done.stdout


def test_a_consumer_reaches_the_nodes_by_its_own_endpoints_name_and_their_certificate_has_it(zone, endpoint):
    assert wait_for("an answer", lambda: (answer := ask(zone, endpoint)).startswith("200") and answer, 20) == "200 0"


def public_answer(zone, name):
    return subprocess.run(["curl", "-s", "-m", "3", "--cacert", zone.directory / "ca/ca.pem", "-x",
                           f"http://127.0.0.1:{zone.proxy_port}", "-o", "/dev/null", "-w", "%{http_code}",
                           f"https://{name}/status.html"], capture_output=True, text=True).stdout


def test_the_public_endpoint_is_shut_only_by_who_says_so_twice_and_the_private_one_goes_on(zone, package, offered, endpoint):
    balancer, = zone.json("loadbalancers", ENCLAVE_APPLICATION=NAME)["loadBalancers"]
    assert public_answer(zone, balancer["hostname"]) == "200"
    (package / "deployment.xml").write_text(DEPLOYMENT % (TENANT, SHUT, CONSUMER))
    refused = zone.enclave("deploy", package, "--application", NAME, "--wait", "60", check=False)
    assert refused.returncode != 0 and "zone-endpoint-change" in refused.stdout + refused.stderr, refused
    assert public_answer(zone, balancer["hostname"]) == "200"

    soon = subprocess.run(["date", "-u", "-d", "+7 days", "+%Y-%m-%d"], capture_output=True, text=True).stdout.strip()
    (package / "validation-overrides.xml").write_text(OVERRIDE % soon)
    deploy(zone, package)
    zone.enclave("run", "--wait", "120", "--application", NAME)
    wait_for("it is shut", lambda: public_answer(zone, balancer["hostname"]) == "000", 20)
    assert ask(zone, endpoint) == "200 0"
    after, = zone.json("loadbalancers", ENCLAVE_APPLICATION=NAME)["loadBalancers"]
    assert after["hostname"] == balancer["hostname"] and not after["public"] and after["private"]
    assert zone.json("status", ENCLAVE_APPLICATION=NAME)["endpoints"] == []
    assert json.dumps(service(zone)) == json.dumps([offered])
