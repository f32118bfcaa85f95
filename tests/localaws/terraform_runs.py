"""Terraform as a person runs it, against a region of a test: init, apply, plan, destroy, each in a copy of the module."""
import glob
import os
import pathlib
import shutil
import subprocess

PROVIDER = "registry.terraform.io/hashicorp/aws"
MODULES = pathlib.Path(__file__).parent / "terraform"


def plugin_directory():
    """Where this machine keeps the aws provider: what TF_PLUGIN_DIR says, Terraform's own folders, a folder of /opt."""
    home = os.path.expanduser("~")
    places = [os.environ.get("TF_PLUGIN_DIR", ""), f"{home}/.terraform.d/plugins", f"{home}/.local/share/terraform/plugins",
              "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", *sorted(glob.glob("/opt/*"))]
    return next((place for place in places if place and os.path.isdir(f"{place}/{PROVIDER}")), None)


class Module:
    def __init__(self, name, directory, region, profile="acme", source=None, **variables):
        self.directory = directory / name
        shutil.copytree(source or MODULES / name, self.directory)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))},
            "AWS_ENDPOINT_URL": region.url, "AWS_CA_BUNDLE": str(region.directory / "ca.pem"), "AWS_PROFILE": profile,
            "AWS_SHARED_CREDENTIALS_FILE": str(region.directory / "credentials"), "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", "CHECKPOINT_DISABLE": "1",
            **{f"TF_VAR_{key}": str(value) for key, value in variables.items()}}

    def run(self, *words):
        done = subprocess.run(["terraform", words[0], "-no-color", "-input=false", *words[1:]], cwd=self.directory,
                              env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def must(self, *words):
        status, said = self.run(*words)
        assert status == 0, said[-8000:]
        return said

    def init(self):
        plugins = plugin_directory()
        self.must("init", *([f"-plugin-dir={plugins}"] if plugins else []))
        return self
