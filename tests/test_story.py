"""The main job, as zone up told it: one command raises a zone, a tenant's enclave and a served application."""
import json
import re
import subprocess
import time

from conftest import ENCLAVE, TENANT, VENDOR, ZONE, wait_for


def test_every_step_of_zone_up_is_told_with_its_time(zone):
    steps = re.findall(r"^\[(\d)/8\] .*?(\d+\.\d) s$", zone.output, re.M)
    assert [number for number, _ in steps] == list("12345678")
    assert "What to try next" in zone.output


def test_running_it_again_when_it_is_up_is_quick_and_says_so(zone):
    again = zone.up()
    assert again.returncode == 0, again.stderr
    assert "already up" in again.stdout
    assert "already applied" in again.stdout
    assert "already deployed" in again.stdout
    timings = json.loads((zone.directory / "timings.json").read_text())
    assert timings["all_s"] < 20


def test_the_enclave_corresponds_to_the_zone_and_lives_in_one_vpc(zone):
    vpcs = zone.aws("ec2").describe_vpcs(Filters=[{"Name": "tag:zone", "Values": [ZONE]}])["Vpcs"]
    assert len(vpcs) == 1
    tags = {t["Key"]: t["Value"] for t in vpcs[0]["Tags"]}
    assert tags["managedby"] == "vespa-cloud"
    assert tags["archive_bucket"].startswith(f"vespa-archive-{TENANT}-{ZONE}-")


def test_config_servers_launched_two_encrypted_hosts_in_the_tenants_subnet(zone):
    instances = zone.instances()
    assert len(instances) == 2
    ec2 = zone.aws("ec2")
    key = zone.aws("kms").describe_key(KeyId=f"alias/vespa-ebs-key-{ZONE.replace('.', '-')}")["KeyMetadata"]["Arn"]
    for instance in instances:
        tags = {t["Key"]: t["Value"] for t in instance["Tags"]}
        assert tags["managedby"] == "vespa-cloud" and tags["zone"] == ZONE and tags["tenant"] == "acme"
        assert instance["MetadataOptions"]["HttpTokens"] == "required"
        assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert "PublicIpAddress" not in instance
        assert len(instance["NetworkInterfaces"][0]["Ipv6Addresses"]) == 2
        volume = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        volume = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
        assert volume["Encrypted"] and volume["KmsKeyId"] == key
        interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
        interface = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
        for made_with_it in (volume["Tags"], interface["TagSet"]):
            assert {t["Key"]: t["Value"] for t in made_with_it} == tags


def test_each_host_has_a_tunnel_with_a_fresh_handshake(zone):
    for instance in zone.instances():
        assert zone.tunnel_address(instance).startswith("fd00:ec1a:")
        shaken = zone.in_machine(instance, "wg", "show", "wg-enclave", "latest-handshakes").split()
        assert len(shaken) == 2 and time.time() - int(shaken[1]) < 300, shaken


def test_hosts_and_nodes_are_seen_by_the_tenant(zone):
    assert [host["state"] for host in zone.json("hosts")["nodes"]] == ["active", "active"]
    assert [node["state"] for node in zone.json("nodes")["nodes"]] == ["active", "active"]
    balancer, = zone.json("loadbalancers")["loadBalancers"]
    assert balancer["state"] == "active" and len(balancer["reals"]) == balancer["healthyTargets"] == 1
    assert {"launched", "activate"} <= {event["event"] for event in zone.json("events")["events"]}


def test_operators_see_the_whole_zone(zone):
    hosts = zone.enclave("hosts", "--all").stdout.splitlines()
    assert "APPLICATION" in hosts[0] and "acme:album-search:default" in hosts[1]
    assert len(zone.json("nodes", "--all")["nodes"]) == 2


def test_a_query_is_answered_over_mtls_through_the_load_balancer(zone):
    answer = zone.json("query", "dreams")
    assert answer["root"]["fields"]["totalCount"] >= 1
    assert any("dreams" in json.dumps(hit).lower() for hit in answer["root"]["children"])


def test_the_data_plane_refuses_a_client_without_a_certificate_of_clients_pem(zone, deployment):
    url = deployment["endpoints"][0]["url"].rstrip("/")
    proxy = f"http://127.0.0.1:{zone.proxy_port}"
    open_page = subprocess.run(["curl", "-sk", "-x", proxy, "-o", "/dev/null", "-w", "%{http_code}", f"{url}/status.html"],
                               capture_output=True, text=True)
    assert open_page.stdout == "200"
    refused = subprocess.run(["curl", "-sk", "-x", proxy, "-o", "/dev/null", "-w", "%{http_code}",
                              f"{url}/search/?query=dreams"], capture_output=True, text=True)
    assert refused.stdout in ("000", "401", "403")


def test_the_endpoints_name_is_in_its_nodes_certificate(zone, deployment):
    """What any client verifies: no switch that looks away, the zone's authority and the name in the URL."""
    url = deployment["endpoints"][0]["url"].rstrip("/")
    page = subprocess.run(["curl", "-s", "--cacert", zone.directory / "ca/ca.pem", "-x", f"http://127.0.0.1:{zone.proxy_port}",
                           "-o", "/dev/null", "-w", "%{http_code} %{ssl_verify_result}", f"{url}/status.html"],
                          capture_output=True, text=True)
    assert page.stdout == "200 0"


def test_a_load_balancer_of_the_tenant_has_the_container_node_as_healthy_target(zone):
    elb = zone.aws("elbv2")
    balancers = elb.describe_load_balancers()["LoadBalancers"]
    assert len(balancers) == 1 and balancers[0]["Type"] == "network"
    groups = elb.describe_target_groups()["TargetGroups"]
    assert len(groups) == 1
    health = elb.describe_target_health(TargetGroupArn=groups[0]["TargetGroupArn"])["TargetHealthDescriptions"]
    assert [h["TargetHealth"]["State"] for h in health] == ["healthy"]


def test_logs_of_every_kind_arrive_in_the_tenants_archive(zone):
    zone.enclave("query", "love")

    def kinds():
        keys = [o["key"] for o in zone.json("logs")]
        assert all(re.fullmatch(r"acme/album-search/default/[a-z-]+/h\d+a?/logs/(vespa|access|connection)/[^/]+\.zst", k)
                   for k in keys), keys
        return {k.split("/logs/")[1].split("/")[0] for k in keys} >= {"vespa", "access"}

    wait_for("vespa and access logs", kinds, 60)
    shown = zone.enclave("logs", "--show", "--type", "access").stdout
    assert "/search/" in shown


def test_the_vendor_is_refused_the_archive(zone):
    bucket = json.loads((zone.directory / "terraform/tenant/terraform.tfstate").read_text())["outputs"]["archive_bucket"]
    done = zone.enclave("logs", "--bucket", bucket["value"], profile="vendor", check=False)
    assert done.returncode == 3
    assert "AccessDenied" in done.stderr or "not authorized" in done.stderr


def test_operators_read_the_zone_and_prometheus_its_metrics(zone):
    home = zone.directory / "home"
    config = json.loads((home / "config.json").read_text())
    done = subprocess.run(
        ["curl", "-s", "-k", "-x", config["proxy"], "--cert", home / "operator.cert.pem", "--key",
         home / "operator.key.pem", f"{config['controller']}/zone/v2/dev/aws-us-east-1c/metrics"], capture_output=True, text=True)
    assert re.search(r"^# TYPE \w+ (gauge|counter)$", done.stdout, re.M), done.stdout[:400]


def test_every_command_has_help(zone):
    listing = subprocess.run([ENCLAVE, "--help"], capture_output=True, text=True).stdout
    for command in re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)  ", listing, re.M):
        done = subprocess.run([ENCLAVE, *command.split(), "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and "--output" in done.stdout, command
