"""What the rules look at: the template, deployed dry and live, and the files of the repository it has to agree with."""

import functools
import json
import re

import tomlkit

from stack import DRY, LIVE, ROOT, Stack, read, transformed

# The crates whose code runs in a function: the function's own, and those that read an environment or make an error.
CODE = {
    "trade": ["functions/trade", "shared/accounts", "shared/lambda"],
    "edge-guard": ["functions/edge-guard", "shared/accounts", "shared/post-trade", "shared/lambda"],
    "sheets-log": ["functions/sheets-log", "shared/post-trade", "shared/lambda"],
    "token-keeper": ["functions/token-keeper", "shared/lambda"],
    "control": ["functions/control", "shared/operator", "shared/lambda"],
}
# And those of which a function runs a part, which may read what it reads, and needs nothing that it does not set; or the one file of it.
PARTLY = {"token-keeper": ["shared/accounts"], "control": ["shared/accounts"], "sheets-log": ["shared/accounts/src/names.rs"]}


class Subject:
    """`template` is as written, `files` replaces texts of the repository by path, `like` is another of which this one is a variation."""

    def __init__(self, template=None, files=None, like=None):
        self.template = read() if template is None else template
        self._files, self._like = files or {}, like

    def text(self, path):
        """A file's text."""
        return self._files[path] if path in self._files else _text(path)

    @functools.cached_property
    def transformed(self):
        if self._like is None or _for_sam(self._like.template) != _for_sam(self.template):
            return transformed(self.template)
        # The transform takes a while, and touches nothing else.
        before, after = _plain(self._like.template), _plain(self.template)
        made = {logical: whole for logical, whole in self._like.transformed["Resources"].items() if logical not in before}
        return {**self._like.transformed, "Parameters": self.template["Parameters"], "Resources": {**made, **after}}

    @functools.cached_property
    def dry(self):
        return Stack(self.transformed, DRY)

    @functools.cached_property
    def live(self):
        return Stack(self.transformed, LIVE)

    def functions(self, stack=None):
        """(short name, function): the name without the stack's."""
        stack = stack or self.live
        return [(r.properties["FunctionName"].removeprefix(f"{stack.name}-"), r) for r in stack.of_type("AWS::Lambda::Function")]

    def binary(self, logical):
        """The program that a function of the template is built from."""
        return self.template["Resources"][logical]["Metadata"]["BuildProperties"]["Binary"]

    def schedules(self, stack=None):
        return (stack or self.live).of_type("AWS::Scheduler::Schedule")

    def alarms(self, stack=None):
        return (stack or self.live).of_type("AWS::CloudWatch::Alarm")

    def events(self, path):
        """An event of the folder events."""
        return json.loads(self.text(f"events/{path}"))

    @functools.cached_property
    def profiles(self):
        """accounts.toml, each account with what it takes over from another."""
        said = tomlkit.parse(self.text("shared/accounts/accounts.toml")).unwrap()

        def whole(name):
            table = said[name]
            base = whole(table["like"]) if "like" in table else {}
            merged = {**base, **table}
            return {**merged, **{key: {**base.get(key, {}), **value} for key, value in table.items() if isinstance(value, dict)}}

        return {name: whole(name) for name in said}

    @functools.cached_property
    def folders(self):
        """The folder of each broker's parameters, as the code names its token document: {"tastytrade": "tt"}."""
        usual = dict(re.findall(r'const (\w+): Name =\s*Name \{\s*variable: \S+,\s*usual: "([^"]+)",?\s*\}', self.text("shared/accounts/src/names.rs")))
        brokers = [self.text(path) for path in _sources("shared/accounts") if "/brokers/" in path]
        # A file there that describes no broker is what they share.
        brokers = [text for text in brokers if "static FACTS: BrokerFacts" in text]
        said = [(re.search(r'\bname: "(\w+)"', text), re.search(r"\btoken: names::(\w+)", text)) for text in brokers]
        return {name.group(1): usual[token.group(1)].split("/")[2] for name, token in said}

    def rust(self, *crates):
        """The production code of these crates, one text; all that is deployed unless some are named."""
        crates = crates or sorted({crate for crates in CODE.values() for crate in crates} | {"shared/execution"})
        return "\n".join(self.text(path) for crate in crates for path in _sources(crate))


def _plain(template):
    return {logical: whole for logical, whole in template["Resources"].items() if not whole["Type"].startswith("AWS::Serverless::")}


def _for_sam(template):
    """What the transform works on."""
    return [template.get(part) for part in template if part not in ("Resources", "Parameters")] + [
        whole for whole in template["Resources"].values() if whole["Type"].startswith("AWS::Serverless::")
    ]


@functools.cache
def _text(path):
    return _without_tests((ROOT / path).read_text(encoding="utf-8")) if path.endswith(".rs") else (ROOT / path).read_text(encoding="utf-8")


def _without_tests(text):
    return re.split(r"^#\[cfg\(test\)\]\s*\nmod tests \{", text, maxsplit=1, flags=re.MULTILINE)[0]


@functools.cache
def _sources(crate):
    if crate.endswith(".rs"):
        return [crate]
    paths = (path.relative_to(ROOT) for path in sorted((ROOT / crate / "src").rglob("*.rs")))
    return [str(path) for path in paths if path.stem != "tests" and "tests" not in path.parts]
