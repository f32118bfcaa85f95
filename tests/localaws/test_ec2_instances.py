"""Instances without machines: records, volumes, keys, states and who may what."""
import base64
import concurrent.futures
import json

import botocore.exceptions
import pytest

from local_region import TENANT, code_of, fresh_region, ipv6_subnet, region  # noqa: F401  (fixtures)


def by(name, value):
    return [{"Name": name, "Values": [value]}]


class Network:
    """A VPC with a subnet, a group, a key and an instance profile, for instances to be in."""

    def __init__(self, region, profile="acme"):
        self.region = region
        self.ec2, self.kms, self.iam = (region.client(name, profile) for name in ("ec2", "kms", "iam"))
        vpc = self.ec2.create_vpc(CidrBlock="10.128.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        self.vpc = vpc["VpcId"]
        self.block = ipv6_subnet(vpc, 1)
        tags = [{"Key": "managedby", "Value": "vespa-cloud"}]
        self.subnet = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock="10.128.128.0/17", Ipv6CidrBlock=self.block,
            TagSpecifications=[{"ResourceType": "subnet", "Tags": tags}])["Subnet"]["SubnetId"]
        self.group = self.ec2.create_security_group(
            VpcId=self.vpc, GroupName="hosts", Description="x",
            TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}])["GroupId"]
        self.key = self.kms.create_key()["KeyMetadata"]
        self.image = self.ec2.describe_images(Filters=by("name", "sim"))["Images"][0]["ImageId"]

    def run(self, ec2=None, tags=None, volume=None, **more):
        tags = [{"Key": key, "Value": value} for key, value in (tags or {"managedby": "vespa-cloud"}).items()]
        order = dict(
            ImageId=self.image, InstanceType="m7g.large", MinCount=1, MaxCount=1,
            NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": self.subnet, "Groups": [self.group], "Ipv6AddressCount": 2}],
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {
                "VolumeSize": 30, "VolumeType": "gp3", "Encrypted": True, "KmsKeyId": self.key["KeyId"],
                "DeleteOnTermination": True, **(volume or {})}}],
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            TagSpecifications=[{"ResourceType": type, "Tags": tags} for type in ("instance", "volume", "network-interface")])
        return (ec2 or self.ec2).run_instances(**{**order, **more})["Instances"]

    def shown(self, id):
        return self.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]


@pytest.fixture(scope="module")
def network(region):
    return Network(region)


def refused(call, *arguments, **more):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(*arguments, **more)
    return code_of(error)


def test_a_launched_instance_has_what_was_asked_for(network):
    made, = network.run(UserData="hello", tags={"Name": "h1", "managedby": "vespa-cloud"})
    assert made["State"]["Name"] == "pending"
    instance = network.shown(made["InstanceId"])
    assert instance["State"]["Name"] == "running"
    interface, = instance["NetworkInterfaces"]
    assert len(interface["Ipv6Addresses"]) == 2 and interface["Groups"][0]["GroupId"] == network.group
    assert "PublicIpAddress" not in instance and instance["MetadataOptions"]["HttpTokens"] == "required"
    assert {tag["Key"]: tag["Value"] for tag in instance["Tags"]} == {"Name": "h1", "managedby": "vespa-cloud"}
    volume, = network.ec2.describe_volumes(VolumeIds=[instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"]
    assert volume["Encrypted"] and volume["KmsKeyId"] == network.key["Arn"] and volume["Size"] == 30
    assert volume["State"] == "in-use" and {"Key": "Name", "Value": "h1"} in volume["Tags"]
    data = network.ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert base64.b64decode(data["UserData"]["Value"]) == b"hello"
    network.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_an_address_may_be_chosen(network):
    address = network.block.replace("::/64", "::1:10")
    made, = network.run(NetworkInterfaces=[], SubnetId=network.subnet, SecurityGroupIds=[network.group],
                        Ipv6Addresses=[{"Ipv6Address": address}], PrivateIpAddress="10.128.200.9")
    found = network.ec2.describe_instances(Filters=by("network-interface.ipv6-addresses.ipv6-address", address))
    instance = found["Reservations"][0]["Instances"][0]
    assert instance["InstanceId"] == made["InstanceId"] and instance["PrivateIpAddress"] == "10.128.200.9"
    assert instance["PrivateDnsName"] == "ip-10-128-200-9.ec2.internal"
    network.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])


def test_a_client_token_makes_one_instance_however_often_it_is_sent(network):
    first, = network.run(ClientToken="once")
    again, = network.run(ClientToken="once")
    assert first["InstanceId"] == again["InstanceId"]
    assert refused(network.run, ClientToken="once", InstanceType="m7g.xlarge") == "IdempotentParameterMismatch"
    found = network.ec2.describe_instances(Filters=by("client-token", "once"))["Reservations"]
    assert len(found) == 1
    network.ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    assert refused(network.run, ClientToken="once") == "IdempotentInstanceTerminated"


@pytest.mark.parametrize("more, code", [
    ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
    ({"InstanceType": "m7g.huge"}, "InvalidParameterValue"),
    ({"InstanceType": "m7i.large"}, "InvalidParameterValue"),
    ({"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-0123456789abcdef0"}]}, "InvalidSubnetID.NotFound"),
    ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue"),
    ({"KeyName": "mine"}, "InvalidKeyPair.NotFound"),
    ({"DryRun": True}, "DryRunOperation"),
])
def test_a_launch_that_cannot_be_is_refused_and_leaves_nothing(network, more, code):
    before = network.ec2.describe_network_interfaces(Filters=by("vpc-id", network.vpc))["NetworkInterfaces"]
    assert refused(network.run, **more) == code
    assert network.ec2.describe_network_interfaces(Filters=by("vpc-id", network.vpc))["NetworkInterfaces"] == before


def test_an_instance_whose_key_is_disabled_is_seen_to_terminate(network):
    network.kms.disable_key(KeyId=network.key["KeyId"])
    try:
        made, = network.run()
    finally:
        network.kms.enable_key(KeyId=network.key["KeyId"])
    instance = network.shown(made["InstanceId"])
    assert instance["State"]["Name"] == "terminated" and instance["StateReason"]["Code"] == "Client.InvalidKMSKey.InvalidState"
    assert not instance["NetworkInterfaces"]


def test_a_stopped_instance_starts_only_while_its_key_can_be_used(network):
    id = network.run()[0]["InstanceId"]
    network.ec2.stop_instances(InstanceIds=[id])
    assert network.shown(id)["State"]["Name"] == "stopped"
    network.kms.disable_key(KeyId=network.key["KeyId"])
    assert refused(network.ec2.start_instances, InstanceIds=[id]) == "IncorrectState"
    assert network.shown(id)["State"]["Name"] == "stopped"
    network.kms.enable_key(KeyId=network.key["KeyId"])
    change, = network.ec2.start_instances(InstanceIds=[id])["StartingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("stopped", "pending")
    assert network.shown(id)["State"]["Name"] == "running"
    network.ec2.terminate_instances(InstanceIds=[id])


def test_a_terminated_instance_gives_back_its_addresses_and_volume(network):
    id = network.run()[0]["InstanceId"]
    shown = network.shown(id)
    assert refused(network.ec2.delete_security_group, GroupId=network.group) == "DependencyViolation"
    assert refused(network.ec2.delete_subnet, SubnetId=network.subnet) == "DependencyViolation"
    change, = network.ec2.terminate_instances(InstanceIds=[id])["TerminatingInstances"]
    assert change["CurrentState"]["Name"] == "shutting-down"
    assert network.shown(id)["State"]["Name"] == "terminated"
    assert refused(network.ec2.describe_volumes,
                   VolumeIds=[shown["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]]) == "InvalidVolume.NotFound"
    assert not network.ec2.describe_instances(
        Filters=by("instance-state-name", "running") + by("subnet-id", network.subnet))["Reservations"]


def test_a_protected_instance_is_not_terminated(network):
    id = network.run(DisableApiTermination=True)[0]["InstanceId"]
    assert refused(network.ec2.terminate_instances, InstanceIds=[id]) == "OperationNotPermitted"
    network.ec2.modify_instance_attribute(InstanceId=id, DisableApiTermination={"Value": False})
    network.ec2.terminate_instances(InstanceIds=[id])


def test_instances_are_shown_in_pages_of_instances(network):
    ids = [instance["InstanceId"] for instance in network.run(MinCount=7, MaxCount=7)]
    assert len(ids) == 7
    pages = list(network.ec2.get_paginator("describe_instances").paginate(
        Filters=by("vpc-id", network.vpc) + by("instance-state-name", "running"), PaginationConfig={"PageSize": 5}))
    sizes = [sum(len(r["Instances"]) for r in page["Reservations"]) for page in pages]
    assert sizes == [5, 2]
    assert refused(network.ec2.describe_instances, InstanceIds=["i-0123456789abcdef0"]) == "InvalidInstanceID.NotFound"
    network.ec2.terminate_instances(InstanceIds=ids)


def test_volumes_come_and_go(network):
    instance = network.run()[0]["InstanceId"]
    volume = network.ec2.create_volume(AvailabilityZone="us-east-1a", Size=10, VolumeType="gp3", Encrypted=True,
                                       KmsKeyId=network.key["Arn"])["VolumeId"]
    network.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    assert len(network.shown(instance)["BlockDeviceMappings"]) == 2
    assert refused(network.ec2.delete_volume, VolumeId=volume) == "VolumeInUse"
    network.ec2.detach_volume(VolumeId=volume)
    assert len(network.shown(instance)["BlockDeviceMappings"]) == 1
    network.ec2.delete_volume(VolumeId=volume)
    network.ec2.terminate_instances(InstanceIds=[instance])


PROVISIONER = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
    {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*::image/*"},
    {"Effect": "Allow", "Action": "ec2:RunInstances",
     "Resource": [f"arn:aws:ec2:*:{TENANT}:subnet/*", f"arn:aws:ec2:*:{TENANT}:security-group/*"],
     "Condition": {"StringEquals": {"aws:ResourceTag/managedby": "vespa-cloud"}}},
    {"Effect": "Allow", "Action": "ec2:RunInstances",
     "Resource": [f"arn:aws:ec2:*:{TENANT}:instance/*", f"arn:aws:ec2:*:{TENANT}:network-interface/*"],
     "Condition": {"StringEquals": {"aws:RequestTag/managedby": "vespa-cloud"}}},
    {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": f"arn:aws:ec2:*:{TENANT}:volume/*",
     "Condition": {"Bool": {"ec2:Encrypted": "true"}}},
    {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": f"arn:aws:ec2:*:{TENANT}:*/*",
     "Condition": {"StringEquals": {"ec2:CreateAction": "RunInstances"}}},
    {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": f"arn:aws:ec2:*:{TENANT}:instance/*",
     "Condition": {"StringEquals": {"aws:ResourceTag/managedby": "vespa-cloud"},
                   "ForAllValues:StringEquals": {"aws:TagKeys": ["Name", "hostname"]}}},
    {"Effect": "Allow", "Action": "ec2:TerminateInstances", "Resource": f"arn:aws:ec2:*:{TENANT}:instance/*",
     "Condition": {"StringEquals": {"aws:ResourceTag/managedby": "vespa-cloud"}}},
    {"Effect": "Allow", "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"],
     "Resource": f"arn:aws:kms:*:{TENANT}:key/*", "Condition": {"StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"}}},
]}


@pytest.fixture(scope="module")
def provisioner(region, network):
    network.iam.create_user(UserName="provisioner")
    network.iam.put_user_policy(UserName="provisioner", PolicyName="may", PolicyDocument=json.dumps(PROVISIONER))
    keys = network.iam.create_access_key(UserName="provisioner")["AccessKey"]
    return region.client("ec2", keys=keys)


def test_the_provisioner_launches_and_ends_what_is_tagged_for_an_enclave(network, provisioner):
    made, = network.run(provisioner)
    assert network.shown(made["InstanceId"])["State"]["Name"] == "running"
    provisioner.create_tags(Resources=[made["InstanceId"]], Tags=[{"Key": "hostname", "Value": "h7"}])
    assert refused(provisioner.create_tags, Resources=[made["InstanceId"]], Tags=[{"Key": "zone", "Value": "other"}]) \
        == "UnauthorizedOperation"
    provisioner.terminate_instances(InstanceIds=[made["InstanceId"]])


def test_the_provisioner_is_held_to_its_policy(network, provisioner):
    run = lambda **more: refused(network.run, provisioner, **more)
    assert run(tags={"managedby": "me"}) == "UnauthorizedOperation"
    plain = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "Encrypted": False}}]
    assert run(BlockDeviceMappings=plain) == "UnauthorizedOperation"
    other = network.ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.128.1.0/24")["Subnet"]["SubnetId"]
    assert run(NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": other, "Groups": [network.group]}]) == "UnauthorizedOperation"
    mine = network.run(tags={"managedby": "me"})[0]["InstanceId"]
    assert refused(provisioner.terminate_instances, InstanceIds=[mine]) == "UnauthorizedOperation"
    for key in ("managedby", "hostname"):
        assert refused(provisioner.create_tags, Resources=[mine], Tags=[{"Key": key, "Value": "vespa-cloud"}]) \
            == "UnauthorizedOperation"
    assert refused(provisioner.delete_subnet, SubnetId=other) == "UnauthorizedOperation"
    network.ec2.terminate_instances(InstanceIds=[mine])


def test_only_who_may_pass_a_role_gives_it_to_an_instance(network, provisioner):
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}
    network.iam.create_role(RoleName="host", AssumeRolePolicyDocument=json.dumps(trust))
    arn = network.iam.create_instance_profile(InstanceProfileName="host")["InstanceProfile"]["Arn"]
    network.iam.add_role_to_instance_profile(InstanceProfileName="host", RoleName="host")
    assert refused(network.run, provisioner, IamInstanceProfile={"Arn": arn}) == "UnauthorizedOperation"
    made, = network.run(IamInstanceProfile={"Name": "host"})
    assert network.shown(made["InstanceId"])["IamInstanceProfile"]["Arn"] == arn
    association, = network.ec2.describe_iam_instance_profile_associations(
        Filters=by("instance-id", made["InstanceId"]))["IamInstanceProfileAssociations"]
    assert association["State"] == "associated"
    network.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])


def test_a_region_that_was_stopped_has_everything_when_it_starts_again(fresh_region):
    network = Network(fresh_region)
    made, = network.run(UserData="x", ClientToken="kept")
    network.ec2.create_route(
        RouteTableId=network.ec2.describe_route_tables(Filters=by("vpc-id", network.vpc))["RouteTables"][0]["RouteTableId"],
        DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=network.ec2.create_egress_only_internet_gateway(
            VpcId=network.vpc)["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"])
    before = [network.shown(made["InstanceId"]), *(getattr(network.ec2, "describe_" + what)()[key] for what, key in (
        ("vpcs", "Vpcs"), ("subnets", "Subnets"), ("route_tables", "RouteTables"), ("security_groups", "SecurityGroups"),
        ("network_acls", "NetworkAcls"), ("volumes", "Volumes"), ("network_interfaces", "NetworkInterfaces")))]
    fresh_region.stop()
    fresh_region.start()
    network.ec2 = fresh_region.client("ec2")
    after = [network.shown(made["InstanceId"]), *(getattr(network.ec2, "describe_" + what)()[key] for what, key in (
        ("vpcs", "Vpcs"), ("subnets", "Subnets"), ("route_tables", "RouteTables"), ("security_groups", "SecurityGroups"),
        ("network_acls", "NetworkAcls"), ("volumes", "Volumes"), ("network_interfaces", "NetworkInterfaces")))]
    assert before == after
    assert network.run(ClientToken="kept", UserData="x")[0]["InstanceId"] == made["InstanceId"]


def test_many_at_once_get_addresses_of_their_own(network):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = [instance for instances in pool.map(lambda _: network.run(network.region.client("ec2")), range(24))
                for instance in instances]
    addresses = {instance["PrivateIpAddress"] for instance in made}
    assert len(addresses) == 24
    network.ec2.terminate_instances(InstanceIds=[instance["InstanceId"] for instance in made])


def test_key_pairs_are_made_imported_found_and_deleted(network):
    made = network.ec2.create_key_pair(KeyName="made", TagSpecifications=[
        {"ResourceType": "key-pair", "Tags": [{"Key": "team", "Value": "x"}]}])
    assert made["KeyMaterial"].startswith("-----BEGIN RSA PRIVATE KEY-----") and made["KeyFingerprint"].count(":") == 19
    assert refused(network.ec2.create_key_pair, KeyName="made") == "InvalidKeyPair.Duplicate"
    assert refused(network.ec2.import_key_pair, KeyName="other", PublicKeyMaterial=b"ssh-rsa nonsense") == "InvalidKey.Format"
    public = network.ec2.describe_key_pairs(KeyNames=["made"], IncludePublicKey=True)["KeyPairs"][0]["PublicKey"]
    imported = network.ec2.import_key_pair(KeyName="other", PublicKeyMaterial=public.encode())
    assert imported["KeyFingerprint"].count(":") == 15
    found, = network.ec2.describe_key_pairs(Filters=by("tag:team", "x"))["KeyPairs"]
    assert (found["KeyName"], found["KeyType"], found["KeyPairId"]) == ("made", "rsa", made["KeyPairId"])
    launched, = network.run(KeyName="made")
    assert launched["KeyName"] == "made"
    network.ec2.terminate_instances(InstanceIds=[launched["InstanceId"]])
    network.ec2.delete_key_pair(KeyName="made")
    network.ec2.delete_key_pair(KeyPairId=imported["KeyPairId"])
    network.ec2.delete_key_pair(KeyName="nobody's")
    assert refused(network.ec2.describe_key_pairs, KeyNames=["made"]) == "InvalidKeyPair.NotFound"


@pytest.mark.parametrize("more, code", [
    ({"Placement": {"AvailabilityZone": "us-east-1b"}}, "InvalidParameterValue"),
    ({"Placement": {"Tenancy": "dedicated"}}, "UnsupportedOperation"),
    ({"Placement": {"GroupName": "near"}}, "InvalidPlacementGroup.Unknown"),
    ({"InstanceMarketOptions": {"MarketType": "spot"}}, "UnsupportedOperation"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/null", "Ebs": {"VolumeSize": 1}}]}, "InvalidParameterValue"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}] * 2}, "InvalidBlockDeviceMapping"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {}}]}, "MissingParameter"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "NoDevice": ""}]}, "InvalidBlockDeviceMapping"),
])
def test_what_cannot_be_asked_of_a_launch_is_refused(network, more, code):
    assert refused(network.run, **more) == code


def test_one_token_with_anything_else_is_another_call(network):
    order = dict(ClientToken="every-parameter", Monitoring={"Enabled": True})
    made, = network.run(**order)
    assert network.run(**order)[0]["InstanceId"] == made["InstanceId"]
    assert refused(network.run, **{**order, "Monitoring": {"Enabled": False}}) == "IdempotentParameterMismatch"
    assert refused(network.run, **order, EbsOptimized=True) == "IdempotentParameterMismatch"
    network.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])


def test_volumes_keep_what_was_asked_and_say_how_they_are(network):
    made, = network.run(BlockDeviceMappings=[
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5, "VolumeType": "gp3", "Iops": 4000, "Throughput": 300,
                                           "KmsKeyId": network.key["Arn"], "Encrypted": True, "DeleteOnTermination": False}}])
    id = made["InstanceId"]
    mapped = {m["DeviceName"]: m["Ebs"] for m in network.shown(id)["BlockDeviceMappings"]}
    volume, = network.ec2.describe_volumes(VolumeIds=[mapped["/dev/sdf"]["VolumeId"]])["Volumes"]
    assert (volume["Size"], volume["Iops"], volume["Throughput"], volume["KmsKeyId"]) == (5, 4000, 300, network.key["Arn"])
    assert volume["Attachments"][0]["State"] == "attached" and not mapped["/dev/sdf"]["DeleteOnTermination"]
    status, = network.ec2.describe_volume_status(VolumeIds=[volume["VolumeId"]])["VolumeStatuses"]
    assert status["VolumeStatus"]["Status"] == "ok"
    network.ec2.modify_instance_attribute(InstanceId=id, BlockDeviceMappings=[
        {"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}])
    attribute = network.ec2.describe_instance_attribute(InstanceId=id, Attribute="blockDeviceMapping")
    assert all(mapping["Ebs"]["DeleteOnTermination"] for mapping in attribute["BlockDeviceMappings"])
    network.ec2.modify_volume(VolumeId=volume["VolumeId"], Size=7, Iops=5000)
    change, = network.ec2.describe_volumes_modifications(VolumeIds=[volume["VolumeId"]])["VolumesModifications"]
    assert (change["OriginalSize"], change["TargetSize"], change["TargetIops"]) == (5, 7, 5000)
    assert refused(network.ec2.modify_volume, VolumeId=volume["VolumeId"], Size=6) == "InvalidParameterValue"
    network.ec2.terminate_instances(InstanceIds=[id])
    assert refused(network.ec2.describe_volumes, VolumeIds=[volume["VolumeId"]]) == "InvalidVolume.NotFound"


def test_what_the_region_has_not_is_said(network):
    id = network.run()[0]["InstanceId"]
    assert refused(network.ec2.create_image, InstanceId=id, Name="x") == "UnsupportedOperation"
    assert network.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    assert refused(network.ec2.stop_instances, InstanceIds=[id], Hibernate=True) == "UnsupportedHibernationConfiguration"
    network.ec2.terminate_instances(InstanceIds=[id])
