"""S3 with IAM and KMS behind it: what the log archive relies on."""

import botocore.exceptions
import pytest

from local_region import TENANT, VENDOR, code_of, fresh_region, region
from test_iam import allow, document, user_keys

Refused = botocore.exceptions.ClientError
BUCKET = "arn:aws:s3:::vespa-archive"


@pytest.fixture(scope="module")
def archive(region):
    """A bucket as the zone module makes it: SSE-KMS by default, TLS only."""
    kms, s3 = region.client("kms"), region.client("s3")
    via = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
           "Resource": "*", "Condition": {"StringEquals": {"kms:CallerAccount": TENANT},
                                          "StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}}
    key = kms.create_key(Policy=document(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{TENANT}:root"}, "Action": "kms:*", "Resource": "*"},
        via))["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="vespa-archive")
    s3.put_bucket_encryption(Bucket="vespa-archive", ServerSideEncryptionConfiguration={"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]})
    s3.put_bucket_policy(Bucket="vespa-archive", Policy=document(
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [BUCKET, BUCKET + "/*"],
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}))
    return key


def test_objects_come_back_and_lie_encrypted(region, archive):
    s3 = region.client("s3")
    text = b"a line that must not lie on disk in the clear\n" * 1000
    s3.put_object(Bucket="vespa-archive", Key="acme/logs/vespa/x.zst", Body=text)
    answer = s3.get_object(Bucket="vespa-archive", Key="acme/logs/vespa/x.zst")
    assert answer["Body"].read() == text
    assert answer["ServerSideEncryption"] == "aws:kms" and answer["SSEKMSKeyId"] == archive
    for path in region.directory.rglob("*"):
        if path.is_file():
            assert b"must not lie on disk" not in path.read_bytes(), path


def test_who_may_only_write_cannot_read_list_or_delete(region, archive):
    writer = region.client("s3", keys=user_keys(region, "writer", allow("s3:PutObject", BUCKET + "/*"),
                                                allow("kms:GenerateDataKey", "*")))
    writer.put_object(Bucket="vespa-archive", Key="written", Body=b"log")
    for call in (lambda: writer.get_object(Bucket="vespa-archive", Key="written"),
                 lambda: writer.list_objects_v2(Bucket="vespa-archive"),
                 lambda: writer.delete_object(Bucket="vespa-archive", Key="written")):
        with pytest.raises(Refused) as error:
            call()
        assert code_of(error) == "AccessDenied"


def test_another_account_reads_nothing_even_as_root(region, archive):
    region.client("s3").put_object(Bucket="vespa-archive", Key="ours", Body=b"log")
    vendor = region.client("s3", "vendor")
    for call in (lambda: vendor.get_object(Bucket="vespa-archive", Key="ours"),
                 lambda: vendor.list_objects_v2(Bucket="vespa-archive")):
        with pytest.raises(Refused) as error:
            call()
        assert code_of(error) == "AccessDenied"


def test_a_bucket_policy_may_deny_even_its_owners_root(region):
    s3 = region.client("s3")
    s3.create_bucket(Bucket="closed")
    s3.put_object(Bucket="closed", Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket="closed", Policy=document(
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::closed/*"}))
    with pytest.raises(Refused) as error:
        s3.get_object(Bucket="closed", Key="k")
    assert code_of(error) == "AccessDenied" and "explicit deny" in str(error.value)


def test_a_disabled_key_stops_reading_and_writing(region, archive):
    s3, kms = region.client("s3"), region.client("kms")
    s3.put_object(Bucket="vespa-archive", Key="before", Body=b"log")
    kms.disable_key(KeyId=archive)
    for call in (lambda: s3.get_object(Bucket="vespa-archive", Key="before"),
                 lambda: s3.put_object(Bucket="vespa-archive", Key="after", Body=b"log")):
        with pytest.raises(Refused) as error:
            call()
        assert "Disabled" in code_of(error)
    kms.enable_key(KeyId=archive)
    assert s3.get_object(Bucket="vespa-archive", Key="before")["Body"].read() == b"log"


def test_a_presigned_link_works_once_signed_and_not_changed(region, archive):
    import ssl
    import urllib.request
    s3 = region.client("s3", signature_version="s3v4")
    s3.put_object(Bucket="vespa-archive", Key="linked", Body=b"log")
    url = s3.generate_presigned_url("get_object", {"Bucket": "vespa-archive", "Key": "linked"}, ExpiresIn=60)
    context = ssl.create_default_context(cafile=region.directory / "ca.pem")
    assert urllib.request.urlopen(url, context=context).read() == b"log"
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url.replace("linked", "before"), context=context)
    assert error.value.code == 403


def test_a_body_that_is_not_what_was_signed_is_not_stored(region, archive):
    s3 = region.client("s3")

    def spoil(request, **_):
        request.body = b"forged"
        request.headers["Content-Length"] = "6"
    s3.meta.events.register("before-send.s3.PutObject", spoil)
    with pytest.raises(Refused):
        s3.put_object(Bucket="vespa-archive", Key="forged", Body=b"honest")
    with pytest.raises(Refused):
        region.client("s3").head_object(Bucket="vespa-archive", Key="forged")
