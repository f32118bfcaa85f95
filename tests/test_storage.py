"""At rest there is only ciphertext, under the tenant's keys."""
import os
import subprocess

from conftest import wait_for

PLAIN = [b"A Head Full of Dreams", b"/search/?query="]


def raw_files(zone):
    for folder in ("s3", "volumes"):
        for path in (zone.directory / "localaws" / folder).rglob("*"):
            if path.is_file():
                yield path


def extents(file):
    """The parts of a sparse file that hold anything: a volume is mostly holes."""
    end = 0
    while True:
        try:
            begin = os.lseek(file.fileno(), end, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
        yield begin, end


def holds(path, needle):
    piece = 1 << 20
    with open(path, "rb", buffering=0) as file:
        for begin, end in extents(file):
            for at in range(begin, end, piece):
                if needle in os.pread(file.fileno(), piece + len(needle), at):
                    return True
    return False


def test_no_document_or_log_text_is_on_the_regions_disks(zone):
    wait_for("archived logs", lambda: zone.json("logs"), 60)
    subprocess.run(["sync"])
    files = list(raw_files(zone))
    assert any(p.suffix == ".img" for p in files) and any("s3" in p.parts for p in files)
    for path in files:
        for needle in PLAIN:
            assert not holds(path, needle), f"{needle} stands in plain text in {path}"


def test_the_text_that_was_looked_for_can_be_found_where_it_is_plain(zone):
    assert holds(zone.directory / "application/documents/1.json", PLAIN[0])


def test_the_archives_key_stops_new_uploads_when_disabled_and_nothing_is_lost(zone):
    kms = zone.aws("kms")
    key = kms.describe_key(KeyId="alias/vespa-archive-key-dev-aws-us-east-1c")["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    try:
        before = {o["key"] for o in zone.json("logs")}
        zone.enclave("query", "disabled-key-marker")
        import time
        time.sleep(12)  # more than a rotation and a try
        assert {o["key"] for o in zone.json("logs")} == before
    finally:
        kms.enable_key(KeyId=key)
    wait_for("what was kept on disk", lambda: "disabled-key-marker" in zone.enclave(
        "logs", "--show", "--type", "access").stdout, 120)
