"""IAM and STS: records as Terraform needs them, and decisions as AWS makes them."""
import json

import botocore.exceptions
import pytest

from local_region import TENANT, VENDOR, code_of, fresh_region, region
from terraform_runs import Module

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


# --- lists, limits, the account ----------------------------------------------------------------------------------

def pages(call, member, **arguments):
    """Every page of a list, followed by its markers."""
    found, marker = [], {}
    while True:
        page = call(**arguments, **marker)
        found.append(page[member])
        if not page["IsTruncated"]:
            assert "Marker" not in page
            return found
        marker = {"Marker": page["Marker"]}


def test_lists_come_in_pages_that_bear_deletions(region):
    iam = region.client("iam")
    names = sorted(f"paged-{number}" for number in range(7))
    for name in reversed(names):
        iam.create_role(RoleName=name, Path="/paged/", AssumeRolePolicyDocument=trust({"AWS": TENANT}))
    found = pages(iam.list_roles, "Roles", PathPrefix="/paged/", MaxItems=3)
    assert [[role["RoleName"] for role in page] for page in found] == [names[:3], names[3:6], names[6:]]
    assert "Tags" not in found[0][0] and "PermissionsBoundary" not in found[0][0]
    first = iam.list_roles(PathPrefix="/paged/", MaxItems=3)
    for role in first["Roles"]:
        iam.delete_role(RoleName=role["RoleName"])
    rest = iam.list_roles(PathPrefix="/paged/", MaxItems=3, Marker=first["Marker"])
    assert [role["RoleName"] for role in rest["Roles"]] == names[3:6]
    paginator = iam.get_paginator("list_roles").paginate(PathPrefix="/paged/", PaginationConfig={"PageSize": 1})
    assert [role["RoleName"] for page in paginator for role in page["Roles"]] == names[3:]
    for wrong in ({"MaxItems": 5000}, {"Marker": "???"}):
        with pytest.raises(Refused) as error:
            region.client("iam", parameter_validation=False).list_roles(**wrong)
        assert code_of(error) == "ValidationError"


@pytest.mark.parametrize("make,call,member", [
    ("tags", "list_role_tags", "Tags"), ("inline", "list_role_policies", "PolicyNames"),
    ("attached", "list_attached_role_policies", "AttachedPolicies"),
    ("profiles", "list_instance_profiles_for_role", "InstanceProfiles")])
def test_what_a_role_has_comes_in_pages_too(region, make, call, member):
    iam, name = region.client("iam"), f"has-{make}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": TENANT}))
    for number in range(3):
        if make == "tags":
            iam.tag_role(RoleName=name, Tags=[{"Key": f"k{number}", "Value": ""}])
        elif make == "inline":
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=document(allow("s3:*")))
        elif make == "attached":
            iam.attach_role_policy(RoleName=name, PolicyArn=iam.create_policy(
                PolicyName=f"{name}-{number}", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"])
        else:
            iam.create_instance_profile(InstanceProfileName=f"{name}-{number}")
            iam.add_role_to_instance_profile(InstanceProfileName=f"{name}-{number}", RoleName=name)
    assert [len(page) for page in pages(getattr(iam, call), member, RoleName=name, MaxItems=2)] == [2, 1]


def test_policies_are_listed_by_scope_path_and_use(region):
    iam = region.client("iam")
    arn = iam.create_policy(PolicyName="listed", Path="/listed/", Description="d",
                            PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    bound = iam.create_policy(PolicyName="bounds", Path="/listed/", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.create_role(RoleName="listed", AssumeRolePolicyDocument=trust({"AWS": TENANT}), PermissionsBoundary=bound)
    iam.attach_role_policy(RoleName="listed", PolicyArn=arn)

    def listed(**more):
        return [policy["Arn"] for policy in iam.list_policies(PathPrefix="/listed/", **more)["Policies"]]
    assert listed(Scope="Local") == [bound, arn] and listed(OnlyAttached=True) == [arn]
    assert listed(PolicyUsageFilter="PermissionsBoundary") == [bound]
    assert "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" in [
        policy["Arn"] for policy in iam.list_policies(Scope="AWS")["Policies"]]
    for usage, names in (("PermissionsPolicy", []), ("PermissionsBoundary", ["listed"])):
        assert [role["RoleName"] for role in
                iam.list_entities_for_policy(PolicyArn=bound, PolicyUsageFilter=usage)["PolicyRoles"]] == names


def test_policies_have_the_sizes_of_aws(region):
    iam = region.client("iam")
    iam.create_role(RoleName="sized", AssumeRolePolicyDocument=trust({"AWS": TENANT}))

    def of_size(size):
        return document(allow("s3:*", ["arn:aws:s3:::" + "x" * 50 + str(number) for number in range(size // 66)]))
    for call, arguments in (
            (iam.create_policy, {"PolicyName": "large", "PolicyDocument": of_size(7000)}),
            (iam.put_role_policy, {"RoleName": "sized", "PolicyName": "large", "PolicyDocument": of_size(11000)}),
            (iam.put_user_policy, {"UserName": "sized", "PolicyName": "large", "PolicyDocument": of_size(3000)}),
            (iam.create_role, {"RoleName": "large", "AssumeRolePolicyDocument": trust(
                {"AWS": [f"arn:aws:iam::{TENANT}:user/{'x' * 50}{number}" for number in range(30)]})})):
        if call == iam.put_user_policy:
            iam.create_user(UserName="sized")
        with pytest.raises(Refused) as error:
            call(**arguments)
        assert code_of(error) == "LimitExceeded", call
    iam.put_role_policy(RoleName="sized", PolicyName="spaces", PolicyDocument=of_size(2000).replace(",", "," + " " * 500))
    for number in range(10):
        iam.attach_role_policy(RoleName="sized", PolicyArn=iam.create_policy(
            PolicyName=f"sized-{number}", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"])
    with pytest.raises(Refused) as error:
        iam.attach_role_policy(RoleName="sized", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
    assert code_of(error) == "LimitExceeded" and "PoliciesPerRole: 10" in str(error.value)


def test_an_access_key_can_rest(region):
    keys, iam = user_keys(region, "resting", allow("iam:*")), region.client("iam")
    iam.update_access_key(UserName="resting", AccessKeyId=keys["AccessKeyId"], Status="Inactive")
    assert iam.list_access_keys(UserName="resting")["AccessKeyMetadata"][0]["Status"] == "Inactive"
    with pytest.raises(Refused) as error:
        region.client("iam", keys=keys).list_roles()
    assert code_of(error) == "InvalidClientTokenId"
    iam.update_access_key(UserName="resting", AccessKeyId=keys["AccessKeyId"], Status="Active")
    assert region.client("iam", keys=keys).list_roles()


def test_an_account_has_an_alias(region):
    iam = region.client("iam")
    iam.create_account_alias(AccountAlias="acme-inc")
    assert iam.list_account_aliases()["AccountAliases"] == ["acme-inc"]
    with pytest.raises(Refused) as error:
        region.client("iam", "vendor").create_account_alias(AccountAlias="acme-inc")
    assert code_of(error) == "EntityAlreadyExists"
    iam.delete_account_alias(AccountAlias="acme-inc")
    assert iam.list_account_aliases()["AccountAliases"] == []
    assert iam.get_account_summary()["SummaryMap"]["AccessKeysPerUserQuota"] == 2


def test_a_service_makes_its_own_role(region):
    keys = user_keys(region, "balancer", allow("iam:CreateServiceLinkedRole", Condition={
        "StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}}))
    mine, iam = region.client("iam", keys=keys), region.client("iam")
    role = mine.create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{TENANT}:role/aws-service-role/elasticloadbalancing.amazonaws.com/" \
        "AWSServiceRoleForElasticLoadBalancing"
    with pytest.raises(Refused) as error:
        mine.create_service_linked_role(AWSServiceName="ssm.amazonaws.com")
    assert code_of(error) == "AccessDenied"
    for call, arguments, code in (
            (iam.create_service_linked_role, {"AWSServiceName": "elasticloadbalancing.amazonaws.com"}, "InvalidInput"),
            (iam.delete_role, {"RoleName": role["RoleName"]}, "UnmodifiableEntity"),
            (iam.update_role, {"RoleName": role["RoleName"]}, "UnmodifiableEntity")):
        with pytest.raises(Refused) as error:
            call(**arguments)
        assert code_of(error) == code
    iam.tag_role(RoleName=role["RoleName"], Tags=[{"Key": "owner", "Value": "people"}])
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_the_whole_account_for_an_audit(fresh_region):
    iam = fresh_region.client("iam")
    bound = iam.create_policy(PolicyName="bound", PolicyDocument=document(allow("*")))["Policy"]["Arn"]
    arn = iam.create_policy(PolicyName="first", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(allow("s3:Get*")), SetAsDefault=True)
    iam.create_user(UserName="ada", PermissionsBoundary=bound, Tags=[{"Key": "team", "Value": "blue"}])
    iam.put_user_policy(UserName="ada", PolicyName="own", PolicyDocument=document(allow("ec2:*")))
    iam.create_group(GroupName="all")
    iam.attach_group_policy(GroupName="all", PolicyArn=arn)
    iam.add_user_to_group(GroupName="all", UserName="ada")
    iam.create_role(RoleName="host", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    iam.create_instance_profile(InstanceProfileName="host")
    iam.add_role_to_instance_profile(InstanceProfileName="host", RoleName="host")
    iam.attach_role_policy(RoleName="host", PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
    fresh_region.stop()
    fresh_region.start()
    iam = fresh_region.client("iam")
    details = iam.get_account_authorization_details()
    user, = details["UserDetailList"]
    assert user["GroupList"] == ["all"] and user["PermissionsBoundary"]["PermissionsBoundaryArn"] == bound
    assert user["UserPolicyList"][0]["PolicyDocument"] == json.loads(document(allow("ec2:*")))
    assert user["Tags"] == [{"Key": "team", "Value": "blue"}]
    group, = details["GroupDetailList"]
    assert group["AttachedManagedPolicies"] == [{"PolicyName": "first", "PolicyArn": arn}]
    role, = details["RoleDetailList"]
    assert role["InstanceProfileList"][0]["InstanceProfileName"] == "host"
    assert [policy["PolicyName"] for policy in details["Policies"]] == ["bound", "first", "AmazonSSMManagedInstanceCore"]
    versions = details["Policies"][1]["PolicyVersionList"]
    assert [(version["VersionId"], version["IsDefaultVersion"]) for version in versions] == [("v2", True), ("v1", False)]
    assert versions[0]["Document"] == json.loads(document(allow("s3:Get*")))
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert only["RoleDetailList"] and not only["UserDetailList"] and not only["Policies"]
    paged = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2})
    assert [sum(len(page[kind]) for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"))
            for page in paged] == [2, 2, 2]


def test_narrowed_sessions_survive_a_restart_as_they_were(fresh_region):
    keys = user_keys(fresh_region, "lasting", allow("sts:*"))
    fresh_region.client("iam").create_role(RoleName="lasting", AssumeRolePolicyDocument=document(
        {"Effect": "Allow", "Principal": {"AWS": TENANT}, "Action": ["sts:AssumeRole", "sts:TagSession"]}))
    fresh_region.client("iam").put_role_policy(RoleName="lasting", PolicyName="all", PolicyDocument=document(
        allow("iam:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})))
    session = assume(fresh_region, keys, "lasting", Tags=[{"Key": "team", "Value": "blue"}],
                     Policy=document(allow("iam:ListRoles")))["Credentials"]
    fresh_region.stop()
    fresh_region.start()
    mine = fresh_region.client("iam", keys=session)
    assert mine.list_roles()
    with pytest.raises(Refused) as error:
        mine.list_users()
    assert "no session policy allows" in str(error.value)


def test_terraform_manages_people_and_asks_what_they_may_do(fresh_region, tmp_path_factory):
    people = Module("people", tmp_path_factory.mktemp("terraform"), fresh_region).init()
    said = people.must("apply", "-auto-approve")
    assert "ada_reads_her_home = true" in said and "ada_goes_beyond_her_boundary = false" in said
    people.must("plan", "-detailed-exitcode")
    people.must("destroy", "-auto-approve")
    left = fresh_region.client("iam").get_account_authorization_details()
    assert not any(left[kind] for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"))
