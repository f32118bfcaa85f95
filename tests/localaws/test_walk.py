"""Every action that Terraform's module for an enclave, a control plane and a host need of AWS, called once, its answer held against
AWS's service model (answers.py). The lists are what was seen on the wire of those three."""
import contextlib
import json

import botocore.exceptions
import pytest

import local_region
from answers import watch
from local_region import region  # noqa: F401 (a fixture)

ACTIONS = {
    "ec2": """AllocateAddress AssignIpv6Addresses AssignPrivateIpAddresses AssociateRouteTable AttachInternetGateway AttachVolume
        AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateInternetGateway CreateNatGateway CreateNetworkAcl
        CreateNetworkAclEntry CreateRoute CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags CreateVolume CreateVpc
        CreateVpcEndpoint CreateVpcEndpointServiceConfiguration DeleteInternetGateway DeleteNatGateway DeleteNetworkAcl
        DeleteNetworkAclEntry DeleteRoute DeleteRouteTable DeleteSecurityGroup DeleteSubnet DeleteTags DeleteVolume DeleteVpc
        DeleteVpcEndpointServiceConfigurations DeleteVpcEndpoints DescribeAddresses DescribeAddressesAttribute
        DescribeAvailabilityZones DescribeImages DescribeInstanceAttribute DescribeInstanceStatus DescribeInstanceTypeOfferings
        DescribeInstances DescribeInternetGateways DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaces
        DescribePrefixLists DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups DescribeSubnets DescribeTags
        DescribeVolumes DescribeVpcAttribute DescribeVpcEndpointConnections DescribeVpcEndpointServiceConfigurations
        DescribeVpcEndpointServicePermissions DescribeVpcEndpoints DescribeVpcs DetachInternetGateway DetachVolume
        DisassociateAddress DisassociateRouteTable GetConsoleOutput ModifyInstanceAttribute ModifyInstanceMetadataOptions
        ModifySubnetAttribute ModifyVpcAttribute ModifyVpcEndpointServiceConfiguration ModifyVpcEndpointServicePermissions
        RebootInstances RejectVpcEndpointConnections ReleaseAddress ReplaceNetworkAclAssociation RevokeSecurityGroupEgress
        RevokeSecurityGroupIngress RunInstances StartInstances StartVpcEndpointServicePrivateDnsVerification StopInstances
        TerminateInstances DescribeAccountAttributes DescribeVpcPeeringConnections DescribeInstanceTypes""",
    "elbv2": """AddTags CreateListener CreateLoadBalancer CreateTargetGroup DeleteListener DeleteLoadBalancer DeleteTargetGroup
        DeregisterTargets DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeTags
        DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth ModifyListener ModifyLoadBalancerAttributes
        ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets RemoveTags""",
    "iam": """AddRoleToInstanceProfile AttachRolePolicy CreateInstanceProfile CreatePolicy CreateRole CreateServiceLinkedRole
        DeleteInstanceProfile DeletePolicy DeleteRole DetachRolePolicy GetInstanceProfile GetPolicy GetPolicyVersion GetRole GetUser
        ListAttachedRolePolicies ListInstanceProfilesForRole ListPolicyVersions ListRolePolicies RemoveRoleFromInstanceProfile""",
    "kms": """CancelKeyDeletion CreateAlias CreateGrant CreateKey Decrypt DeleteAlias DescribeKey DisableKey EnableKey
        EnableKeyRotation Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GetKeyPolicy GetKeyRotationStatus ListAliases
        ListGrants ListResourceTags PutKeyPolicy ReEncrypt RevokeGrant ScheduleKeyDeletion""",
    "s3": """AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateMultipartUpload DeleteBucket
        DeleteBucketEncryption DeleteBucketLifecycle DeleteBucketOwnershipControls DeleteBucketPolicy DeleteObject DeleteObjects
        DeletePublicAccessBlock GetBucketAccelerateConfiguration GetBucketAcl GetBucketCors GetBucketEncryption
        GetBucketLifecycleConfiguration GetBucketLogging GetBucketOwnershipControls GetBucketPolicy GetBucketReplication
        GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetObject GetObjectLockConfiguration
        GetObjectTagging GetPublicAccessBlock HeadBucket HeadObject ListMultipartUploads ListObjectsV2 ListParts PutBucketAcl
        PutBucketEncryption PutBucketLifecycleConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketTagging PutObject
        PutObjectTagging PutPublicAccessBlock UploadPart""",
    "ssm": """CreateDocument DeleteDocument DescribeDocument DescribeDocumentPermission DescribeInstanceInformation
        GetCommandInvocation GetDocument GetParametersByPath ListCommandInvocations PutParameter SendCommand StartSession
        TerminateSession""",
    "sts": "AssumeRole GetCallerIdentity",
}
TAGS = [{"Key": "managedby", "Value": "walk"}]
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                 "Principal": {"AWS": local_region.TENANT, "Service": "ec2.amazonaws.com"}}]}
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


class Walk:
    """Clients whose calls are counted once they were answered: with what was asked for, or with the refusal that is right here."""

    def __init__(self, region):
        self.region, self.answered, self.clients = region, set(), {}

    def __getattr__(self, service):
        if service not in self.clients:
            client = watch(self.region.client(service), self.answered)
            self.clients[service] = client
        return self.clients[service]

    @contextlib.contextmanager
    def refused(self, *codes):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            yield
        assert error.value.response["Error"]["Code"] in codes, error.value


@pytest.fixture(scope="module")
def walk(region):  # noqa: F811
    return Walk(region)


def tagged(kind):
    return [{"ResourceType": kind, "Tags": TAGS}]


def only(answer, key):
    """The one item of a list that is found again."""
    assert len(answer[key]) == 1
    return answer[key][0]


@pytest.fixture(scope="module")
def vpc(walk):
    ec2 = walk.ec2
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", AmazonProvidedIpv6CidrBlock=True, TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
    return only(ec2.describe_vpcs(VpcIds=[vpc]), "Vpcs")


@pytest.fixture(scope="module")
def subnet(walk, vpc):
    ec2 = walk.ec2
    zone = ec2.describe_availability_zones(ZoneIds=["use1-az6"])["AvailabilityZones"][0]["ZoneName"]
    block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.1.0/24", Ipv6CidrBlock=block, AvailabilityZone=zone)["Subnet"]
    ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], AssignIpv6AddressOnCreation={"Value": True})
    return only(ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]]), "Subnets")


@pytest.fixture(scope="module")
def gateway(walk, vpc):
    ec2 = walk.ec2
    gateway = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway"))["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    only(ec2.describe_internet_gateways(InternetGatewayIds=[gateway]), "InternetGateways")
    return gateway


@pytest.fixture(scope="module")
def group(walk, vpc):
    return walk.ec2.create_security_group(GroupName="walk", Description="walk", VpcId=vpc["VpcId"])["GroupId"]


@pytest.fixture(scope="module")
def key(walk):
    kms = walk.kms
    key = kms.create_key(Description="walk", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/walk", TargetKeyId=key)
    return key


@pytest.fixture(scope="module")
def profile(walk):
    iam = walk.iam
    iam.create_role(RoleName="walk", AssumeRolePolicyDocument=json.dumps(TRUST), Description="a role", Tags=TAGS)
    policy = iam.create_policy(PolicyName="walk", PolicyDocument=ALLOW, Tags=TAGS)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="walk", PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName="walk")
    iam.add_role_to_instance_profile(InstanceProfileName="walk", RoleName="walk")
    return {"arn": iam.get_instance_profile(InstanceProfileName="walk")["InstanceProfile"]["Arn"], "policy": policy}


@pytest.fixture(scope="module")
def instance(walk, subnet, group, key, profile):
    ec2 = walk.ec2
    image = only(ec2.describe_images(Filters=[{"Name": "name", "Values": ["sim"]}]), "Images")
    ran = ec2.run_instances(
        ImageId=image["ImageId"], InstanceType={"x86_64": "m5.large", "arm64": "m6g.large"}[image["Architecture"]], MinCount=1, MaxCount=1,
        ClientToken="walk-1", IamInstanceProfile={"Arn": profile["arn"]}, UserData="hello", EbsOptimized=True,
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet["SubnetId"], "Groups": [group], "Ipv6AddressCount": 1,
                            "AssociatePublicIpAddress": False, "DeleteOnTermination": True}],
        BlockDeviceMappings=[{"DeviceName": image["RootDeviceName"],
                              "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125, "Encrypted": True,
                                      "KmsKeyId": "alias/walk", "DeleteOnTermination": True}}],
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled",
                         "HttpProtocolIpv6": "enabled", "InstanceMetadataTags": "enabled"},
        TagSpecifications=tagged("instance") + tagged("volume"))
    ec2.get_waiter("instance_running").wait(InstanceIds=[ran["Instances"][0]["InstanceId"]], WaiterConfig={"Delay": 1})
    return only(only(ec2.describe_instances(InstanceIds=[ran["Instances"][0]["InstanceId"]]), "Reservations"), "Instances")


@pytest.fixture(scope="module")
def balancer(walk, subnet, gateway):
    return walk.elbv2.create_load_balancer(Name="walk", Type="network", Scheme="internal", Subnets=[subnet["SubnetId"]],
                                           Tags=TAGS)["LoadBalancers"][0]["LoadBalancerArn"]


def test_routes_and_gateways(walk, vpc, subnet, gateway):
    ec2 = walk.ec2
    table = ec2.create_route_table(VpcId=vpc["VpcId"])["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet["SubnetId"])["AssociationId"]
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet["SubnetId"], AllocationId=address, ClientToken="n")["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1})
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    routes = only(ec2.describe_route_tables(RouteTableIds=[table]), "RouteTables")["Routes"]
    assert {route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"] for route in routes} >= {"0.0.0.0/0", "::/0"}
    only(ec2.describe_addresses(AllocationIds=[address]), "Addresses")
    only(ec2.describe_addresses_attribute(AllocationIds=[address], Attribute="domain-name"), "Addresses")
    for family in ({"DestinationCidrBlock": "0.0.0.0/0"}, {"DestinationIpv6CidrBlock": "::/0"}):
        ec2.delete_route(RouteTableId=table, **family)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    left = only(ec2.describe_nat_gateways(NatGatewayIds=[nat]), "NatGateways")
    assert left["State"] in ("deleting", "deleted")
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1})
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route_table(RouteTableId=table)
    ec2.release_address(AllocationId=address)


def test_an_elastic_address_is_taken_from_its_instance(walk, instance, gateway):
    ec2 = walk.ec2
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    association = ec2.associate_address(AllocationId=address, InstanceId=instance["InstanceId"])["AssociationId"]
    ec2.disassociate_address(AssociationId=association)
    ec2.release_address(AllocationId=address)


def test_access_lists_and_groups(walk, vpc, subnet, group):
    ec2 = walk.ec2
    acl = ec2.create_network_acl(VpcId=vpc["VpcId"], TagSpecifications=tagged("network-acl"))["NetworkAcl"]["NetworkAclId"]
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Protocol="6", RuleAction="allow", Egress=False,
                                 CidrBlock="0.0.0.0/0", PortRange={"From": 443, "To": 443})
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=110, Protocol="58", RuleAction="deny", Egress=True,
                                 Ipv6CidrBlock="::/0", IcmpTypeCode={"Type": -1, "Code": -1})
    before = only(ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet["SubnetId"]]}]), "NetworkAcls")
    association = next(at for at in before["Associations"] if at["SubnetId"] == subnet["SubnetId"])
    moved = ec2.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl)
    ec2.replace_network_acl_association(AssociationId=moved["NewAssociationId"], NetworkAclId=before["NetworkAclId"])
    ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=False)
    ec2.delete_network_acl(NetworkAclId=acl)

    rule = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "us"}],
             "Ipv6Ranges": [{"CidrIpv6": "::/0"}], "UserIdGroupPairs": [{"GroupId": group}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rule)
    assert len(ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]) >= 6
    only(ec2.describe_security_groups(GroupIds=[group]), "SecurityGroups")
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rule)
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rule)


def test_endpoints_of_services(walk, vpc, subnet, group):
    ec2 = walk.ec2
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc["VpcId"], VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.sts",
                                       SubnetIds=[subnet["SubnetId"]], SecurityGroupIds=[group])["VpcEndpoint"]
    only(ec2.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"]), "NetworkInterfaces")
    only(ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]]), "VpcEndpoints")
    only(ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}]), "PrefixLists")
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])["Unsuccessful"] == []
    ec2.describe_vpc_peering_connections()
    ec2.describe_account_attributes()


def test_endpoint_services(walk, balancer):
    ec2 = walk.ec2
    service = ec2.create_vpc_endpoint_service_configuration(
        AcceptanceRequired=True, NetworkLoadBalancerArns=[balancer])["ServiceConfiguration"]["ServiceId"]
    ec2.modify_vpc_endpoint_service_configuration(ServiceId=service, AcceptanceRequired=False)
    ec2.modify_vpc_endpoint_service_permissions(ServiceId=service, AddAllowedPrincipals=[f"arn:aws:iam::{local_region.TENANT}:root"])
    only(ec2.describe_vpc_endpoint_service_permissions(ServiceId=service), "AllowedPrincipals")
    only(ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[service]), "ServiceConfigurations")
    assert ec2.describe_vpc_endpoint_connections()["VpcEndpointConnections"] == []
    assert ec2.reject_vpc_endpoint_connections(ServiceId=service, VpcEndpointIds=["vpce-0123456789abcdef0"])["Unsuccessful"]
    with walk.refused("InvalidState"):  # it has no private name
        ec2.start_vpc_endpoint_service_private_dns_verification(ServiceId=service)
    assert ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[service])["Unsuccessful"] == []


def test_an_instance(walk, instance, subnet, group):
    ec2, name = walk.ec2, instance["InstanceId"]
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    only(ec2.describe_instance_status(InstanceIds=[name]), "InstanceStatuses")
    ec2.describe_instance_attribute(InstanceId=name, Attribute="userData")
    ec2.describe_instance_type_offerings(LocationType="availability-zone")
    ec2.describe_instance_types()
    ec2.get_console_output(InstanceId=name)
    ec2.modify_instance_attribute(InstanceId=name, DisableApiTermination={"Value": True})
    with walk.refused("OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[name])
    ec2.modify_instance_attribute(InstanceId=name, DisableApiTermination={"Value": False})
    ec2.modify_instance_metadata_options(InstanceId=name, HttpPutResponseHopLimit=2)
    ec2.assign_ipv6_addresses(NetworkInterfaceId=interface, Ipv6AddressCount=1)
    ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=1)
    ec2.create_tags(Resources=[name], Tags=[{"Key": "more", "Value": "1"}])
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [name]}])["Tags"]
    ec2.delete_tags(Resources=[name], Tags=[{"Key": "more"}])
    ec2.reboot_instances(InstanceIds=[name])

    volume = ec2.create_volume(AvailabilityZone=subnet["AvailabilityZone"], Size=1, VolumeType="gp3", Encrypted=True)["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=name, Device="/dev/sdf")
    assert len(ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [name]}])["Volumes"]) == 2
    with walk.refused("VolumeInUse"):
        ec2.delete_volume(VolumeId=volume)
    ec2.detach_volume(VolumeId=volume)
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    ec2.delete_volume(VolumeId=volume)

    ec2.stop_instances(InstanceIds=[name])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[name], WaiterConfig={"Delay": 1})
    ec2.start_instances(InstanceIds=[name])
    ec2.get_waiter("instance_running").wait(InstanceIds=[name], WaiterConfig={"Delay": 1})


def test_load_balancers(walk, vpc, balancer, instance):
    elb = walk.elbv2
    group = elb.create_target_group(Name="walk", Protocol="TCP", Port=4443, VpcId=vpc["VpcId"], TargetType="ip",
                                    HealthCheckProtocol="TCP")["TargetGroups"][0]["TargetGroupArn"]
    targets = [{"Id": instance["PrivateIpAddress"], "Port": 4443}]
    elb.register_targets(TargetGroupArn=group, Targets=targets)
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=443, DefaultActions=[
        {"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]["ListenerArn"]
    elb.modify_listener(ListenerArn=listener, Port=444)
    elb.modify_target_group(TargetGroupArn=group, HealthyThresholdCount=3)
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}])
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[
        {"Key": "load_balancing.cross_zone.enabled", "Value": "true"}])
    elb.add_tags(ResourceArns=[balancer], Tags=[{"Key": "a", "Value": "b"}])
    elb.remove_tags(ResourceArns=[balancer], TagKeys=["a"])
    only(elb.describe_tags(ResourceArns=[balancer]), "TagDescriptions")
    only(elb.describe_listeners(LoadBalancerArn=balancer), "Listeners")
    only(elb.describe_load_balancers(Names=["walk"]), "LoadBalancers")
    only(elb.describe_target_groups(LoadBalancerArn=balancer), "TargetGroups")
    only(elb.describe_target_health(TargetGroupArn=group), "TargetHealthDescriptions")
    assert elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    assert elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    elb.deregister_targets(TargetGroupArn=group, Targets=targets)
    with walk.refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=group)
    elb.delete_listener(ListenerArn=listener)
    elb.delete_target_group(TargetGroupArn=group)


def test_keys(walk, key):
    kms, context = walk.kms, {"for": "walking"}
    sealed = kms.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"] == b"text"
    moved = kms.re_encrypt(CiphertextBlob=sealed, SourceEncryptionContext=context, DestinationKeyId=key)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=moved)["Plaintext"] == b"text"
    assert len(kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]) == 32
    kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    grant = kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{local_region.TENANT}:root", Operations=["Decrypt"])["GrantId"]
    only(kms.list_grants(KeyId=key), "Grants")
    kms.revoke_grant(KeyId=key, GrantId=grant)
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    kms.enable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    only(kms.list_resource_tags(KeyId=key), "Tags")
    assert any(alias["AliasName"] == "alias/walk" for alias in kms.list_aliases()["Aliases"])

    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=other)
    with walk.refused("DisabledException"):
        kms.encrypt(KeyId=other, Plaintext=b"text")
    kms.enable_key(KeyId=other)
    kms.schedule_key_deletion(KeyId=other, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=other)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=other)


CONFIGURATIONS = {  # of a bucket: what is put, read and deleted by these names, and the refusal while there is none
    "bucket_policy": ("Policy", json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::walk-bucket/no",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}), "NoSuchBucketPolicy"),
    "bucket_lifecycle_configuration": ("LifecycleConfiguration", {"Rules": [
        {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}]}, "NoSuchLifecycleConfiguration"),
    "bucket_ownership_controls": ("OwnershipControls", {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
                                  "OwnershipControlsNotFoundError"),
    "public_access_block": ("PublicAccessBlockConfiguration", {
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True},
        "NoSuchPublicAccessBlockConfiguration"),
}


def test_buckets(walk):
    s3, bucket = walk.s3, "walk-bucket"
    s3.create_bucket(Bucket=bucket)
    s3.head_bucket(Bucket=bucket)
    for name, (parameter, value, absent) in CONFIGURATIONS.items():
        getattr(s3, f"put_{name}")(Bucket=bucket, **{parameter: value})
        getattr(s3, f"get_{name}")(Bucket=bucket)
        if name == "bucket_ownership_controls":
            s3.put_bucket_acl(Bucket=bucket, ACL="private")
        getattr(s3, "delete_" + name.replace("lifecycle_configuration", "lifecycle"))(Bucket=bucket)
        if absent != "OwnershipControlsNotFoundError":  # a bucket of today falls back to what it was made with
            with walk.refused(absent):
                getattr(s3, f"get_{name}")(Bucket=bucket)
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
    s3.get_bucket_encryption(Bucket=bucket)
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": TAGS})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == TAGS
    for name in ("accelerate_configuration", "acl", "logging", "request_payment", "versioning"):
        getattr(s3, f"get_bucket_{name}")(Bucket=bucket)
    for name, absent in (("bucket_cors", "NoSuchCORSConfiguration"), ("bucket_replication", "ReplicationConfigurationNotFoundError"),
                         ("bucket_website", "NoSuchWebsiteConfiguration"),
                         ("object_lock_configuration", "ObjectLockConfigurationNotFoundError")):
        with walk.refused(absent):
            getattr(s3, f"get_{name}")(Bucket=bucket)


def test_objects(walk, key):
    s3, bucket = walk.s3, "walk-objects"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"hello", ServerSideEncryption="aws:kms", SSEKMSKeyId=key, Metadata={"m": "1"})
    assert s3.get_object(Bucket=bucket, Key="a", Range="bytes=1-3")["Body"].read() == b"ell"
    s3.head_object(Bucket=bucket, Key="a")
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": TAGS})
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == TAGS
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"part")
    only(s3.list_parts(Bucket=bucket, Key="c", UploadId=upload), "Parts")
    only(s3.list_multipart_uploads(Bucket=bucket), "Uploads")
    s3.complete_multipart_upload(Bucket=bucket, Key="c", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="d")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="d", UploadId=upload)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a", "b", "c"]
    s3.delete_object(Bucket=bucket, Key="a")
    with walk.refused("NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="a")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
    s3.delete_bucket(Bucket=bucket)


def test_identities(walk, region, profile):  # noqa: F811
    iam = walk.iam
    account = walk.sts.get_caller_identity()["Account"]
    iam.get_role(RoleName="walk")
    iam.get_policy(PolicyArn=profile["policy"])
    only(iam.list_policy_versions(PolicyArn=profile["policy"]), "Versions")
    iam.get_policy_version(PolicyArn=profile["policy"], VersionId="v1")
    only(iam.list_attached_role_policies(RoleName="walk"), "AttachedPolicies")
    iam.list_role_policies(RoleName="walk")
    only(iam.list_instance_profiles_for_role(RoleName="walk"), "InstanceProfiles")
    iam.create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")
    iam.create_user(UserName="walker")
    iam.attach_user_policy(UserName="walker", PolicyArn=profile["policy"])
    iam.get_user(UserName="walker")
    keys = iam.create_access_key(UserName="walker")["AccessKey"]
    sts = watch(region.client("sts", keys=keys), walk.answered)
    assumed = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/walk", RoleSessionName="walk")
    assert assumed["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/walk/walk"


def test_commands_and_documents(walk, instance):
    ssm, name = walk.ssm, instance["InstanceId"]
    content = json.dumps({"schemaVersion": "1.0", "description": "d", "sessionType": "Standard_Stream", "inputs": {}})
    ssm.create_document(Content=content, Name="walk", DocumentType="Session")
    ssm.get_document(Name="walk")
    ssm.describe_document(Name="walk")
    ssm.describe_document_permission(Name="walk", PermissionType="Share")
    ssm.delete_document(Name="walk")
    ssm.put_parameter(Name="/walk/a", Value="1", Type="String")
    only(ssm.get_parameters_by_path(Path="/walk"), "Parameters")
    ssm.describe_instance_information()
    ssm.list_command_invocations()
    # an instance without processes can do nothing
    with walk.refused("InvalidInstanceId"):
        ssm.send_command(InstanceIds=[name], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]})
    with walk.refused("InvocationDoesNotExist"):
        ssm.get_command_invocation(CommandId="8f1d9f5e-0000-4000-8000-000000000000", InstanceId=name)
    with walk.refused("TargetNotConnected"):
        ssm.start_session(Target=name)
    with walk.refused("DoesNotExistException"):
        ssm.terminate_session(SessionId="someone-0123456789abcdef0")


def test_what_was_made_can_be_removed(walk, vpc, subnet, gateway, group, instance, balancer, profile, key):
    ec2, iam = walk.ec2, walk.iam
    with walk.refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    with walk.refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    with walk.refused("DeleteConflict"):
        iam.delete_role(RoleName="walk")
    walk.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance["InstanceId"]], WaiterConfig={"Delay": 1})
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    iam.remove_role_from_instance_profile(InstanceProfileName="walk", RoleName="walk")
    iam.delete_instance_profile(InstanceProfileName="walk")
    iam.detach_role_policy(RoleName="walk", PolicyArn=profile["policy"])
    iam.detach_user_policy(UserName="walker", PolicyArn=profile["policy"])
    iam.delete_policy(PolicyArn=profile["policy"])
    iam.delete_role(RoleName="walk")
    walk.kms.delete_alias(AliasName="alias/walk")
    walk.s3.delete_bucket(Bucket="walk-bucket")


def test_every_action_was_called(walk):
    assert {(service, action) for service, actions in ACTIONS.items() for action in actions.split()} - walk.answered == set()
