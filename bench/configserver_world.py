"""What bench/configserver.py measures in: the real config server with its store, tunnel device and TLS, localaws with
simulated instances as its cloud, and bench_agents as the hosts, all in one network namespace and one directory."""
import concurrent.futures
import configparser
import http.client
import http.server
import io
import ipaddress
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
        self.growing = "399999999999"  # an account of whom nothing is asked until a thousand hosts are
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="configserver-bench-"))
        self.server = self.agents = self.region = None
        self.port = PORT

    def tenant(self, account):
        return f"t{int(account) % 10 ** 6}"

    def start_region(self):
        options = [word for account in (*self.accounts, self.growing) for word in ("--account", f"{account}={self.tenant(account)}")]
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
        blocks = ipaddress.ip_network(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]).subnets(new_prefix=64)
        for service, cidr in (("tenant", "10.0.128.0/17"), ("tenantelb", "10.0.0.0/20")):
            ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock=cidr, Ipv6CidrBlock=str(next(blocks)),
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

    def restart_node(self, hostname, connection):
        """What an operator asks of one host: it changes this host's spec and no other's."""
        connection.request("POST", f"/nodes/v2/command/restart?hostname={hostname}")
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"restart of {hostname}: {answer.status} {body.decode()}")

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

    def launched(self):
        """How many hosts have an instance, as the metrics say: the whole list is megabytes."""
        connection = self.connection(self.operator)
        connection.request("GET", "/metrics")
        counted = {"provisioned": 0, "ready": 0, "active": 0}
        for line in connection.getresponse().read().decode().splitlines():
            for state in counted:
                if line.startswith(f'enclave_hosts{{state="{state}"}}'):
                    counted[state] = float(line.split()[-1])
        return sum(counted.values())

    def hosts_of(self, account):
        nodes = self.get(f"/nodes/v2/node/?recursive=true&type=host&application={self.tenant(account)}.app.default")["nodes"]
        return [node["hostname"] for node in nodes]

    def launched_at(self, account):
        """When each host of the account's application was launched: after RunInstances had answered."""
        nodes = self.get(f"/nodes/v2/node/?recursive=true&type=host&application={self.tenant(account)}.app.default")["nodes"]
        return [event["at"] for node in nodes for event in node["history"] if event["event"] == "launched"]

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

    def rss_mb(self, kind="VmRSS"):
        for line in pathlib.Path(f"/proc/{self.server_pid()}/status").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) / 1024

    def raise_up(self):
        self.start_region()
        self.set_up_vendor()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(self.set_up_account, (*self.accounts, self.growing)))
        self.write_config()
        self.start_server()

    def close(self, show_log=False):
        for process in (self.agents, self.server, self.region):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
        log = self.directory / "configserver.log"
        if show_log and log.exists():
            print(log.read_text()[-3000:], file=sys.stderr)
        subprocess.run(["ip", "link", "delete", "enclave0"], capture_output=True)  # what it left when it was killed
        shutil.rmtree(self.directory, ignore_errors=True)
