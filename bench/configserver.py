#!/usr/bin/python3
"""Measures a config server with as many hosts as asked for (10,000 in 1,000 accounts): the real program with its real store,
tunnel device and TLS, localaws with simulated instances as its cloud, and agents.c as the hosts, each with its own certificate
and connection. Everything lives in a network namespace of its own and in one directory; both go with it. As a program:
bench/configserver.py [HOSTS [ACCOUNTS]]. One JSON object a measure."""
import concurrent.futures
import configparser
import io
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import http.client
import http.server
import zipfile

import boto3
import botocore.config
import botocore.credentials
import botocore.session

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
ZONE, VENDOR, PUBLIC, PORT = "dev.aws-us-east-1c", "100000000001", "fd00:be::1", 4443
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
SERVICE_TRUST = TRUST.replace('{"AWS": "*"}', '{"Service": "ec2.amazonaws.com"}')
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
TAGS = [{"Key": "managedby", "Value": "vespa-cloud"}, {"Key": "zone", "Value": ZONE}]


def measure(name, value, unit):
    return {"name": f"configserver.{name}", "value": round(value, 3 if value < 10 else 1), "unit": unit}


def tagged(kind, *more):
    return [{"ResourceType": kind, "Tags": TAGS + [{"Key": k, "Value": v} for k, v in more]}]


class Metadata(http.server.BaseHTTPRequestHandler):
    """All that the config server asks of its own instance."""

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        self.answer("token")

    def do_GET(self):
        self.answer("i-bench")

    def log_message(self, *args):
        pass


class Switch:
    """Credentials of whichever account its thread works for: making a client for each takes longer than all its calls."""

    def __init__(self, path):
        self.file, self.current = configparser.ConfigParser(), threading.local()
        self.file.read(path)

    def get_frozen_credentials(self):
        keys = self.file[self.current.profile]
        return botocore.credentials.ReadOnlyCredentials(keys["aws_access_key_id"], keys["aws_secret_access_key"], None)


class World:
    def __init__(self, hosts, accounts):
        self.host_count, self.accounts = hosts, [f"{3 * 10 ** 11 + i}" for i in range(accounts)]
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="configserver-bench-"))
        self.server = self.agents = self.region = None
        self.port = PORT

    def tenant(self, account):
        return f"t{int(account) % 10 ** 6}"

    def start_region(self):
        options = [word for account in self.accounts for word in ("--account", f"{account}={self.tenant(account)}")]
        self.region = subprocess.Popen(
            [BUILD / "src/localaws/localaws", "--state", self.directory / "region", "--listen", "127.0.0.1:4566", "--proxy",
             "127.0.0.1:0", "--account", f"{VENDOR}=vendor", "--label", "cbench", "--log-level", "warning", "--no-plane", *options],
            stdout=subprocess.PIPE, stderr=open(self.directory / "region.log", "w"), text=True)
        assert self.region.stdout.readline().startswith("ready ")
        self.switch = Switch(self.directory / "region/credentials")
        core = botocore.session.Session()
        core._credentials = self.switch
        session = boto3.session.Session(botocore_session=core, region_name="us-east-1")
        self.clients = {service: session.client(
            service, endpoint_url="https://127.0.0.1:4566", verify=str(self.directory / "region/ca.pem"),
            config=botocore.config.Config(retries={"max_attempts": 2})) for service in ("ec2", "iam", "kms")}
        metadata = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
        threading.Thread(target=metadata.serve_forever, daemon=True).start()
        self.metadata = metadata.server_address[1]

    def client(self, profile, service):
        self.switch.current.profile = profile
        return self.clients[service]

    def set_up_vendor(self):
        iam = self.client("vendor", "iam")
        iam.create_role(RoleName="vespa-cloud-provisioner", AssumeRolePolicyDocument=TRUST)
        iam.put_role_policy(RoleName="vespa-cloud-provisioner", PolicyName="all", PolicyDocument=EVERYTHING)
        iam.create_user(UserName="configserver")
        iam.put_user_policy(UserName="configserver", PolicyName="all", PolicyDocument=EVERYTHING)
        key = iam.create_access_key(UserName="configserver")["AccessKey"]
        self.keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def set_up_account(self, account):
        """What the tenant's Terraform makes, as far as the config server looks for it."""
        tenant = self.tenant(account)
        ec2, iam, kms = (self.client(tenant, service) for service in ("ec2", "iam", "kms"))
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True,
                             TagSpecifications=tagged("vpc", ("archive_bucket", f"archive-{account}")))["Vpc"]
        block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("00::/56", "{:02x}::/64")
        for number, (service, cidr) in enumerate((("tenant", "10.0.128.0/17"), ("tenantelb", "10.0.0.0/20"))):
            ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=cidr, Ipv6CidrBlock=block.format(number),
                              TagSpecifications=tagged("subnet", ("service", service)))
        ec2.create_security_group(VpcId=vpc["VpcId"], GroupName="hosts", Description="hosts",
                                  TagSpecifications=tagged("security-group", ("service", "hostedvpc")))
        iam.create_role(RoleName="vespa-cloud-provisioner", AssumeRolePolicyDocument=TRUST)
        iam.put_role_policy(RoleName="vespa-cloud-provisioner", PolicyName="all", PolicyDocument=EVERYTHING)
        name = f"vespa.tenant.{tenant}.aws-{account}.tenant-host-service"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=SERVICE_TRUST)
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/vespa-ebs-key-dev-aws-us-east-1c", TargetKeyId=key)

    def write_config(self):
        subprocess.run([BUILD / "bench/bench_agents", "identities", self.directory, ZONE], check=True)
        ca = (self.directory / "ca.pem").read_text()
        (self.directory / "config.json").write_text(json.dumps({
            "awsRegion": "us-east-1", "zone": ZONE, "index": 1, "address": PUBLIC, "ztsUrl": "https://127.0.0.1:1/zts/v1",
            "publicZtsUrl": "https://127.0.0.1:1/zts/v1", "bootstrapUrl": f"https://[{PUBLIC}]:{PORT}", "caCertificates": ca,
            "provisionerRoleArn": f"arn:aws:iam::{VENDOR}:role/vespa-cloud-provisioner", "hostImage": "sim",
            "nodeImage": "registry.example/vespa:8", "identityDocumentCertificate": ca, "vendorAccount": VENDOR}))
        self.operator = ssl.create_default_context(cafile=self.directory / "ca.pem")
        self.operator.check_hostname = False
        self.operator.load_cert_chain(self.directory / "operator.pem", self.directory / "operator-key.pem")
        self.controller = ssl.create_default_context(cafile=self.directory / "ca.pem")
        self.controller.check_hostname = False
        self.controller.load_cert_chain(self.directory / "controller.pem", self.directory / "controller-key.pem")

    def start_server(self):
        environment = os.environ | self.keys | {
            "AWS_ENDPOINT_URL": "https://127.0.0.1:4566", "AWS_CA_BUNDLE": str(self.directory / "region/ca.pem"),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{self.metadata}"}
        self.log = open(self.directory / "configserver.log", "a")
        self.server = subprocess.Popen(
            [BUILD / "src/configserver/enclave-configserver", "--config", self.directory / "config.json",
             "--state", self.directory / "state", "--log-level", "warning"], env=environment, stderr=self.log)
        self.wait("the config server to answer", lambda: self.get("/state/v1/health") is not None, 30)
        self.tunnel = self.wait("the tunnel", self.tunnel_address, 30)

    def tunnel_address(self):
        shown = subprocess.run(["ip", "-6", "-br", "addr", "show", "enclave0", "scope", "global"], capture_output=True, text=True)
        return shown.stdout.split()[2].split("/")[0] if shown.returncode == 0 and len(shown.stdout.split()) > 2 else None

    @staticmethod
    def wait(what, condition, seconds, every=0.1):
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise SystemExit(f"configserver bench: {what}: not within {seconds} s")
            time.sleep(every)

    def connection(self, context):
        return http.client.HTTPSConnection(PUBLIC, PORT, context=context, timeout=120)

    def get(self, path):
        try:
            connection = self.connection(self.operator)
            connection.request("GET", path)
            return json.loads(connection.getresponse().read() or b"{}")
        except OSError:
            return None

    def package(self, account, count, image=None):
        services = (f'<services version="1.0"><container id="web" version="1.0">'
                    f'<nodes count="{count}" required="true"{f" docker-image={chr(34)}{image}{chr(34)}" if image else ""}>'
                    f'<resources vcpu="2" memory="8Gb" disk="50Gb" architecture="arm64"/></nodes></container></services>')
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as package:
            package.writestr("services.xml", services)
            package.writestr("deployment.xml", f'<deployment version="1.0" cloud-account="aws:{account}"/>')
            package.writestr("security/clients.pem", (self.directory / "ca.pem").read_text())
        return file.getvalue()

    def deploy(self, account, count, image=None, connection=None):
        parameters = json.dumps({"applicationName": "app", "instanceName": "default",
                                 "cloudAccount": {"id": f"aws:{account}", "externalId": "external"}})
        parts = b"".join(
            b"--B\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n" % (name, more, body) for name, more, body in (
                (b"prepareParams", b"", parameters.encode()),
                (b"applicationPackage", b"; filename=\"p.zip\"", self.package(account, count, image)))) + b"--B--\r\n"
        connection = connection or self.connection(self.controller)
        connection.request("POST", f"/application/v2/tenant/{self.tenant(account)}/prepareandactivate", parts,
                           {"Content-Type": "multipart/form-data; boundary=B"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"deploy to {account}: {answer.status} {body.decode()}")
        return json.loads(body)

    def hosts(self):
        nodes = self.get("/nodes/v2/node/?recursive=true")["nodes"]
        children = {n["parentHostname"]: n for n in nodes if n.get("parentHostname")}
        found = []
        for node in nodes:
            if node["type"] == "host" and node.get("id"):
                child = children[node["hostname"]]
                found.append({"hostname": node["hostname"], "id": node["id"], "tenant": child["owner"]["tenant"],
                              "node": child["hostname"], "image": child["wantedDockerImage"]})
        return found

    def launches(self, account, since):
        """When instances of its application were launched, as the application's story says: after RunInstances answered."""
        state = self.get(f"/application/v2/tenant/{self.tenant(account)}/application/app/environment/dev/region/aws-us-east-1c/"
                         "instance/default")
        return [line["at"] for line in state["log"] if "launched as" in line["message"] and line["at"] > since]

    def start_agents(self):
        (self.directory / "hosts.json").write_text(json.dumps(self.hosts()))
        self.agents = subprocess.Popen(
            [BUILD / "bench/bench_agents", "run", self.directory, ZONE, PUBLIC, self.tunnel, str(PORT),
             self.directory / "hosts.json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, question):
        self.agents.stdin.write(question + "\n")
        self.agents.stdin.flush()
        return json.loads(self.agents.stdout.readline())

    def server_pid(self):
        return self.server.pid

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.server_pid()}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self):
        for line in pathlib.Path(f"/proc/{self.server_pid()}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024

    def close(self):
        for process in (self.agents, self.server, self.region):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
        subprocess.run(["ip", "link", "delete", "enclave0"], capture_output=True)  # what it left when it was killed
        shutil.rmtree(self.directory, ignore_errors=True)


def say(text):
    print(f"# {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def grow(world):
    """Every account's application, and its hosts requested; how fast."""
    each = world.host_count // len(world.accounts)
    began = time.monotonic()

    def some(accounts):
        connection = world.connection(world.controller)
        for account in accounts:
            world.deploy(account, each, connection=connection)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(some, [world.accounts[i::4] for i in range(4)]))
    deployed = time.monotonic() - began
    world.wait("all instances", lambda: len(world.hosts()) >= each * len(world.accounts), 900, 2)
    return [measure(f"deploys_s_{len(world.accounts)}", deployed, "s"),
            measure(f"all_launched_s_{world.host_count}", time.monotonic() - began, "s")]


def all_up(world):
    return world.ask("stats")["reported"] >= world.host_count


def arrive(world):
    began = time.monotonic()
    world.start_agents()
    world.wait("all hosts to be active and their nodes up", lambda: all_up(world), 600, 1)
    return [measure(f"arrive_{world.host_count}_s", time.monotonic() - began, "s")]


def steady(world, seconds):
    time.sleep(15)
    before, requests, began = world.cpu_s(), world.ask("stats")["requests"], time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    after = world.ask("stats")
    say(f"steady: {(after['requests'] - requests) / took:.0f} requests/s, failures {after['failures']}, refused {after['refused']}")
    return [measure(f"cpu_cores_{world.host_count}", (world.cpu_s() - before) / took, "cores"),
            measure(f"rss_mb_{world.host_count}", world.rss_mb(), "MB")]


def middle(values):
    return sorted(values)[len(values) // 2]


def changes(world):
    """A change of one application reaches one of its hosts; a grown one is launched."""
    each = world.host_count // len(world.accounts)
    spec_ms, launch_ms, answer_ms = [], [], []
    hosts = {h["tenant"]: h["hostname"] for h in world.hosts()}
    connection = world.connection(world.controller)
    for account in world.accounts[:15]:
        began = time.time() * 1000
        world.deploy(account, each, image="registry.example/vespa:9", connection=connection)
        answered = time.time() * 1000
        hostname = hosts[world.tenant(account)]
        changed = world.wait("a changed spec", lambda: (lambda at: at if at >= began else 0)(
            world.ask(f"spec {hostname}")["changed"]), 30, 0.01)
        spec_ms.append(max(changed - answered, 0))
        answer_ms.append(answered - began)
    for account in world.accounts[-15:]:
        world.deploy(account, each + 1, connection=connection)
        answered = time.time() * 1000
        launched = world.wait("a launch", lambda: world.launches(account, answered - 1000), 30, 0.1)
        launch_ms.append(max(launched[-1] - answered, 0))
    return [measure("deploy_answer_ms", middle(answer_ms), "ms"), measure("spec_to_host_ms", middle(spec_ms), "ms"),
            measure("spec_to_host_worst_ms", max(spec_ms), "ms"),
            measure(f"deploy_to_launch_ms_{world.host_count}", middle(launch_ms), "ms")]


def reconnect(world):
    world.server.kill()
    world.server.wait()
    killed = time.time() * 1000
    world.start_server()
    answering = time.time() * 1000
    world.wait("all hosts to poll again", lambda: world.ask(f"polled {int(killed)}")["polled"] >= world.host_count, 300, 0.5)
    return [measure("restart_s", (answering - killed) / 1000, "s"),
            measure(f"reconnect_{world.host_count}_s", time.time() - killed / 1000, "s")]


def measure_all(hosts=10000, accounts=1000, seconds=30):
    """In a namespace of its own: run as `unshare --net` by main."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "-6", "addr", "add", f"{PUBLIC}/128", "dev", "lo"], check=True)
    world = World(hosts, accounts)
    try:
        world.start_region()
        world.set_up_vendor()
        say(f"{accounts} accounts")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(world.set_up_account, world.accounts))
        world.write_config()
        world.start_server()
        say("config server is up")
        measures = []
        for part in (grow, arrive, lambda w: steady(w, seconds), changes, reconnect):
            measures += part(world)
            say(json.dumps(measures[-2:]))
        return measures
    finally:
        if os.environ.get("BENCH_KEEP"):
            print((world.directory / "configserver.log").read_text()[-3000:], file=sys.stderr)
        world.close()


def main():
    if os.environ.get("BENCH_INSIDE") != "1":
        os.environ["BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--", sys.executable, __file__, *sys.argv[1:]])
    for each in measure_all(*map(int, sys.argv[1:])):
        print(json.dumps(each))


if __name__ == "__main__":
    main()
