"""Awkward requests, signed by botocore and by us: both must agree. Argument: the program sigv4_botocore_sign."""
import itertools
import json
import subprocess
import sys
from urllib.parse import urlsplit

from botocore.auth import EMPTY_SHA256_HASH, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PATHS = ["/", "/bucket", "/bucket/", "/bucket/a%20b", "/bucket/a%2Fb", "/bucket/a%252Fb", "/bucket//a/../b/./c",
         "/bucket/%E1%88%B4/%C3%A9", "/bucket/~tilde-._x", "/bucket/a%2Bb%3Dc%40d%3A%24", "/2013-04-01/hostedzone",
         "/bucket/log/2026-01-02.zst", "/model/a%3Ab/invoke"]
QUERIES = ["", "uploads=", "uploads", "z=1&a=2&a=1&B=3", "prefix=&delimiter=%2F&list-type=2&encoding-type=url",
           "partNumber=2&uploadId=a.b_c-d~e", "a=%20%2B%26%3D", "a=1&a-b=2&a.b=3&A=4&_=5", "x=%E1%88%B4",
           "lifecycle&acl=", "marker=a%2520b", "aa=&a=b"]
HEADERS = [{}, {"X-Amz-Target": "TrentService.GenerateDataKey", "Content-Type": "application/x-amz-json-1.1"},
           {"x-amz-meta-words": "  two   spaced    words ", "Content-Type": "text/plain; charset=utf-8",
            "x-amz-tagging": "a=b&c=d%20e", "X-Amz-Checksum-Crc32": "AAAAAA=="}]
SERVICES = ["s3", "ec2", "sts", "kms"]
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def signer(service, presigned, token):
    credentials = Credentials("AKIDEXAMPLE", SECRET, token)
    if presigned:
        return (S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth)(credentials, service, "us-east-1", expires=900)
    return (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, "us-east-1")


def case(service, path, query, headers, body, presigned, token):
    request = AWSRequest(method="GET" if presigned or not body else "PUT", data=body,
                         url="https://host.example:4566" + path + ("?" + query if query else ""), headers=headers)
    auth = signer(service, presigned, token)
    auth.add_auth(request)
    sent = request.prepare()
    target = urlsplit(sent.url)
    names = list(sent.headers.items())
    if "host" not in {name.lower() for name, _ in names}:
        names.append(("Host", "host.example:4566"))
    names = [(name, value.decode() if isinstance(value, bytes) else value) for name, value in names]
    find = {name.lower(): value for name, value in names}
    if presigned:
        payload = "UNSIGNED-PAYLOAD" if service == "s3" else EMPTY_SHA256_HASH
        signature = dict(part.partition("=")[::2] for part in target.query.split("&"))["X-Amz-Signature"]
    else:
        payload = find.get("x-amz-content-sha256") or auth.payload(request)
        signature = find["authorization"].rpartition("=")[2]
    return {"method": sent.method, "path": target.path, "query": target.query, "headers": names,
            "payload_hash": payload, "secret": SECRET, "amz_date": find.get("x-amz-date"),
            "authorization": find.get("authorization"), "expected": signature}


def main():
    cases = [case(service, path, query, headers, body, presigned, token)
             for service, path, query, headers, (body, presigned, token)
             in itertools.product(SERVICES, PATHS, QUERIES, HEADERS,
                                  [(b"", False, None), (b"Action=x&Version=1", False, "to/ken+=="), (None, True, None),
                                   (None, True, "to/ken+==")])]
    answers = json.loads(subprocess.run([sys.argv[1]], input=json.dumps(cases).encode(), stdout=subprocess.PIPE,
                                        check=True).stdout)
    wrong = [(asked, answer) for asked, answer in zip(cases, answers) if answer.get("signature") != asked["expected"]]
    for asked, answer in wrong[:3]:
        print(json.dumps(asked, indent=1), answer.get("error") or answer["canonical"], sep="\n")
    print(f"{len(cases) - len(wrong)} of {len(cases)} agree with botocore")
    return 1 if wrong or len(answers) != len(cases) or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
