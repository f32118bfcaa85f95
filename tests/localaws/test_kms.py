"""KMS: real keys behind real policies."""

import botocore.exceptions
import pytest

from local_region import TENANT, VENDOR, code_of, fresh_region, region
from test_iam import allow, assume, document, trust, user_keys

Refused = botocore.exceptions.ClientError


def root_policy(*more):
    return document({"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TENANT}:root"}, "Action": "kms:*",
                     "Resource": "*"}, *more)


def test_a_key_reads_back_as_it_was_made(region):
    kms = region.client("kms")
    made = kms.create_key(Description="for tests", Tags=[{"TagKey": "zone", "TagValue": "dev"}])["KeyMetadata"]
    got = kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]
    assert got["Arn"] == made["Arn"] and got["Arn"].startswith(f"arn:aws:kms:us-east-1:{TENANT}:key/")
    assert (got["Enabled"], got["KeyState"], got["Description"]) == (True, "Enabled", "for tests")
    assert got["Origin"] == "AWS_KMS" and got["CustomerMasterKeySpec"] == "SYMMETRIC_DEFAULT"
    assert kms.list_resource_tags(KeyId=made["KeyId"])["Tags"] == [{"TagKey": "zone", "TagValue": "dev"}]
    assert not kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"]
    kms.enable_key_rotation(KeyId=made["KeyId"])
    assert kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"]
    assert "arn:aws:iam::%s:root" % TENANT in kms.get_key_policy(KeyId=made["KeyId"], PolicyName="default")["Policy"]
    with pytest.raises(Refused) as error:
        kms.describe_key(KeyId="00000000-0000-0000-0000-000000000000")
    assert code_of(error) == "NotFoundException"


def test_aliases(region):
    kms = region.client("kms")
    one, two = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.create_alias(AliasName="alias/vespa-ebs-key-dev-aws-us-east-1c", TargetKeyId=one)
    with pytest.raises(Refused) as error:
        kms.create_alias(AliasName="alias/vespa-ebs-key-dev-aws-us-east-1c", TargetKeyId=two)
    assert code_of(error) == "AlreadyExistsException"
    assert kms.describe_key(KeyId="alias/vespa-ebs-key-dev-aws-us-east-1c")["KeyMetadata"]["KeyId"] == one
    kms.update_alias(AliasName="alias/vespa-ebs-key-dev-aws-us-east-1c", TargetKeyId=two)
    alias = [a for a in kms.list_aliases()["Aliases"] if a["AliasName"].startswith("alias/vespa")][0]
    assert alias["TargetKeyId"] == two
    kms.delete_alias(AliasName="alias/vespa-ebs-key-dev-aws-us-east-1c")
    with pytest.raises(Refused) as error:
        kms.describe_key(KeyId="alias/vespa-ebs-key-dev-aws-us-east-1c")
    assert code_of(error) == "NotFoundException"


def test_what_was_encrypted_comes_back_only_with_its_context(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"b": "2", "a": "1"})["CiphertextBlob"]
    assert b"secret" not in blob
    answer = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "1", "b": "2"})
    assert answer["Plaintext"] == b"secret" and answer["KeyId"] == key
    for context in ({}, {"a": "1"}, {"a": "1", "b": "3"}):
        with pytest.raises(Refused) as error:
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
        assert code_of(error) == "InvalidCiphertextException"
    for at in (0, 10, 40, len(blob) - 1):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1:]
        with pytest.raises(Refused) as error:
            kms.decrypt(CiphertextBlob=changed, EncryptionContext={"a": "1", "b": "2"})
        assert code_of(error) == "InvalidCiphertextException"
    other = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(Refused) as error:
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "1", "b": "2"}, KeyId=other)
    assert code_of(error) == "IncorrectKeyException"
    again = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "1", "b": "2"}, DestinationKeyId=other)
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"])["Plaintext"] == b"secret"


def test_data_keys(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert len(made["Plaintext"]) == 32
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    assert "Plaintext" not in kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=64)


def test_a_disabled_or_doomed_key_opens_nothing(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    for call in (lambda: kms.decrypt(CiphertextBlob=blob), lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256")):
        with pytest.raises(Refused) as error:
            call()
        assert code_of(error) == "DisabledException"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    with pytest.raises(Refused) as error:
        kms.decrypt(CiphertextBlob=blob)
    assert code_of(error) == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_root_delegation_leaves_it_to_identity_policies(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    able = user_keys(region, "kms-able", allow(["kms:Encrypt"], key))
    unable = user_keys(region, "kms-unable", allow(["kms:Decrypt"], key))
    region.client("kms", keys=able).encrypt(KeyId=key, Plaintext=b"x")
    with pytest.raises(Refused) as error:
        region.client("kms", keys=unable).encrypt(KeyId=key, Plaintext=b"x")
    assert code_of(error) == "AccessDeniedException"


def test_a_key_that_does_not_delegate_ignores_identity_policies(region):
    kms = region.client("kms")
    admin = user_keys(region, "kms-admin", allow("kms:*"))
    outsider = user_keys(region, "kms-outsider", allow("kms:*"))
    mine = region.client("kms", keys=admin)
    key = mine.create_key(Policy=document(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TENANT}:user/kms-admin"}, "Action": "kms:*",
         "Resource": "*"}))["KeyMetadata"]["KeyId"]
    mine.encrypt(KeyId=key, Plaintext=b"x")
    for other in (kms, region.client("kms", keys=outsider)):
        with pytest.raises(Refused) as error:
            other.encrypt(KeyId=key, Plaintext=b"x")
        assert "no resource-based policy" in str(error.value)


def test_a_policy_that_locks_its_maker_out_is_refused(region):
    kms = region.client("kms")
    locked = document({"Effect": "Allow", "Principal": {"AWS": VENDOR}, "Action": "kms:*", "Resource": "*"})
    with pytest.raises(Refused) as error:
        kms.create_key(Policy=locked)
    assert code_of(error) == "MalformedPolicyDocumentException"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(Refused) as error:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=locked)
    assert code_of(error) == "MalformedPolicyDocumentException"


def test_another_account_needs_the_key_policy_and_its_own(region):
    kms = region.client("kms")
    shared = {"Effect": "Allow", "Principal": {"AWS": VENDOR}, "Action": "kms:Encrypt", "Resource": "*"}
    key = kms.create_key(Policy=root_policy(shared))["KeyMetadata"]["Arn"]
    able = region.client("kms", keys=user_keys(region, "far-able", allow("kms:*"), profile="vendor"))
    unable = region.client("kms", keys=user_keys(region, "far-unable", profile="vendor"))
    able.encrypt(KeyId=key, Plaintext=b"x")
    for client, call in ((able, "describe_key"), (unable, "describe_key")):
        with pytest.raises(Refused) as error:
            getattr(client, call)(KeyId=key)
        assert code_of(error) == "AccessDeniedException"
    with pytest.raises(Refused):
        unable.encrypt(KeyId=key, Plaintext=b"x")


def test_a_key_open_to_a_service_is_not_open_directly(region):
    kms = region.client("kms")
    via = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
           "Resource": "*", "Condition": {"StringEquals": {"kms:CallerAccount": TENANT},
                                          "StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}}
    key = kms.create_key(Policy=root_policy(via))["KeyMetadata"]["Arn"]
    user = region.client("kms", keys=user_keys(region, "kms-direct"))
    with pytest.raises(Refused):
        user.generate_data_key(KeyId=key, KeySpec="AES_256")


def test_context_and_alias_conditions(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/conditional", TargetKeyId=key)
    by_context = user_keys(region, "kms-context", allow("kms:Encrypt", key, Condition={
        "StringEquals": {"kms:EncryptionContext:purpose": "logs"}}))
    by_alias = user_keys(region, "kms-alias", allow("kms:Encrypt", "*", Condition={
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/conditional"}}))
    client = region.client("kms", keys=by_context)
    client.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"purpose": "logs"})
    with pytest.raises(Refused):
        client.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"purpose": "fun"})
    client = region.client("kms", keys=by_alias)
    client.encrypt(KeyId=key, Plaintext=b"x")
    with pytest.raises(Refused):
        client.encrypt(KeyId=kms.create_key()["KeyMetadata"]["Arn"], Plaintext=b"x")


def test_a_grant_opens_and_its_end_closes(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    keys = user_keys(region, "grantee")
    grant = kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{TENANT}:user/grantee", Operations=["Encrypt"])
    user = region.client("kms", keys=keys)
    user.encrypt(KeyId=key, Plaintext=b"x")
    with pytest.raises(Refused):
        user.describe_key(KeyId=key)
    assert kms.list_grants(KeyId=key)["Grants"][0]["Operations"] == ["Encrypt"]
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    with pytest.raises(Refused):
        user.encrypt(KeyId=key, Plaintext=b"x")


def test_a_volume_key_is_used_through_ec2_only(region):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/vespa-ebs-key-dev", TargetKeyId=key)
    volumes = allow(["ec2:CreateVolume", "ec2:CreateTags"])

    def through(*services):
        return allow(["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"], Condition={
            "ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/vespa-ebs-key-*"},
            "StringLike": {"kms:ViaService": [f"{service}.*.amazonaws.com" for service in services]}})

    def make(keys):
        return region.client("ec2", keys=keys).create_volume(AvailabilityZone="us-east-1c", Size=1, Encrypted=True,
                                                             KmsKeyId="alias/vespa-ebs-key-dev")
    able = user_keys(region, "volumes-able", volumes, through("ec2"))
    assert make(able)["KmsKeyId"] == key
    with pytest.raises(Refused):
        region.client("kms", keys=able).generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    with pytest.raises(Refused):
        make(user_keys(region, "volumes-unable", volumes, through("s3")))
    kms.disable_key(KeyId=key)
    with pytest.raises(Refused):
        make(able)


def test_keys_survive_a_restart_and_their_material_is_not_in_the_state(fresh_region):
    kms = fresh_region.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/lasting", TargetKeyId=key)
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    fresh_region.stop()
    master = fresh_region.directory / "kms-master.key"
    assert master.stat().st_mode & 0o777 == 0o600
    kept = master.read_bytes()
    master.write_bytes(bytes(32))
    fresh_region.start()
    with pytest.raises(Refused):
        fresh_region.client("kms").decrypt(CiphertextBlob=made["CiphertextBlob"])
    fresh_region.stop()
    master.write_bytes(kept)
    fresh_region.start()
    kms = fresh_region.client("kms")
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    assert kms.describe_key(KeyId="alias/lasting")["KeyMetadata"]["KeyId"] == key
