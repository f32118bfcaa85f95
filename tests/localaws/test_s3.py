"""S3 by its real clients, with every answer held against AWS's service model: versions, conditions, checksums, customers' keys,
access control lists, configurations; and Debian's aws-cli."""
import base64
import hashlib
import http.client
import os
import socket
import ssl
import subprocess

import botocore.auth
import botocore.awsrequest
import botocore.exceptions
import pytest

from local_region import TENANT, VENDOR, code_of, region
from test_iam import allow, document, user_keys

Refused = botocore.exceptions.ClientError
MEBIBYTE = 1 << 20


def refusal(call, **arguments):
    with pytest.raises(Refused) as error:
        call(**arguments)
    return code_of(error)


@pytest.fixture
def s3(region):
    return region.client("s3", signature_version="s3v4")


@pytest.fixture
def bucket(s3, request):
    name = "b-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:24]
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


# Versions

def test_every_version_stays_until_it_is_deleted_itself(s3, versioned):
    ids = [s3.put_object(Bucket=versioned, Key="k", Body=b"%d" % n)["VersionId"] for n in range(3)]
    assert len(set(ids)) == 3
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"2"
    for n, version in enumerate(ids):
        got = s3.get_object(Bucket=versioned, Key="k", VersionId=version)
        assert (got["Body"].read(), got["VersionId"]) == (b"%d" % n, version)
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == ids[1]
    assert refusal(s3.get_object, Bucket=versioned, Key="k", VersionId=ids[2]) == "NoSuchVersion"
    assert refusal(s3.delete_bucket, Bucket=versioned) == "BucketNotEmpty"


def test_a_deletion_is_a_marker_that_can_be_taken_back(s3, versioned):
    kept = s3.put_object(Bucket=versioned, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] and marker["VersionId"] != kept
    with pytest.raises(Refused) as error:
        s3.get_object(Bucket=versioned, Key="k")
    assert code_of(error) == "NoSuchKey"
    assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert refusal(s3.get_object, Bucket=versioned, Key="k", VersionId=marker["VersionId"]) == "MethodNotAllowed"
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    listed = s3.list_object_versions(Bucket=versioned)
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]] == [(kept, False)]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(marker["VersionId"], True)]
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert gone["DeleteMarker"]
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"x"


def test_a_suspended_bucket_keeps_what_there_was_and_one_more(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    named = s3.put_object(Bucket=bucket, Key="k", Body=b"during")["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"before"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"after", b"after all"):
        assert s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] == "null"
    assert {v["VersionId"] for v in s3.list_object_versions(Bucket=bucket)["Versions"]} == {"null", named}
    assert s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == "NoSuchKey"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=named)["Body"].read() == b"during"


def test_versions_are_listed_page_by_page(s3, versioned):
    made = [(key, s3.put_object(Bucket=versioned, Key=key, Body=b"")["VersionId"]) for key in "abc" for _ in range(4)]
    s3.put_object(Bucket=versioned, Key="folder/x", Body=b"")
    for size in (1, 3, 5):
        pages = list(s3.get_paginator("list_object_versions").paginate(
            Bucket=versioned, Delimiter="/", PaginationConfig={"PageSize": size}))
        found = [(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", [])]
        assert sorted(found) == sorted(made) and [k for k, _ in found] == sorted(k for k, _ in made)
        assert [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])] == ["folder/"]


def test_versions_have_permissions_of_their_own(region, s3, versioned):
    version = s3.put_object(Bucket=versioned, Key="k", Body=b"x")["VersionId"]
    user = region.client("s3", keys=user_keys(region, "no-versions", allow(["s3:GetObject", "s3:DeleteObject"])))
    user.get_object(Bucket=versioned, Key="k")
    assert refusal(user.get_object, Bucket=versioned, Key="k", VersionId=version) == "AccessDenied"
    assert refusal(user.delete_object, Bucket=versioned, Key="k", VersionId=version) == "AccessDenied"
    user.delete_object(Bucket=versioned, Key="k")
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k", "VersionId": version}]})
    assert answer["Deleted"] == [{"Key": "k", "VersionId": version}]


def test_tags_and_copies_are_of_a_version(s3, versioned):
    old = s3.put_object(Bucket=versioned, Key="k", Body=b"old", Tagging="v=old")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"new")
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=old)["TagSet"] == [{"Key": "v", "Value": "old"}]
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == []
    copy = s3.copy_object(Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": old})
    assert copy["CopySourceVersionId"] == old
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"old"


# Conditions, parts, checksums

def test_conditions_decide_what_is_answered_and_what_is_written(s3, bucket):
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    now = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=now) == "304"
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfUnmodifiedSince=now.replace(year=2001)) == "PreconditionFailed"
    s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=now.replace(year=2001), IfMatch=tag)
    source = {"Bucket": bucket, "Key": "k"}
    assert refusal(s3.copy_object, Bucket=bucket, Key="l", CopySource=source, CopySourceIfNoneMatch=tag) == "PreconditionFailed"
    s3.copy_object(Bucket=bucket, Key="l", CopySource=source, CopySourceIfMatch=tag)

    def conditional(name, value):
        def add(params, **_):
            params["headers"][name] = value
        s3.meta.events.register("before-call.s3.PutObject", add, unique_id="conditional")
    conditional("If-None-Match", "*")
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"y") == "PreconditionFailed"
    s3.put_object(Bucket=bucket, Key="fresh", Body=b"y")
    s3.meta.events.unregister("before-call.s3.PutObject", unique_id="conditional")
    conditional("If-Match", '"other"')
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"y") == "PreconditionFailed"
    assert refusal(s3.put_object, Bucket=bucket, Key="none", Body=b"y") == "NoSuchKey"
    s3.meta.events.unregister("before-call.s3.PutObject", unique_id="conditional")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refusal(s3.copy_object, Bucket=bucket, Key="k", CopySource=source) == "InvalidRequest"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_multipart_upload_has_a_checksum_of_checksums(s3, bucket, algorithm):
    member = f"Checksum{algorithm}"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm)["UploadId"]
    bodies = [os.urandom(5 * MEBIBYTE), b"end"]
    parts = []
    for number, body in enumerate(bodies, 1):
        done = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": done["ETag"], member: done[member]})
    assert refusal(s3.upload_part, Bucket=bucket, Key="k", UploadId=upload, PartNumber=3, Body=b"none") == "InvalidRequest"
    assert s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"][0][member] == parts[0][member]
    wrong = [parts[0], {**parts[1], member: parts[0][member]}]
    assert refusal(s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=upload,
                   MultipartUpload={"Parts": wrong}) == "InvalidPart"
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    raw = b"".join(base64.b64decode(part[member]) for part in parts)
    if algorithm != "CRC32":
        assert done[member] == base64.b64encode(hashlib.new(algorithm.lower(), raw).digest()).decode() + "-2"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[member] == done[member]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", MaxParts=1,
                                          ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"])
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2 and attributes["ObjectParts"]["IsTruncated"]
    assert attributes["ObjectSize"] == sum(map(len, bodies)) and attributes["Checksum"][member] == done[member]
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (b"end", 2)


def test_parts_are_copied_from_what_is_there(s3, bucket):
    body = os.urandom(6 * MEBIBYTE)
    s3.put_object(Bucket=bucket, Key="from", Body=body)
    source = {"Bucket": bucket, "Key": "from"}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="to")["UploadId"]
    one = s3.upload_part_copy(Bucket=bucket, Key="to", UploadId=upload, PartNumber=1, CopySource=source,
                              CopySourceRange=f"bytes=0-{5 * MEBIBYTE - 1}")["CopyPartResult"]["ETag"]
    two = s3.upload_part_copy(Bucket=bucket, Key="to", UploadId=upload, PartNumber=2, CopySource=source,
                              CopySourceRange=f"bytes={5 * MEBIBYTE}-{len(body) - 1}")["CopyPartResult"]["ETag"]
    assert refusal(s3.upload_part_copy, Bucket=bucket, Key="to", UploadId=upload, PartNumber=3, CopySource=source,
                   CopySourceRange=f"bytes=0-{len(body)}") == "InvalidArgument"
    s3.complete_multipart_upload(Bucket=bucket, Key="to", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": one}, {"PartNumber": 2, "ETag": two}]})
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == body


def test_parts_and_uploads_are_listed_page_by_page(s3, bucket):
    uploads = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in ("a", "a", "b/1", "b/2", "c")]
    for number in range(1, 6):
        s3.upload_part(Bucket=bucket, Key="a", UploadId=uploads[0][1], PartNumber=number, Body=b"x")
    pages = list(s3.get_paginator("list_parts").paginate(Bucket=bucket, Key="a", UploadId=uploads[0][1],
                                                         PaginationConfig={"PageSize": 2}))
    assert [p["PartNumber"] for page in pages for p in page["Parts"]] == [1, 2, 3, 4, 5] and len(pages) == 3
    for size in (1, 2, 10):
        pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": size}))
        found = [(u["Key"], u["UploadId"]) for page in pages for u in page.get("Uploads", [])]
        assert sorted(found) == sorted(uploads)
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [u["Key"] for u in rolled["Uploads"]] == ["a", "a", "c"]
    assert [p["Prefix"] for p in rolled["CommonPrefixes"]] == ["b/"]


def test_keys_keep_their_blanks_when_many_are_deleted(s3, bucket):
    for key in (" k", "k", "k "):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": " k"}]})
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k", "k "]


# Keys of the customer's own

def test_a_customers_key_is_needed_for_everything_and_kept_nowhere(region, s3, bucket):
    key, other = os.urandom(32), os.urandom(32)
    mine = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret", **mine)
    for call in (s3.get_object, s3.head_object):
        assert refusal(call, Bucket=bucket, Key="k") in ("InvalidRequest", "400")
        assert refusal(call, Bucket=bucket, Key="k", **{**mine, "SSECustomerKey": other}) in ("AccessDenied", "403")
        assert call(Bucket=bucket, Key="k", **mine)["SSECustomerAlgorithm"] == "AES256"
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    assert refusal(s3.get_object, Bucket=bucket, Key="plain", **mine) == "InvalidRequest"
    source = {"Bucket": bucket, "Key": "k"}
    assert refusal(s3.copy_object, Bucket=bucket, Key="l", CopySource=source) == "InvalidRequest"
    s3.copy_object(Bucket=bucket, Key="l", CopySource=source, CopySourceSSECustomerAlgorithm="AES256",
                   CopySourceSSECustomerKey=key)
    assert s3.get_object(Bucket=bucket, Key="l")["Body"].read() == b"secret"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", **mine)["UploadId"]
    assert refusal(s3.upload_part, Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x") == "InvalidRequest"
    tag = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"part", **mine)["ETag"]
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert s3.get_object(Bucket=bucket, Key="m", **mine)["Body"].read() == b"part"
    for path in region.directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert key not in content and base64.b64encode(key) not in content, path


# Who may: lists of grants, bucket keys

def test_acls_are_for_buckets_whose_ownership_takes_them(region, s3, bucket):
    vendor = region.client("s3", "vendor")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refusal(s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read") == "AccessControlListNotSupported"
    assert refusal(s3.create_bucket, Bucket=bucket + "-acl", ACL="public-read") == "InvalidBucketAclWithObjectOwnership"
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    assert refusal(s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read") == "AccessDenied"
    s3.delete_public_access_block(Bucket=bucket)
    assert refusal(vendor.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    assert vendor.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refusal(vendor.list_objects_v2, Bucket=bucket) == "AccessDenied"
    owner = s3.list_buckets()["Owner"]["ID"]
    friend = vendor.list_buckets()["Owner"]["ID"]
    s3.put_bucket_acl(Bucket=bucket, GrantFullControl=f"id={owner}", GrantRead=f"id={friend}")
    assert {(g["Grantee"]["ID"], g["Permission"]) for g in s3.get_bucket_acl(Bucket=bucket)["Grants"]} == \
        {(owner, "FULL_CONTROL"), (friend, "READ")}
    assert [o["Key"] for o in vendor.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]
    assert refusal(vendor.put_object, Bucket=bucket, Key="l", Body=b"") == "AccessDenied"
    assert refusal(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls={
        "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}) == "InvalidBucketAclWithObjectOwnership"
    s3.put_bucket_acl(Bucket=bucket, ACL="log-delivery-write")
    assert len(s3.get_bucket_acl(Bucket=bucket)["Grants"]) == 3
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert refusal(vendor.get_object, Bucket=bucket, Key="k") == "AccessDenied"


def test_a_bucket_key_is_bound_to_the_bucket_and_obeys_kms_at_once(region, s3, bucket):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, "BucketKeyEnabled": True}]})
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["BucketKeyEnabled"]
    assert s3.head_object(Bucket=bucket, Key="k")["BucketKeyEnabled"]
    context = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}"}}
    reader = region.client("s3", keys=user_keys(region, "bucket-key", allow("s3:*"), allow("kms:Decrypt", key, Condition=context)))
    assert reader.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    kms.disable_key(KeyId=key)
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == "KMS.DisabledException"
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == "KMS.KMSInvalidStateException"


def test_a_role_reads_by_a_grant(region, s3, bucket):
    kms = region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    reader = region.client("s3", keys=user_keys(region, "by-grant", allow("s3:GetObject")))
    assert refusal(reader.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    grant = kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{TENANT}:user/by-grant", Operations=["Decrypt"])
    assert reader.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert refusal(reader.get_object, Bucket=bucket, Key="k") == "AccessDenied"


# Configurations

def test_configurations_come_back_as_they_were_put(s3, bucket):
    target = bucket + "-logs"
    s3.create_bucket(Bucket=target)
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 3000}]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == cors["CORSRules"]
    logging = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log/"}}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=logging)
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == logging["LoggingEnabled"]
    assert refusal(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus={
        "LoggingEnabled": {"TargetBucket": "is-not-there", "TargetPrefix": ""}}) == "InvalidTargetBucketForLogging"
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    assert s3.get_bucket_website(Bucket=bucket)["IndexDocument"] == {"Suffix": "index.html"}
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Suspended"
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert refusal(s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": f"arn:aws:sqs:us-east-1:{TENANT}:q", "Events": ["s3:ObjectCreated:*"]}]}) == \
        "InvalidArgument"
    s3.delete_bucket_cors(Bucket=bucket)
    assert refusal(s3.get_bucket_cors, Bucket=bucket) == "NoSuchCORSConfiguration"


def test_who_pays_must_say_so(region, s3, bucket):
    vendor = region.client("s3", "vendor")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket=bucket, Policy=document(
        {"Effect": "Allow", "Principal": {"AWS": VENDOR}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}))
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert refusal(vendor.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert vendor.get_object(Bucket=bucket, Key="k", RequestPayer="requester")["Body"].read() == b"x"
    s3.get_object(Bucket=bucket, Key="k")


def test_buckets_are_made_where_and_how_the_region_says(s3, bucket):
    assert refusal(s3.create_bucket, Bucket=bucket + "-eu", CreateBucketConfiguration={
        "LocationConstraint": "eu-west-1"}) == "IllegalLocationConstraintException"
    assert refusal(s3.create_bucket, Bucket=bucket + "-lock", ObjectLockEnabledForBucket=True) == "NotImplemented"
    assert refusal(s3.get_bucket_policy_status, Bucket=bucket) == "NoSuchBucketPolicy"
    s3.put_bucket_policy(Bucket=bucket, Policy=document({"Effect": "Allow", "Principal": {"AWS": VENDOR}, "Action": "s3:GetObject",
                                                         "Resource": f"arn:aws:s3:::{bucket}/*"}))
    assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    other = {"ExpectedBucketOwner": VENDOR}
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"", **other) == "AccessDenied"


def test_an_object_says_when_its_lifecycle_ends(s3, bucket):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"ID": "short", "Status": "Enabled", "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "b"}]}},
         "Expiration": {"Days": 3}},
        {"ID": "old", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}]})
    assert 'rule-id="short"' in s3.put_object(Bucket=bucket, Key="logs/x", Body=b"", Tagging="a=b")["Expiration"]
    assert "Expiration" in s3.head_object(Bucket=bucket, Key="logs/x")
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="logs/y", Body=b"")
    assert refusal(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"Status": "Enabled", "Filter": {}}]}) == "InvalidRequest"


# The way there

def test_a_presigned_link_says_how_its_answer_looks(region, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k", "ResponseContentType": "text/x-y",
                                                   "ResponseContentDisposition": 'attachment; filename="z"'})
    connection = http.client.HTTPSConnection(region.url.split("//")[1],
                                             context=ssl.create_default_context(cafile=region.directory / "ca.pem"))
    connection.request("GET", url[len(region.url):])
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.headers["content-type"] == "text/x-y"
    assert answer.headers["content-disposition"] == 'attachment; filename="z"'


def test_a_bucket_may_stand_in_the_host(region, s3, bucket):
    host = f"{bucket}.s3.us-east-1.amazonaws.com"
    context = ssl.create_default_context(cafile=region.directory / "ca.pem")
    credentials = region.session().get_credentials()
    address, port = region.url.split("//")[1].split(":")

    def send(method, path, body=b"", **headers):
        request = botocore.awsrequest.AWSRequest(method, f"https://{host}{path}", data=body, headers=headers)
        botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
        connection = http.client.HTTPSConnection(host, context=context)
        connection.sock = context.wrap_socket(socket.create_connection((address, int(port))), server_hostname=host)
        connection.request(method, path, body, dict(request.prepare().headers))
        answer = connection.getresponse()
        said = answer.status, answer.read()
        connection.close()
        return said
    assert send("PUT", "/some/key", b"there")[0] == 200
    assert s3.get_object(Bucket=bucket, Key="some/key")["Body"].read() == b"there"
    assert b"<Key>some/key</Key>" in send("GET", "/?list-type=2")[1]
    body = b"<Delete><Object><Key>some/key</Key></Object></Delete>"
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    assert send("POST", "/?delete", body, **{"Content-MD5": digest})[0] == 200
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    # a body where none is of use is signed like any other, and changes nothing
    assert send("GET", "/?list-type=2", b"idle")[0] == 200
    assert send("GET", "/some/key", b"idle")[0] == 404
    assert send("DELETE", "/some/key", b"idle")[0] == 204


@pytest.mark.skipif(not os.path.exists("/usr/bin/aws"), reason="Debian's aws-cli is not installed")
def test_the_command_line_moves_trees_and_large_files(region, s3, bucket, tmp_path):
    environment = {**os.environ, "AWS_PROFILE": "acme", "AWS_SHARED_CREDENTIALS_FILE": str(region.directory / "credentials"),
                   "AWS_CA_BUNDLE": str(region.directory / "ca.pem"), "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "",
                   "AWS_CONFIG_FILE": str(tmp_path / "none")}

    def aws(*words):
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", region.url, "s3", *words], env=environment, text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "large").write_bytes(os.urandom(20 * MEBIBYTE))
    (tree / "deep" / "small file +&").write_bytes(b"small")
    aws("sync", str(tree), f"s3://{bucket}/tree")
    assert s3.head_object(Bucket=bucket, Key="tree/large")["ETag"].endswith('-3"')
    aws("cp", f"s3://{bucket}/tree/large", f"s3://{bucket}/copy")
    aws("mv", f"s3://{bucket}/copy", f"s3://{bucket}/moved")
    assert "PRE tree/" in aws("ls", f"s3://{bucket}/")
    aws("sync", f"s3://{bucket}/", str(tmp_path / "back"))
    for path in ("tree/large", "moved"):
        assert (tmp_path / "back" / path).read_bytes() == (tree / "large").read_bytes()
    assert (tmp_path / "back" / "tree/deep/small file +&").read_bytes() == b"small"
    aws("rm", "--recursive", f"s3://{bucket}/")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
