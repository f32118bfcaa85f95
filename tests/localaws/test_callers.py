"""Who calls is what the signature proves, and nothing else."""
import datetime
import signal
import ssl
import time
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest

from local_region import TENANT, VENDOR, fresh_region, region


def signed_request(region, body="Action=GetCallerIdentity&Version=2011-06-15", headers=None, scope="us-east-1",
                   service="sts", when=None, tamper=None):
    """A GetCallerIdentity signed by botocore, perhaps spoiled afterwards; returns status and text."""
    keys = region.session("acme").get_credentials().get_frozen_credentials()
    request = botocore.awsrequest.AWSRequest(
        "POST", region.url + "/", data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})
    signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(keys.access_key, keys.secret_key), service, scope)
    if when:
        with pytest.MonkeyPatch.context() as patch:
            class Clock(datetime.datetime):
                @classmethod
                def utcnow(cls):
                    return when
            patch.setattr(botocore.auth.datetime, "datetime", Clock)
            signer.add_auth(request)
    else:
        signer.add_auth(request)
    if tamper:
        tamper(request)
    prepared = request.prepare()
    context = ssl.create_default_context(cafile=region.directory / "ca.pem")
    plain = urllib.request.Request(region.url + "/", data=prepared.body.encode() if isinstance(prepared.body, str)
                                   else prepared.body, headers=dict(prepared.headers), method="POST")
    try:
        with urllib.request.urlopen(plain, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_root_keys_say_which_account(region):
    for profile, account in (("vendor", VENDOR), ("acme", TENANT)):
        identity = region.client("sts", profile).get_caller_identity()
        assert identity["Account"] == account
        assert identity["Arn"] == f"arn:aws:iam::{account}:root"


def test_a_wrong_secret_is_refused(region):
    keys = region.session().get_credentials()
    sts = region.client("sts", keys={"AccessKeyId": keys.access_key, "SecretAccessKey": "x" * 40})
    with pytest.raises(botocore.exceptions.ClientError) as error:
        sts.get_caller_identity()
    assert error.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


def test_an_unknown_key_is_refused_as_each_protocol_does(region):
    keys = {"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "SecretAccessKey": "x" * 40}
    with pytest.raises(botocore.exceptions.ClientError) as error:
        region.client("iam", keys=keys).list_roles()
    assert error.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_a_changed_body_is_refused(region):
    def tamper(request):
        request.data = "Action=GetSessionToken&Version=2011-06-15"
    status, text = signed_request(region, tamper=tamper)
    assert status == 403 and "SignatureDoesNotMatch" in text


def test_a_body_hash_that_does_not_fit_is_refused(region):
    status, text = signed_request(region, headers={"X-Amz-Content-SHA256": "0" * 64})
    assert status in (400, 403), text


def test_a_steering_header_added_after_signing_is_refused(region):
    def tamper(request):
        request.headers["X-Amz-Target"] = "TrentService.ListKeys"
    status, text = signed_request(region, tamper=tamper)
    assert status == 403 and "not signed" in text


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_that_is_off_is_refused(region, minutes):
    when = datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)
    status, text = signed_request(region, when=when)
    assert status == 403 and "Signature expired" in text


def test_a_clock_that_is_a_little_off_is_fine(region):
    when = datetime.datetime.utcnow() - datetime.timedelta(minutes=10)
    assert signed_request(region, when=when)[0] == 200


def test_a_signature_for_another_region_is_refused(region):
    assert signed_request(region, scope="eu-west-1")[0] == 403


def test_a_signature_for_one_service_does_not_open_another(region):
    status, text = signed_request(region, service="iam", body="Action=GetCallerIdentity&Version=2011-06-15")
    assert status == 400 and "InvalidAction" in text


def test_an_unsigned_request_is_refused(region):
    def tamper(request):
        del request.headers["Authorization"]
    status, text = signed_request(region, tamper=tamper)
    assert status == 403 and "MissingAuthenticationToken" in text


def test_a_parameter_given_twice_is_refused(region):
    status, text = signed_request(region, body="Action=GetCallerIdentity&Version=2011-06-15&Action=AssumeRole")
    assert status == 400 and "MalformedQueryString" in text


def test_keys_and_certificates_survive_a_restart(fresh_region):
    before = {name: (fresh_region.directory / name).read_text()
              for name in ("credentials", "ca.pem", "identity-document.pem")}
    fresh_region.stop()
    assert not (fresh_region.directory / "ready").exists()
    fresh_region.start()
    for name, text in before.items():
        assert (fresh_region.directory / name).read_text() == text
    assert fresh_region.client("sts").get_caller_identity()["Account"] == TENANT


def test_keys_of_an_account_left_out_for_a_while_are_still_there_later(fresh_region):
    before = (fresh_region.directory / "credentials").read_text()
    fresh_region.stop()
    fresh_region.start(accounts=["333333333333=third"])
    assert fresh_region.client("sts", "third").get_caller_identity()["Account"] == "333333333333"
    fresh_region.stop()
    fresh_region.start()
    assert (fresh_region.directory / "credentials").read_text().startswith(before)
    assert fresh_region.client("sts").get_caller_identity()["Account"] == TENANT


def test_credentials_are_for_the_owner_only(region):
    for name in ("credentials", "endpoint.key", "identity-document.key"):
        assert (region.directory / name).stat().st_mode & 0o077 == 0


def test_what_was_changed_a_moment_before_a_crash_is_there_after_it(fresh_region):
    fresh_region.client("iam").create_user(UserName="kept")
    time.sleep(1)
    fresh_region.stop(signal.SIGKILL)
    fresh_region.start()
    assert fresh_region.client("iam").get_user(UserName="kept")["User"]["UserName"] == "kept"
