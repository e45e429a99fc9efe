# SPDX-License-Identifier: Apache-2.0
"""Options, formats, errors and exit codes of a program, over a slice of this test's own."""
from __future__ import annotations

import argparse
import contextlib
import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from cliff.commandmanager import CommandManager
from keystoneauth1 import exceptions as ksa

from flock.cli.client import ApiClient, client_for
from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.credentials import Credentials, missing_credential, session_for
from flock.cli.errors import ApiUnreachable, CliError
from flock.cli.shell import FlockShell, Program
from flock.cli.tokens import TokenCache
from flock.testing.cli import Answer, FakeApi, MemoryKeyring, Ran, Script, refusal

PROGRAM = Program("fruit", "Fruit.", "fruit", "fruit", "--fruit-url", "FRUIT_URL", "FRUITCLIENT", ())
APPLES = [
    {"id": 10, "name": "boskoop", "size_mm": 80, "note": None, "picked_at": "2026-05-01T10:00:00+00:00",
     "links": [{"href": "http://x", "rel": "self"}]},
    {"id": 9, "name": "elstar", "size_mm": 70, "note": "sweet", "picked_at": None, "links": []},
]


class FruitList(ListCommand):
    """List fruit."""

    api_name = "fruit"
    columns = (*columns("id", "name=Name of fruit"), Column("size_mm", "size", lambda row: f"{row['size_mm']} mm"))
    examples = ("fruit list", "fruit list -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-q", "--query", help="filter")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return self.client.get("/v1/fruit", {"q": args.query} if args.query else None)["fruit"]


class FruitShow(ShowCommand):
    """Show a fruit."""

    api_name = "fruit"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name")

    def item(self, args: argparse.Namespace) -> Row:
        return self.client.get(f"/v1/fruit/{args.name}")


class FruitDelete(ActionCommand):
    """Delete a fruit."""

    api_name = "fruit"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("-f", "--force", action="store_true")

    def act(self, args: argparse.Namespace) -> str:
        self.client.delete(f"/v1/fruit/{args.name}")
        return f"Deleted {args.name}"


def commands() -> CommandManager:
    manager = CommandManager(None, convert_underscores=False)
    for name, factory in {"fruit-list": FruitList, "fruit-show": FruitShow, "fruit-delete": FruitDelete}.items():
        manager.add_command(name, factory)
    return manager


class Fruit:
    """Runs the program; what the client was made from is kept in ``given``."""

    def __init__(self, table: dict[str, Any] | None = None) -> None:
        self.api = FakeApi(table if table is not None else {"/v1/fruit": {"GET": {"fruit": APPLES}}})
        self.given: list[tuple[Credentials, str, str]] = []

    def __call__(self, argv: str, environ: dict[str, str] | None = None, stdin: Any = None) -> Ran:
        out, err = io.StringIO(), io.StringIO()

        def make(given: Credentials, service_type: str, url_option: str) -> ApiClient:
            self.given.append((given, service_type, url_option))
            return ApiClient(self.api, url_option)

        streams = {"stdin": stdin or io.StringIO(), "stdout": out, "stderr": err}
        shell = FlockShell(PROGRAM, environ or {}, make, commands(), **streams)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):  # argparse writes to the process's own
            try:
                code = shell.run(argv.split())
            except SystemExit as leaving:
                code = leaving.code
        return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("CLI_CONFIRMATIONS", raising=False)


def test_table_has_labels_sorted_by_first_column() -> None:
    ran = Fruit()("fruit-list")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "+----+---------------+-------+\n"
        "| id | Name of fruit | size  |\n"
        "+----+---------------+-------+\n"
        "| 9  | elstar        | 70 mm |\n"
        "| 10 | boskoop       | 80 mm |\n"
        "+----+---------------+-------+\n")


def test_json_is_the_api_object_with_utc_times_and_no_links() -> None:
    assert Fruit()("fruit-list -f json").json() == [
        {"id": 9, "name": "elstar", "size_mm": 70, "note": "sweet", "picked_at": None, "links": []},
        {"id": 10, "name": "boskoop", "size_mm": 80, "note": None, "picked_at": "2026-05-01T10:00:00Z"},
    ]


def test_columns_may_be_chosen_also_beyond_the_table() -> None:
    assert Fruit()("fruit-list -c note -c name_of_fruit -f json").json() == [
        {"note": "sweet", "name": "elstar"}, {"note": None, "name": "boskoop"}]
    assert Fruit()("fruit-list -c name -f value").out == "elstar\nboskoop\n"
    assert Fruit()("fruit-list -f csv").out == '"id","name","size_mm"\n9,"elstar","70 mm"\n10,"boskoop","80 mm"\n'


def test_yaml_keeps_the_fields_order() -> None:
    assert Fruit()("fruit-list -f yaml -c name -c id").out == "- name: elstar\n  id: 9\n- name: boskoop\n  id: 10\n"


def test_sorting_by_request() -> None:
    assert Fruit()("fruit-list -f value -c name --sort-column size_mm --sort-descending").out == "boskoop\nelstar\n"


@pytest.mark.parametrize(("fmt", "out"), [("table", "\n"), ("json", "[]\n"), ("yaml", "[]\n"), ("value", "")])
def test_an_empty_list(fmt: str, out: str) -> None:
    assert Fruit({"/v1/fruit": {"GET": {"fruit": []}}})(f"fruit-list -f {fmt}").out == out


def test_show_is_property_and_value_sorted() -> None:
    fruit = Fruit({"/v1/fruit/boskoop": {"GET": APPLES[0]}})
    ran = fruit("fruit-show boskoop --nowrap")
    assert [line.split("|")[1].strip() for line in ran.out.splitlines()[3:-1]] == [
        "id", "name", "note", "picked_at", "size_mm"]
    assert "| Property  | Value" in ran.out
    assert fruit("fruit-show boskoop -f json").json()["picked_at"] == "2026-05-01T10:00:00Z"
    assert fruit("fruit-show boskoop -f value -c name").out == "boskoop\n"


def test_long_values_wrap_at_72() -> None:
    fruit = Fruit({"/v1/fruit/x": {"GET": {"note": "word " * 40}}})
    assert len(fruit("fruit-show x").out.splitlines()) > 5
    assert len(fruit("fruit-show x --nowrap").out.splitlines()) == 5


def test_short_options_belong_to_the_command() -> None:
    fruit = Fruit()
    fruit("fruit-list -q sweet=yes")
    assert fruit.api.calls[-1][3] == {"q": "sweet=yes"}
    gone = Fruit({"/v1/fruit/x": {"DELETE": Answer(None, 204)}})
    assert gone("fruit-delete -f x").out == "Deleted x\n"


@pytest.mark.parametrize(("status", "text", "shown"), [
    (400, "Host must be locked.", "Host must be locked.\n"),
    (403, "The requested action is not authorized", "The requested action is not authorized\n"),
    (404, "gone", "gone\n"),
    (503, "not now", "not now (HTTP 503, request req-1)\n"),
    (401, "Authentication required", "Invalid Identity credentials.\n"),
])
def test_refusals_are_one_line_on_stderr(status: int, text: str, shown: str) -> None:
    ran = Fruit({"/v1/fruit": {"GET": refusal(status, text)}})("fruit-list")
    assert (ran.code, ran.out, ran.err) == (1, "", shown)


def test_an_answer_that_is_not_json_is_an_error() -> None:
    ran = Fruit({"/v1/fruit": {"GET": Answer(b"<html>")}})("fruit-list")
    assert ran.code == 1
    assert "is not JSON" in ran.err


@pytest.mark.parametrize("argv", ["fruit-list --nope", "fruit-show", "fruit-lst", "--nope", "fruit-list -c nope",
                                  "fruit-list --watch 0.01"])
def test_usage_errors_end_with_2_and_say_nothing_on_stdout(argv: str) -> None:
    ran = Fruit()(argv)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


def test_help_lists_commands_and_examples() -> None:
    assert "fruit-list" in Fruit()("--help").out
    ran = Fruit()("fruit-list --help")
    assert (ran.code, ran.err) == (0, "")
    assert "examples:\n  fruit list\n  fruit list -f json" in ran.out


def test_completion_is_one_flat_line() -> None:
    for name in ("bash-completion", "bash_completion"):
        words = Fruit()(name).out
        assert words.count("\n") == 1
        assert {"fruit-list", "--query", "--os-username", "--nowrap"} <= set(words.split())
        assert "--os_username" not in words


def test_credentials_from_options_underscores_and_environment() -> None:
    fruit = Fruit()
    environ = {"OS_USERNAME": "admin", "OS_PASSWORD": "pw", "OS_AUTH_URL": "http://k:5000/v3",
               "OS_TENANT_NAME": "admin", "OS_ENDPOINT_TYPE": "internalURL", "OS_REGION_NAME": "RegionOne",
               "FRUITCLIENT_INSECURE": "1"}
    fruit("--os_username bob --os-cacert /ca.pem --timeout 5 fruit-list", environ)
    given, service_type, url_option = fruit.given[0]
    assert (given.username, given.password, given.project_name) == ("bob", "pw", "admin")
    assert (given.interface, given.region_name, given.insecure) == ("internal", "RegionOne", True)
    assert (given.cacert, given.timeout_s, service_type, url_option) == ("/ca.pem", 5.0, "fruit", "--fruit-url")
    fruit("--fruit-url http://f:1 --os-auth-token t fruit-list")
    assert (fruit.given[-1][0].endpoint, fruit.given[-1][0].token) == ("http://f:1", "t")
    fruit("fruit-list", {"FRUIT_URL": "http://g:1"})
    assert fruit.given[-1][0].endpoint == "http://g:1"


@pytest.mark.parametrize(("given", "noun"), [
    (Credentials(), "a username"),
    (Credentials(username="u"), "a password"),
    (Credentials(username="u", password="p"), "a project name"),
    (Credentials(username="u", password="p", project_name="x"), "an auth url"),
    (Credentials(username="u", password="p", project_name="x", auth_url="http://k"), "an region name"),
    (Credentials(token="t"), "an auth url"),
])
def test_the_first_missing_credential_is_named(given: Credentials, noun: str) -> None:
    assert str(missing_credential(given)).startswith(f"You must provide {noun} via either --os-")


def test_a_token_of_an_openid_provider_travels_in_its_own_header() -> None:
    given = Credentials(token="t", oidc=True, endpoint="http://x")
    session = session_for(given)
    assert session.get_auth_headers() == {"OIDC-Token": "t"}
    assert session_for(Credentials(token="t", endpoint="http://x")).get_auth_headers() == {"X-Auth-Token": "t"}
    assert "needs --os-auth-token and the URL" in str(missing_credential(Credentials(oidc=True, auth_url="http://k")))


@pytest.mark.parametrize(("argv", "environ"), [
    ("--fruit-api-version 2 fruit-list", {}), ("--fruit_api_version 2 fruit-list", {}),
    ("fruit-list", {"FRUIT_API_VERSION": "7"}),
    ("--stx-auth-type pam fruit-list", {}), ("fruit-list", {"STX_AUTH_TYPE": "pam"})])
def test_what_is_not_known_is_a_usage_error(argv: str, environ: dict[str, str]) -> None:
    ran = Fruit()(argv, environ)
    assert (ran.code, ran.out) == (2, "")
    assert "is not known; known: " in ran.err


def test_token_and_url_need_no_keystone() -> None:
    assert missing_credential(Credentials(token="t", endpoint="http://x")) is None
    assert "pw" not in repr(Credentials(username="u", password="pw", token="pw"))


def test_a_refused_connection_is_one_clear_sentence() -> None:
    given = Credentials(token="t", endpoint="http://127.0.0.1:1/v1", timeout_s=2)
    client = client_for(given, "fruit", "--fruit-url")
    with pytest.raises(ApiUnreachable, match=r"^Cannot connect to http://127.0.0.1:1: connection refused.*--fruit-url"):
        client.get("/v1/fruit")


def test_a_refused_connection_forgets_the_kept_login() -> None:
    keyring = MemoryKeyring({"fruitclient:session:u": "an earlier login"})
    given = Credentials("http://127.0.0.1:1/v3", "u", "p", project_name="admin", region_name="R", timeout_s=2)
    client = client_for(given, "fruit", "--fruit-url", TokenCache(keyring, "fruitclient:session:u", "fruit"))
    with pytest.raises(ApiUnreachable):
        client.get("/v1/fruit")
    assert keyring.texts == {}


def test_a_refused_keystone_names_keystone() -> None:
    given = Credentials("http://127.0.0.1:1/v3", "u", "p", project_name="admin", region_name="R", timeout_s=2)
    with pytest.raises(ApiUnreachable, match=r"^Cannot connect to http://127.0.0.1:1/v3: connection .*--os-auth-url"):
        client_for(given, "fruit", "--fruit-url").get("/v1/fruit")


def test_the_catalogue_url_may_end_in_the_version() -> None:
    for endpoint in ("http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"):
        api = FakeApi({})
        api.endpoint_override = endpoint
        with pytest.raises(CliError):
            ApiClient(api).get("/v1/fruit")
        assert api.calls[0][1] == "http://h:1/v1/fruit"


def test_confirmation_only_where_enabled(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    table = {"/v1/fruit/x": {"DELETE": Answer(None, 204)}}
    assert Fruit(table)("fruit-delete x").code == 0
    monkeypatch.setenv("CLI_CONFIRMATIONS", "enabled")
    for answer, code in (("yes\n", 0), ("no\n", 1), ("YES\n", 1), ("", 1)):
        (tmp_path / "stdin").write_text(answer)
        fruit = Fruit(table)
        with open(tmp_path / "stdin") as stdin:
            ran = fruit("fruit-delete x", stdin=stdin)
        assert ran.code == code
        assert len(fruit.api.calls) == (1 if code == 0 else 0)
        assert ran.err.startswith("Do you want to continue? (yes/No): ")
        assert ("Operation cancelled by the user." in ran.err) == (code == 1)
    assert Fruit(table)("fruit-delete x --yes").code == 0


def test_debug_shows_the_request_but_not_the_password() -> None:
    given = {"OS_USERNAME": "admin", "OS_PASSWORD": "topsecret", "OS_AUTH_URL": "http://k", "OS_PROJECT_NAME": "p"}
    ran = Fruit({"/v1/fruit": {"GET": refusal(400, "no")}})("--debug fruit-list", given)
    assert ran.code == 1
    assert "topsecret" not in ran.out + ran.err


def test_json_dump_round_trips_unicode() -> None:
    ran = Fruit({"/v1/fruit": {"GET": {"fruit": [{"id": 1, "name": "Äpfel", "size_mm": 1}]}}})("fruit-list -f json")
    assert json.loads(ran.out)[0]["name"] == "Äpfel"
    assert "Äpfel" in ran.out


def test_a_watch_goes_on_when_the_api_is_away_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            raise KeyboardInterrupt
    monkeypatch.setattr("flock.cli.commands.time.sleep", pause)
    answers = Script({"fruit": APPLES}, refusal(503, "not now"), ksa.ConnectFailure("Connection refused"),
                     {"fruit": APPLES})
    ran = Fruit({"/v1/fruit": {"GET": answers}})("fruit-list --watch 2 -f value -c id")
    assert (ran.code, ran.out, pauses) == (130, "9\n10\n9\n10\n", [2.0] * 4)
    assert ran.err.startswith("not now (HTTP 503, request req-1)\nCannot connect to ")
    assert Fruit({"/v1/fruit": {"GET": refusal(503, "not now")}})("fruit-list --watch").code == 1
    for status in (400, 403):
        answers = Script({"fruit": APPLES}, refusal(status, "no"))
        assert Fruit({"/v1/fruit": {"GET": answers}})("fruit-list --watch").code == 1


def test_control_characters_of_an_error_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in Fruit({"/v1/fruit": {"GET": refusal(400, "\x1b[2Jboom")}})("fruit-list").err
