"""S3 of localaws as its clients see it: boto3, and raw requests where boto3 would not misbehave."""
import base64
import concurrent.futures
import hashlib
import http.client
import io
import json
import os
import pathlib
import ssl
import subprocess
import zlib

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.exceptions
import pytest

VENDOR, TENANT = "100000000001", "210987654321"
MEBIBYTE = 1 << 20


class Region:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [os.environ["LOCALAWS"], "--state", self.directory, "--account", f"{VENDOR}=vendor", "--account",
             f"{TENANT}=tenant", "--listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--no-plane"],
            stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[1]
        self.trust = str(self.directory / "ca.pem")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()

    def session(self, profile="tenant"):
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(self.directory / "credentials")
        return boto3.Session(profile_name=profile, region_name="us-east-1")

    def client(self, service, profile="tenant", session=None):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, signature_version="v4" if service != "s3" else "s3v4",
                                         s3={"addressing_style": "path"})
        return (session or self.session(profile)).client(service, endpoint_url=self.url, verify=self.trust,
                                                         config=config)

    def role(self, name, statements, principal=None):
        """A session of a role in the tenant's account that may do just this."""
        iam = self.client("iam")
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": principal or f"arn:aws:iam::{TENANT}:root"}}]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": statements}))
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17",
             "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        user = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
        got = self.client("sts", session=user).assume_role(
            RoleArn=f"arn:aws:iam::{TENANT}:role/{name}", RoleSessionName=name)["Credentials"]
        return boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"],
                             region_name="us-east-1")

    def raw(self, method, path, body, headers, payload_hash, profile="tenant"):
        """A signed request with just these headers. Returns status and body."""
        host = self.url.split("//")[1]
        request = botocore.awsrequest.AWSRequest(method=method, url=self.url + path, headers=headers)
        request.context["payload_signing_enabled"] = True
        signer = botocore.auth.S3SigV4Auth(self.session(profile).get_credentials(), "s3", "us-east-1")
        signer.payload = lambda _: payload_hash
        signer.add_auth(request)
        connection = http.client.HTTPSConnection(host, context=ssl.create_default_context(cafile=self.trust))
        connection.request(method, path, body, dict(request.headers))
        answer = connection.getresponse()
        result = answer.status, answer.read()
        connection.close()
        return result


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    region = Region(tmp_path_factory.mktemp("region"))
    yield region
    region.stop()


@pytest.fixture(scope="module")
def s3(region):
    return region.client("s3")


@pytest.fixture
def bucket(s3, request):
    name = "b-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:20] + ".x"
    s3.create_bucket(Bucket=name)
    return name


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def on_disk(region):
    return b"".join(path.read_bytes() for path in (region.directory / "s3").rglob("*") if path.is_file())


# Buckets

def test_a_buckets_name_belongs_to_one_account(region, s3, bucket):
    assert bucket in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"
    vendor = region.client("s3", "vendor")
    assert refusal(vendor.create_bucket, Bucket=bucket) == "BucketAlreadyExists"
    s3.create_bucket(Bucket=bucket)  # in us-east-1, and only there
    assert bucket not in [b["Name"] for b in vendor.list_buckets()["Buckets"]]
    assert refusal(vendor.head_bucket, Bucket=bucket) == "403"
    assert refusal(vendor.put_object, Bucket=bucket, Key="k", Body=b"x") == "AccessDenied"


def test_a_bucket_goes_only_when_it_is_empty(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refusal(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    assert refusal(s3.head_bucket, Bucket=bucket) == "404"
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"x") == "NoSuchBucket"


def test_names_that_are_none_are_refused(region, s3):
    for name in ["ab", "UPPER", "a..b", "a_b"]:
        status, body = region.raw("PUT", f"/{name}", b"", {}, hashlib.sha256(b"").hexdigest())
        assert (status, b"InvalidBucketName" in body) == (400, True), name


def test_configuration_is_given_back_as_it_was_sent(s3, bucket):
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "zone", "Value": "dev.x & y"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "zone", "Value": "dev.x & y"}]
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
             "RestrictPublicBuckets": False}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == block
    ownership = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=ownership)
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == ownership
    rules = [{"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 31}}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert got["Rules"] == rules
    assert got["ResponseMetadata"]["HTTPHeaders"]["x-amz-transition-default-minimum-object-size"] == \
        "all_storage_classes_128K"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == policy
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == [rule]


def test_what_a_bucket_does_not_have_has_its_own_code(s3, bucket):
    codes = {
        s3.get_bucket_policy: "NoSuchBucketPolicy",
        s3.get_bucket_lifecycle_configuration: "NoSuchLifecycleConfiguration",
        s3.get_bucket_tagging: "NoSuchTagSet",
        s3.get_public_access_block: "NoSuchPublicAccessBlockConfiguration",
        s3.get_bucket_ownership_controls: "OwnershipControlsNotFoundError",
        s3.get_bucket_cors: "NoSuchCORSConfiguration",
        s3.get_bucket_website: "NoSuchWebsiteConfiguration",
        s3.get_bucket_replication: "ReplicationConfigurationNotFoundError",
        s3.get_object_lock_configuration: "ObjectLockConfigurationNotFoundError",
    }
    new = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert new == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    s3.delete_public_access_block(Bucket=bucket)
    for call, code in codes.items():
        assert refusal(call, Bucket=bucket) == code
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.get_bucket_logging(Bucket=bucket)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None


def test_what_this_s3_cannot_do_it_refuses(s3, bucket):
    assert refusal(s3.get_object_torrent, Bucket=bucket, Key="k") == "NotImplemented"
    assert refusal(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessControlListNotSupported"
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy="{}") == "MalformedPolicy"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refusal(s3.get_object, Bucket=bucket, Key="k", VersionId="v1") == "NoSuchVersion"
    assert refusal(s3.get_object, Bucket=bucket, Key="k", PartNumber=2) == "InvalidPartNumber"
    assert refusal(s3.get_object, Bucket=bucket, Key="k", PartNumber=0) == "InvalidArgument"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    assert refusal(s3.put_object, Bucket=bucket, Key="k", StorageClass="GLACIER") == "NotImplemented"


# Objects

KEYS = ["a", "with space", "plus+and&=?#%", "\u00e9t\u00e9/\u1234", "//double//", "a/../b", "x" * 1024, "~-._*'()"]


def test_every_key_holds_its_own_bytes(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(KEYS, key=str.encode)
    assert refusal(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"") == "KeyTooLongError"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3 * MEBIBYTE + 5])
def test_bytes_come_back_whole_and_in_ranges(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body and got["ContentLength"] == size
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ContentLength"] == size and head["ETag"] == put["ETag"]
    for first, last in [(0, 0), (size // 2, size - 1), (65530, 65540), (size - 1, size + 10)]:
        if 0 <= first < size:
            part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}")
            assert part["Body"].read() == body[first:last + 1]
            assert part["ContentRange"] == f"bytes {first}-{min(last, size - 1)}/{size}"
    assert refusal(s3.get_object, Bucket=bucket, Key="k", Range=f"bytes={size}-") == "InvalidRange"


def test_metadata_and_tags_stay_with_the_object(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain", CacheControl="no-store",
                  Metadata={"host": "h1"}, Tagging="a=1&b=x%20y")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentType"], head["CacheControl"], head["Metadata"]) == ("text/plain", "no-store", {"host": "h1"})
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": ""}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "c", "Value": ""}]
    s3.copy_object(Bucket=bucket, Key="copy of k", CopySource={"Bucket": bucket, "Key": "k"})
    copy = s3.get_object(Bucket=bucket, Key="copy of k")
    assert (copy["Body"].read(), copy["ContentType"], copy["TagCount"]) == (b"x", "text/plain", 1)
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_conditions_are_kept(s3, bucket):
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=tag) == "304"
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"') == "PreconditionFailed"
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=tag)["Body"].read() == b"x"


def test_listings_roll_up_and_go_on_where_they_stopped(s3, bucket):
    keys = [f"logs/{day}/{n}" for day in "abc" for n in range(4)] + ["logs.txt", "zz"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["logs/"]
    assert [o["Key"] for o in top["Contents"]] == ["logs.txt", "zz"]
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="logs/", Delimiter="/", PaginationConfig={"PageSize": 1})
    assert [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])] == \
        ["logs/a/", "logs/b/", "logs/c/"]
    for operation in ["list_objects_v2", "list_objects", "list_object_versions"]:
        pages = s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": 3})
        found = [o["Key"] for page in pages for o in page.get("Contents", page.get("Versions", []))]
        assert found == sorted(keys), operation
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="logs/c/2", Prefix="logs/")
    assert [o["Key"] for o in after["Contents"]] == ["logs/c/3"]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


def test_readers_see_whole_objects_while_others_write_them(region, bucket):
    def work(n):
        client = region.client("s3")
        for _ in range(15):
            client.put_object(Bucket=bucket, Key="same", Body=bytes([n]) * (100000 + n))
            body = client.get_object(Bucket=bucket, Key="same")["Body"].read()
            assert body == bytes([body[0]]) * (100000 + body[0])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(work, range(4)))) == 4


def test_many_are_deleted_at_once(s3, bucket):
    for n in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{n}", Body=b"")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"k{n}"} for n in range(4)] +
                                                                 [{"Key": "absent"}]})
    assert len(answer["Deleted"]) == 5 and "Errors" not in answer
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k4"]


def test_a_multipart_upload_becomes_one_object(s3, bucket):
    parts = [os.urandom(5 * MEBIBYTE), os.urandom(5 * MEBIBYTE + 1), b"the end"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big", ContentType="x/y")["UploadId"]
    tags = [s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=n, Body=part)["ETag"]
            for n, part in enumerate(parts, 1)]
    assert refusal(s3.head_object, Bucket=bucket, Key="big") == "404"
    assert len(s3.list_parts(Bucket=bucket, Key="big", UploadId=upload)["Parts"]) == 3
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    chosen = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    wrong = [{**chosen[0], "ETag": '"00"'}]
    assert refusal(s3.complete_multipart_upload, Bucket=bucket, Key="big", UploadId=upload,
                   MultipartUpload={"Parts": wrong}) == "InvalidPart"
    assert refusal(s3.complete_multipart_upload, Bucket=bucket, Key="other", UploadId=upload,
                   MultipartUpload={"Parts": chosen}) == "NoSuchUpload"
    done = s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": chosen})
    md5 = hashlib.md5(b"".join(hashlib.md5(p).digest() for p in parts)).hexdigest()
    assert done["ETag"] == f'"{md5}-3"'
    whole = b"".join(parts)
    got = s3.get_object(Bucket=bucket, Key="big")
    assert got["Body"].read() == whole and got["ContentType"] == "x/y"
    first = 5 * MEBIBYTE - 3
    across = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={first}-{2 * first + 20}")["Body"].read()
    assert across == whole[first:2 * first + 21]


def test_an_aborted_upload_is_gone(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="big", UploadId=upload)
    assert refusal(s3.upload_part, Bucket=bucket, Key="big", UploadId=upload, PartNumber=2, Body=b"x") == "NoSuchUpload"


def test_boto3s_transfer_goes_both_ways(s3, bucket):
    body = os.urandom(20 * MEBIBYTE)
    s3.upload_fileobj(io.BytesIO(body), bucket, "t")
    back = io.BytesIO()
    s3.download_fileobj(bucket, "t", back)
    assert back.getvalue() == body


def test_presigned_requests_are_taken(region, s3, bucket):
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "p q"})
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "p q"})
    host = region.url.split("//")[1]
    for method, url, body in [("PUT", put, b"signed before"), ("GET", get, None)]:
        connection = http.client.HTTPSConnection(host, context=ssl.create_default_context(cafile=region.trust))
        connection.request(method, url[len(region.url):], body)
        answer = connection.getresponse()
        assert answer.status == 200
        text = answer.read()
        connection.close()
    assert text == b"signed before"


# What a body must be

def test_a_body_that_is_not_what_was_signed_is_refused(region, s3, bucket):
    good = hashlib.sha256(b"good").hexdigest()
    status, body = region.raw("PUT", f"/{bucket}/k", b"evil", {}, good)
    assert (status, b"XAmzContentSHA256Mismatch" in body) == (400, True)
    md5 = base64.b64encode(hashlib.md5(b"good").digest()).decode()
    status, body = region.raw("PUT", f"/{bucket}/k", b"evil", {"Content-MD5": md5}, "UNSIGNED-PAYLOAD")
    assert (status, b"BadDigest" in body) == (400, True)
    crc = base64.b64encode(zlib.crc32(b"good").to_bytes(4, "big")).decode()
    status, body = region.raw("PUT", f"/{bucket}/k", b"evil", {"x-amz-checksum-crc32": crc}, "UNSIGNED-PAYLOAD")
    assert (status, b"BadDigest" in body) == (400, True)
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == "NoSuchKey"
    assert region.raw("PUT", f"/{bucket}/k", b"good", {"x-amz-checksum-crc32": crc}, good)[0] == 200


def chunked(body, crc, size=7):
    out = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size]) for i in range(0, len(body), size))
    return out + b"0\r\nx-amz-checksum-crc32:" + base64.b64encode(crc.to_bytes(4, "big")) + b"\r\n\r\n"


def test_chunks_with_a_trailing_checksum_are_put_together(region, s3, bucket):
    body = b"a body that was sent in chunks"
    headers = {"Content-Encoding": "aws-chunked", "x-amz-trailer": "x-amz-checksum-crc32",
               "x-amz-decoded-content-length": str(len(body))}
    path, how = f"/{bucket}/chunked", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert region.raw("PUT", path, chunked(body, zlib.crc32(body)), headers, how)[0] == 200
    got = s3.get_object(Bucket=bucket, Key="chunked")
    assert got["Body"].read() == body and "ContentEncoding" not in got
    status, answer = region.raw("PUT", path, chunked(body, 1), headers, how)
    assert (status, b"BadDigest" in answer) == (400, True)
    status, answer = region.raw("PUT", path, chunked(body, zlib.crc32(body))[:-20], headers, how)
    assert (status, b"IncompleteBody" in answer) == (400, True)
    without = chunked(body, 0).rsplit(b"x-amz-checksum", 1)[0] + b"\r\n"
    status, answer = region.raw("PUT", path, without, headers, how)
    assert (status, b"MalformedTrailerError" in answer) == (400, True)
    status, _ = region.raw("PUT", path, b"5\r\n", headers, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")
    assert status == 501
    assert s3.get_object(Bucket=bucket, Key="chunked")["Body"].read() == body


# Who may, and under which key

@pytest.fixture(scope="module")
def kms(region):
    return region.client("kms")


@pytest.fixture
def key(kms, s3, bucket):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": True}]})
    return key


def test_only_ciphertext_is_on_disk(region, s3, bucket, key):
    secret = b"a sentence that must not be found on any disk " * 3000
    for encryption in [{}, {"ServerSideEncryption": "AES256"}]:
        answer = s3.put_object(Bucket=bucket, Key="k", Body=secret, **encryption)
        assert answer["ServerSideEncryption"] == encryption.get("ServerSideEncryption", "aws:kms")
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == secret
        assert b"a sentence that must not" not in on_disk(region)


def test_without_the_key_nothing_is_written_or_read(s3, kms, bucket, key):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    kms.disable_key(KeyId=key)
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == "KMS.DisabledException"
    assert refusal(s3.put_object, Bucket=bucket, Key="l", Body=b"y") == "KMS.DisabledException"
    assert s3.head_object(Bucket=bucket, Key="k")["SSEKMSKeyId"] == key
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refusal(s3.get_object, Bucket=bucket, Key="l") == "NoSuchKey"


def allow(actions, resource):
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def test_a_host_adds_to_the_archive_and_reads_nothing(region, s3, kms, bucket, key):
    host = region.client("s3", session=region.role(
        "host", [allow(["s3:PutObject"], f"arn:aws:s3:::{bucket}/*"), allow(["kms:GenerateDataKey"], key)]))
    host.put_object(Bucket=bucket, Key="log", Body=b"line")
    assert s3.get_object(Bucket=bucket, Key="log")["Body"].read() == b"line"
    assert refusal(host.get_object, Bucket=bucket, Key="log") == "AccessDenied"
    assert refusal(host.get_object, Bucket=bucket, Key="none") == "AccessDenied"
    assert refusal(host.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert refusal(host.delete_object, Bucket=bucket, Key="log") == "AccessDenied"
    assert refusal(host.put_object, Bucket=bucket, Key="tagged", Body=b"", Tagging="a=b") == "AccessDenied"
    deleted = host.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "log"}]})
    assert deleted["Errors"][0]["Code"] == "AccessDenied"


def test_reading_takes_the_key_too(region, s3, bucket, key):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    reader = region.client("s3", session=region.role("reader", [allow("s3:*", "*")]))
    assert refusal(reader.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert refusal(reader.put_object, Bucket=bucket, Key="k", Body=b"y") == "AccessDenied"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_a_bucket_policy_refuses_and_lets_other_accounts_in(region, s3, bucket):
    vendor = region.client("s3", "vendor")
    s3.put_object(Bucket=bucket, Key="shared/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="own/k", Body=b"x")
    assert refusal(vendor.get_object, Bucket=bucket, Key="shared/k") == "AccessDenied"
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": VENDOR}, "Action": "s3:GetObject",
         "Resource": f"arn:aws:s3:::{bucket}/shared/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    assert vendor.get_object(Bucket=bucket, Key="shared/k")["Body"].read() == b"x"
    assert refusal(vendor.get_object, Bucket=bucket, Key="own/k") == "AccessDenied"
    assert refusal(vendor.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert refusal(s3.delete_object, Bucket=bucket, Key="own/k") == "AccessDenied"


def test_a_public_policy_is_blocked_or_of_no_use(region, s3, bucket):
    vendor = region.client("s3", "vendor")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=policy) == "AccessDenied"
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert vendor.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
             "RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert refusal(vendor.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=policy) == "AccessDenied"
    statement["Condition"] = {"StringEquals": {"aws:PrincipalAccount": VENDOR}}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert vendor.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_everything_is_there_after_a_restart(region, s3, kms, bucket, key):
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    region.stop()
    region.start()
    again = region.client("s3")
    assert again.get_object(Bucket=bucket, Key="k")["Body"].read() == b"before"
    assert again.get_bucket_encryption(Bucket=bucket)
    tag = again.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, Body=b"after")["ETag"]
    again.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload,
                                    MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert again.get_object(Bucket=bucket, Key="big")["Body"].read() == b"after"
