"""What lies on the disk: ciphertext only, whole objects only, also when the region is killed in the middle of everything."""
import http.client
import os
import signal
import sqlite3
import ssl
import threading
import time

import botocore.exceptions
import pytest

from local_region import fresh_region

MEBIBYTE = 1 << 20
MARK = b"this sentence is in every object and must be in no file "


def files_of(region):
    return [path for path in region.directory.rglob("*") if path.is_file()]


def assert_hidden(region, *texts):
    for path in files_of(region):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # one that was being replaced
        for text in texts:
            assert text not in content, (path, text)


def test_no_object_lies_in_the_clear_anywhere_at_any_time(fresh_region):
    s3, kms = fresh_region.client("s3"), fresh_region.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="at-rest")
    s3.put_bucket_versioning(Bucket="at-rest", VersioningConfiguration={"Status": "Enabled"})
    small, large = MARK * 10, MARK * (6 * MEBIBYTE // len(MARK))
    hidden = (MARK, b"a-secret-tag-value", b"a-secret-header")
    ways = [{}, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key},
            {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}]
    for n, how in enumerate(ways):
        for body in (small, large):
            s3.put_object(Bucket="at-rest", Key=f"k{n}", Body=body, Tagging="t=a-secret-tag-value",
                          Metadata={"m": "a-secret-header"}, **how)
            assert_hidden(fresh_region, *hidden)
        upload = s3.create_multipart_upload(Bucket="at-rest", Key=f"m{n}", **how)["UploadId"]
        customers = {name: value for name, value in how.items() if name.startswith("SSECustomer")}
        tags = [s3.upload_part(Bucket="at-rest", Key=f"m{n}", UploadId=upload, PartNumber=number, Body=body, **customers)["ETag"]
                for number, body in enumerate((large, small), 1)]
        assert_hidden(fresh_region, *hidden)  # parts of an upload that is not complete
        s3.complete_multipart_upload(Bucket="at-rest", Key=f"m{n}", UploadId=upload, MultipartUpload={
            "Parts": [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]})
    s3.copy_object(Bucket="at-rest", Key="copy", CopySource={"Bucket": "at-rest", "Key": "m0"})
    assert_hidden(fresh_region, *hidden)
    fresh_region.stop(signal.SIGKILL)
    assert_hidden(fresh_region, *hidden)
    fresh_region.start()
    s3 = fresh_region.client("s3")
    assert s3.get_object(Bucket="at-rest", Key="copy")["Body"].read() == large + small
    first = len(large) - 7
    assert s3.get_object(Bucket="at-rest", Key="copy", Range=f"bytes={first}-{first + 20}")["Body"].read() == \
        (large + small)[first:first + 21]


def test_a_body_on_its_way_in_is_ciphertext_too(fresh_region):
    s3 = fresh_region.client("s3")
    s3.create_bucket(Bucket="on-the-way")
    reached, may_end = threading.Event(), threading.Event()

    class Slow:
        """Half of it, then nothing for as long as we look."""
        def __init__(self):
            self.left = 8 * MEBIBYTE

        def __len__(self):
            return 8 * MEBIBYTE

        def read(self, count=-1):
            if self.left <= 4 * MEBIBYTE and not may_end.is_set():
                reached.set()
                may_end.wait(10)
            now = min(self.left, count if count and count > 0 else self.left, MEBIBYTE)
            self.left -= now
            return (MARK * (now // len(MARK) + 1))[:now]
    connection = threading.Thread(target=send_slowly, args=(fresh_region, Slow()))
    connection.start()
    assert reached.wait(10)
    wait_until(lambda: any(path.stat().st_size > MEBIBYTE for path in (fresh_region.directory / "s3/files").iterdir()))
    assert_hidden(fresh_region, MARK)
    may_end.set()
    connection.join()
    assert s3.head_object(Bucket="on-the-way", Key="k")["ContentLength"] == 8 * MEBIBYTE


def wait_until(condition):
    deadline = time.time() + 20
    while not condition():
        assert time.time() < deadline
        time.sleep(0.02)


def send_slowly(region, body):
    url = region.client("s3", signature_version="s3v4").generate_presigned_url(
        "put_object", {"Bucket": "on-the-way", "Key": "k"})
    connection = http.client.HTTPSConnection(region.url.split("//")[1],
                                             context=ssl.create_default_context(cafile=region.directory / "ca.pem"))
    connection.putrequest("PUT", url[len(region.url):])
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    while piece := body.read(MEBIBYTE):
        connection.send(piece)
    assert connection.getresponse().status == 200
    connection.close()


def put_in_parts(client, key, body):
    upload = client.create_multipart_upload(Bucket="killed", Key=key)["UploadId"]
    tag = client.upload_part(Bucket="killed", Key=key, UploadId=upload, PartNumber=1, Body=body)["ETag"]
    client.complete_multipart_upload(Bucket="killed", Key=key, UploadId=upload,
                                     MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})


def index_of(region):
    """The files that the index knows, and the objects it has no contents of."""
    with sqlite3.connect(region.directory / "s3/index.sqlite") as index:
        files = {file for file, in index.execute("SELECT file FROM stored_pieces WHERE content IS NULL")}
        hollow = index.execute("SELECT count(*) FROM versions WHERE marker = 0 AND id NOT IN"
                               " (SELECT object FROM stored_pieces)").fetchone()[0]
        strays = index.execute("SELECT count(*) FROM stored_pieces WHERE object NOT IN (SELECT id FROM versions)"
                               " AND object NOT IN (SELECT id FROM multiparts)").fetchone()[0]
    index.close()
    return files, hollow, strays


@pytest.mark.parametrize("after", [4, 17])
def test_a_kill_in_the_middle_leaves_whole_objects_and_no_litter(fresh_region, after):
    s3 = fresh_region.client("s3")
    s3.create_bucket(Bucket="killed")
    acknowledged, unsure, done = {}, {}, []  # what each key must hold, or may hold

    def put(n):
        client = fresh_region.client("s3")
        for round in range(1000):
            size = (100, 200_000, 5 * MEBIBYTE)[(n + round) % 3]
            key, letter = f"{n}/{round % 4}", bytes([round % 256])
            try:
                if (n + round) % 2:
                    client.put_object(Bucket="killed", Key=key, Body=letter * size)
                else:
                    put_in_parts(client, key, letter * size)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                unsure[key] = (letter, size)
                return
            acknowledged[key] = (letter, size)
            done.append(key)
    threads = [threading.Thread(target=put, args=(n,)) for n in range(4)]
    time.sleep(0.5)  # the bucket itself is saved within a quarter of a second
    for thread in threads:
        thread.start()
    wait_until(lambda: len(done) >= after)
    fresh_region.stop(signal.SIGKILL)
    for thread in threads:
        thread.join()
    fresh_region.start()
    s3 = fresh_region.client("s3")
    for key in acknowledged.keys() | unsure.keys():
        try:
            body = s3.get_object(Bucket="killed", Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            assert key not in acknowledged
            continue
        assert (body[:1], len(body)) in (acknowledged.get(key), unsure.get(key)) and body == body[:1] * len(body)
    files, hollow, strays = index_of(fresh_region)
    assert (hollow, strays) == (0, 0)
    assert {path.name for path in (fresh_region.directory / "s3/files").iterdir()} == files

