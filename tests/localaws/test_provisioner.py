"""What the tenant's root module lets the vendor's provisioner do, and what not, whatever the vendor's software asks for."""
import json
import pathlib

import pytest

from local_region import TENANT, VENDOR, region  # noqa: F401  (fixture)
from terraform_runs import Module
from test_ec2_instances import refused
from test_elb import Balancing

ROOT_MODULE = pathlib.Path(__file__).resolve().parent.parent.parent / "terraform"
EXTERNAL_ID, ROLE = "acme-0123456789abcdef0123", "vespa-cloud-provisioner"
MANAGED_BY = [{"Key": "managedby", "Value": "vespa-cloud"}]
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:root"}}]}
MAY_ASSUME = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}


def assume(region, account, keys=None, profile=None, **more):
    return region.client("sts", profile, keys).assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="configserver", **more)["Credentials"]


@pytest.fixture(scope="module")
def tenant(region):
    net = Balancing(region)
    alias = "alias/vespa-ebs-key-dev-aws-us-east-1c"
    net.kms.create_alias(AliasName=alias, TargetKeyId=net.key["KeyId"])
    net.key = {"KeyId": alias}
    return net


@pytest.fixture(scope="module")
def provisioner(region, tenant, tmp_path_factory):
    """The keys that a config server would have."""
    module = Module("root", tmp_path_factory.mktemp("terraform"), region, "acme", source=ROOT_MODULE,
                    tenant_name="acme", vendor_account=VENDOR, external_id=EXTERNAL_ID)
    module.init()
    module.must("apply", "-auto-approve")
    iam = region.client("iam", "vendor")
    iam.create_user(UserName="configserver")
    iam.put_user_policy(UserName="configserver", PolicyName="may", PolicyDocument=json.dumps(MAY_ASSUME))
    keys = iam.create_access_key(UserName="configserver")["AccessKey"]
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName=ROLE, PolicyName="may", PolicyDocument=json.dumps(MAY_ASSUME))
    vendors = assume(region, VENDOR, keys)
    assert refused(assume, region, TENANT, vendors, ExternalId="another-0123456789abcdef") == "AccessDenied"
    return assume(region, TENANT, vendors, ExternalId=EXTERNAL_ID)


@pytest.fixture(scope="module")
def ec2(region, provisioner):
    return region.client("ec2", keys=provisioner)


@pytest.fixture(scope="module")
def elb(region, provisioner):
    return region.client("elbv2", keys=provisioner)


def test_its_policy_has_room_left(region, provisioner):
    """Also for the longest tenant's name, and in a partition that is called "aws-us-gov": its name stands in every ARN."""
    iam = region.client("iam")
    arn = f"arn:aws:iam::{TENANT}:policy/{ROLE}"
    document = iam.get_policy_version(PolicyArn=arn, VersionId=iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"])
    size = len(json.dumps(document["PolicyVersion"]["Document"], separators=(",", ":")))
    size += (14 - len("acme")) * 3 + len("-us-gov") * json.dumps(document["PolicyVersion"]["Document"]).count("arn:aws:")
    assert size <= 6144, f"{size} characters of the 6,144 that AWS takes"


def test_hosts_are_launched_and_ended(tenant, ec2):
    made, = tenant.run(ec2)
    ec2.create_tags(Resources=[made["InstanceId"]], Tags=[{"Key": "hostname", "Value": "h7"}])
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])


@pytest.mark.parametrize("order", [
    {"MetadataOptions": {"HttpTokens": "optional", "HttpPutResponseHopLimit": 1}},
    {"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}},
    {"tags": {"managedby": "me"}},
    {"public": True},
    {"volume": {"Encrypted": False, "KmsKeyId": None}},
    {"IamInstanceProfile": {"Name": "another"}},
])
def test_no_host_is_launched_otherwise(tenant, ec2, order):
    if "IamInstanceProfile" in order:
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}
        tenant.iam.create_role(RoleName="another", AssumeRolePolicyDocument=json.dumps(trust))
        tenant.iam.create_instance_profile(InstanceProfileName="another")
        tenant.iam.add_role_to_instance_profile(InstanceProfileName="another", RoleName="another")
    if "public" in order:
        order = {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": tenant.subnet, "Groups": [tenant.group],
                                        "Ipv6AddressCount": 2, "AssociatePublicIpAddress": True}]}
    if "volume" in order:
        order = {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "Encrypted": False}}]}
    assert refused(tenant.run, ec2, **order) == "UnauthorizedOperation"


def test_what_is_the_tenants_is_not_made_ours_by_a_tag(tenant, ec2, elb):
    theirs, = tenant.run(tags={"managedby": "me"})
    assert refused(ec2.create_tags, Resources=[theirs["InstanceId"]], Tags=MANAGED_BY) == "UnauthorizedOperation"
    assert refused(ec2.terminate_instances, InstanceIds=[theirs["InstanceId"]]) == "UnauthorizedOperation"
    balancer = tenant.balancer("theirs", Tags=[{"Key": "managedby", "Value": "me"}])
    arn = balancer["LoadBalancerArn"]
    assert refused(elb.add_tags, ResourceArns=[arn], Tags=MANAGED_BY) == "AccessDenied"
    assert refused(elb.delete_load_balancer, LoadBalancerArn=arn) == "AccessDenied"
    group = tenant.target_group("theirs")["TargetGroupArn"]
    listener = dict(LoadBalancerArn=arn, Port=444, Protocol="TCP",
                    DefaultActions=[{"Type": "forward", "TargetGroupArn": group}], Tags=MANAGED_BY)
    assert refused(elb.create_listener, **listener) == "AccessDenied"


def test_a_load_balancer_is_made_put_right_and_removed(tenant, elb):
    made = elb.create_load_balancer(Name="ours", Type="network", Scheme="internal", IpAddressType="dualstack",
                                    SubnetMappings=[{"SubnetId": tenant.subnet}], Tags=MANAGED_BY)["LoadBalancers"][0]
    made = made["LoadBalancerArn"]
    group = elb.create_target_group(Name="ours", Protocol="TCP", Port=4443, VpcId=tenant.vpc, TargetType="ip",
                                    IpAddressType="ipv6", Tags=MANAGED_BY)["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    listener = elb.create_listener(LoadBalancerArn=made, Port=443, Protocol="TCP", DefaultActions=forward,
                                   Tags=MANAGED_BY)["Listeners"][0]["ListenerArn"]
    elb.add_tags(ResourceArns=[made, group], Tags=[*MANAGED_BY, {"Key": "team", "Value": "search"}])
    elb.modify_load_balancer_attributes(LoadBalancerArn=made, Attributes=[
        {"Key": "ipv6.deny_all_igw_traffic", "Value": "true"}])
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": "15"}])
    elb.modify_listener(ListenerArn=listener, DefaultActions=forward)
    elb.set_subnets(LoadBalancerArn=made, Subnets=[tenant.subnet])
    elb.delete_load_balancer(LoadBalancerArn=made)
    elb.delete_target_group(TargetGroupArn=group)


def test_nothing_with_data_or_iam(region, provisioner):
    assert refused(region.client("s3", keys=provisioner).list_buckets) == "AccessDenied"
    assert refused(region.client("ssm", keys=provisioner).describe_instance_information).startswith("AccessDenied")
    assert refused(region.client("iam", keys=provisioner).create_user, UserName="x") == "AccessDenied"
