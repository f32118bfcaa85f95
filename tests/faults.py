"""Faults for tests: what goes wrong in a region that runs, given and taken back as an operator does it, by
`localaws fault` and `localaws event` (docs/localaws.md).

    with Faults(program, directory).given("throttle", service="ec2", action="Describe*", count=2):
        ...
"""
import contextlib
import json
import subprocess


class Faults:
    def __init__(self, program, directory):
        self.program, self.directory = program, directory

    def run(self, *words, check=True):
        done = subprocess.run([self.program, *map(str, words), "--directory", self.directory, "-o", "json"],
                              capture_output=True, text=True, timeout=30)
        if check and done.returncode:
            raise AssertionError(f"localaws {' '.join(map(str, words))}: {done.stderr}")
        return json.loads(done.stdout) if check else done

    @staticmethod
    def options(given):
        return [word for name, value in given.items()
                for word in ("--" + name.rstrip("_").replace("_", "-"), str(value))]

    def add(self, kind, **options):
        """The rule's id. Options are those of `localaws fault add`: from_ and instance_type for --from and --instance-type."""
        return self.run("fault", "add", kind, *self.options(options))["id"]

    def remove(self, id):
        self.run("fault", "remove", id)

    def clear(self):
        self.run("fault", "clear")

    def list(self):
        return self.run("fault", "list")["faults"]

    def fired(self, id):
        return next(fault.get("fired", 0) for fault in self.list() if fault["id"] == id)

    @contextlib.contextmanager
    def given(self, kind, **options):
        id = self.add(kind, **options)
        try:
            yield id
        finally:
            self.remove(id)

    def event(self, verb, instance, **options):
        self.run("event", verb, instance, *self.options(options))
