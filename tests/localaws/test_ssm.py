"""SSM's records: documents in versions, parameters (in the clear and sealed), and what is refused where no machine is."""
import hashlib
import json

import botocore.exceptions
import pytest

from local_region import TENANT, code_of, fresh_region, region

CONTENT = json.dumps({"schemaVersion": "2.2", "description": "adds a key", "mainSteps": [],
                      "parameters": {"user": {"type": "String", "default": "ec2-user", "description": "who"}}})


def refused(function, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        function(**arguments)
    return code_of(error)


def test_a_document_reads_back_as_it_was_made(region):
    ssm = region.client("ssm")
    made = ssm.create_document(Name="Vespa-UpdatePublicSshKey", Content=CONTENT, DocumentType="Command",
                               DocumentFormat="JSON", Tags=[{"Key": "managedby", "Value": "vespa-cloud"}])
    got = ssm.describe_document(Name="Vespa-UpdatePublicSshKey")["Document"]
    assert got == made["DocumentDescription"]
    assert got["Owner"] == TENANT and got["Status"] == "Active" and got["SchemaVersion"] == "2.2"
    assert got["Parameters"] == [{"Name": "user", "Type": "String", "Description": "who", "DefaultValue": "ec2-user"}]
    assert got["Tags"] == [{"Key": "managedby", "Value": "vespa-cloud"}]
    assert ssm.get_document(Name="Vespa-UpdatePublicSshKey")["Content"] == CONTENT
    assert ssm.describe_document_permission(Name="Vespa-UpdatePublicSshKey",
                                            PermissionType="Share")["AccountIds"] == []
    ssm.delete_document(Name="Vespa-UpdatePublicSshKey")
    assert refused(ssm.describe_document, Name="Vespa-UpdatePublicSshKey") == "InvalidDocument"


def test_a_document_has_versions_and_a_default_one(region):
    ssm = region.client("ssm")
    ssm.create_document(Name="versions", Content=CONTENT)
    other = CONTENT.replace("adds", "replaces")
    assert refused(ssm.update_document, Name="versions", Content=CONTENT,
                   DocumentVersion="$LATEST") == "DuplicateDocumentContent"
    updated = ssm.update_document(Name="versions", Content=other, DocumentVersion="$LATEST")["DocumentDescription"]
    assert (updated["DocumentVersion"], updated["LatestVersion"], updated["DefaultVersion"]) == ("2", "2", "1")
    assert ssm.get_document(Name="versions")["Content"] == CONTENT
    assert ssm.get_document(Name="versions", DocumentVersion="2")["Content"] == other
    ssm.update_document_default_version(Name="versions", DocumentVersion="2")
    assert ssm.get_document(Name="versions")["Content"] == other
    assert refused(ssm.get_document, Name="versions", DocumentVersion="3") == "InvalidDocumentVersion"
    listed = ssm.list_document_versions(Name="versions")["DocumentVersions"]
    assert [(v["DocumentVersion"], v["IsDefaultVersion"]) for v in listed] == [("2", True), ("1", False)]
    own = ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    assert [d["Name"] for d in own] == ["versions"]
    assert "AWS-RunShellScript" in [d["Name"] for d in ssm.list_documents(
        Filters=[{"Key": "Name", "Values": ["AWS-"]}])["DocumentIdentifiers"]]
    ssm.delete_document(Name="versions")


YAML = """---
schemaVersion: "2.2"
description: say something
parameters:
  word: {type: String, default: hello}
mainSteps:
  - action: aws:runShellScript
    name: say
    inputs:
      runCommand:
        - echo {{ word }}
"""


def test_a_document_in_yaml_reads_back_as_it_was_made_and_means_its_json(region):
    ssm = region.client("ssm")
    made = ssm.create_document(Name="in-yaml", Content=YAML, DocumentFormat="YAML")["DocumentDescription"]
    assert made["DocumentFormat"] == "YAML" and made["SchemaVersion"] == "2.2" and made["Description"] == "say something"
    assert made["Parameters"] == [{"Name": "word", "Type": "String", "DefaultValue": "hello"}]
    assert made["Hash"] == hashlib.sha256(YAML.encode()).hexdigest()
    got = ssm.get_document(Name="in-yaml")
    assert (got["Content"], got["DocumentFormat"]) == (YAML, "YAML")
    as_json = ssm.get_document(Name="in-yaml", DocumentFormat="JSON")
    assert as_json["DocumentFormat"] == "JSON"
    assert json.loads(as_json["Content"])["mainSteps"][0]["inputs"] == {"runCommand": ["echo {{ word }}"]}
    ssm.update_document(Name="in-yaml", Content=CONTENT, DocumentVersion="$LATEST")
    assert [each["DocumentFormat"] for each in ssm.list_document_versions(Name="in-yaml")["DocumentVersions"]] == ["JSON", "YAML"]
    ssm.delete_document(Name="in-yaml")


@pytest.mark.parametrize("content", ["a: &x 1\nb: *x", "one: [", "a: 1\na: 2", "text", "- a list", "a: !!str 1", ""])
def test_yaml_that_is_no_document_or_hides_something_is_refused(region, content):
    assert refused(region.client("ssm").create_document, Name="bad-yaml", Content=content or " ", DocumentFormat="YAML") == \
        "InvalidDocumentContent"


def test_nobody_changes_amazons_documents(region):
    ssm = region.client("ssm")
    assert ssm.describe_document(Name="AWS-RunShellScript")["Document"]["Owner"] == "Amazon"
    assert refused(ssm.update_document, Name="AWS-RunShellScript", Content=CONTENT) == "InvalidDocument"
    assert refused(ssm.create_document, Name="AWS-Mine", Content=CONTENT) == "ValidationException"


def test_parameters_are_put_read_listed_and_deleted(region):
    ssm = region.client("ssm")
    assert ssm.put_parameter(Name="/a/b", Value="one", Type="String")["Version"] == 1
    assert refused(ssm.put_parameter, Name="/a/b", Value="two", Type="String") == "ParameterAlreadyExists"
    assert ssm.put_parameter(Name="/a/b", Value="two", Type="String", Overwrite=True)["Version"] == 2
    ssm.put_parameter(Name="/a/deep/c", Value="x,y", Type="StringList", Tags=[{"Key": "k", "Value": "v"}])
    got = ssm.get_parameter(Name="/a/b")["Parameter"]
    assert got["Value"] == "two" and got["ARN"] == f"arn:aws:ssm:us-east-1:{TENANT}:parameter/a/b"
    assert ssm.get_parameter(Name=got["ARN"])["Parameter"] == got
    names = lambda **more: [p["Name"] for p in ssm.get_parameters_by_path(Path="/a", **more)["Parameters"]]
    assert names() == ["/a/b"] and names(Recursive=True) == ["/a/b", "/a/deep/c"]
    several = ssm.get_parameters(Names=["/a/b", "/none"])
    assert [p["Value"] for p in several["Parameters"]] == ["two"] and several["InvalidParameters"] == ["/none"]
    assert ssm.list_tags_for_resource(ResourceType="Parameter",
                                      ResourceId="/a/deep/c")["TagList"] == [{"Key": "k", "Value": "v"}]
    first = ssm.describe_parameters(MaxResults=1)
    rest = ssm.describe_parameters(NextToken=first["NextToken"])
    assert [p["Name"] for p in first["Parameters"] + rest["Parameters"]] == ["/a/b", "/a/deep/c"]
    assert ssm.delete_parameters(Names=["/a/b", "/a/deep/c", "/none"])["DeletedParameters"] == ["/a/b", "/a/deep/c"]
    assert refused(ssm.get_parameter, Name="/a/b") == "ParameterNotFound"
    assert refused(ssm.put_parameter, Name="/aws/x", Value="x", Type="String") == "ValidationException"


def test_a_secure_parameter_is_sealed_and_needs_its_key(fresh_region):
    ssm, kms = fresh_region.client("ssm"), fresh_region.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="secret", Value="the plain text of it", Type="SecureString", KeyId=key)
    assert ssm.get_parameter(Name="secret", WithDecryption=True)["Parameter"]["Value"] == "the plain text of it"
    assert "plain" not in ssm.get_parameter(Name="secret")["Parameter"]["Value"]
    fresh_region.stop()
    files = [path for path in fresh_region.directory.rglob("*") if path.is_file()]
    assert files and not any(b"the plain text of it" in path.read_bytes() for path in files)
    fresh_region.start()
    ssm, kms = fresh_region.client("ssm"), fresh_region.client("kms")
    assert ssm.get_parameter(Name="secret", WithDecryption=True)["Parameter"]["Value"] == "the plain text of it"
    kms.disable_key(KeyId=key)
    assert refused(ssm.get_parameter, Name="secret", WithDecryption=True) == "DisabledException"
    ssm.put_parameter(Name="by-default", Value="v", Type="SecureString")
    assert ssm.get_parameter(Name="by-default", WithDecryption=True)["Parameter"]["Value"] == "v"


def test_an_instance_that_is_no_machine_is_not_managed(region):
    ssm = region.client("ssm")
    assert ssm.describe_instance_information()["InstanceInformationList"] == []
    nobody = "i-0123456789abcdef0"
    assert refused(ssm.send_command, DocumentName="AWS-RunShellScript", InstanceIds=[nobody],
                   Parameters={"commands": ["true"]}) == "InvalidInstanceId"
    assert refused(ssm.get_command_invocation, CommandId="0" * 36, InstanceId=nobody) == "InvocationDoesNotExist"
    assert ssm.get_connection_status(Target=nobody)["Status"] == "notconnected"


def test_a_document_of_another_account_cannot_be_made(region):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        region.client("ssm").create_document(Name="arn:aws:ssm:us-east-1:999999999999:document/theirs", Content=json.dumps(
            {"schemaVersion": "2.2", "mainSteps": []}), DocumentType="Command")
    assert code_of(refused) == "InvalidDocument"
