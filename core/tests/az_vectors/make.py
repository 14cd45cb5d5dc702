"""Makes account.json and ini.json: what the real az, and Python's configparser, make of account files.

Run with the Python of a virtual environment that holds azure-cli, from anywhere: python make.py
Each account case is a process of its own with a private AZURE_CONFIG_DIR; nothing is asked over a network.
"""

import configparser
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = {"profile": "azureProfile.json", "clouds": "clouds.config", "config": "config"}

# What az does before and in get_raw_token, up to the credential; printed as JSON.
ASK_AZ = """
import configparser, json, sys
from knack.util import CLIError
subscription, tenant = json.loads(sys.argv[1])
def answer():
    try:
        from azure.cli.core import get_default_cli
        from azure.cli.core._profile import Profile
        from azure.cli.core.util import in_cloud_console
        cli = get_default_cli()
        profile = Profile(cli_ctx=cli)
        everywhere = profile.load_cached_subscriptions(all_clouds=True)
        try:
            account = profile.get_subscription(subscription)
        except CLIError as error:
            said = str(error)
            if "az login" in said:
                return {"absent": "NoneInCloud" if everywhere else "NoAccounts"}
            if "not found" in said:
                return {"absent": "UnknownSubscription"}
            if "Multiple" in said:
                return {"absent": "AmbiguousSubscription"}
            return {"absent": "NoDefault"}
        managed, _ = profile._parse_managed_identity_account(account)
        if in_cloud_console() and account["user"].get("cloudShellID"):
            kind = "CloudShell"
        elif managed:
            kind = "ManagedIdentity"
        else:
            kind = {"user": "User", "servicePrincipal": "ServicePrincipal"}.get(account["user"]["type"])
            if kind is None:
                raise NotImplementedError
        return {"present": {
            "cloud": cli.cloud.name, "user": account["user"]["name"], "kind": kind,
            "assigned_identity": account["user"].get("assignedIdentityInfo"),
            "tenant": str(tenant if tenant else account["tenantId"]), "subscription_id": str(account["id"])}}
    except Exception as error:
        source = getattr(error, "source", "") or ""
        if isinstance(error, (configparser.InterpolationError, UnicodeDecodeError)):
            source = "config"
        name = "Clouds" if str(source).endswith("clouds.config") else "Config" if str(source).endswith("config") else "Profile"
        return {"refused": name, "because": type(error).__name__}
print("ANSWER" + json.dumps(answer()))
"""


def subscription(id, name="Pay", cloud="AzureCloud", default=False, user=None, tenant="t-1", **more):
    user = user or {"name": "ann@example.com", "type": "user"}
    return {"id": id, "name": name, "state": "Enabled", "user": user, "isDefault": default, "tenantId": tenant,
            "environmentName": cloud, "homeTenantId": tenant, "managedByTenants": [], **more}


def profile(*subscriptions, **more):
    return json.dumps({"installationId": "00000000-0000-0000-0000-000000000000", "subscriptions": subscriptions, **more})


SP = {"name": "7ae0c0de-0000-4000-8000-00000000000a", "type": "servicePrincipal"}
MSI = {"name": "systemAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": "MSI"}
MSI_CLIENT = {"name": "userAssignedIdentity", "type": "servicePrincipal",
              "assignedIdentityInfo": "MSIClient-7ae0c0de-0000-4000-8000-00000000000b"}
SHELL = {"name": "ann@example.com", "type": "user", "cloudShellID": True}
ONE = profile(subscription("s-1", default=True))
TWO = profile(subscription("s-1", "Pay", default=True), subscription("S-2", "Dev Team", user=SP, tenant="t-2"))
CLOUDS = profile(subscription("s-1", default=True), subscription("s-9", "Pay", "Stack", user=SP, tenant="t-9"))
STACK = ("[Stack]\nendpoint_active_directory = https://sts.example\nendpoint_active_directory_resource_id = https://sts.example/arm\n"
         "profile = latest\nsubscription = s-9\n")


def account_cases():
    """(name, files, environment, subscription, tenant)"""
    yield "no files", {}, {}, None, None
    yield "empty object", {"profile": "{}"}, {}, None, None
    yield "logged out", {"profile": profile()}, {}, None, None
    yield "subscriptions null", {"profile": '{"subscriptions": null}'}, {}, None, None
    yield "a user", {"profile": ONE}, {}, None, None
    yield "a user, with a byte order mark", {"profile": "\ufeff" + ONE}, {}, None, None
    yield "a user, one tenant asked", {"profile": ONE}, {}, None, "contoso.com"
    yield "an empty tenant", {"profile": ONE}, {}, None, ""
    yield "a service principal", {"profile": profile(subscription("s-1", default=True, user=SP))}, {}, None, None
    yield "the machine's identity", {"profile": profile(subscription("s-1", default=True, user=MSI))}, {}, None, None
    yield "an assigned identity", {"profile": profile(subscription("s-1", default=True, user=MSI_CLIENT))}, {}, None, None
    yield "an assigned identity without its info", {"profile": profile(subscription(
        "s-1", default=True, user={"name": "userAssignedIdentity", "type": "servicePrincipal"}))}, {}, None, None
    yield "Cloud Shell", {"profile": profile(subscription("s-1", default=True, user=SHELL))}, {"ACC_CLOUD": "prod"}, None, None
    yield "Cloud Shell's profile elsewhere", {"profile": profile(subscription("s-1", default=True, user=SHELL))}, {}, None, None
    yield "Cloud Shell, variable empty", {"profile": profile(subscription("s-1", default=True, user=SHELL))}, {"ACC_CLOUD": ""}, None, None
    yield "another type of user", {"profile": profile(subscription("s-1", default=True, user={"name": "x", "type": "robot"}))}, {}, None, None
    yield "no type of user", {"profile": profile(subscription("s-1", default=True, user={"name": "x"}))}, {}, None, None
    yield "no user", {"profile": profile({"id": "s-1", "name": "n", "isDefault": True, "tenantId": "t", "environmentName": "AzureCloud"})}, {}, None, None
    yield "no tenant", {"profile": profile({"id": "s-1", "name": "n", "isDefault": True, "user": SP, "environmentName": "AzureCloud"})}, {}, None, None
    yield "no cloud", {"profile": profile({"id": "s-1", "name": "n", "isDefault": True, "user": SP, "tenantId": "t"})}, {}, None, None
    yield "two, the selected one", {"profile": TWO}, {}, None, None
    yield "by id, in another case", {"profile": TWO}, {}, "s-2", None
    yield "by name, in another case", {"profile": TWO}, {}, "dEV tEAM", None
    yield "by a name with a special letter", {"profile": profile(subscription("s-1", "STRASSE \u00c4\u0130\u03a3", default=True))}, {}, "strasse \u00e4i\u0307\u03c2", None
    yield "by an empty argument", {"profile": TWO}, {}, "", None
    yield "by an unknown id", {"profile": TWO}, {}, "s-3", None
    yield "a name twice", {"profile": profile(subscription("s-1", "Pay", default=True), subscription("s-2", "pay"))}, {}, "PAY", None
    yield "a name that is another's id", {"profile": profile(subscription("s-1", "Pay", default=True), subscription("pay", "x"))}, {}, "pay", None
    yield "none selected", {"profile": profile(subscription("s-1"), subscription("s-2"))}, {}, None, None
    yield "two selected", {"profile": profile(subscription("s-1", default=True), subscription("s-2", default=True))}, {}, None, None
    for value in [1, 0, "yes", "", None, [], [0], {}, 0.0, -0.0, 1e-400]:
        yield f"selected by {value!r}", {"profile": profile(subscription("s-1", default=value))}, {}, None, None
    yield "by id, one entry without a name", {"profile": profile(subscription("s-1", None, default=True))}, {}, "s-1", None
    yield "selected, without a name", {"profile": profile(subscription("s-1", None, default=True))}, {}, None, None
    yield "by id, another cloud's entry without a name", {"profile": profile(subscription("s-1", default=True), subscription("s-2", None, "Other"))}, {}, "s-1", None
    yield "cloud from config", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nname = Stack\n"}, {}, None, None
    yield "cloud from config, by id", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nname = Stack\n"}, {}, "S-9", None
    yield "cloud from config, by a name of both clouds", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nname = Stack\n"}, {}, "pay", None
    yield "cloud from the environment", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nname = AzureCloud\n"}, {"AZURE_CLOUD_NAME": "Stack"}, "s-9", None
    yield "environment over config", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nname = Stack\n"}, {"AZURE_CLOUD_NAME": "AzureCloud"}, None, None
    yield "an empty cloud in the environment", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nname = Stack\n"}, {"AZURE_CLOUD_NAME": ""}, None, None
    yield "a cloud in another case", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nname = stack\n"}, {}, None, None
    yield "an unregistered cloud", {"profile": CLOUDS, "config": "[cloud]\nname = Stack\n"}, {}, None, None
    yield "an unregistered cloud in the environment", {"profile": CLOUDS}, {"AZURE_CLOUD_NAME": "Stack"}, "s-9", None
    yield "a known cloud that nobody is logged in to", {"profile": ONE, "config": "[cloud]\nname = AzureChinaCloud\n"}, {}, None, None
    for cloud in ["AzureUSGovernment", "AzureBleuCloud"]:
        yield f"logged in to {cloud}", {"profile": profile(subscription("s-1", cloud=cloud, default=True)), "config": f"[cloud]\nname = {cloud}\n"}, {}, None, None
    yield "no [cloud] in config", {"profile": ONE, "config": "[core]\noutput = json\n"}, {}, None, None
    yield "an empty config", {"profile": ONE, "config": ""}, {}, None, None
    yield "an empty clouds.config", {"profile": ONE, "clouds": ""}, {}, None, None
    yield "a default subscription in config", {"profile": TWO, "config": "[defaults]\nsubscription = S-2\ngroup = g\n"}, {}, None, None
    yield "config that names another section first", {"profile": ONE, "config": "[defaults]\nname = Stack\n"}, {}, None, None
    yield "name from [DEFAULT]", {"profile": CLOUDS, "clouds": STACK, "config": "[DEFAULT]\nname = Stack\n[cloud]\n"}, {}, "s-9", None
    yield "a reference in the name", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nbase = St\nname = %(BASE)sack\n"}, {}, "s-9", None
    yield "a bad reference in the name", {"profile": CLOUDS, "clouds": STACK, "config": "[cloud]\nname = 100%\n"}, {}, None, None
    yield "torn profile", {"profile": ONE[:60]}, {}, None, None
    yield "profile with text after it", {"profile": ONE + "}"}, {}, None, None
    yield "profile is a list", {"profile": "[]"}, {}, None, None
    yield "subscriptions is a word", {"profile": '{"subscriptions": "x"}'}, {}, None, None
    yield "a subscription is a word", {"profile": '{"subscriptions": ["x"]}'}, {}, None, None
    yield "empty profile", {"profile": ""}, {}, None, None
    yield "blank profile", {"profile": " \n"}, {}, None, None
    yield "config without a header", {"profile": ONE, "config": "name = x\n"}, {}, None, None
    yield "config with a byte order mark", {"profile": ONE, "config": "\ufeff[cloud]\nname = AzureCloud\n"}, {}, None, None
    yield "config with an option twice", {"profile": ONE, "config": "[cloud]\nname = a\nname = b\n"}, {}, None, None
    yield "clouds.config without a header", {"profile": ONE, "clouds": "endpoint = x\n"}, {}, None, None
    yield "clouds.config with a section twice", {"profile": ONE, "clouds": "[a]\n[a]\n"}, {}, None, None
    yield "clouds.config with a known cloud", {"profile": ONE, "clouds": "[AzureCloud]\nsubscription = s-1\n"}, {}, None, None


def ask_az(files, environment, subscription, tenant):
    with tempfile.TemporaryDirectory() as folder:
        for which, text in files.items():
            (Path(folder) / FILES[which]).write_text(text, encoding="utf-8", newline="")
        variables = {"PATH": os.environ["PATH"], "HOME": folder, "AZURE_CONFIG_DIR": folder, "PYTHONUTF8": "1",
                     "AZURE_CORE_COLLECT_TELEMETRY": "false", **environment}
        run = subprocess.run([sys.executable, "-c", ASK_AZ, json.dumps([subscription, tenant])], env=variables,
                             cwd="/", capture_output=True, text=True, check=True)
        answer = json.loads(run.stdout.split("ANSWER")[1])
        for which, name, file in [("profile", "Profile", FILES["profile"]), ("clouds", "Clouds", FILES["clouds"])]:
            path = Path(folder) / file
            if which in files and (not path.exists() or (path.read_text("utf-8-sig") == "{}" != files[which])):
                return {"refused": name, "because": "az overwrote it"}
        return answer


def ini_texts(random_source):
    pieces = ["[cloud]", "[DEFAULT]", "[x]", "[]", "[]]", "[cloud] # y", "name", "Name", "NAME ", "other", "=", " = ", ":", " : ",
              "\n", "\n", "\n", "\r\n", "\r", " ", "  ", "\t", "#", ";", "value", "Stack", "%", "%%", "%(other)s", "%(name)s",
              "%(Other)s", "%(nothing)s", "%()s", "%(", "\x1c", "\u00a0", "\ufeff", "\u2028", "\x0b", "\x00", "\u0130", "]", "["]
    for _ in range(4_000):
        begin = random_source.choice(["", "[cloud]\n", "[cloud]\nname = v\n", "[cloud]\nother = o\nname = "])
        yield begin + "".join(random_source.choice(pieces) for _ in range(random_source.randrange(1, 14)))


def ask_configparser(text):
    """The name in [cloud] as a list of one, an empty list, or None for an exception."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        path.write_text(text, encoding="utf-8", newline="")
        parser = configparser.ConfigParser()
        try:
            parser.read(path, encoding="utf-8")
            return [parser.get("cloud", "name")]
        except (configparser.NoSectionError, configparser.NoOptionError):
            return []
        except configparser.Error:
            return None


def ini_cases():
    """A sample in which every outcome is common: of most random texts there is nothing to learn."""
    for depth in range(8, 13):
        for end in ["plain", "100%%"]:
            values = "".join(f"v{at} = %(v{at + 1})s\n" for at in range(depth))
            text = f"[cloud]\nname = %(v0)s\n{values}v{depth} = {end}\n"
            yield [text, ask_configparser(text)]
    wanted = {"value": 220, "none": 60, "error": 120}
    seen = set()
    for text in ini_texts(random.Random(2_026)):
        answer = ask_configparser(text)
        outcome = "error" if answer is None else "value" if answer else "none"
        if wanted[outcome] and text not in seen:
            seen.add(text)
            wanted[outcome] -= 1
            yield [text, answer]


def main():
    accounts = [{"name": name, "files": files, "environment": environment, "subscription": sub, "tenant": tenant,
                 "az": ask_az(files, environment, sub, tenant)}
                for name, files, environment, sub, tenant in account_cases()]
    for file, cases in [("account.json", accounts), ("ini.json", list(ini_cases()))]:
        lines = ",\n".join(json.dumps(case) for case in cases)
        (HERE / file).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        print(f"{file}: {len(cases)} cases")


if __name__ == "__main__":
    main()
