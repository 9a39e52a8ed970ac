"""OAuth: tokens are renewed once for everybody, never lost but for a lost answer, never shown."""

import base64
import http.client
import json
import pathlib
import stat
import threading
import urllib.parse

import pytest

from harness import KEY, Pipelines, wait_until
from receiver import ME, Server
from trouble import adds_up, companies, lead_names, make_fast, names

FIRST = "sandbox.first.refresh.token"
CLIENT, SECRET = "oa2client_sandbox", "sandbox.client.secret"
KILLED = -9


class OAuth(Pipelines):
    """Pipelines that log in by the token in the file close.token."""

    def __init__(self, folder, sandbox, token_origin=None):
        super().__init__(folder, sandbox)
        self.token_origin = token_origin or sandbox.origin
        self.put_token(FIRST)

    def put_token(self, token):
        path = self.folder / "close.token"
        path.write_text(token + "\n")
        path.chmod(0o600)

    def __call__(self, *args, **how):
        path = super().__call__(*args, **{"responses": "file: told.ndjson", **how})
        text = path.read_text().replace("  api_key: {env: CLOSE_API_KEY}\n", f"""  oauth:
    client_id: {CLIENT}
    client_secret: {{env: CLIENT_SECRET}}
    refresh_token: {{file: close.token}}
    token_url: "{self.token_origin}/oauth2/token/"
""")
        path.write_text(text)
        return path


@pytest.fixture(autouse=True)
def client_secret(closefeed):
    closefeed.env["CLIENT_SECRET"] = SECRET


@pytest.fixture
def oauth(tmp_path, sandbox):
    make_fast(sandbox)
    return OAuth(tmp_path, sandbox)


def post(sandbox, path, **form):
    """A form to the sandbox's OAuth, as a person sends it with curl."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(sandbox.origin).netloc, timeout=30)
    try:
        connection.request("POST", path, urllib.parse.urlencode(form),
                           {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def authorized_again(sandbox):
    """A person says yes in the browser and exchanges the code: the new refresh token."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(sandbox.origin).netloc, timeout=30)
    try:
        connection.request("GET", f"/oauth2/authorize/?client_id={CLIENT}&response_type=code")
        code = connection.getresponse().read().decode()
    finally:
        connection.close()
    status, tokens = post(sandbox, "/oauth2/token/", grant_type="authorization_code", code=code,
                          client_id=CLIENT, client_secret=SECRET)
    assert status == 200, tokens
    return tokens["refresh_token"]


def refreshes(sandbox):
    """How each refresh that came to the token server ended."""
    return [row["outcome"] for row in sandbox.get("/_sandbox/oauth")["log"]
            if row["asked"] == "refresh"]


def set_oauth(sandbox, **settings):
    return sandbox.post("/_sandbox/oauth", settings)


def tokens_used(sandbox):
    return {call["token"] for call in sandbox.requests()}


def token_files(folder):
    return sorted((folder / "state" / "closefeed" / ".oauth").iterdir())


def said(result):
    return result.out + result.err


def check_all_delivered(result, sandbox, n):
    assert result.code == 0, result.err
    assert adds_up(result.summary)
    assert lead_names(sandbox) == names(n)


def test_one_refresh_serves_all_calls_and_the_runs_after(closefeed, oauth, sandbox, tmp_path):
    path = oauth(companies(20))
    check_all_delivered(closefeed("run", path, "--json"), sandbox, 20)
    path = oauth(companies(25))
    check_all_delivered(closefeed("run", path, "--json"), sandbox, 25)
    assert refreshes(sandbox) == ["given"]
    assert tokens_used(sandbox) == {1}

    json_file, lock = token_files(tmp_path)
    assert [json_file.suffix, lock.suffix] == [".json", ".lock"]
    for file in json_file, lock:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(json_file.parent.stat().st_mode) == 0o700
    event = sandbox.get("/event/")["data"][0]
    assert event["oauth_client_id"] == CLIENT and event["api_key_id"] is None


def test_every_verb_that_asks_close_logs_in(closefeed, oauth, sandbox):
    path = oauth(companies(3))
    assert closefeed("check", path).code == 0
    checked = closefeed("check", path, "--online")
    assert checked.code == 0 and "ana@sandbox.example" in checked.out, checked
    assert closefeed("fields", path).code == 0
    assert closefeed("preview", path).code == 0
    doctor = closefeed("doctor", path)
    assert doctor.code == 0 and "refreshed at" in doctor.out, doctor.out
    sent = closefeed("send", path, "--record", "1", "--yes")
    assert sent.code == 0, sent.err
    sandbox.add_fault("status", method="POST", path="/lead/", status=400, n=1)
    assert closefeed("run", path, "--json").code == 1
    retried = closefeed("rejects", "retry", path, "--all")
    assert retried.code == 0, retried.err
    assert lead_names(sandbox) == names(3)
    assert refreshes(sandbox) == ["given"]


def test_a_401_is_answered_by_one_refresh_and_one_repetition(closefeed, oauth, sandbox):
    sandbox.add_fault("status", method="POST", path="/lead/", status=401, n=3, times=1)
    result = closefeed("run", oauth(companies(12)), "--json")
    check_all_delivered(result, sandbox, 12)
    assert refreshes(sandbox) == ["given", "given"]
    creates = sandbox.requests("POST", "/lead/")
    assert len(creates) == 13 and [c["status"] for c in creates].count(401) == 1


def test_a_token_that_ended_early_costs_one_refresh(closefeed, oauth, sandbox):
    path = oauth(companies(3))
    assert closefeed("run", path).code == 0
    set_oauth(sandbox, end_access=True)
    check_all_delivered(closefeed("run", oauth(companies(6)), "--json"), sandbox, 6)
    set_oauth(sandbox, end_access=True)
    assert closefeed("check", path, "--online").code == 0
    assert refreshes(sandbox) == ["given"] * 3


def test_a_second_401_stops_loudly_and_loses_nothing(closefeed, oauth, sandbox):
    path = oauth(companies(5), close="concurrency: 1")
    sandbox.add_fault("status", method="POST", path="/lead/", status=401)
    result = closefeed("run", path, "--json")
    assert result.code == 77, result.err
    assert "401" in said(result) and "close.oauth.refresh_token" in said(result)
    assert result.summary["rejected"] == result.summary["held"] == 0
    assert len(sandbox.requests("POST", "/lead/")) == 2
    assert refreshes(sandbox) == ["given", "given"]
    sandbox.clear_faults()
    check_all_delivered(closefeed("run", path, "--json"), sandbox, 5)


def test_a_revoked_grant_stops_and_a_new_one_goes_on(closefeed, oauth, sandbox):
    path = oauth(companies(3))
    assert closefeed("run", path).code == 0
    set_oauth(sandbox, revoke=True)
    path = oauth(companies(8))
    for _ in range(2):
        result = closefeed("run", path, "--json")
        assert result.code == 77, result.err
        assert "invalid_grant" in said(result) and "it was revoked" in said(result)
        assert "put the new refresh token where close.oauth.refresh_token points" in said(result)
    assert len(refreshes(sandbox)) == 3
    assert closefeed("check", path, "--online").code == 77
    oauth.put_token(authorized_again(sandbox))
    check_all_delivered(closefeed("run", path, "--json"), sandbox, 8)


@pytest.mark.parametrize("refusal, what", [
    ("invalid_client", "close.oauth.client_id and client_secret"),
    ("invalid_scope", "does not take the request for a new access token (status 400, invalid_scope)"),
])
def test_a_refusal_says_what_was_refused(closefeed, oauth, sandbox, refusal, what):
    set_oauth(sandbox, refuse=refusal)
    result = closefeed("run", oauth(companies(1)), "--json")
    assert result.code == 77 and what in said(result), result.out
    set_oauth(sandbox, refuse=None)
    check_all_delivered(closefeed("run", oauth(companies(1)), "--json"), sandbox, 1)


@pytest.mark.parametrize("status", [403, 404])
def test_a_stray_refusal_by_something_on_the_way_is_asked_again(closefeed, oauth, sandbox, status):
    assert closefeed("run", oauth(companies(2))).code == 0
    set_oauth(sandbox, end_access=True)
    sandbox.add_fault("html", path="/oauth2/token/", status=status, n=1)
    check_all_delivered(closefeed("run", oauth(companies(5)), "--json"), sandbox, 5)
    assert refreshes(sandbox) == ["given", "given"]


def test_a_wrong_token_url_is_a_mistake_of_the_pipeline(closefeed, oauth, sandbox):
    path = oauth(companies(1))
    path.write_text(path.read_text().replace("/oauth2/token/", "/oauth2/tokens/"))
    result = closefeed("run", path)
    assert result.code == 78 and "close.oauth.token_url" in result.err, result.err


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
def test_a_lost_answer_is_asked_for_again_once(closefeed, oauth, sandbox, fault):
    sandbox.add_fault(fault, path="/oauth2/token/", n=1)
    path = oauth(companies(3))
    result = closefeed("run", path, "--json")
    if fault == "reset_after":  # Close has voided the token, and nobody knows the new one
        assert refreshes(sandbox) == ["given", "invalid_grant"]
        assert result.code == 77
        assert "the answer to an earlier refresh was lost" in said(result)
        oauth.put_token(authorized_again(sandbox))
        result = closefeed("run", path, "--json")
    check_all_delivered(result, sandbox, 3)


def test_while_the_token_server_is_away_calls_wait(closefeed, oauth, sandbox):
    sandbox.add_fault("status", path="/oauth2/token/", status=503, times=2)
    check_all_delivered(closefeed("run", oauth(companies(3)), "--json"), sandbox, 3)
    assert refreshes(sandbox) == ["given"]
    assert 401 not in [call["status"] for call in sandbox.requests()]


def test_a_token_server_that_stays_away_ends_with_69(closefeed, oauth, sandbox):
    sandbox.add_fault("status", path="/oauth2/token/", status=503)
    path = oauth(companies(2), delivery="retry_for: 1s")
    result = closefeed("run", path)
    assert result.code == 69 and "Nothing is lost" in result.err, result.err
    sandbox.clear_faults()
    check_all_delivered(closefeed("run", path, "--json"), sandbox, 2)


def test_a_short_life_is_renewed_while_the_run_goes_on(closefeed, oauth, sandbox):
    set_oauth(sandbox, life_ms=4000)
    path = oauth(companies(40), close="rate: 8/s")
    check_all_delivered(closefeed("run", path, "--json"), sandbox, 40)
    assert set(refreshes(sandbox)) == {"given"} and len(refreshes(sandbox)) >= 2


@pytest.mark.parametrize("kill_at, is_lost", [
    ("token_asked:1", False),
    ("token_answered:1", True),
    ("token_put:2", False),
    ("token_written:1", False),
    ("token_written:2", False),
    ("token_renamed:2", False),
    ("token_stored:1", False),
])
def test_killed_while_it_refreshes(closefeed, oauth, sandbox, kill_at, is_lost):
    path = oauth(companies(3))
    assert closefeed("run", path, env={"CLOSEFEED_KILL_AT": kill_at}).code == KILLED
    result = closefeed("run", path, "--json")
    if is_lost:
        assert result.code == 77 and "earlier refresh was lost" in said(result)
        oauth.put_token(authorized_again(sandbox))
        result = closefeed("run", path, "--json")
    else:
        assert refreshes(sandbox) == ["given"]
    check_all_delivered(result, sandbox, 3)


class Grant:
    """A token server that holds its answers until it is told to let them go."""

    def __init__(self):
        self.gate, self.now, self.n, self.lock = threading.Event(), FIRST, 0, threading.Lock()
        self.server = Server(self.answer)

    def answer(self, call):
        form = dict(urllib.parse.parse_qsl(call.body.decode()))
        with self.lock:
            if form["refresh_token"] != self.now:
                return 400, {"error": "invalid_grant"}
            self.n += 1
            self.now = f"refresh.token.{self.n}"
            tokens = {"access_token": f"access.token.{self.n}", "refresh_token": self.now,
                      "token_type": "Bearer", "expires_in": 3600}
        assert self.gate.wait(180)
        return 200, tokens


class Everybody:
    """A Close that takes every access token, and keeps the names of the leads it was given."""

    def __init__(self):
        self.names, self.used = [], set()
        self.server = Server(self.answer)

    def answer(self, call):
        self.used.add(call.headers["authorization"])
        if call.path.endswith("/me/"):
            return 200, ME
        self.names.append(call.json["name"])
        return 200, {"id": f"lead_{call.n}", **call.json}


class Together:
    """Runs of several pipelines that share a grant; the first is asking while the others start."""

    def __init__(self, closefeed, oauth, without):
        self.closefeed, self.oauth, self.without = closefeed, oauth, without
        self.grant, self.close, self.runs = Grant(), Everybody(), []
        oauth.token_origin = self.grant.server.origin

    def start(self, name):
        path = self.oauth(companies(2), name=name, responses=f"file: {name}-told.ndjson")
        path.write_text(path.read_text().replace(
            self.oauth.sandbox.base_url, self.close.server.origin + "/api/v1"))
        self.runs.append(self.closefeed.start(
            "run", path, "--json", env={"CLOSEFEED_WITHOUT": self.without}))

    def await_refreshes(self, n):
        wait_until(lambda: len(self.grant.server.calls) >= n, timeout=120)

    def codes(self):
        self.grant.gate.set()
        for run in self.runs:
            if run.returncode is None:
                assert b"Sanitizer" not in run.communicate(timeout=180)[1]
        return [run.returncode for run in self.runs]


@pytest.fixture
def together(closefeed, oauth, request):
    all_of_them = Together(closefeed, oauth, getattr(request, "param", ""))
    with all_of_them.grant.server, all_of_them.close.server:
        yield all_of_them
        all_of_them.grant.gate.set()
        for run in all_of_them.runs:
            if run.returncode is None:
                run.kill()
                run.communicate()


@pytest.mark.parametrize("together, n_refreshes", [("", 1), ("token_reread", 3)],
                         indirect=["together"])
def test_processes_refresh_once_together(together, n_refreshes):
    together.start("one")
    together.await_refreshes(1)
    together.start("two")
    together.start("three")
    assert together.codes() == [0, 0, 0]
    assert len(together.grant.server.calls) == n_refreshes
    assert len(together.close.used) == n_refreshes
    assert sorted(together.close.names) == sorted(names(2) * 3)


@pytest.mark.parametrize("together", ["token_lock"], indirect=True)
def test_without_the_lock_a_second_process_asks_with_a_void_token(together):
    together.start("one")
    together.await_refreshes(1)
    together.start("two")
    together.await_refreshes(2)


@pytest.mark.parametrize("without", ["", "token_store"])
def test_a_token_is_durable_before_it_is_used(closefeed, oauth, sandbox, without):
    path = oauth(companies(2))
    killed = closefeed("run", path, env={"CLOSEFEED_KILL_AT": "bound:1",
                                         "CLOSEFEED_WITHOUT": without})
    assert killed.code == KILLED
    set_oauth(sandbox, end_access=True)
    result = closefeed("run", path, "--json")
    assert result.code == (77 if without else 0), result.err
    assert refreshes(sandbox) == ["given", "invalid_grant" if without else "given"]


@pytest.mark.parametrize("together, is_lost", [("", False), ("token_wait", True)],
                         indirect=["together"])
def test_a_run_that_is_stopped_waits_for_its_refresh(together, is_lost):
    together.start("one")
    together.await_refreshes(1)
    together.runs[0].terminate()
    if is_lost:
        together.runs[0].wait(timeout=180)  # at once: nothing else is on its way
    else:
        assert any(b"waiting for the token server's answer" in line
                   for line in together.runs[0].stderr)
    assert together.codes() == [75]
    together.start("one")
    assert together.codes() == [75, 77 if is_lost else 0]


def test_a_folder_open_to_others_is_refused_before_anybody_is_asked(
        closefeed, oauth, sandbox, tmp_path):
    folder = tmp_path / "state" / "closefeed" / ".oauth"
    folder.mkdir(parents=True, mode=0o755)
    path = oauth(companies(1))
    result = closefeed("run", path)
    assert result.code == 74 and f"chmod 700 {folder}" in result.err, result.err
    assert refreshes(sandbox) == []
    folder.chmod(0o700)
    check_all_delivered(closefeed("run", path, "--json"), sandbox, 1)


@pytest.mark.parametrize("content", ["", '{"refresh_tok'])
def test_a_damaged_token_file_asks_for_a_new_token(closefeed, oauth, sandbox, tmp_path, content):
    path = oauth(companies(1))
    assert closefeed("check", path, "--online").code == 0
    token_files(tmp_path)[0].write_text(content)
    for verb in (["run", path], ["check", path, "--online"]):
        result = closefeed(*verb)
        assert result.code == 77 and "is damaged" in said(result)
    assert "damaged" in closefeed("doctor", path).out
    oauth.put_token(authorized_again(sandbox))
    check_all_delivered(closefeed("run", path, "--json"), sandbox, 1)


def test_operations_that_take_oauth_only_are_let_through_with_it(closefeed, oauth, pipeline):
    route = "- operation: activity.meeting.integration.upsert"
    assert closefeed("check", oauth(companies(1), routes=route)).code == 0
    refused = closefeed("check", pipeline(companies(1), routes=route))
    assert refused.code == 78 and "takes OAuth only" in refused.err


def test_no_token_is_shown_or_kept_anywhere_else(closefeed, oauth, sandbox, tmp_path):
    """Not where Close echoes it, not in the journal, events, logs, or what lists them."""
    def echo(call):
        if call.path.endswith("/me/"):
            return 200, ME
        token = call.headers["authorization"].removeprefix("Bearer ")
        seen.update({token, sandbox.get("/_sandbox/oauth")["refresh_token"]})
        return 400, {"error": f"<{token}> {base64.b64encode(token.encode()).decode()}",
                     "field-errors": {"name": " ".join(seen)}}

    seen = {SECRET, FIRST}
    with Server(echo) as close:
        path = oauth(companies(3))
        path.write_text(path.read_text().replace(
            sandbox.base_url, close.origin + "/api/v1"))
        shown = [closefeed("run", path, "--json")]
        assert shown[0].code == 1, shown[0].err
        set_oauth(sandbox, end_access=True)
        for verb in (["rejects", "list", path], ["rejects", "show", path, "--all"],
                     ["rejects", "list", path, "--json"], ["doctor", path], ["status", path],
                     ["preview", path], ["check", path, "--online"]):
            shown.append(closefeed(*verb))
    assert len(seen) == 4 and KEY not in seen
    secrets = [s.encode() for s in seen] + [
        base64.b64encode(s.encode()).rstrip(b"=")[:-2] for s in seen]
    stored = [f.read_bytes() for f in tmp_path.rglob("*")
              if f.is_file() and ".oauth" not in f.parts and f.name != "close.token"]
    assert any(b"***" in bytes_ for bytes_ in stored)
    for text in [*(r.out.encode() + r.err.encode() for r in shown), *stored]:
        assert not [s for s in secrets if s in text]


def test_no_token_is_in_the_list_of_processes(closefeed, oauth, sandbox):
    sandbox.add_fault("timeout_before", path="/me/")  # so that it goes on until all is seen
    run = closefeed.start("run", oauth(companies(1), close="timeout: 2s"))
    wait_until(lambda: refreshes(sandbox) == ["given"], timeout=120)
    proc = pathlib.Path(f"/proc/{run.pid}")
    told = proc.joinpath("cmdline").read_bytes() + proc.joinpath("environ").read_bytes()
    assert told
    sandbox.clear_faults()
    assert SECRET.encode() not in told and b"refresh." not in told
    _, err = run.communicate(timeout=180)
    assert run.returncode == 0, err.decode()


def test_the_sandbox_gives_rotates_and_revokes(sandbox):
    refresh = authorized_again(sandbox)
    form = {"client_id": CLIENT, "client_secret": SECRET}
    status, tokens = post(sandbox, "/oauth2/token/", grant_type="refresh_token",
                          refresh_token=refresh, **form)
    assert status == 200 and tokens["token_type"] == "Bearer" and tokens["expires_in"] == 3600
    assert tokens["refresh_token"] != refresh
    assert post(sandbox, "/oauth2/token/", grant_type="refresh_token", refresh_token=refresh,
                **form) == (400, {"error": "invalid_grant"})
    assert post(sandbox, "/oauth2/token/", grant_type="refresh_token", refresh_token="x",
                client_id=CLIENT, client_secret="y") == (401, {"error": "invalid_client"})
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(sandbox.origin).netloc, timeout=30)
    answers = []
    for revoked in False, True:
        if revoked:
            assert post(sandbox, "/oauth2/revoke/", token=tokens["refresh_token"], **form)[0] == 200
        connection.request("GET", "/api/v1/me/",
                           headers={"Authorization": f"Bearer {tokens['access_token']}"})
        answer = connection.getresponse()
        answer.read()
        answers.append(answer.status)
    connection.close()
    assert answers == [200, 401]
