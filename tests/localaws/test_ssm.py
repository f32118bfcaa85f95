"""SSM: documents are kept; what needs an agent says that it is not there."""
import json

import botocore.exceptions
import pytest

from local_region import TENANT, code_of, fresh_region, region

CONTENT = json.dumps({"schemaVersion": "2.2", "description": "adds a key", "mainSteps": [],
                      "parameters": {"user": {"type": "String", "default": "ec2-user", "description": "who"}}})


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
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ssm.describe_document(Name="Vespa-UpdatePublicSshKey")
    assert code_of(error) == "InvalidDocument"


def test_sessions_are_refused_honestly(region):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        region.client("ssm").start_session(Target="i-0123456789abcdef0")
    assert code_of(error) == "UnsupportedOperation" and "not there yet" in str(error.value)
