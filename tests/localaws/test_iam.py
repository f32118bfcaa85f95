"""IAM and STS: records as Terraform needs them, and decisions as AWS makes them."""
import json

import botocore.exceptions
import pytest

from local_region import TENANT, VENDOR, code_of, fresh_region, region

Refused = botocore.exceptions.ClientError


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resource="*", **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def trust(principal, **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return document(statement)


def user_keys(region, name, *statements, profile="acme"):
    """A new user with these permissions."""
    iam = region.client("iam", profile)
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document(*statements))
    return iam.create_access_key(UserName=name)["AccessKey"]


def assume(region, keys, role, account=TENANT, **more):
    return region.client("sts", keys=keys).assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="test", **more)


def test_a_role_reads_back_as_it_was_made(region):
    iam = region.client("iam")
    policy = trust({"Service": "ec2.amazonaws.com"})
    made = iam.create_role(RoleName="reader.of+things", AssumeRolePolicyDocument=policy, Description="reads",
                           MaxSessionDuration=7200, Tags=[{"Key": "managedby", "Value": "vespa-cloud"}])["Role"]
    got = iam.get_role(RoleName="reader.of+things")["Role"]
    assert got["AssumeRolePolicyDocument"] == json.loads(policy)
    assert got["Arn"] == made["Arn"] == f"arn:aws:iam::{TENANT}:role/reader.of+things"
    assert got["RoleId"].startswith("AROA") and got["CreateDate"]
    assert got["Description"] == "reads" and got["MaxSessionDuration"] == 7200
    assert got["Tags"] == [{"Key": "managedby", "Value": "vespa-cloud"}]
    assert iam.list_role_policies(RoleName="reader.of+things")["PolicyNames"] == []
    with pytest.raises(Refused) as error:
        iam.create_role(RoleName="reader.of+things", AssumeRolePolicyDocument=policy)
    assert code_of(error) == "EntityAlreadyExists"
    iam.tag_role(RoleName="reader.of+things", Tags=[{"Key": "managedby", "Value": "me"}, {"Key": "b", "Value": ""}])
    iam.untag_role(RoleName="reader.of+things", TagKeys=["managedby"])
    assert iam.list_role_tags(RoleName="reader.of+things")["Tags"] == [{"Key": "b", "Value": ""}]
    iam.delete_role(RoleName="reader.of+things")
    with pytest.raises(Refused) as error:
        iam.get_role(RoleName="reader.of+things")
    assert code_of(error) == "NoSuchEntity"


def test_what_is_in_use_is_not_deleted(region):
    iam = region.client("iam")
    iam.create_role(RoleName="used", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    iam.create_instance_profile(InstanceProfileName="used")
    iam.add_role_to_instance_profile(InstanceProfileName="used", RoleName="used")
    arn = iam.create_policy(PolicyName="used", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="used", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    profile = iam.get_instance_profile(InstanceProfileName="used")["InstanceProfile"]
    assert profile["Roles"][0]["RoleName"] == "used" and profile["CreateDate"]

    def refused(call, **arguments):
        with pytest.raises(Refused) as error:
            call(**arguments)
        assert code_of(error) == "DeleteConflict"

    refused(iam.delete_policy, PolicyArn=arn)
    refused(iam.delete_role, RoleName="used")
    iam.detach_role_policy(RoleName="used", PolicyArn=arn)
    refused(iam.delete_role, RoleName="used")
    refused(iam.delete_instance_profile, InstanceProfileName="used")
    assert [p["InstanceProfileName"] for p in
            iam.list_instance_profiles_for_role(RoleName="used")["InstanceProfiles"]] == ["used"]
    iam.remove_role_from_instance_profile(InstanceProfileName="used", RoleName="used")
    iam.delete_role(RoleName="used")
    iam.delete_instance_profile(InstanceProfileName="used")
    iam.delete_policy(PolicyArn=arn)


def test_versions_of_a_policy(region):
    iam = region.client("iam")
    first, second = document(allow("s3:GetObject")), document(allow("s3:PutObject"))
    arn = iam.create_policy(PolicyName="versions", PolicyDocument=first)["Policy"]["Arn"]
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=second,
                                     SetAsDefault=True)["PolicyVersion"]["VersionId"] == "v2"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == json.loads(second)
    with pytest.raises(Refused) as error:
        iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    assert code_of(error) == "DeleteConflict"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v1"]
    iam.delete_policy(PolicyArn=arn)


@pytest.mark.parametrize("text", [
    "not json", "[]", "{}", '{"Version":"2012-10-17","Statement":[]}',
    document({"Effect": "Permit", "Action": "s3:*", "Resource": "*"}),
    document({"Effect": "Allow", "Action": "s3", "Resource": "*"}),
    document({"Effect": "Allow", "Action": "s3:*"}),
    document({"Effect": "Allow", "Action": "s3:*", "Resource": "bucket"}),
    document({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}),
    document({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"StringSortOf": {"a": "b"}}}),
    document({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Unless": {}}),
])
def test_a_policy_that_is_not_understood_is_refused(region, text):
    with pytest.raises(Refused) as error:
        region.client("iam").create_policy(PolicyName="malformed", PolicyDocument=text)
    assert code_of(error) == "MalformedPolicyDocument"


def test_aws_managed_policies_are_known_by_name_only_when_they_are(region):
    iam = region.client("iam")
    iam.create_role(RoleName="managed", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    iam.attach_role_policy(RoleName="managed", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
    assert iam.list_attached_role_policies(RoleName="managed")["AttachedPolicies"][0]["PolicyName"] == \
        "AmazonSSMManagedInstanceCore"
    with pytest.raises(Refused) as error:
        iam.attach_role_policy(RoleName="managed", PolicyArn="arn:aws:iam::aws:policy/Unheard")
    assert code_of(error) == "NoSuchEntity"


def test_a_user_may_do_what_its_policies_allow_and_nothing_else(region):
    keys = user_keys(region, "narrow", allow(["iam:GetRole"], f"arn:aws:iam::{TENANT}:role/open-*"),
                     {"Effect": "Deny", "Action": "iam:*", "Resource": f"arn:aws:iam::{TENANT}:role/open-secret"})
    iam = region.client("iam")
    for name in ("open-book", "open-secret", "closed"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    mine = region.client("iam", keys=keys)
    assert mine.get_role(RoleName="open-book")["Role"]["RoleName"] == "open-book"
    for role, why in (("open-secret", "explicit deny in an identity-based"), ("closed", "no identity-based policy"),
                      ("absent", "no identity-based policy")):
        with pytest.raises(Refused) as error:
            mine.get_role(RoleName=role)
        assert code_of(error) == "AccessDenied" and why in str(error.value)
    with pytest.raises(Refused) as error:
        mine.create_user(UserName="friend")
    assert "user/narrow is not authorized to perform: iam:CreateUser" in str(error.value)


def test_a_role_is_assumed_only_with_its_external_id(region):
    keys = user_keys(region, "vendor-robot", allow("sts:AssumeRole"), profile="vendor")
    region.client("iam").create_role(
        RoleName="provisioner",
        AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{VENDOR}:user/vendor-robot"},
                                       StringEquals={"sts:ExternalId": "acme-7"}))
    for more in ({}, {"ExternalId": "acme-8"}):
        with pytest.raises(Refused) as error:
            assume(region, keys, "provisioner", **more)
        assert code_of(error) == "AccessDenied"
    session = assume(region, keys, "provisioner", ExternalId="acme-7")
    identity = region.client("sts", keys=session["Credentials"]).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{TENANT}:assumed-role/provisioner/test" == \
        session["AssumedRoleUser"]["Arn"]
    assert identity["Account"] == TENANT
    assert identity["UserId"] == session["AssumedRoleUser"]["AssumedRoleId"]


def test_across_accounts_both_sides_must_allow(region):
    powerless = user_keys(region, "powerless", profile="vendor")
    able = user_keys(region, "able", allow("sts:AssumeRole", f"arn:aws:iam::{TENANT}:role/shared"), profile="vendor")
    iam = region.client("iam")
    iam.create_role(RoleName="shared", AssumeRolePolicyDocument=trust({"AWS": VENDOR}))
    iam.create_role(RoleName="private", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{TENANT}:root"}))
    assert assume(region, able, "shared")
    for keys, role in ((powerless, "shared"), (able, "private"), (able, "missing")):
        with pytest.raises(Refused) as error:
            assume(region, keys, role)
        assert code_of(error) == "AccessDenied"


def test_inside_an_account_a_trust_policy_that_names_the_user_is_enough(region):
    keys = user_keys(region, "named")
    iam = region.client("iam")
    iam.create_role(RoleName="for-named", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{TENANT}:user/named"}))
    iam.create_role(RoleName="for-account", AssumeRolePolicyDocument=trust({"AWS": TENANT}))
    assert assume(region, keys, "for-named")
    with pytest.raises(Refused):
        assume(region, keys, "for-account")
    iam.put_user_policy(UserName="named", PolicyName="assume", PolicyDocument=document(allow("sts:*")))
    assert assume(region, keys, "for-account")


def test_root_assumes_no_role(region):
    region.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=trust({"AWS": "*"}))
    with pytest.raises(Refused) as error:
        region.client("sts").assume_role(RoleArn=f"arn:aws:iam::{TENANT}:role/any", RoleSessionName="test")
    assert "root" in str(error.value)


def test_a_session_has_the_roles_rights_until_the_role_is_gone(region):
    keys = user_keys(region, "guest")
    iam = region.client("iam")
    iam.create_role(RoleName="lister", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{TENANT}:user/guest"}))
    session = assume(region, keys, "lister")["Credentials"]
    mine = region.client("iam", keys=session)
    with pytest.raises(Refused):
        mine.list_roles()
    iam.put_role_policy(RoleName="lister", PolicyName="list", PolicyDocument=document(allow("iam:ListRoles")))
    assert mine.list_roles()["Roles"]
    with pytest.raises(Refused):
        mine.list_users()
    iam.delete_role_policy(RoleName="lister", PolicyName="list")
    iam.delete_role(RoleName="lister")
    iam.create_role(RoleName="lister", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{TENANT}:user/guest"}))
    iam.put_role_policy(RoleName="lister", PolicyName="list", PolicyDocument=document(allow("iam:*")))
    with pytest.raises(Refused):
        mine.list_roles()


def test_a_session_without_its_token_or_with_another_is_refused(region):
    keys = user_keys(region, "tokens")
    region.client("iam").create_role(RoleName="tokened",
                                     AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{TENANT}:user/tokens"}))
    session = assume(region, keys, "tokened")["Credentials"]
    for token in (None, "x" * 128):
        with pytest.raises(Refused) as error:
            region.client("sts", keys={**session, "SessionToken": token}).get_caller_identity()
        assert code_of(error) == "InvalidClientTokenId"


def test_a_duration_beyond_the_roles_is_refused(region):
    keys = user_keys(region, "longing")
    region.client("iam").create_role(RoleName="short", MaxSessionDuration=3600,
                                     AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{TENANT}:user/longing"}))
    with pytest.raises(Refused):
        assume(region, keys, "short", DurationSeconds=7200)


def test_everything_survives_a_restart(fresh_region):
    keys = user_keys(fresh_region, "lasting", allow("iam:Get*"))
    iam = fresh_region.client("iam")
    iam.create_role(RoleName="lasting", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{TENANT}:user/lasting"}))
    arn = iam.create_policy(PolicyName="lasting", PolicyDocument=document(allow("iam:ListRoles")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="lasting", PolicyArn=arn)
    session = assume(fresh_region, keys, "lasting")["Credentials"]
    fresh_region.stop()
    fresh_region.start()
    assert fresh_region.client("iam", keys=session).list_roles()["Roles"][0]["RoleName"] == "lasting"
    assert fresh_region.client("iam", keys=keys).get_role(RoleName="lasting")
    assert fresh_region.client("iam").get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    with pytest.raises(Refused):
        fresh_region.client("iam", keys=session).list_users()
