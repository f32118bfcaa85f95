"""Launch templates: kept in versions, shown as they were given, and under the parameters of RunInstances."""
import json

import pytest

from local_region import fresh_region, region  # noqa: F401  (fixtures)
from test_ec2_instances import Network, by, refused


@pytest.fixture(scope="module")
def network(region):
    return Network(region)


DATA = {
    "InstanceType": "m7g.large", "EbsOptimized": True,
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "VolumeType": "gp3", "Encrypted": True}}],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "a template"}]}],
}


def data(network, **more):
    return {**DATA, "ImageId": network.image,
            "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": network.subnet, "Groups": [network.group],
                                   "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.128.129.7"}]}], **more}


def made(network, name, **more):
    return network.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data(network, **more))["LaunchTemplate"]


def versions(network, name, **more):
    return network.ec2.describe_launch_template_versions(LaunchTemplateName=name, **more)["LaunchTemplateVersions"]


def test_a_template_is_shown_as_it_was_given(network):
    wanted = data(network)
    template = network.ec2.create_launch_template(
        LaunchTemplateName="shown", VersionDescription="first", LaunchTemplateData=wanted,
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}])["LaunchTemplate"]
    assert template["LaunchTemplateId"].startswith("lt-") and template["Tags"] == [{"Key": "a", "Value": "b"}]
    assert (template["DefaultVersionNumber"], template["LatestVersionNumber"]) == (1, 1)
    version, = versions(network, "shown")
    assert version["LaunchTemplateData"] == wanted
    assert version["VersionDescription"] == "first" and version["DefaultVersion"] and version["CreatedBy"].startswith("arn:aws:")
    by_name, = network.ec2.describe_launch_templates(LaunchTemplateNames=["shown"])["LaunchTemplates"]
    assert by_name == template
    assert network.ec2.describe_launch_templates(Filters=by("tag:a", "b"))["LaunchTemplates"] == [template]
    assert network.ec2.describe_launch_templates(Filters=by("launch-template-name", "sho*"))["LaunchTemplates"] == [template]


def test_versions_are_numbered_inherit_and_one_is_the_default(network):
    made(network, "versions")
    second = network.ec2.create_launch_template_version(
        LaunchTemplateName="versions", SourceVersion="$Latest", VersionDescription="bigger",
        LaunchTemplateData={"InstanceType": "m7g.xlarge", "MetadataOptions": {"HttpTokens": "optional"}})["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2 and not second["DefaultVersion"]
    assert second["LaunchTemplateData"]["ImageId"] == network.image
    assert second["LaunchTemplateData"]["InstanceType"] == "m7g.xlarge"
    assert second["LaunchTemplateData"]["MetadataOptions"] == {"HttpTokens": "optional"}
    alone = network.ec2.create_launch_template_version(
        LaunchTemplateName="versions", LaunchTemplateData={"InstanceType": "m7g.medium"})["LaunchTemplateVersion"]
    assert alone["LaunchTemplateData"] == {"InstanceType": "m7g.medium"}
    assert [each["VersionNumber"] for each in versions(network, "versions")] == [3, 2, 1]
    assert [each["VersionNumber"] for each in versions(network, "versions", Versions=["$Latest", "1"])] == [3, 1]
    assert [each["VersionNumber"] for each in versions(network, "versions", MinVersion="2")] == [3, 2]
    assert [each["VersionNumber"] for each in versions(network, "versions", Filters=by("is-default-version", "true"))] == [1]
    page = network.ec2.describe_launch_template_versions(LaunchTemplateName="versions", MaxResults=2)
    rest = network.ec2.describe_launch_template_versions(LaunchTemplateName="versions", NextToken=page["NextToken"])
    assert [each["VersionNumber"] for each in page["LaunchTemplateVersions"] + rest["LaunchTemplateVersions"]] == [3, 2, 1]
    changed = network.ec2.modify_launch_template(LaunchTemplateName="versions", DefaultVersion="2")["LaunchTemplate"]
    assert (changed["DefaultVersionNumber"], changed["LatestVersionNumber"]) == (2, 3)
    gone = network.ec2.delete_launch_template_versions(LaunchTemplateName="versions", Versions=["3", "2", "9"])
    assert [each["VersionNumber"] for each in gone["SuccessfullyDeletedLaunchTemplateVersions"]] == [3]
    assert [(each["VersionNumber"], each["ResponseError"]["Code"]) for each in gone["UnsuccessfullyDeletedLaunchTemplateVersions"]] == \
        [(2, "unexpectedError"), (9, "launchTemplateVersionDoesNotExist")]
    fourth = network.ec2.create_launch_template_version(LaunchTemplateName="versions", LaunchTemplateData={"KeyName": "x"})
    assert fourth["LaunchTemplateVersion"]["VersionNumber"] == 4


def test_an_instance_is_launched_from_a_template_whose_parameters_the_call_overrides(network):
    template = made(network, "launched")
    instance, = network.ec2.run_instances(
        MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "launched"}, InstanceType="m7g.xlarge")["Instances"]
    assert instance["InstanceType"] == "m7g.xlarge" and instance["ImageId"] == network.image
    assert instance["PrivateIpAddress"] == "10.128.129.7" and instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert {tag["Key"]: tag["Value"] for tag in instance["Tags"]} == {
        "from": "a template", "aws:ec2launchtemplate:id": template["LaunchTemplateId"], "aws:ec2launchtemplate:version": "1"}
    network.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    network.ec2.create_launch_template_version(LaunchTemplateName="launched", SourceVersion="1", LaunchTemplateData={
        "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": network.subnet}]})
    for version, number in {"$Latest": "2", "2": "2"}.items():
        instance, = network.ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate={
            "LaunchTemplateId": template["LaunchTemplateId"], "Version": version})["Instances"]
        assert {"Key": "aws:ec2launchtemplate:version", "Value": number} in instance["Tags"]
        network.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_the_same_call_with_the_same_token_launches_once_whatever_the_template_became(network):
    made(network, "token", NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": network.subnet}])
    order = dict(MinCount=1, MaxCount=1, ClientToken="once", LaunchTemplate={"LaunchTemplateName": "token"})
    first, = network.ec2.run_instances(**order)["Instances"]
    network.ec2.delete_launch_template(LaunchTemplateName="token")
    again, = network.ec2.run_instances(**order)["Instances"]
    assert again["InstanceId"] == first["InstanceId"]
    network.ec2.terminate_instances(InstanceIds=[first["InstanceId"]])


def test_what_is_not_there_or_cannot_be_is_refused(network):
    ec2 = network.ec2
    made(network, "refusals")
    assert refused(made, network, "refusals") == "InvalidLaunchTemplateName.AlreadyExistsException"
    assert refused(made, network, "no spaces") == "InvalidLaunchTemplateName.MalformedException"
    assert refused(ec2.create_launch_template, LaunchTemplateName="empty", LaunchTemplateData={}) == "MissingParameter"
    assert refused(made, network, "kernel", KernelId="aki-1") == "UnsupportedOperation"
    run = dict(MinCount=1, MaxCount=1)
    assert refused(ec2.run_instances, **run, LaunchTemplate={"LaunchTemplateName": "nobody"}) == \
        "InvalidLaunchTemplateName.NotFoundException"
    assert refused(ec2.run_instances, **run, LaunchTemplate={"LaunchTemplateId": "lt-0123456789abcdef0"}) == \
        "InvalidLaunchTemplateId.NotFound"
    assert refused(ec2.run_instances, **run, LaunchTemplate={"LaunchTemplateName": "refusals", "Version": "7"}) == \
        "InvalidLaunchTemplateId.VersionNotFound"
    assert refused(ec2.run_instances, **run, SubnetId=network.subnet, LaunchTemplate={"LaunchTemplateName": "refusals"}) == \
        "InvalidParameterCombination"
    assert refused(ec2.describe_launch_templates, LaunchTemplateNames=["nobody"]) == "InvalidLaunchTemplateName.NotFoundException"
    assert refused(ec2.describe_launch_template_versions, LaunchTemplateName="refusals", Versions=["2"]) == \
        "InvalidLaunchTemplateId.VersionNotFound"
    assert refused(ec2.describe_launch_template_versions) == "MissingParameter"
    assert ec2.describe_launch_template_versions(Versions=["$Default"])["LaunchTemplateVersions"]


def test_a_policy_can_ask_for_a_template(region, network):
    template = made(network, "policy", NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": network.subnet}])
    arn = f"arn:aws:ec2:us-east-1:210987654321:launch-template/{template['LaunchTemplateId']}"
    network.iam.create_user(UserName="launcher")
    network.iam.put_user_policy(UserName="launcher", PolicyName="launch", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*",
             "Condition": {"ArnEquals": {"ec2:LaunchTemplate": arn}}},
            {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*"}]}))
    keys = network.iam.create_access_key(UserName="launcher")["AccessKey"]
    ec2 = region.client("ec2", keys=keys)
    made(network, "other", NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": network.subnet}])
    assert refused(network.run, ec2) == "UnauthorizedOperation"
    assert refused(ec2.run_instances, MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "other"}) == \
        "UnauthorizedOperation"
    instance, = ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "policy"})["Instances"]
    network.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_templates_survive_a_restart(fresh_region):
    network = Network(fresh_region)
    made(network, "kept")
    network.ec2.create_launch_template_version(LaunchTemplateName="kept", LaunchTemplateData={"InstanceType": "m7g.xlarge"})
    before = versions(network, "kept")
    fresh_region.stop()
    fresh_region.start()
    network.ec2 = fresh_region.client("ec2")
    assert versions(network, "kept") == before
    assert network.ec2.delete_launch_template(LaunchTemplateName="kept")["LaunchTemplate"]["LatestVersionNumber"] == 2
    assert network.ec2.describe_launch_templates()["LaunchTemplates"] == []
