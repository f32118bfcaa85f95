#!/usr/bin/python3
"""Measures localaws: how soon it answers, how many calls it takes, what a thousand instances cost. Client and server share the
machine's cores; the client sends signed requests over kept TLS connections (load.c). As a program: bench/localaws.py [WORD...]
measures what holds one of the words in its name."""
import configparser
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("LOCALAWS", ROOT / "build/src/localaws/localaws"))
LOAD, BARE, CONNECT = (ROOT / "build/bench" / name for name in ("bench_load", "bench_bare", "bench_connections"))
SIM, LABEL = "ami-sim00000000000000", f"lbench{os.getpid()}"
CONNECTIONS, SECONDS, OBJECT = 16, 3, 32 << 20


def measure(name, value, unit, **more):
    return {"name": f"localaws.{name}", "value": round(value, 1 if value < 1000 else 0), "unit": unit, **more}


class Region:
    """A localaws of its own, in a directory that goes with it."""

    def __init__(self, plane=os.geteuid() == 0, images=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="localaws-bench-"))
        self.plane, self.images = plane, images
        self.process = None

    def start(self):
        """Milliseconds from exec to the first answered call."""
        options = ["--images", self.images] if self.images else []
        if not self.plane:
            options.append("--no-plane")
        port = self.free_port()
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [PROGRAM, "--state", self.directory, "--listen", f"127.0.0.1:{port}", "--proxy", "127.0.0.1:0", "--account",
             "100000000001=vendor", "--account", "210987654321=acme", "--label", LABEL, "--log-level", "warning", *options],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().startswith("ready ")
        self.port = port
        self.call(["Action=GetCallerIdentity&Version=2011-06-15"], "sts", connections=1, most=1)
        return (time.monotonic() - begin) * 1000

    @staticmethod
    def free_port():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()

    def remove(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.directory)

    def keys(self):
        file = configparser.ConfigParser()
        file.read(self.directory / "credentials")
        return file["acme"]["aws_access_key_id"], file["acme"]["aws_secret_access_key"]

    def client(self, service):
        return boto3.Session(*self.keys(), region_name="us-east-1").client(
            service, endpoint_url=f"https://127.0.0.1:{self.port}", verify=str(self.directory / "ca.pem"),
            config=botocore.config.Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}))

    def signed(self, body, service, method="POST", path="/"):
        """A request as it goes over the wire. Its signature is good for a quarter of an hour."""
        request = botocore.awsrequest.AWSRequest(
            method, f"https://127.0.0.1:{self.port}{path}", data=body, headers={"Host": f"127.0.0.1:{self.port}"})
        credentials = botocore.credentials.Credentials(*self.keys())
        if service == "s3":
            request.context["payload_signing_enabled"] = False  # as clients do over TLS
            botocore.auth.S3SigV4Auth(credentials, service, "us-east-1").add_auth(request)
        else:
            request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
            botocore.auth.SigV4Auth(credentials, service, "us-east-1").add_auth(request)
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        return f"{method} {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}"

    def call(self, bodies, service="ec2", **limits):
        return self.send([self.signed(body, service) for body in bodies], **limits)

    def send(self, requests, connections=CONNECTIONS, seconds=SECONDS, most=10 ** 9):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(requests, file)
            file.flush()
            before = self.processor_s()
            done = subprocess.run([LOAD, "127.0.0.1", str(self.port), str(connections), str(seconds), str(most), file.name],
                                  text=True, capture_output=True)
        if done.returncode:
            raise SystemExit(f"load: {done.stdout}{done.stderr}")
        result = json.loads(done.stdout)
        result["cpu_us"] = round((self.processor_s() - before) * 1e6 / result["requests"], 1)
        return result

    def processor_s(self):
        """Seconds of processor time so far: what a call costs, whoever else is on the machine."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024


class Instances:
    """A subnet, and simulated instances in it, each with a name of its own."""

    def __init__(self, region):
        self.region, self.ec2, self.count = region, region.client("ec2"), 0
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
        self.subnet = self.ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/16", Ipv6CidrBlock=block)["Subnet"]["SubnetId"]

    def order(self, count=1, name=None):
        order = {"Action": "RunInstances", "Version": "2016-11-15", "ImageId": SIM, "InstanceType": "m7g.large",
                 "MinCount": count, "MaxCount": count, "NetworkInterface.1.DeviceIndex": 0,
                 "NetworkInterface.1.SubnetId": self.subnet, "NetworkInterface.1.Ipv6AddressCount": 1}
        if name:
            order |= {"TagSpecification.1.ResourceType": "instance", "TagSpecification.1.Tag.1.Key": "Name",
                      "TagSpecification.1.Tag.1.Value": name}
        return urllib.parse.urlencode(order)

    def grow_to(self, count):
        wanted = [self.order(name=f"host-{n}") for n in range(self.count, count)]
        self.region.call(wanted, most=len(wanted), seconds=60)
        self.count = count

    def by_name(self):
        step = max(1, self.count // 97)
        return [urllib.parse.urlencode({"Action": "DescribeInstances", "Version": "2016-11-15", "Filter.1.Name": "tag:Name",
                                        "Filter.1.Value.1": f"host-{n}", "Filter.2.Name": "instance-state-name",
                                        "Filter.2.Value.1": "running"}) for n in range(0, self.count, step)]


def ready():
    region = Region()
    try:
        first = region.start()
        again = []
        for _ in range(5):
            region.stop()
            again.append(region.start())
        return first, statistics.median(again)
    finally:
        region.remove()


def measure_ready():
    new, again = ready()
    return [measure("ready_ms", again, "ms"), measure("ready_new_ms", new, "ms")]


def measure_calls():
    region = Region()
    try:
        region.start()
        calls = region.call(["Action=GetCallerIdentity&Version=2011-06-15"], "sts")
        return [measure("calls_per_s", calls["per_s"], "1/s", p99_us=calls["p99_us"], cpu_us=calls["cpu_us"])]
    finally:
        region.remove()


def measure_instances():
    region, measures = Region(), []
    try:
        region.start()
        empty = region.resident_mb()
        instances = Instances(region)
        for count in (1000, 10000):
            instances.grow_to(count)
            if count == 1000:
                time.sleep(2)
                measures += [measure("rss_empty_mb", empty, "MB"), measure("rss_1000_mb", region.resident_mb(), "MB")]
            found = region.call(instances.by_name())
            measures.append(measure(f"describe_{count}_per_s", found["per_s"], "1/s", p99_us=found["p99_us"], cpu_us=found["cpu_us"]))
        page = region.call(["Action=DescribeInstances&Version=2016-11-15&MaxResults=1000"], connections=2)
        measures.append(measure("describe_page_of_1000_per_s", page["per_s"], "1/s", cpu_us=page["cpu_us"]))
        measures.append(measure("rss_10000_mb", region.resident_mb(), "MB"))
        time.sleep(1)
        region.stop(signal.SIGKILL)
        measures.append(measure("ready_10000_ms", region.start(), "ms"))
        return measures
    finally:
        region.remove()


def measure_run_sim():
    measures = []
    for batch, calls in ((1, 10000), (100, 200)):
        region = Region()
        try:
            region.start()
            made = region.call([Instances(region).order(batch)], most=calls, seconds=30)
            name = "run_sim_per_s" if batch == 1 else f"run_sim_by_{batch}_per_s"
            measures.append(measure(name, made["requests"] * batch / made["seconds"], "1/s", p99_us=made["p99_us"], cpu_us=made["cpu_us"]))
        finally:
            region.remove()
    return measures


def measure_s3():
    """One object after another on each of two connections, in a bucket sealed under KMS as an enclave's archive is; what the
    machine itself can do in the same run beside it. Objects sealed by S3's own key need an MD5 more, for their ETag."""
    region, bucket = Region(plane=False), "bench"
    try:
        region.start()
        region.client("s3").create_bucket(Bucket=bucket)
        region.client("s3").create_bucket(Bucket=f"{bucket}-plain")
        key = region.client("kms").create_key()["KeyMetadata"]["Arn"]
        region.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]})
        bare = json.loads(subprocess.run([BARE, region.directory], check=True, text=True, capture_output=True).stdout)
        paths = [f"/{bucket}/object-{number}" for number in range(4)]
        put = region.send([region.signed("x" * OBJECT, "s3", "PUT", path) for path in paths], connections=2, most=16, seconds=60)
        resident = region.resident_mb()
        plain = region.send([region.signed("x" * OBJECT, "s3", "PUT", f"/{bucket}-plain/object")], connections=2, most=8, seconds=60)
        get = region.send([region.signed("", "s3", "GET", path) for path in paths], connections=2, most=16, seconds=60)
        small = region.send([region.signed("x" * 1000, "s3", "PUT", f"/{bucket}/small-{number}") for number in range(500)])
        slower = min(bare["aes_gcm_mb_per_s"], bare["disk_mb_per_s"])
        rate = lambda done: done["requests"] * OBJECT / 1e6 / done["seconds"]
        return [
            measure("bare_aes_gcm_mb_per_s", bare["aes_gcm_mb_per_s"], "MB/s"),
            measure("bare_disk_mb_per_s", bare["disk_mb_per_s"], "MB/s"),
            measure("bare_md5_mb_per_s", bare["md5_mb_per_s"], "MB/s"),
            measure("s3_put_mb_per_s", rate(put), "MB/s", against="the slower bare rate", ratio=round(rate(put) / slower, 2)),
            measure("s3_put_with_md5_mb_per_s", rate(plain), "MB/s", against="the bare MD5",
                    ratio=round(rate(plain) / bare["md5_mb_per_s"], 2)),
            measure("s3_get_mb_per_s", rate(get), "MB/s", against="the slower bare rate", ratio=round(rate(get) / slower, 2)),
            measure("s3_rss_mb", max(resident, region.resident_mb()), "MB"),
            measure("s3_small_puts_per_s", small["per_s"], "1/s", cpu_us=small["cpu_us"]),
        ]
    finally:
        region.remove()


class Machines:
    """A subnet that the internet reaches by IPv6, and real machines in it."""

    def __init__(self, region):
        self.region, self.ec2, self.elb = region, region.client("ec2"), region.client("elbv2")
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        self.vpc, block = vpc["VpcId"], vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/20", Ipv6CidrBlock=block)["Subnet"]["SubnetId"]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table, = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
        group, = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["SecurityGroups"]
        self.ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[
            {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])
        self.image = self.ec2.describe_images(Filters=[{"Name": "name", "Values": ["server"]}])["Images"][0]["ImageId"]

    def run(self, count):
        """The ids of that many machines, once all of them run."""
        made = self.ec2.run_instances(ImageId=self.image, InstanceType="m7g.large", MinCount=count, MaxCount=count, NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": self.subnet, "Ipv6AddressCount": 1}])["Instances"]
        ids = [one["InstanceId"] for one in made]
        wait_for(lambda: all(one["State"]["Name"] == "running" for one in self.shown(ids)))
        return ids

    def shown(self, ids):
        made = self.ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return [one for reservation in made for one in reservation["Instances"]]

    def balancer(self, target):
        """An address that carries connections to the target."""
        made = self.elb.create_load_balancer(Name="bench", Type="network", Scheme="internet-facing", IpAddressType="dualstack",
                                             Subnets=[self.subnet])["LoadBalancers"][0]
        group = self.elb.create_target_group(Name="bench", Protocol="TCP", Port=4443, VpcId=self.vpc, TargetType="ip",
                                             IpAddressType="ipv6", HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
                                             HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": target}])
        self.elb.create_listener(LoadBalancerArn=made["LoadBalancerArn"], Port=443, Protocol="TCP",
                                 DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
        wait_for(lambda: self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]["TargetHealth"][
            "State"] == "healthy")
        name = made["LoadBalancerArn"].split("loadbalancer/")[1]
        interface, = self.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": [f"ELB {name}"]}])["NetworkInterfaces"]
        return interface["Ipv6Addresses"][0]["Ipv6Address"]


def wait_for(what, seconds=60):
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            raise SystemExit(f"not within {seconds} s")
        time.sleep(0.02)


def connections(address, port):
    """From the region's internet."""
    done = subprocess.run(["ip", "netns", "exec", f"{LABEL}-internet", CONNECT, "connect", address, str(port), "64", str(SECONDS),
                           "25000"], text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"connections: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def measure_machines():
    if os.geteuid() != 0:
        return []
    with tempfile.NamedTemporaryFile("w", suffix=".json") as images:
        json.dump([{"name": "server", "argv": ["/opt/bench/bench_connections", "serve", "4443"],
                    "binds": [f"{CONNECT.parent}:/opt/bench"]}], images)
        images.flush()
        region = Region(images=images.name)
        try:
            region.start()
            machines = Machines(region)
            first, = machines.run(1)
            begin, count = time.monotonic(), 20
            machines.run(count)
            started = time.monotonic() - begin
            target = machines.shown([first])[0]["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"]
            direct = connections(target, 4443)
            carried = connections(machines.balancer(target), 443)
            return [
                measure("run_real_per_s", count / started, "1/s"),
                measure("direct_connections_per_s", direct["per_s"], "1/s"),
                measure("nlb_connections_per_s", carried["per_s"], "1/s", against="direct_connections_per_s",
                        ratio=round(carried["per_s"] / direct["per_s"], 2)),
            ]
        finally:
            region.remove()


PARTS = {"ready": measure_ready, "calls": measure_calls, "describe instances rss": measure_instances, "run_sim": measure_run_sim,
         "s3": measure_s3, "run_real nlb": measure_machines}


def measure_all(words=()):
    return [one for name, part in PARTS.items() if not words or any(word in name for word in words) for one in part()]


if __name__ == "__main__":
    for one in measure_all(sys.argv[1:]):
        print(*(f"{key}={value}" for key, value in one.items()), flush=True)
