"""Requests signed with an API key, written from the protocol and not from our code, so that it can disagree with us."""
import base64
import datetime
import hashlib
import json
import subprocess


def sha256(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def headers(method, url, key_path, key_id, body=b"", at=None, signed_body=None):
    at = at or datetime.datetime.now(datetime.timezone.utc)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = sha256(body if signed_body is None else signed_body)
    text = "\n".join([method, url, stamp, digest])
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key_path], input=text.encode(), capture_output=True,
                               check=True).stdout
    public = subprocess.run(["openssl", "pkey", "-in", key_path, "-pubout"], capture_output=True, check=True).stdout
    return {"X-Timestamp": stamp, "X-Content-Hash": digest, "X-Key": base64.b64encode(public).decode(), "X-Key-Id": key_id,
            "X-Authorization": base64.b64encode(signature).decode()}


def send(zone, method, path, body=b"", extra=(), certificate=None, **head):
    """A request to the controller by curl: status and JSON (or text)."""
    config = json.loads((zone.directory / "home/config.json").read_text())
    url = config["controller"] + path
    words = ["curl", "-s", "-k", "-x", config["proxy"], "-X", method, "-w", "\n%{http_code}", url]
    if body:
        words += ["--data-binary", "@-"]
    if certificate:
        words += ["--cert", certificate[0], "--key", certificate[1]]
    for name, value in head.get("headers", {}).items():
        words += ["-H", f"{name}: {value}"]
    done = subprocess.run([*words, *extra], input=body, capture_output=True)
    text, _, status = done.stdout.decode().rpartition("\n")
    try:
        return int(status), json.loads(text)
    except ValueError:
        return int(status or 0), text


def signed(zone, method, path, body=b"", key="acme", key_id=None, content_type="application/zip", **more):
    config = json.loads((zone.directory / "home/config.json").read_text())
    key_path = zone.directory / f"home/{key}.api-key.pem"
    made = headers(method, config["controller"] + path, key_path, key_id or f"{key}:album-search:default", body, **more)
    if body:
        made["Content-Type"] = content_type
    return send(zone, method, path, body, headers=made)
