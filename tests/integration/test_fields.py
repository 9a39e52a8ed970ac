"""Custom fields, statuses and users by name: looked up once, kept, and mended when they change."""

import json
import signal

import pytest

LEADS = [{"name": "Acme", "custom.Industry": "Law", "custom.Score": 7},
         {"name": "Bolt", "custom.Score": 8}]


def field(sandbox, name, kind="lead", type="text", **more):
    """A new custom field; its id."""
    return sandbox.post(f"/custom_field/{kind}/", {"name": name, "type": type, **more})["id"]


@pytest.fixture
def fields(sandbox):
    """The ids of a few custom fields, by name."""
    return {
        "Industry": field(sandbox, "Industry", type="choices", choices=["Arts", "Law"]),
        "Score": field(sandbox, "Score", type="number"),
        "Tags": field(sandbox, "Tags", type="choices", choices=["a", "b", "c"],
                      accepts_multiple_values=True),
        "Owner": field(sandbox, "Owner", type="user"),
        "Role": field(sandbox, "Role", kind="contact"),
    }


def status(sandbox, kind, label):
    """The id of a status, as Close tells it."""
    return next(s["id"] for s in sandbox.get(f"/status/{kind}/")["data"] if s["label"] == label)


def lookups(sandbox):
    """The paths that were asked to know names, in order."""
    asked = ("/custom_field_schema/", "/status/", "/pipeline/", "/user/")
    return [r["path"].split("/api/v1")[-1] for r in sandbox.requests("GET")
            if any(part in r["path"] for part in asked)]


def run(closefeed, path, code=0):
    result = closefeed("run", "--json", path)
    assert result.code == code, result.err + result.out
    return result.summary


def rejects(closefeed, path):
    return closefeed("rejects", "list", path, "--json").json["rejects"]


def test_fields_by_name_are_sent_under_their_ids(closefeed, sandbox, pipeline, fields):
    path = pipeline(LEADS)
    assert run(closefeed, path)["delivered"] == 2
    acme, bolt = sandbox.objects("lead")
    assert acme[f"custom.{fields['Industry']}"] == "Law"
    assert acme[f"custom.{fields['Score']}"] == 7
    assert bolt[f"custom.{fields['Score']}"] == 8
    # One question for the whole run, whatever number of fields and records.
    assert lookups(sandbox) == ["/custom_field_schema/lead/"]


def test_ids_alone_ask_nothing(closefeed, sandbox, pipeline, fields):
    path = pipeline([{"name": "Acme", f"custom.{fields['Score']}": 7}])
    run(closefeed, path)
    assert lookups(sandbox) == []


def test_a_later_run_uses_what_the_first_one_asked(closefeed, sandbox, pipeline, fields):
    path = pipeline(LEADS)
    run(closefeed, path)
    with open(path.with_suffix(".ndjson"), "a") as file:
        file.write(json.dumps({"name": "Cork", "custom.Score": 9}) + "\n")
    assert run(closefeed, path)["delivered"] == 1
    assert lookups(sandbox) == ["/custom_field_schema/lead/"]


def test_each_kind_is_asked_once_and_order_stays(closefeed, sandbox, pipeline, fields):
    user = sandbox.get("/me/")
    records = [{"name": f"L{i}", "status": "Qualified",
                "custom": {"Owner": user["email"], "Tags": ["a", "b"]},
                "contacts": [{"name": "Ana", "custom.Role": "buyer"}]} for i in range(5)]
    path = pipeline([{"name": "first"}, *records], close="concurrency: 1")
    assert run(closefeed, path)["delivered"] == 6
    names = [json.loads(r["body"])["name"] if isinstance(r["body"], str) else r["body"]["name"]
             for r in sandbox.requests("POST") if r["path"] == "/lead/"]
    assert names == ["first", "L0", "L1", "L2", "L3", "L4"]
    assert sorted(lookups(sandbox)) == sorted([
        "/custom_field_schema/lead/", "/custom_field_schema/contact/",
        "/status/lead/", "/user/"])
    lead = sandbox.objects("lead")[1]
    assert lead["status_id"] == status(sandbox, "lead", "Qualified")
    assert lead[f"custom.{fields['Owner']}"] == user["id"]
    assert sandbox.objects("contact")[0][f"custom.{fields['Role']}"] == "buyer"


def test_a_written_body_may_use_names_too(closefeed, sandbox, pipeline, fields):
    path = pipeline([{"company": "Acme", "points": 7, "tag": "b"}], routes="""
        - operation: lead.create
          body:
            name: "{company}"
            status_id: Customer
            custom.Score: "{points}"
            custom: {Tags: ["a", "{tag}"]}
        """)
    assert closefeed("check", path).code == 0
    run(closefeed, path)
    lead, = sandbox.objects("lead")
    assert lead["status_id"] == status(sandbox, "lead", "Customer")
    assert lead[f"custom.{fields['Score']}"] == 7
    assert lead[f"custom.{fields['Tags']}"] == ["a", "b"]


def test_one_field_is_updated_and_the_others_stay(closefeed, sandbox, pipeline, fields):
    lead = sandbox.post("/lead/", {"name": "Acme", f"custom.{fields['Score']}": 1,
                                   f"custom.{fields['Industry']}": "Arts",
                                   f"custom.{fields['Tags']}": ["a"]})
    path = pipeline([{"id": lead["id"], "custom": {"Industry": "Law", "Tags.add": "c"}},
                     {"id": lead["id"], "custom.Tags.remove": "a"}],
                    routes="- operation: lead.update")
    run(closefeed, path)
    now = sandbox.get(f"/lead/{lead['id']}/")
    assert now[f"custom.{fields['Score']}"] == 1
    assert now[f"custom.{fields['Industry']}"] == "Law"
    assert now[f"custom.{fields['Tags']}"] == ["c"]


@pytest.mark.parametrize("record, part", [
    ({"custom.Industri": "Law"}, 'did you mean "Industry"?'),
    ({"custom.Industry": "Lav"}, 'did you mean "Law"?'),
    ({"custom.Score": "many"}, "is no number"),
    ({"custom.Tags": ["a", "z"]}, "none of its choices"),
    ({"custom.Score.add": 1}, "holds one value"),
    ({"status": "Qualifyed"}, 'did you mean "Qualified"?'),
    ({"custom.Owner": "nobody@example.com"}, "there is no user called"),
    ({"contacts": [{"custom.Score": 1}]}, "no custom field of contacts"),
])
def test_what_close_would_refuse_is_refused_before_it_is_sent(
        closefeed, sandbox, pipeline, fields, record, part):
    path = pipeline([{"name": "bad", **record}, {"name": "good", "custom.Score": 1}])
    assert run(closefeed, path, code=1)["rejected"] == 1
    reject, = rejects(closefeed, path)
    assert reject["class"] == "field"
    assert part in reject["message"]
    assert [lead["name"] for lead in sandbox.objects("lead")] == ["good"]


def test_a_name_of_two_fields_is_refused_with_both_ids(closefeed, sandbox, pipeline):
    ids = [field(sandbox, "Region"), field(sandbox, "Region")]
    path = pipeline([{"name": "Acme", "custom.Region": "EU"}])
    run(closefeed, path, code=1)
    reject, = rejects(closefeed, path)
    assert all(id in reject["message"] for id in ids)


def test_a_name_that_is_new_at_close_is_found_by_asking_again(closefeed, sandbox, pipeline, fields):
    path = pipeline(LEADS)
    run(closefeed, path)
    new = field(sandbox, "Region")
    with open(path.with_suffix(".ndjson"), "a") as file:
        file.write(json.dumps({"name": "Cork", "custom.Region": "EU"}) + "\n")
        file.write(json.dumps({"name": "Dorn", "custom.Nothing": "EU"}) + "\n")
        file.write(json.dumps({"name": "Eder", "custom.Nothing": "EU"}) + "\n")
    assert run(closefeed, path, code=1)["rejected"] == 2
    assert sandbox.objects("lead")[-1][f"custom.{new}"] == "EU"
    # Again once, and not for each name that is nobody's.
    assert lookups(sandbox) == ["/custom_field_schema/lead/"] * 2


def test_a_new_choice_is_found_by_asking_again(closefeed, sandbox, pipeline, fields):
    path = pipeline(LEADS)
    run(closefeed, path)
    status, _ = sandbox.ask("PUT", f"/custom_field/lead/{fields['Industry']}/",
                            {"choices": ["Arts", "Law", "Farms"]})
    assert status == 200
    with open(path.with_suffix(".ndjson"), "a") as file:
        file.write(json.dumps({"name": "Cork", "custom.Industry": "Farms"}) + "\n")
    assert run(closefeed, path)["delivered"] == 1


def test_a_field_made_anew_is_asked_for_again_and_sent_once_more(
        closefeed, sandbox, pipeline, fields):
    path = pipeline(LEADS)
    run(closefeed, path)
    status, _ = sandbox.ask("DELETE", f"/custom_field/lead/{fields['Score']}/")
    assert status == 200
    new = field(sandbox, "Score", type="number")
    with open(path.with_suffix(".ndjson"), "a") as file:
        for i in range(3):
            file.write(json.dumps({"name": f"N{i}", "custom.Score": i}) + "\n")
    assert run(closefeed, path)["delivered"] == 3
    assert sorted(lead[f"custom.{new}"] for lead in sandbox.objects("lead")[2:]) == [0, 1, 2]
    assert lookups(sandbox) == ["/custom_field_schema/lead/"] * 2


def test_a_field_that_is_gone_is_told_under_its_name(closefeed, sandbox, pipeline, fields):
    path = pipeline(LEADS)
    run(closefeed, path)
    sandbox.ask("DELETE", f"/custom_field/lead/{fields['Score']}/")
    with open(path.with_suffix(".ndjson"), "a") as file:
        file.write(json.dumps({"name": "Cork", "custom.Score": 9}) + "\n")
    run(closefeed, path, code=1)
    reject, = rejects(closefeed, path)
    assert reject["field"] == "custom.Score"
    assert "does not exist" in reject["message"]
    assert lookups(sandbox) == ["/custom_field_schema/lead/"] * 2


def test_errors_of_close_name_the_fields_as_they_were_written(closefeed, sandbox, pipeline, fields):
    contact = field(sandbox, "Buyer", type="contact")
    path = pipeline([{"name": "Acme", "custom.Buyer": "cont_nobody"}])
    run(closefeed, path, code=1)
    reject, = rejects(closefeed, path)
    assert reject["field"] == "custom.Buyer"
    assert contact not in reject["message"]
    event, = sandbox.hook_events()
    assert event["data"]["error"]["fields"] == {"custom.Buyer": "Object does not exist."}


def test_a_retry_looks_names_up_again(closefeed, sandbox, pipeline, fields):
    path = pipeline([{"name": "Acme", "custom.Region": "EU"}])
    run(closefeed, path, code=1)
    new = field(sandbox, "Region")
    assert closefeed("rejects", "retry", path, "--all").code == 0
    lead, = sandbox.objects("lead")
    assert lead[f"custom.{new}"] == "EU"


def test_opportunities_by_pipeline_status_and_user(closefeed, sandbox, pipeline):
    lead = sandbox.post("/lead/", {"name": "Acme"})
    path = pipeline([{"lead_id": lead["id"], "pipeline_id": "Sales", "status_id": "Won",
                      "user_id": "Ana Ruiz", "value": 100}],
                    routes="- operation: opportunity.create")
    run(closefeed, path)
    opportunity, = sandbox.objects("opportunity")
    assert opportunity["status_id"] == status(sandbox, "opportunity", "Won")
    assert opportunity["user_id"] == sandbox.get("/me/")["id"]
    assert len(lookups(sandbox)) == 4  # the last of them by status() itself


def test_an_identity_by_name_proves_a_create(closefeed, sandbox, pipeline):
    key = field(sandbox, "Feed Key")
    sandbox.add_fault("reset_after", method="POST", path="/lead/", times=1)
    path = pipeline([{"id": i, "name": f"L{i}"} for i in range(3)], routes="""
        - operation: lead.create
          exclude: [id]
          identity: {custom.Feed Key: "{id}"}
        """)
    assert run(closefeed, path)["delivered"] == 3
    assert sorted(lead[f"custom.{key}"] for lead in sandbox.objects("lead")) == ["0", "1", "2"]
    assert lookups(sandbox) == ["/custom_field_schema/lead/"]


def test_without_names_the_run_stops_and_rejects_nothing(closefeed, sandbox, pipeline):
    sandbox.add_fault("status", path="/custom_field_schema/lead/", status=403)
    path = pipeline(LEADS)
    result = closefeed("run", path)
    assert result.code == 77
    assert "custom field" in result.err and "403" in result.err
    assert sandbox.objects("lead") == []
    sandbox.clear_faults()
    field(sandbox, "Industry")
    field(sandbox, "Score", type="number")
    assert run(closefeed, path)["delivered"] == 2


def test_names_are_asked_until_there_is_an_answer(closefeed, sandbox, pipeline, fields):
    sandbox.add_fault("status", path="/custom_field_schema/lead/", status=503, times=2)
    assert run(closefeed, pipeline(LEADS))["delivered"] == 2
    assert len(lookups(sandbox)) == 3


@pytest.mark.parametrize("point", ["names_answered", "names_asked", "record_aside"])
def test_a_kill_while_names_are_asked_loses_nothing(closefeed, sandbox, pipeline, fields, point):
    path = pipeline(LEADS)
    process = closefeed.start("run", path, env={"CLOSEFEED_KILL_AT": f"{point}:1"})
    process.communicate(timeout=180)
    assert process.returncode == -signal.SIGKILL
    assert run(closefeed, path)["delivered"] == 2
    assert sorted(lead["name"] for lead in sandbox.objects("lead")) == ["Acme", "Bolt"]


@pytest.mark.parametrize("point", ["answer_judged:1", "names_asked:1", "intent_durable:2",
                                   "answer_judged:2", "outcome_durable:1"])
def test_a_kill_while_an_old_name_is_mended_loses_and_doubles_nothing(
        closefeed, sandbox, pipeline, point):
    key = field(sandbox, "Feed Key")
    score = field(sandbox, "Score", type="number")
    canary = sandbox.post("/lead/", {"name": "canary"})["id"]
    path = pipeline([{"id": 0, "name": "N0", "custom.Score": 0}], close="concurrency: 1",
                    delivery=f"quarantine: 2s\ncanary: {canary}", routes="""
        - operation: lead.create
          exclude: [id]
          identity: {custom.Feed Key: "{id}"}
        """)
    run(closefeed, path)
    sandbox.ask("DELETE", f"/custom_field/lead/{score}/")
    score = field(sandbox, "Score", type="number")
    with open(path.with_suffix(".ndjson"), "a") as file:
        for i in (1, 2):
            file.write(json.dumps({"id": i, "name": f"N{i}", "custom.Score": i}) + "\n")
    process = closefeed.start("run", path, env={"CLOSEFEED_KILL_AT": point})
    process.communicate(timeout=180)
    assert process.returncode == -signal.SIGKILL
    result = closefeed("run", "--json", path)
    assert result.code == 0, closefeed("held", "list", path, "--json").out
    made = sandbox.objects("lead")[2:]
    assert sorted(lead[f"custom.{key}"] for lead in made) == ["1", "2"]
    assert sorted(lead[f"custom.{score}"] for lead in made) == [1, 2]


def test_an_identity_that_was_made_anew_is_mended_too(closefeed, sandbox, pipeline):
    old = field(sandbox, "Feed Key")
    path = pipeline([{"id": 0, "name": "N0"}], routes="""
        - operation: lead.create
          exclude: [id]
          identity: {custom.Feed Key: "{id}"}
        """)
    run(closefeed, path)
    sandbox.ask("DELETE", f"/custom_field/lead/{old}/")
    new = field(sandbox, "Feed Key")
    with open(path.with_suffix(".ndjson"), "a") as file:
        file.write(json.dumps({"id": 1, "name": "N1"}) + "\n")
    assert run(closefeed, path)["delivered"] == 1
    assert sandbox.objects("lead")[-1][f"custom.{new}"] == "1"


# The verb, the lock file and what is judged by it


BODY = """
- operation: lead.create
  body:
    name: "{name}"
    status_id: Qualified
    custom.Industry: "{industry}"
    contacts: [{name: Ana, custom.Role: "{role}"}]
"""


def test_fields_are_printed_as_yaml_that_can_be_used(closefeed, sandbox, pipeline, fields):
    odd = field(sandbox, "Is it: odd?")
    twice = [field(sandbox, "Region"), field(sandbox, "Region")]
    path = pipeline([], routes=BODY)
    out = closefeed("fields", path).out
    lines = out.splitlines()
    assert 'custom.Industry: "{industry}"  # choices: Arts, Law' in lines
    assert 'custom.Tags: "{tags}"  # choices: a, b, c; several, as a list' in lines
    assert '"custom.Is it: odd?": "{is_it_odd}"  # text' in lines
    assert f'custom.{twice[0]}: "{{region}}"  # text; called Region, as others are' in lines
    assert 'custom.Role: "{role}"  # text' in lines
    assert 'status_id: "{status}"  # Potential, Bad Fit, Qualified, Customer' in lines
    assert odd not in out
    # All of it is a body, as it stands.
    only = closefeed("fields", path, "lead").out
    assert "custom.Role" not in only and "status_id" not in only
    written = pipeline([], name="written",
                       routes="- operation: lead.create\n  body:\n" +
                       "".join(f"    {line}\n" for line in only.splitlines()))
    assert closefeed("check", written, "--online").code == 0
    listed = closefeed("fields", path, "--json").json
    assert listed["lead"][0]["name"] == "Industry" and listed["lead"][0]["choices"] == ["Arts", "Law"]


@pytest.mark.parametrize("args, part", [
    (["leads"], '"leads" is none of lead, contact'),
    (["activity/"], "is none of"),
    (["role"], "is none of"),
    (["lead", "--lock"], "leave"),
])
def test_a_kind_that_is_none_is_refused(closefeed, pipeline, args, part):
    result = closefeed("fields", pipeline([]), *args)
    assert result.code == 2 and part in result.err


def test_a_type_that_is_not_there_is_told(closefeed, sandbox, pipeline):
    sandbox.add_fault("status", path="/custom_field_schema/activity/actitype_1/", status=404)
    result = closefeed("fields", pipeline([]), "activity/actitype_1")
    assert result.code == 69 and "404" in result.err


def test_check_online_tells_where_a_name_is_wrong(closefeed, sandbox, pipeline, fields):
    path = pipeline([], routes=BODY.replace("Industry", "Industri").replace("Qualified", "Won"))
    assert closefeed("check", path).code == 0  # nothing is known offline
    result = closefeed("check", path, "--online")
    assert result.code == 78
    assert ('signups.yaml:13:7: error: routes[0].body.custom.Industri: there is no custom field of '
            'leads called "Industri": did you mean "Industry"?') in result.err
    assert 'signups.yaml:12:18: error: routes[0].body.status_id: there is no lead status' in result.err
    assert "fields   wrong  2 mistakes" in result.out
    assert not sandbox.requests("POST", "/api/v1/lead/")
    answer = closefeed("check", path, "--online", "--json").json
    assert answer["layers"][-1] == {"name": "fields", "ok": False, "what": "2 mistakes"}
    assert [note["line"] for note in answer["notes"]] == [12, 13]


def test_check_online_asks_only_for_names_that_are_written(closefeed, sandbox, pipeline):
    assert closefeed("check", pipeline([]), "--online").code == 0
    assert lookups(sandbox) == []


def test_preview_without_a_lock_shows_names_as_they_are(closefeed, sandbox, pipeline, fields):
    path = pipeline([{"name": "Acme", "industry": "Law"}], routes=BODY)
    row, = closefeed("preview", path, "--json").lines
    assert row["body"]["custom.Industry"] == "Law" and row["body"]["status_id"] == "Qualified"
    assert any("custom.Industry" in note and "looked up when it runs" in note
               for note in row["notes"])
    assert sandbox.requests() == [] or lookups(sandbox) == []


def test_a_lock_file_lets_names_be_judged_offline(closefeed, sandbox, pipeline, fields):
    path = pipeline([{"name": "Acme", "industry": "Law", "role": "buyer"},
                     {"name": "Bolt", "industry": "Lav", "role": "buyer"}], routes=BODY)
    result = closefeed("fields", path, "--lock")
    assert result.code == 0 and "signups.fields.lock" in result.err
    lock = path.with_name("signups.fields.lock")
    text = lock.read_text()
    assert sorted(json.loads(text)["names"]) == ["contact", "lead", "status/lead"]
    assert "@" not in text and sandbox.key not in text
    asked = len(lookups(sandbox))
    good, bad = closefeed("preview", path, "--json").lines
    assert good["body"][f"custom.{fields['Industry']}"] == "Law"
    assert good["body"]["status_id"] == status(sandbox, "lead", "Qualified")
    assert good["body"]["contacts"][0][f"custom.{fields['Role']}"] == "buyer"
    assert bad["rejected"]["class"] == "field" and bad["rejected"]["field"] == "custom.Industry"
    wrong = pipeline(None, routes=BODY.replace("Industry", "Industri"))
    assert 'did you mean "Industry"?' in closefeed("check", wrong).err
    assert closefeed("preview", wrong).code == 78
    assert len(lookups(sandbox)) == asked + 1  # by status() itself
    # The same organization gives the same file.
    pipeline(None, routes=BODY)
    closefeed("fields", path, "--lock")
    assert lock.read_text() == text


def test_check_by_records_uses_the_lock(closefeed, sandbox, pipeline, fields):
    path = pipeline([], routes=BODY)
    closefeed("fields", path, "--lock")
    test = path.with_name("test.yaml")
    test.write_text(f"""
- record: {{name: Acme, industry: Law, role: buyer}}
  requests:
    - method: POST
      url: /lead/
      body:
        name: Acme
        status_id: {status(sandbox, "lead", "Qualified")}
        custom.{fields["Industry"]}: Law
        contacts: [{{name: Ana, custom.{fields["Role"]}: buyer}}]
- record: {{name: Acme, industry: Larw, role: buyer}}
  rejected: field
""")
    result = closefeed("check", path, "--test", test)
    assert result.code == 0, result.out + result.err


def test_drift_from_the_lock_is_told(closefeed, sandbox, pipeline, fields):
    path = pipeline([], routes=BODY)
    closefeed("fields", path, "--lock")
    assert closefeed("check", path, "--online").code == 0
    sandbox.ask("PUT", f"/custom_field/lead/{fields['Industry']}/", {"name": "Sector"})
    sandbox.ask("PUT", f"/custom_field/lead/{fields['Tags']}/", {"choices": ["a"]})
    sandbox.ask("DELETE", f"/custom_field/lead/{fields['Score']}/")
    field(sandbox, "Region")
    result = closefeed("check", path, "--online")
    assert result.code == 78  # the pipeline still says Industry
    for part in ('"Industry" (', 'is called "Sector" now', '"Tags" (', "has other choices now",
                 '"Score" (', "is gone", '"Region" (', "is new"):
        assert part in result.err
    assert "4 differences from the lock file" in result.out
    answer = closefeed("check", pipeline(None, routes=BODY.replace("Industry", "Sector")),
                       "--online", "--json")
    assert answer.code == 78 and "called \\\"Sector\\\"" in answer.out  # by the old lock
    closefeed("fields", path, "--lock")
    answer = closefeed("check", path, "--online", "--json")
    assert answer.code == 0 and answer.json["drift"] == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2, "names": {}}',
                                  '{"version": 1, "names": {"lead": 1}}',
                                  '{"version": 1, "names": {"leads": []}}'])
def test_a_lock_that_cannot_be_read_says_what_to_do(closefeed, pipeline, text):
    path = pipeline([{"name": "a"}])
    path.with_name("signups.fields.lock").write_text(text)
    for verb in ("check", "preview"):
        result = closefeed(verb, path)
        assert result.code == 78 and "closefeed fields --lock" in result.err
    assert closefeed("run", path).code == 0  # it asks Close itself


def test_send_shows_and_sends_ids(closefeed, sandbox, pipeline, fields):
    path = pipeline(LEADS)
    result = closefeed("send", path, "--yes")
    assert result.code == 0, result.err
    assert f"custom.{fields['Score']}" in result.out and "custom.Score" not in result.out
    lead, = sandbox.objects("lead")
    assert lead[f"custom.{fields['Score']}"] == 7
    # The person's process asked, and the one that sent: the run that follows need not.
    assert lookups(sandbox) == ["/custom_field_schema/lead/"] * 2
    assert run(closefeed, path)["delivered"] == 1
    assert len(lookups(sandbox)) == 2


def test_send_refuses_what_a_run_would(closefeed, sandbox, pipeline, fields):
    path = pipeline([{"name": "Acme", "custom.Industri": "Law"}])
    result = closefeed("send", path, "--yes")
    assert result.code == 1 and 'did you mean "Industry"?' in result.out + result.err
    assert sandbox.objects("lead") == []
