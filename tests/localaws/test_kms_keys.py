"""KMS beyond the plain symmetric key: material that rotates, signatures, grants with constraints, pages."""
import base64
import hashlib
import json
import sqlite3
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.exceptions
import pytest

from local_region import TENANT, VENDOR, code_of, fresh_region, region
from test_iam import allow, document, user_keys

Refused = botocore.exceptions.ClientError


def raw(region, action, **parameters):
    """Actions and members that this botocore does not know yet."""
    request = botocore.awsrequest.AWSRequest("POST", region.url + "/", data=json.dumps(parameters), headers={
        "X-Amz-Target": f"TrentService.{action}", "Content-Type": "application/x-amz-json-1.1"})
    botocore.auth.SigV4Auth(region.session().get_credentials(), "kms", "us-east-1").add_auth(request)
    prepared = request.prepare()
    context = ssl.create_default_context(cafile=region.directory / "ca.pem")
    try:
        with urllib.request.urlopen(urllib.request.Request(region.url + "/", prepared.body.encode()
                                                           if isinstance(prepared.body, str) else prepared.body,
                                                           dict(prepared.headers)), context=context) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(json.loads(error.read())["__type"]) from None


def refusal(call, **arguments):
    with pytest.raises(Refused) as error:
        call(**arguments)
    return code_of(error)


def refused(region, action, **parameters):
    with pytest.raises(AssertionError) as error:
        raw(region, action, **parameters)
    return str(error.value)


@pytest.fixture
def kms(region):
    return region.client("kms")


def test_rotated_material_is_new_and_the_old_still_opens(fresh_region):
    kms = fresh_region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    blobs = []
    for n in range(3):
        blobs.append(kms.encrypt(KeyId=key, Plaintext=b"%d" % n)["CiphertextBlob"])
        raw(fresh_region, "RotateKeyOnDemand", KeyId=key)
    rotations = raw(fresh_region, "ListKeyRotations", KeyId=key)
    assert [r["RotationType"] for r in rotations["Rotations"]] == ["ON_DEMAND"] * 3 and not rotations["Truncated"]
    fresh_region.stop()
    fresh_region.start()
    kms = fresh_region.client("kms")
    for n, blob in enumerate(blobs):
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"%d" % n
    # the number of the material is part of the ciphertext's head: another's does not open it
    head = 1 + 36 + 3
    swapped = blobs[0][:head] + bytes([blobs[0][head] ^ 1]) + blobs[0][head + 1:]
    assert refusal(kms.decrypt, CiphertextBlob=swapped) == "InvalidCiphertextException"


def test_rotation_says_when_it_is_next(region, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    raw(region, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=90)
    status = raw(region, "GetKeyRotationStatus", KeyId=key)
    assert status["RotationPeriodInDays"] == 90
    assert abs(status["NextRotationDate"] - time.time() - 90 * 86400) < 60
    assert refused(region, "EnableKeyRotation", KeyId=key, RotationPeriodInDays=89) == "ValidationException"
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    assert refusal(kms.enable_key_rotation, KeyId=signing) == "UnsupportedOperationException"


SPECS = [("RSA_2048", "RSASSA_PSS_SHA_256"), ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"), ("ECC_NIST_P256", "ECDSA_SHA_256"),
         ("ECC_NIST_P384", "ECDSA_SHA_384")]


@pytest.mark.parametrize("spec,algorithm", SPECS)
def test_what_is_signed_is_verified_by_us_and_by_openssl(kms, tmp_path, spec, algorithm):
    made = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    assert made["KeySpec"] == spec and algorithm in made["SigningAlgorithms"] and "EncryptionAlgorithms" not in made
    key, message = made["KeyId"], b"what is signed"
    signature = kms.sign(KeyId=key, Message=message, SigningAlgorithm=algorithm)["Signature"]
    assert kms.verify(KeyId=key, Message=message, Signature=signature, SigningAlgorithm=algorithm)["SignatureValid"]
    digest = hashlib.new("sha" + algorithm[-3:], message).digest()
    assert kms.verify(KeyId=key, Message=digest, MessageType="DIGEST", Signature=signature,
                      SigningAlgorithm=algorithm)["SignatureValid"]
    assert refusal(kms.verify, KeyId=key, Message=b"another", Signature=signature,
                   SigningAlgorithm=algorithm) == "KMSInvalidSignatureException"
    (tmp_path / "public").write_bytes(kms.get_public_key(KeyId=key)["PublicKey"])
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "message").write_bytes(message)
    padding = ["-sigopt", "rsa_padding_mode:pss"] if "PSS" in algorithm else []
    subprocess.run(["openssl", "dgst", f"-sha{algorithm[-3:]}", *padding, "-verify", tmp_path / "public", "-keyform", "DER",
                    "-signature", tmp_path / "signature", tmp_path / "message"], check=True, capture_output=True)
    assert refusal(kms.sign, KeyId=key, Message=b"short", MessageType="DIGEST",
                   SigningAlgorithm=algorithm) == "ValidationException"
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x") == "InvalidKeyUsageException"
    kms.disable_key(KeyId=key)
    assert refusal(kms.sign, KeyId=key, Message=message, SigningAlgorithm=algorithm) == "DisabledException"


def test_codes_authenticate_a_message(kms):
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    mac = kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert len(mac) == 32
    assert kms.verify_mac(KeyId=key, Message=b"m", Mac=mac, MacAlgorithm="HMAC_SHA_256")["MacValid"]
    assert refusal(kms.verify_mac, KeyId=key, Message=b"n", Mac=mac,
                   MacAlgorithm="HMAC_SHA_256") == "KMSInvalidMacException"
    assert refusal(kms.generate_mac, KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_384") == "InvalidKeyUsageException"


def test_a_data_key_pair_has_its_private_half_under_the_key(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256", EncryptionContext={"a": "b"})
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "b"})["Plaintext"]
    assert opened == pair["PrivateKeyPlaintext"]
    without = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="ECC_NIST_P256")
    assert "PrivateKeyPlaintext" not in without and without["PublicKey"] != pair["PublicKey"]


def test_lists_come_in_pages(kms):
    keys = {kms.create_key(Tags=[{"TagKey": f"k{n}", "TagValue": "v"} for n in range(5)])["KeyMetadata"]["KeyId"]
            for _ in range(5)}
    key = next(iter(keys))
    for n in range(5):
        kms.create_alias(AliasName=f"alias/paged-{n}", TargetKeyId=key)
        kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{TENANT}:root", Operations=["Encrypt"])

    def paged(operation, member, **arguments):
        pages = list(kms.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2}, **arguments))
        assert len(pages) > 2 and all(len(page[member]) <= 2 for page in pages)
        return [item for page in pages for item in page[member]]
    assert keys <= {k["KeyId"] for k in paged("list_keys", "Keys")}
    assert len(paged("list_aliases", "Aliases", KeyId=key)) == 5
    assert len({g["GrantId"] for g in paged("list_grants", "Grants", KeyId=key)}) == 5
    first = kms.list_resource_tags(KeyId=key, Limit=2)
    rest = kms.list_resource_tags(KeyId=key, Limit=50, Marker=first["NextMarker"])
    assert [t["TagKey"] for t in first["Tags"] + rest["Tags"]] == [f"k{n}" for n in range(5)]
    assert first["Truncated"] and not rest["Truncated"]
    assert refusal(kms.list_keys, Marker="bm90IG9uZQ==") == "InvalidMarkerException"


# Grants

def test_a_grant_holds_for_its_encryption_context_only(region, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    user = region.client("kms", keys=user_keys(region, "constrained"))
    grantee = f"arn:aws:iam::{TENANT}:user/constrained"
    kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=["Encrypt", "DescribeKey"],
                     Constraints={"EncryptionContextSubset": {"zone": "dev"}})
    kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=["GenerateDataKey"],
                     Constraints={"EncryptionContextEquals": {"zone": "dev"}, "EncryptionContextSubset": {}})
    user.describe_key(KeyId=key)
    user.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"zone": "dev", "more": "1"})
    user.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"zone": "dev"})
    for call, arguments in ((user.encrypt, {"Plaintext": b"x", "EncryptionContext": {"zone": "prod"}}),
                            (user.encrypt, {"Plaintext": b"x"}),
                            (user.generate_data_key, {"KeySpec": "AES_256", "EncryptionContext": {"zone": "dev", "more": "1"}}),
                            (user.decrypt, {"CiphertextBlob": b"x"})):
        if call != user.decrypt:
            assert refusal(call, KeyId=key, **arguments) == "AccessDeniedException"
    listed = kms.list_grants(KeyId=key)["Grants"]
    assert listed[0]["Constraints"] == {"EncryptionContextSubset": {"zone": "dev"}}


def test_who_may_retire_a_grant_can_and_others_cannot(region, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    grantee, retirer = (f"arn:aws:iam::{TENANT}:user/{name}" for name in ("grantee-2", "retirer"))
    used = region.client("kms", keys=user_keys(region, "grantee-2"))
    retires = region.client("kms", keys=user_keys(region, "retirer", allow("kms:ListRetirableGrants")))
    given = {"KeyId": key, "GranteePrincipal": grantee, "RetiringPrincipal": retirer, "Operations": ["Encrypt"]}
    grant = kms.create_grant(**given, Name="same")
    assert kms.create_grant(**given, Name="same")["GrantId"] == grant["GrantId"]
    assert kms.create_grant(**given)["GrantId"] != grant["GrantId"]
    assert refusal(used.retire_grant, GrantToken=grant["GrantToken"]) == "AccessDeniedException"
    used.encrypt(KeyId=key, Plaintext=b"x")
    assert len(retires.list_retirable_grants(RetiringPrincipal=retirer)["Grants"]) == 2
    for one in retires.list_retirable_grants(RetiringPrincipal=retirer)["Grants"]:
        retires.retire_grant(KeyId=key, GrantId=one["GrantId"])
    assert refusal(used.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert refusal(retires.retire_grant, GrantToken=grant["GrantToken"]) == "InvalidGrantTokenException"


def test_a_grant_to_create_grants_gives_no_more_than_itself(region, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    middle = region.client("kms", keys=user_keys(region, "middle"))
    user_keys(region, "last")
    kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{TENANT}:user/middle",
                     Operations=["CreateGrant", "Encrypt"])
    last = f"arn:aws:iam::{TENANT}:user/last"
    middle.create_grant(KeyId=key, GranteePrincipal=last, Operations=["Encrypt"])
    assert refusal(middle.create_grant, KeyId=key, GranteePrincipal=last, Operations=["Decrypt"]) == "AccessDeniedException"


def test_a_principal_of_another_account_uses_a_grant(region, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    far = region.client("kms", keys=user_keys(region, "far-grantee", allow("kms:*"), profile="vendor"))
    assert refusal(far.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{VENDOR}:user/far-grantee", Operations=["Encrypt"])
    far.encrypt(KeyId=key, Plaintext=b"x")


def test_grants_name_somebody_and_something(kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    root = f"arn:aws:iam::{TENANT}:root"
    assert refusal(kms.create_grant, KeyId=key, GranteePrincipal=f"arn:aws:iam::{TENANT}:role/nobody",
                   Operations=["Encrypt"]) == "InvalidArnException"
    assert refusal(kms.create_grant, KeyId=key, GranteePrincipal="somebody", Operations=["Encrypt"]) == "InvalidArnException"
    assert refusal(kms.create_grant, KeyId=key, GranteePrincipal=root, Operations=["Sign"]) == "ValidationException"
    kms.disable_key(KeyId=key)
    assert refusal(kms.create_grant, KeyId=key, GranteePrincipal=root, Operations=["Encrypt"]) == "DisabledException"


def test_conditions_of_policies_see_what_a_grant_gives(region, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    giver = region.client("kms", keys=user_keys(region, "giver", allow("kms:CreateGrant", key, Condition={
        "ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]}})))
    root = f"arn:aws:iam::{TENANT}:root"
    giver.create_grant(KeyId=key, GranteePrincipal=root, Operations=["Encrypt"])
    assert refusal(giver.create_grant, KeyId=key, GranteePrincipal=root,
                   Operations=["Encrypt", "GenerateDataKey"]) == "AccessDeniedException"


# What is not done

def test_a_dry_run_says_whether_it_would_have_been_done(region, kms):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    plain = base64.b64encode(b"x").decode()
    assert refused(region, "Encrypt", KeyId=key, Plaintext=plain, DryRun=True) == "DryRunOperationException"
    assert refused(region, "CreateGrant", KeyId=key, GranteePrincipal=f"arn:aws:iam::{TENANT}:root",
                   Operations=["Encrypt"], DryRun=True) == "DryRunOperationException"
    assert kms.list_grants(KeyId=key)["Grants"] == []
    kms.disable_key(KeyId=key)
    assert refused(region, "Encrypt", KeyId=key, Plaintext=plain, DryRun=True) == "DisabledException"


def test_other_kinds_of_keys_are_refused(kms):
    for arguments in ({"MultiRegion": True}, {"Origin": "EXTERNAL"}, {"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}):
        assert refusal(kms.create_key, **arguments) == "UnsupportedOperationException"
    assert refusal(kms.create_key, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT") == "ValidationException"
    assert refusal(kms.create_key, KeySpec="RSA_2048") == "ValidationException"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert refusal(kms.replicate_key, KeyId=key, ReplicaRegion="eu-west-1") == "UnsupportedOperationException"
    assert refusal(kms.get_key_policy, KeyId=key, PolicyName="other") == "NotFoundException"


def test_a_doomed_keys_material_is_destroyed_when_its_time_has_come(fresh_region):
    kms = fresh_region.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert refusal(kms.tag_resource, KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}]) == "KMSInvalidStateException"
    fresh_region.stop()
    with sqlite3.connect(fresh_region.directory / "state.db") as state:
        body, = state.execute("SELECT body FROM document WHERE module = 'kms' AND account = ?", [TENANT]).fetchone()
        kept = json.loads(body)
        [found] = [one for one in kept["keys"] if one["id"] == key]
        found["deletion"] = 1
        state.execute("UPDATE document SET body = ? WHERE module = 'kms' AND account = ?", [json.dumps(kept), TENANT])
    state.close()
    fresh_region.start()
    kms = fresh_region.client("kms")
    deadline = time.time() + 10
    while kms.list_keys()["Keys"] and time.time() < deadline:
        time.sleep(0.05)
    fresh_region.stop()
    with sqlite3.connect(fresh_region.directory / "state.db") as state:
        assert key not in str(state.execute("SELECT body FROM document").fetchall())
    state.close()
    fresh_region.start()
