"""Who may do what: boundaries, session policies, tags, accounts, conditions; the refusals say why, as AWS's do."""
import datetime
import json

import botocore.exceptions
import pytest

from local_region import TENANT, VENDOR, code_of, region
from test_iam import allow, assume, document, trust, user_keys

Refused = botocore.exceptions.ClientError


def deny(actions, resource="*", **more):
    return {"Effect": "Deny", "Action": actions, "Resource": resource, **more}


def policy(region, name, *statements, profile="acme"):
    return region.client("iam", profile).create_policy(
        PolicyName=name, PolicyDocument=document(*statements))["Policy"]["Arn"]


def refused(call, why, code="AccessDenied", **arguments):
    """The call is refused, for this reason."""
    with pytest.raises(Refused) as error:
        call(**arguments)
    assert code_of(error) == code, error.value
    assert why in str(error.value), error.value


def role_for(region, name, user, *statements, **more):
    """A role that this user of the tenant's may assume."""
    region.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{TENANT}:user/{user}"}), **more)
    if statements:
        region.client("iam").put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(*statements))


# --- boundaries ---------------------------------------------------------------------------------------------------

def test_a_boundary_is_the_most_a_user_may_do(region):
    arn = policy(region, "only-looking", allow(["iam:Get*", "iam:List*"]), deny("iam:GetGroup"))
    iam = region.client("iam")
    iam.create_user(UserName="bounded", PermissionsBoundary=arn)
    iam.put_user_policy(UserName="bounded", PolicyName="all", PolicyDocument=document(allow("*")))
    keys = iam.create_access_key(UserName="bounded")["AccessKey"]
    mine = region.client("iam", keys=keys)
    assert mine.list_roles()["Roles"] is not None
    refused(mine.create_user, f"user/bounded is not authorized to perform: iam:CreateUser on resource: "
            f"arn:aws:iam::{TENANT}:user/x because no permissions boundary allows the iam:CreateUser action", UserName="x")
    refused(mine.get_group, "with an explicit deny in a permissions boundary", GroupName="any")
    assert iam.get_user(UserName="bounded")["User"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    refused(iam.delete_policy, "attached", code="DeleteConflict", PolicyArn=arn)
    iam.delete_user_permissions_boundary(UserName="bounded")
    mine.create_user(UserName="made-by-bounded")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 0


def test_a_boundary_allows_nothing_by_itself(region):
    arn = policy(region, "wide", allow("*"))
    iam = region.client("iam")
    iam.create_user(UserName="wide", PermissionsBoundary=arn)
    mine = region.client("iam", keys=iam.create_access_key(UserName="wide")["AccessKey"])
    refused(mine.list_roles, "because no identity-based policy allows the iam:ListRoles action")


def test_the_boundary_of_a_role_bounds_its_sessions(region):
    keys, arn = user_keys(region, "boundrole"), policy(region, "s3-only", allow("s3:*"))
    role_for(region, "bound", "boundrole", allow("*"))
    session = assume(region, keys, "bound")["Credentials"]
    mine = region.client("iam", keys=session)
    assert mine.list_roles()
    region.client("iam").put_role_permissions_boundary(RoleName="bound", PermissionsBoundary=arn)
    refused(mine.list_roles, f"assumed-role/bound/test is not authorized to perform: iam:ListRoles on resource: "
            f"arn:aws:iam::{TENANT}:role/ because no permissions boundary allows the iam:ListRoles action")
    assert region.client("s3", keys=session).list_buckets()
    role = region.client("iam").get_role(RoleName="bound")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    region.client("iam").delete_role_permissions_boundary(RoleName="bound")
    assert mine.list_roles()
    refused(region.client("iam").delete_role_permissions_boundary, "no permissions boundary", code="NoSuchEntity",
            RoleName="bound")


def test_an_administrator_can_be_made_to_give_out_only_bounded_users(region):
    arn = policy(region, "bound-for-all", allow("s3:*"))
    condition = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": arn}}}
    keys = user_keys(region, "delegate", allow(["iam:CreateUser", "iam:PutUserPolicy", "iam:AttachUserPolicy"], **condition))
    mine = region.client("iam", keys=keys)
    refused(mine.create_user, "no identity-based policy allows the iam:CreateUser", UserName="unbounded")
    mine.create_user(UserName="delegated", PermissionsBoundary=arn)
    mine.put_user_policy(UserName="delegated", PolicyName="x", PolicyDocument=document(allow("*")))
    region.client("iam").create_user(UserName="other")
    refused(mine.put_user_policy, "iam:PutUserPolicy", UserName="other", PolicyName="x",
            PolicyDocument=document(allow("*")))


def test_what_is_no_policy_is_no_boundary(region):
    refused(region.client("iam").create_role, "does not exist", code="NoSuchEntity", RoleName="unbound",
            AssumeRolePolicyDocument=trust({"AWS": TENANT}),
            PermissionsBoundary=f"arn:aws:iam::{TENANT}:policy/absent")


# --- groups --------------------------------------------------------------------------------------------------------

def test_a_user_has_the_rights_of_its_groups(region):
    iam, keys = region.client("iam"), user_keys(region, "member")
    mine = region.client("iam", keys=keys)
    iam.create_group(GroupName="lookers", Path="/teams/")
    iam.put_group_policy(GroupName="lookers", PolicyName="look", PolicyDocument=document(allow("iam:ListRoles")))
    arn = policy(region, "group-users", allow("iam:ListUsers"))
    iam.attach_group_policy(GroupName="lookers", PolicyArn=arn)
    refused(mine.list_roles, "no identity-based policy")
    iam.add_user_to_group(GroupName="lookers", UserName="member")
    assert mine.list_roles() and mine.list_users()
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="member")["Groups"]] == ["lookers"]
    assert [user["UserName"] for user in iam.get_group(GroupName="lookers")["Users"]] == ["member"]
    assert iam.list_groups(PathPrefix="/teams/")["Groups"][0]["Arn"] == f"arn:aws:iam::{TENANT}:group/teams/lookers"
    assert iam.list_group_policies(GroupName="lookers")["PolicyNames"] == ["look"]
    assert iam.list_attached_group_policies(GroupName="lookers")["AttachedPolicies"][0]["PolicyArn"] == arn
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [group["GroupName"] for group in entities["PolicyGroups"]] == ["lookers"] and not entities["PolicyUsers"]
    refused(iam.delete_group, "detach all policies", code="DeleteConflict", GroupName="lookers")
    iam.put_group_policy(GroupName="lookers", PolicyName="look", PolicyDocument=document(deny("iam:ListRoles")))
    iam.put_user_policy(UserName="member", PolicyName="own", PolicyDocument=document(allow("iam:*")))
    refused(mine.list_roles, "with an explicit deny in an identity-based policy")
    iam.detach_group_policy(GroupName="lookers", PolicyArn=arn)
    iam.delete_group_policy(GroupName="lookers", PolicyName="look")
    refused(iam.delete_group, "remove users from group", code="DeleteConflict", GroupName="lookers")
    iam.remove_user_from_group(GroupName="lookers", UserName="member")
    iam.delete_group(GroupName="lookers")
    assert mine.list_roles()


# --- sessions --------------------------------------------------------------------------------------------------------

def test_a_session_policy_narrows_the_role(region):
    keys = user_keys(region, "narrower")
    role_for(region, "narrowed", "narrower", allow("iam:*"))
    session = assume(region, keys, "narrowed", Policy=document(allow(["iam:ListRoles", "s3:*"])))
    assert session["PackedPolicySize"] > 0
    mine = region.client("iam", keys=session["Credentials"])
    assert mine.list_roles()
    refused(mine.list_users, "because no session policy allows the iam:ListUsers action")
    refused(region.client("s3", keys=session["Credentials"]).list_buckets,
            "because no identity-based policy allows the s3:ListAllMyBuckets action")
    session = assume(region, keys, "narrowed", Policy=document(allow("*"), deny("iam:ListUsers")))["Credentials"]
    refused(region.client("iam", keys=session).list_users, "with an explicit deny in a session policy")


def test_managed_session_policies_narrow_too_and_stay_what_they_are_now(region):
    keys, arn = user_keys(region, "narrower2"), policy(region, "session-look", allow("iam:ListRoles"))
    role_for(region, "narrowed2", "narrower2", allow("iam:*"))
    session = assume(region, keys, "narrowed2", PolicyArns=[{"arn": arn}],
                     Policy=document(allow("iam:ListUsers")))["Credentials"]
    mine = region.client("iam", keys=session)
    assert mine.list_roles() and mine.list_users()
    refused(mine.list_groups, "because no session policy allows the iam:ListGroups action")
    region.client("iam").delete_policy(PolicyArn=arn)
    refused(mine.list_roles, "because no session policy")
    assert mine.list_users()
    for more, code in (({"Policy": "no json"}, "MalformedPolicyDocument"),
                       ({"PolicyArns": [{"arn": arn}]}, "ValidationError"),
                       ({"Policy": document(allow("*")).replace(" ", " " * 900)}, "PackedPolicyTooLarge")):
        with pytest.raises(Refused) as error:
            assume(region, keys, "narrowed2", **more)
        assert code_of(error) == code


def test_a_bucket_policy_that_names_the_session_is_not_narrowed_and_one_that_names_the_role_is(region):
    keys = user_keys(region, "bucketeer")
    role_for(region, "bucketrole", "bucketeer")
    s3 = region.client("s3")
    s3.create_bucket(Bucket="session-bucket")
    s3.put_object(Bucket="session-bucket", Key="k", Body=b"x")

    def opened_to(principal):
        s3.put_bucket_policy(Bucket="session-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::session-bucket/*"}}))
    session = assume(region, keys, "bucketrole", Policy=document(allow("ec2:*")))["Credentials"]
    mine = region.client("s3", keys=session)
    opened_to(f"arn:aws:iam::{TENANT}:role/bucketrole")
    refused(mine.get_object, "because no session policy allows the s3:GetObject action", Bucket="session-bucket", Key="k")
    opened_to(f"arn:aws:sts::{TENANT}:assumed-role/bucketrole/test")
    assert mine.get_object(Bucket="session-bucket", Key="k")["Body"].read() == b"x"
    opened_to(TENANT)
    refused(mine.get_object, "because no identity-based policy", Bucket="session-bucket", Key="k")


def test_session_tags_are_the_principals_tags(region):
    keys = user_keys(region, "tagger", allow(["sts:AssumeRole", "sts:TagSession"]))
    iam = region.client("iam")
    iam.create_role(RoleName="tagged", Tags=[{"Key": "team", "Value": "red"}, {"Key": "floor", "Value": "1"}],
                    AssumeRolePolicyDocument=document(
                        {"Effect": "Allow", "Principal": {"AWS": TENANT}, "Action": "sts:AssumeRole"},
                        {"Effect": "Allow", "Principal": {"AWS": TENANT}, "Action": "sts:TagSession",
                         "Condition": {"StringEquals": {"aws:RequestTag/team": ["blue", "green"]},
                                       "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}}))
    iam.put_role_policy(RoleName="tagged", PolicyName="by-team", PolicyDocument=document(
        allow("iam:ListRoles", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}}),
        allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/floor": "1"}})))
    plain = region.client("iam", keys=assume(region, keys, "tagged")["Credentials"])
    refused(plain.list_roles, "no identity-based policy")
    assert plain.list_users()
    blue = assume(region, keys, "tagged", Tags=[{"Key": "team", "Value": "blue"}])["Credentials"]
    assert region.client("iam", keys=blue).list_roles() and region.client("iam", keys=blue).list_users()
    for tags in ([{"Key": "team", "Value": "black"}],
                 [{"Key": "team", "Value": "blue"}, {"Key": "admin", "Value": "yes"}]):
        with pytest.raises(Refused) as error:
            assume(region, keys, "tagged", Tags=tags)
        assert code_of(error) == "AccessDenied" and "sts:TagSession" in str(error.value)


def test_transitive_tags_and_the_source_identity_go_with_the_next_session(region):
    keys = user_keys(region, "chainer", allow("sts:*"))
    iam = region.client("iam")
    rights = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    for name in ("first", "second"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(
            {"Effect": "Allow", "Principal": {"AWS": TENANT}, "Action": rights}))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(
            allow("sts:*"), allow("iam:ListRoles", Condition={"StringEquals": {
                "aws:PrincipalTag/team": "blue", "aws:SourceIdentity": "ada"}, "Null": {"aws:PrincipalTag/pet": "true"}})))
    first = assume(region, keys, "first", SourceIdentity="ada", TransitiveTagKeys=["team"],
                   Tags=[{"Key": "team", "Value": "blue"}, {"Key": "pet", "Value": "cat"}])
    assert first["SourceIdentity"] == "ada"
    refused(region.client("iam", keys=first["Credentials"]).list_roles, "no identity-based policy")
    second = assume(region, first["Credentials"], "second")
    assert second["SourceIdentity"] == "ada"
    assert region.client("iam", keys=second["Credentials"]).list_roles()
    for more in ({"Tags": [{"Key": "team", "Value": "red"}]}, {"SourceIdentity": "eve"}):
        with pytest.raises(Refused):
            assume(region, first["Credentials"], "second", **more)


def test_a_federated_user_has_what_its_session_policy_leaves_of_the_user(region):
    keys = user_keys(region, "federator", allow(["sts:GetFederationToken", "s3:*"]))
    sts = region.client("sts", keys=keys)
    empty = sts.get_federation_token(Name="guest")
    assert empty["FederatedUser"]["Arn"] == f"arn:aws:sts::{TENANT}:federated-user/guest"
    refused(region.client("s3", keys=empty["Credentials"]).list_buckets, "because no session policy allows")
    guest = sts.get_federation_token(Name="guest", Policy=document(allow(["s3:List*", "ec2:*"])))["Credentials"]
    assert region.client("s3", keys=guest).list_buckets()
    assert region.client("sts", keys=guest).get_caller_identity()["Arn"].endswith(":federated-user/guest")
    with pytest.raises(Refused):
        region.client("s3", keys=guest).create_bucket(Bucket="guests")
    refused(region.client("iam", keys=guest).list_roles, "security token", code="InvalidClientTokenId")
    refused(region.client("sts", keys=guest).get_session_token, "session credentials")


def test_a_session_token_is_the_user_for_a_while(region):
    keys = user_keys(region, "temporary", allow(["s3:*", "sts:AssumeRole"], Condition={
        "Null": {"aws:TokenIssueTime": "false"}, "Bool": {"aws:MultiFactorAuthPresent": "false"}}))
    refused(region.client("s3", keys=keys).list_buckets, "no identity-based policy")
    token = region.client("sts", keys=keys).get_session_token()["Credentials"]
    assert region.client("s3", keys=token).list_buckets()
    assert region.client("sts", keys=token).get_caller_identity()["Arn"] == f"arn:aws:iam::{TENANT}:user/temporary"
    refused(region.client("iam", keys=token).list_roles, "security token", code="InvalidClientTokenId")


def test_a_device_that_nobody_has_is_refused(region):
    keys = user_keys(region, "devices", allow("sts:*"))
    refused(region.client("sts", keys=keys).get_session_token, "MultiFactorAuthentication",
            SerialNumber=f"arn:aws:iam::{TENANT}:mfa/devices", TokenCode="123456")


# --- conditions ------------------------------------------------------------------------------------------------------

def test_a_role_is_open_until_its_time_is_over(region):
    keys = user_keys(region, "visitor", allow("sts:AssumeRole"))
    for name, until in (("open-still", "2099-01-01T00:00:00Z"), ("open-once", "2001-01-01T00:00:00Z")):
        region.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(
            {"AWS": TENANT}, DateLessThan={"aws:CurrentTime": until}))
    assert assume(region, keys, "open-still")
    with pytest.raises(Refused) as error:
        assume(region, keys, "open-once")
    assert "because no role trust policy allows the sts:AssumeRole action" in str(error.value)


def test_tags_of_what_is_there_and_of_what_is_asked_for_decide(region):
    keys = user_keys(region, "by-tags",
                     allow("iam:DeleteRole", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}}),
                     allow(["iam:CreateRole", "iam:TagRole"], Condition={
                         "StringEquals": {"aws:RequestTag/team": "blue"},
                         "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "name"]}}))
    mine = region.client("iam", keys=keys)
    make = {"AssumeRolePolicyDocument": trust({"AWS": TENANT})}
    refused(mine.create_role, "iam:CreateRole", RoleName="untagged", **make)
    refused(mine.create_role, "iam:CreateRole", RoleName="untagged", Tags=[{"Key": "team", "Value": "red"}], **make)
    refused(mine.create_role, "iam:CreateRole", RoleName="untagged",
            Tags=[{"Key": "team", "Value": "blue"}, {"Key": "x", "Value": ""}], **make)
    mine.create_role(RoleName="blue", Tags=[{"Key": "team", "Value": "blue"}], **make)
    region.client("iam").create_role(RoleName="red", Tags=[{"Key": "team", "Value": "red"}], **make)
    refused(mine.delete_role, "iam:DeleteRole", RoleName="red")
    mine.delete_role(RoleName="blue")


def test_attaching_can_be_limited_to_some_policies(region):
    one, other = policy(region, "may-attach", allow("s3:*")), policy(region, "may-not-attach", allow("*"))
    keys = user_keys(region, "attacher", allow("iam:AttachRolePolicy", Condition={"ArnEquals": {"iam:PolicyARN": one}}))
    region.client("iam").create_role(RoleName="attachee", AssumeRolePolicyDocument=trust({"AWS": TENANT}))
    mine = region.client("iam", keys=keys)
    mine.attach_role_policy(RoleName="attachee", PolicyArn=one)
    refused(mine.attach_role_policy, "iam:AttachRolePolicy", RoleName="attachee", PolicyArn=other)


def test_a_users_name_is_a_variable(region):
    keys = user_keys(region, "ada", {"Effect": "Allow", "Action": "iam:*AccessKey*",
                                     "Resource": f"arn:aws:iam::{TENANT}:user/${{aws:username}}"})
    region.client("iam").create_user(UserName="bob")
    mine = region.client("iam", keys=keys)
    assert mine.list_access_keys(UserName="ada")["AccessKeyMetadata"][0]["AccessKeyId"] == keys["AccessKeyId"]
    refused(mine.list_access_keys, "iam:ListAccessKeys", UserName="bob")


def test_who_may_call_from_where_and_with_what(region):
    keys = user_keys(region, "placed",
                     allow("iam:ListRoles", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}),
                     allow("iam:ListUsers", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
                     allow("iam:ListGroups", Condition={"StringLike": {"aws:UserAgent": "*Boto3*"}}),
                     allow("iam:ListPolicies", Condition={"StringEquals": {"aws:RequestedRegion": "mars-1"}}))
    mine = region.client("iam", keys=keys)
    assert mine.list_roles() and mine.list_groups()
    refused(mine.list_users, "iam:ListUsers")
    refused(mine.list_policies, "iam:ListPolicies")


# --- resources' own policies, and other accounts ---------------------------------------------------------------------

def bucket_of(region, name, *statements):
    s3 = region.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket=name, Policy=document(*statements))


def test_across_accounts_bucket_and_user_must_both_allow(region):
    bucket_of(region, "for-vendor", {"Effect": "Allow", "Principal": {"AWS": VENDOR}, "Action": "s3:GetObject",
                                     "Resource": "arn:aws:s3:::for-vendor/*"})
    able = user_keys(region, "reader-able", allow("s3:*"), profile="vendor")
    unable = user_keys(region, "reader-unable", profile="vendor")
    assert region.client("s3", keys=able).get_object(Bucket="for-vendor", Key="k")["Body"].read() == b"x"
    refused(region.client("s3", keys=unable).get_object, "because no identity-based policy allows the s3:GetObject",
            Bucket="for-vendor", Key="k")
    refused(region.client("s3", keys=able).put_object, "because no resource-based policy allows the s3:PutObject",
            Bucket="for-vendor", Key="k2", Body=b"")
    arn = policy(region, "vendors-bound", allow("iam:*"), profile="vendor")
    region.client("iam", "vendor").put_user_permissions_boundary(UserName="reader-able", PermissionsBoundary=arn)
    refused(region.client("s3", keys=able).get_object, "because no permissions boundary allows the s3:GetObject",
            Bucket="for-vendor", Key="k")


def test_a_bucket_that_wants_tls_has_it(region):
    bucket_of(region, "over-tls", {"Effect": "Deny", "Principal": "*", "Action": "s3:*",
                                   "Resource": ["arn:aws:s3:::over-tls", "arn:aws:s3:::over-tls/*"],
                                   "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    keys = user_keys(region, "tls-reader", allow("s3:*"))
    assert region.client("s3", keys=keys).get_object(Bucket="over-tls", Key="k")["Body"].read() == b"x"


def test_a_bucket_may_keep_out_everyone_but_one_role(region):
    keys = user_keys(region, "keeper-of-secrets", allow("s3:*"))
    role_for(region, "only-one", "keeper-of-secrets", allow("s3:*"))
    bucket_of(region, "only-one-role", {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::only-one-role/*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{TENANT}:role/only-one"}}})
    refused(region.client("s3", keys=keys).get_object, "with an explicit deny in a resource-based policy",
            Bucket="only-one-role", Key="k")
    refused(region.client("s3").get_object, "with an explicit deny in a resource-based policy",
            Bucket="only-one-role", Key="k")
    session = assume(region, keys, "only-one")["Credentials"]
    assert region.client("s3", keys=session).get_object(Bucket="only-one-role", Key="k")


def test_a_key_used_only_through_s3_does_not_open_directly(region):
    kms, s3 = region.client("kms"), region.client("s3")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/archive-of-tests", TargetKeyId=key["KeyId"])
    keys = user_keys(region, "archivist", allow("s3:*"), allow(
        ["kms:GenerateDataKey", "kms:Decrypt"], f"arn:aws:kms:*:{TENANT}:key/*", Condition={
            "StringLike": {"kms:ViaService": "s3.*.amazonaws.com"},
            "ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/archive-of-*"}}))
    mine = region.client("s3", keys=keys)
    mine.create_bucket(Bucket="archive-of-tests")
    mine.put_object(Bucket="archive-of-tests", Key="k", Body=b"sealed", ServerSideEncryption="aws:kms",
                    SSEKMSKeyId=key["Arn"])
    assert mine.get_object(Bucket="archive-of-tests", Key="k")["Body"].read() == b"sealed"
    refused(region.client("kms", keys=keys).generate_data_key,
            f"not authorized to perform: kms:GenerateDataKey on resource: {key['Arn']} "
            "because no identity-based policy allows the kms:GenerateDataKey action",
            code="AccessDeniedException", KeyId=key["KeyId"], KeySpec="AES_256")
    kms.delete_alias(AliasName="alias/archive-of-tests")
    with pytest.raises(Refused):
        mine.get_object(Bucket="archive-of-tests", Key="k")


def test_ec2_encrypts_a_volume_for_who_may_give_aws_grants_and_nobody_else(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]
    use = allow("kms:GenerateDataKeyWithoutPlaintext", key["Arn"],
                Condition={"StringEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}})
    grant = allow("kms:CreateGrant", key["Arn"], Condition={"Bool": {"kms:GrantIsForAWSResource": True}})
    whole = user_keys(region, "encrypter", allow("ec2:*"), use, grant)
    half = user_keys(region, "half-encrypter", allow("ec2:*"), use)
    volume = {"AvailabilityZone": "us-east-1a", "Size": 1, "Encrypted": True, "KmsKeyId": key["Arn"]}
    ec2 = region.client("ec2", keys=whole)
    ec2.delete_volume(VolumeId=ec2.create_volume(**volume)["VolumeId"])
    with pytest.raises(Refused) as error:
        region.client("ec2", keys=half).create_volume(**volume)
    assert "kms:CreateGrant" in str(error.value)
    mine = region.client("kms", keys=whole)
    refused(mine.create_grant, "because no identity-based policy allows the kms:CreateGrant",
            code="AccessDeniedException", KeyId=key["KeyId"], Operations=["Decrypt"],
            GranteePrincipal=f"arn:aws:iam::{TENANT}:user/encrypter")


def test_a_grant_opens_a_key_to_a_role_within_its_boundary(region):
    kms, keys = region.client("kms"), user_keys(region, "granted")
    role_for(region, "grantee", "granted")
    key = kms.create_key()["KeyMetadata"]
    kms.create_grant(KeyId=key["KeyId"], Operations=["GenerateDataKey"],
                     GranteePrincipal=f"arn:aws:iam::{TENANT}:role/grantee")
    mine = region.client("kms", keys=assume(region, keys, "grantee")["Credentials"])
    assert mine.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")["Plaintext"]
    refused(mine.encrypt, "kms:Encrypt", code="AccessDeniedException", KeyId=key["KeyId"], Plaintext=b"x")
    region.client("iam").put_role_permissions_boundary(
        RoleName="grantee", PermissionsBoundary=policy(region, "no-keys", allow("s3:*")))
    refused(mine.generate_data_key, "kms:GenerateDataKey", code="AccessDeniedException", KeyId=key["KeyId"],
            KeySpec="AES_256")


# --- instances ---------------------------------------------------------------------------------------------------------

def run(ec2, **more):
    return ec2.run_instances(ImageId="ami-sim00000000000000", InstanceType="m7g.large", MinCount=1, MaxCount=1,
                             DryRun=True, **more)


def test_only_a_role_that_may_be_passed_is_given_to_an_instance(region):
    iam = region.client("iam")
    for name in ("host-role", "admin-role"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    subnet = network(region)
    keys = user_keys(region, "launcher", allow("ec2:*"), allow(
        "iam:PassRole", f"arn:aws:iam::{TENANT}:role/host-*",
        Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}))
    ec2 = region.client("ec2", keys=keys)
    with pytest.raises(Refused) as error:
        run(ec2, SubnetId=subnet, IamInstanceProfile={"Name": "host-role"})
    assert code_of(error) == "DryRunOperation"
    refused(lambda: run(ec2, SubnetId=subnet, IamInstanceProfile={"Name": "admin-role"}),
            f"iam:PassRole on resource: arn:aws:iam::{TENANT}:role/admin-role because no identity-based policy",
            code="UnauthorizedOperation")
    refused(region.client("iam", keys=user_keys(region, "profiler", allow("iam:AddRoleToInstanceProfile")))
            .add_role_to_instance_profile, "iam:PassRole", InstanceProfileName="admin-role", RoleName="admin-role")


def network(region):
    ec2 = region.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]


def test_ec2_says_how_it_decided_to_whoever_may_decode_it(region):
    ec2 = region.client("ec2", keys=user_keys(region, "curious", allow("sts:DecodeAuthorizationMessage"),
                                              deny("ec2:CreateVpc")))
    with pytest.raises(Refused) as error:
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert code_of(error) == "UnauthorizedOperation"
    message = str(error.value)
    assert "You are not authorized to perform this operation. User: " in message
    encoded = message.split("Encoded authorization failure message: ")[1]
    sts = region.client("sts", keys=region.client("iam").create_access_key(UserName="curious")["AccessKey"])
    decoded = json.loads(sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert decoded["allowed"] is False and decoded["explicitDeny"] is True
    assert decoded["context"]["action"] == "ec2:CreateVpc"
    assert decoded["context"]["principal"]["arn"] == f"arn:aws:iam::{TENANT}:user/curious"
    refused(sts.decode_authorization_message, "not valid", code="InvalidAuthorizationMessageException",
            EncodedMessage="x" * 64)
    with pytest.raises(Refused):
        region.client("sts", keys=user_keys(region, "incurious")).decode_authorization_message(EncodedMessage=encoded)


# --- the engine, asked -------------------------------------------------------------------------------------------------

def decisions(answer):
    return {(result["EvalActionName"], result["EvalResourceName"]): result["EvalDecision"]
            for result in answer["EvaluationResults"]}


def test_simulating_a_principal_is_what_it_would_meet(region):
    arn = policy(region, "sim-bound", allow(["s3:*", "iam:*"]))
    iam = region.client("iam")
    iam.create_user(UserName="simulated", PermissionsBoundary=arn)
    iam.create_group(GroupName="simulators")
    iam.put_group_policy(GroupName="simulators", PolicyName="reading", PolicyDocument=document(
        allow(["s3:GetObject", "ec2:RunInstances"]), deny("s3:GetObject", "arn:aws:s3:::secret/*")))
    iam.add_user_to_group(GroupName="simulators", UserName="simulated")
    answer = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{TENANT}:user/simulated", ActionNames=["s3:GetObject", "s3:PutObject", "ec2:RunInstances"],
        ResourceArns=["arn:aws:s3:::open/k", "arn:aws:s3:::secret/k"])
    assert decisions(answer) == {
        ("s3:GetObject", "arn:aws:s3:::open/k"): "allowed", ("s3:GetObject", "arn:aws:s3:::secret/k"): "explicitDeny",
        ("s3:PutObject", "arn:aws:s3:::open/k"): "implicitDeny", ("s3:PutObject", "arn:aws:s3:::secret/k"): "implicitDeny",
        ("ec2:RunInstances", "arn:aws:s3:::open/k"): "implicitDeny",
        ("ec2:RunInstances", "arn:aws:s3:::secret/k"): "implicitDeny"}
    denied = [result for result in answer["EvaluationResults"] if result["EvalDecision"] == "explicitDeny"][0]
    assert denied["MatchedStatements"] == [{"SourcePolicyId": "group_simulators_reading", "SourcePolicyType": "group"}]
    bounded = [result for result in answer["EvaluationResults"] if result["EvalActionName"] == "ec2:RunInstances"][0]
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    first = iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{TENANT}:user/simulated", MaxItems=2,
                                          ActionNames=["s3:GetObject", "s3:PutObject", "ec2:RunInstances"])
    assert first["IsTruncated"] and len(first["EvaluationResults"]) == 2


def test_simulating_custom_policies_with_a_context(region):
    iam = region.client("iam")
    text = document(allow("s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/team": "${aws:RequestTag/team}"},
                                                     "Bool": {"aws:SecureTransport": "true"}}))

    def ask(**context):
        entries = [{"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                   for key, value in context.items()]
        return iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["s3:GetObject"],
                                          ContextEntries=entries)["EvaluationResults"][0]
    whole = {"aws:PrincipalTag/team": "a", "aws:RequestTag/team": "a", "aws:SecureTransport": "true"}
    assert ask(**whole)["EvalDecision"] == "allowed" and not ask(**whole)["MissingContextValues"]
    assert ask(**{**whole, "aws:RequestTag/team": "b"})["EvalDecision"] == "implicitDeny"
    assert sorted(ask()["MissingContextValues"]) == sorted(whole)
    assert sorted(iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"]) == sorted(whole)
    resource = json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TENANT}:user/ada"}, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::b/*"}})
    for caller, decision in ((f"arn:aws:iam::{TENANT}:user/ada", "allowed"), (f"arn:aws:iam::{TENANT}:user/eve", "implicitDeny")):
        answer = iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["s3:PutObject"], CallerArn=caller,
                                            ResourceArns=["arn:aws:s3:::b/k"], ResourcePolicy=resource)
        assert answer["EvaluationResults"][0]["EvalDecision"] == decision
    with pytest.raises(Refused) as error:
        iam.simulate_custom_policy(PolicyInputList=["no json"], ActionNames=["s3:PutObject"])
    assert code_of(error) == "InvalidInput"
