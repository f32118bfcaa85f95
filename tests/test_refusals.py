"""What must be refused, each with the right status and a message that says what to do."""
import datetime
import io
import json
import subprocess
import zipfile

import pytest
from conftest import TENANT, ZONE
from signing import send, signed

DEPLOY = "/application/v4/tenant/acme/application/album-search/instance/default/deploy/dev-aws-us-east-1c"
SERVICES = ('<services version="1.0"><container id="default" version="1.0"><nodes count="1"/></container>'
            '<content id="albums" version="1.0"><nodes count="1"/></content></services>')

CLIENTS = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                          "-keyout", "/dev/null", "-subj", "/CN=somebody"], check=True, capture_output=True, text=True).stdout


def package(**files):
    """A package that would be fine but for what is given; None removes a file."""
    content = {"services.xml": SERVICES,
               "deployment.xml": f'<deployment version="1.0" cloud-account="aws:{TENANT}"><dev/></deployment>',
               "security/clients.pem": CLIENTS}
    content.update({name.replace("__", "/").replace("_", "."): text for name, text in files.items()})
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as made:
        for name, text in content.items():
            if text is not None:
                made.writestr(name, text)
    return raw.getvalue()


@pytest.fixture(scope="module")
def rival(zone):
    """Another tenant, with a key of its own and no account."""
    home = zone.directory / "home"
    key = home / "rival.api-key.pem"
    if not key.exists():
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True,
                       capture_output=True)
        zone.enclave("tenant", "create", "rival", "--key", key)
    return "rival"


def test_an_unsigned_request(zone):
    status, answer = send(zone, "GET", "/application/v4/tenant/acme")
    assert status == 401 and answer["message"]


def test_a_request_signed_over_another_body(zone):
    status, answer = signed(zone, "POST", DEPLOY, package(), signed_body=b"something else")
    assert status in (400, 401) and answer["message"]


def test_a_request_whose_signature_was_made_for_another_path(zone):
    from signing import headers
    config = json.loads((zone.directory / "home/config.json").read_text())
    made = headers("GET", config["controller"] + "/application/v4/tenant/other", zone.directory / "home/acme.api-key.pem",
                   "acme:a:default")
    status, answer = send(zone, "GET", "/application/v4/tenant/acme", headers=made)
    assert status == 401 and answer["message"]


def test_a_request_signed_ten_minutes_ago(zone):
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=10)
    status, answer = signed(zone, "GET", "/application/v4/tenant/acme", at=past)
    assert status == 401 and answer["message"]


def test_another_tenant_reading_ours(zone, rival):
    status, answer = signed(zone, "GET", "/application/v4/tenant/acme", key=rival)
    assert status == 403 and answer["message"]


def test_another_tenant_claiming_to_be_us_with_its_own_key(zone, rival):
    status, _ = signed(zone, "GET", "/application/v4/tenant/acme", key=rival, key_id="acme:album-search:default")
    assert status == 401


def test_another_tenant_deploying_to_our_account(zone, rival):
    path = DEPLOY.replace("/tenant/acme/", "/tenant/rival/")
    status, answer = signed(zone, "POST", path, package(), key=rival)
    assert status in (400, 403)
    assert TENANT in answer["message"]


def test_another_tenant_registering_our_account(zone, rival):
    done = zone.enclave("account", "register", TENANT, check=False, ENCLAVE_TENANT=rival,
                        ENCLAVE_API_KEY=str(zone.directory / "home/rival.api-key.pem"))
    assert done.returncode in (2, 3)
    assert TENANT in done.stderr


def test_a_deploy_to_an_account_nobody_registered(zone):
    text = '<deployment version="1.0" cloud-account="aws:555555555555"><dev/></deployment>'
    status, answer = signed(zone, "POST", DEPLOY, package(deployment_xml=text))
    assert status in (400, 403)
    assert "555555555555" in answer["message"] and "register" in answer["message"]


def test_a_deploy_to_a_zone_that_is_not_there(zone):
    status, answer = signed(zone, "POST", DEPLOY.replace("us-east-1c", "eu-west-1a"), package())
    assert status in (400, 404)
    assert "eu-west-1a" in answer["message"]


def test_a_deploy_to_a_zone_without_terraform_names_the_resource_and_the_command(zone):
    ec2 = zone.aws("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "tag:zone", "Values": [ZONE]}])["Vpcs"][0]["VpcId"]
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "zone"}])
    try:
        status, answer = signed(zone, "POST", DEPLOY, package())
    finally:
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "zone", "Value": ZONE}])
    assert status == 400
    assert "VPC" in answer["message"] and "terraform" in answer["message"].lower()


@pytest.mark.parametrize("body, words", [
    (b"this is no zip", ["zip"]),
    (package(services_xml=None), ["services.xml"]),
    (package(**{"..__..__etc__passwd": "x"}), [".."]),
    (package(services_xml='<!DOCTYPE services [<!ENTITY e "x">]><services>&e;</services>'), ["services.xml", "DOCTYPE"]),
    (package(services_xml="<services><container></services>"), ["services.xml"]),
], ids=["no zip", "no services.xml", "path traversal", "a DTD", "XML that is not well-formed"])
def test_a_package_that_is(zone, body, words):
    status, answer = signed(zone, "POST", DEPLOY, body)
    assert status == 400
    for word in words:
        assert word in answer["message"], answer


def test_a_reader_deploying(zone):
    key = zone.directory / "home/reader.api-key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True,
                   capture_output=True)
    zone.enclave("tenant", "add-key", key, "--role", "reader")
    assert signed(zone, "GET", "/application/v4/tenant/acme", key="reader", key_id="acme:album-search:default")[0] == 200
    status, answer = signed(zone, "POST", DEPLOY, package(), key="reader", key_id="acme:album-search:default")
    assert status == 403 and answer["message"]


def test_a_config_server_route_on_the_wrong_side(zone):
    configserver, controller = zone.instance("cfg1"), zone.instance("controller")
    done = zone.inside(zone.namespace(controller), "curl", "-sk", "-w", "\n%{http_code}",
                       f"https://[{zone.address(configserver)}]:4443/spec/v1/host/h100.{ZONE}.vespa.enclave.internal")
    text, _, status = done.stdout.rpartition("\n")
    assert status == "403", done
    assert "side" in json.loads(text)["message"]


def test_a_challenge_for_an_instance_nobody_launched(zone):
    configserver, controller = zone.instance("cfg1"), zone.instance("controller")
    body = json.dumps({"hostname": f"h100.{ZONE}.vespa.enclave.internal", "instance_id": "i-00000000000000000",
                       "instanceId": "i-00000000000000000"})
    done = zone.inside(zone.namespace(controller), "curl", "-sk", "-w", "\n%{http_code}", "-d", body,
                       f"https://[{zone.address(configserver)}]:4443/bootstrap/v1/challenge")
    assert done.stdout.rpartition("\n")[2] in ("403", "404"), done.stdout


def test_a_registration_at_zts_for_an_instance_nobody_launched(zone, tmp_path):
    zts, controller = zone.instance("zts"), zone.instance("controller")
    domain, service, instance = "vespa.tenant.acme", "tenant-host", "i-00000000000000000"
    provider = "vespa.provider_dev_aws-us-east-1c"
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    tmp_path / "key", "-out", tmp_path / "csr", "-subj", f"/CN={domain}.{service}", "-addext",
                    f"subjectAltName=URI:spiffe://{domain}/sa/{service},URI:athenz://instanceid/{provider}/{instance}"],
                   check=True, capture_output=True)
    attestation = json.dumps({"hostname": f"h100.{ZONE}.vespa.enclave.internal", "document": "{}", "signature": "AAAA",
                              "nonce": "made-up", "keyHash": "0" * 64, "proof": {}})
    body = json.dumps({"provider": provider, "domain": domain, "service": service, "attestationData": attestation,
                       "csr": (tmp_path / "csr").read_text()})
    done = zone.inside(zone.namespace(controller), "curl", "-sk", "-w", "\n%{http_code}", "-H",
                       "Content-Type: application/json", "-d", body, f"https://[{zone.address(zts)}]:4443/zts/v1/instance")
    text, _, status = done.stdout.rpartition("\n")
    assert status == "403", done.stdout
    assert json.loads(text)["message"]
