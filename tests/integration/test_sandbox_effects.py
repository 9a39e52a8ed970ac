"""What operations of Close bring about in the sandbox besides what they store: later, elsewhere."""

import pytest

LATER = "2099-03-09T13:00:00+00:00"
LEADS = {"type": "object_type", "object_type": "lead"}
FROM = "+16505550126"  # the number the organization has from the start


@pytest.fixture
def box(start_sandbox):
    return start_sandbox("--no-rate-limit", "--lag", "0", "--set", "oauth_only=accepted")


def hold_jobs(box):
    box.post("/_sandbox/settings", {"job_ms": 3_600_000})


def release_jobs(box):
    box.post("/_sandbox/settings", {"job_ms": 0})


def lead(box, name="Acme", **more):
    return box.post("/lead/", {"name": name, **more})


def person(box, lead_id, email="ana@acme.example.com"):
    return box.post("/contact/", {"lead_id": lead_id, "name": "Ana", "emails": [{"email": email}]})


def named(name):
    return {"query": {"type": "and", "queries": [LEADS, {
        "type": "field_condition",
        "field": {"type": "regular_field", "object_type": "lead", "field_name": "name"},
        "condition": {"type": "text", "mode": "exact_value", "value": name}}]}}


def template(box, **more):
    return box.post("/email_template/", {
        "name": "Hello", "subject": "Hello", "body": "<p>Hi</p>", "is_shared": True, **more})["id"]


def sequence(box):
    return box.post("/sequence/", {"name": "Welcome", "timezone": "Europe/Berlin", "steps": [
        {"step_type": "email", "delay": 0, "email_template_id": template(box)}]})["id"]


def sent(box):
    return [one["to"] for one in box.get("/_sandbox/sent")["data"]]


def refused(box, method, path, body=None):
    status, answer = box.ask(method, path, body)
    assert status == 400, answer
    return answer["field-errors"] or answer["errors"]


# Bulk actions


def test_a_bulk_action_is_done_later_to_what_its_query_selects(box):
    hold_jobs(box)
    one, other = lead(box, "One"), lead(box, "Other")
    status = box.get("/status/lead/")["data"][2]
    action = box.post("/bulk_action/edit/", {
        "type": "set_lead_status", "lead_status_id": status["id"], "s_query": named("One")})
    assert (action["status"], action["n_leads"]) == ("created", 0)
    assert box.get(f"/lead/{one['id']}/")["status_id"] == one["status_id"] != status["id"]

    release_jobs(box)
    done = box.get(f"/bulk_action/edit/{action['id']}/")
    assert (done["status"], done["n_leads"], done["n_leads_processed"], done["n_objects"],
            done["n_objects_processed"]) == ("done", 1, 1, 1, 1)
    assert box.get(f"/lead/{one['id']}/")["status_id"] == status["id"]
    assert box.get(f"/lead/{other['id']}/")["status_id"] == one["status_id"]
    assert [page["id"] for page in box.get("/bulk_action/edit/")["data"]] == [action["id"]]
    [change] = box.get(f"/activity/status_change/lead/?lead_id={one['id']}")["data"]
    assert (change["old_status_label"], change["new_status_label"]) == (
        one["status_label"], status["label"])


def test_a_bulk_edit_writes_custom_fields_as_a_put_does(box):
    release_jobs(box)
    field = "custom." + box.post("/custom_field/lead/", {
        "name": "Area", "type": "choices", "choices": ["N", "S"],
        "accepts_multiple_values": True})["id"]
    one = lead(box)["id"]

    def edit(kind, **what):
        box.post("/bulk_action/edit/", {"type": kind, "custom_field_name": "Area", **what})
        return box.get(f"/lead/{one}/").get(field)

    assert edit("set_custom_field", custom_field_values=["N"]) == ["N"]
    assert edit("set_custom_field", custom_field_value="S", custom_field_operation="add") == ["N", "S"]
    assert edit("set_custom_field", custom_field_value="N", custom_field_operation="remove") == ["S"]
    assert edit("clear_custom_field") is None
    assert "custom_field_id" in refused(box, "POST", "/bulk_action/edit/", {
        "type": "clear_custom_field"})
    assert "lead_status_id" in refused(box, "POST", "/bulk_action/edit/", {
        "type": "set_lead_status"})


@pytest.mark.parametrize("selection, left", [
    ({}, []),
    ({"s_query": {}}, []),
    ({"s_query": LEADS, "results_limit": 1, "sort": [
        {"direction": "desc", "field": {"type": "regular_field", "object_type": "lead",
                                        "field_name": "name"}}]}, ["A", "B"]),
    ({"s_query": named("B")}, ["A", "C"]),
    ({"query": "name:A"}, ["B", "C"]),
])
def test_a_bulk_delete_takes_all_leads_unless_something_is_selected(box, selection, left):
    release_jobs(box)
    for name in "ABC":
        person(box, lead(box, name)["id"])
    box.post("/bulk_action/delete/", selection)
    assert [one["name"] for one in box.objects("lead")] == left
    assert len(box.objects("contact")) == len(left)


def test_a_selection_that_makes_no_sense_is_refused(box):
    assert refused(box, "POST", "/bulk_action/delete/", {"s_query": {"type": "odd"}}).keys() == {
        "s_query"}
    assert refused(box, "POST", "/export/lead/", {"s_query": {"type": "odd"}}).keys() == {"s_query"}
    assert refused(box, "POST", "/bulk_action/delete/", {"query": "((("}).keys() == {"query"}


@pytest.mark.parametrize("preference, to", [
    ("lead", ["a@acme.example.com"]), ("contact", ["a@acme.example.com", "b@acme.example.com"])])
def test_a_bulk_email_goes_to_one_or_to_all_of_a_lead(box, preference, to):
    release_jobs(box)
    one = lead(box)["id"]
    for letter in "ab":
        person(box, one, f"{letter}@acme.example.com")
    lead(box, "Nobody")
    action = box.post("/bulk_action/email/", {
        "template_id": template(box), "contact_preference": preference})
    assert sent(box) == to
    emails = box.get(f"/activity/email/?lead_id={one}")["data"]
    assert [(email["status"], email["subject"], email["body_html"]) for email in emails] == [
        ("sent", "Hello", "<p>Hi</p>")] * len(to)
    assert box.get(f"/bulk_action/email/{action['id']}/")["n_objects"] == len(to)


def test_sequences_are_begun_paused_and_resumed_in_bulk(box):
    release_jobs(box)
    contact = person(box, lead(box)["id"])["id"]
    steps = sequence(box)

    def act(kind, **more):
        box.post("/bulk_action/sequence_subscription/", {
            "action_type": kind, "sequence_id": steps, **more})
        return [one["status"] for one in box.get(f"/sequence_subscription/?sequence_id={steps}")[
            "data"]]

    sender = {"sender_account_id": "emailacct_1", "sender_name": "Ana", "sender_email": "a@b.example"}
    assert refused(box, "POST", "/bulk_action/sequence_subscription/", {
        "action_type": "subscribe"}).keys() == {"sequence_id", *sender}
    assert act("subscribe", **sender) == ["active"] and sent(box) == ["ana@acme.example.com"]
    assert act("subscribe", **sender) == ["active"]  # who had it once does not get it again
    assert act("pause") == ["paused"] and act("resume_finished") == ["paused"]
    assert act("resume") == ["active"] and len(sent(box)) == 2
    [subscription] = box.get(f"/sequence_subscription/?contact_id={contact}")["data"]
    assert box.ask("DELETE", f"/sequence/{steps}/")[0] == 200
    assert box.ask("GET", f"/sequence_subscription/{subscription['id']}/")[0] == 404


def test_an_export_ends_with_an_address(box):
    hold_jobs(box)
    lead(box)
    for path, kind in (("lead", "leads"), ("opportunity", "opportunities")):
        export = box.post(f"/export/{path}/", {"format": "json"})
        assert (export["status"], export["download_url"], export["type"]) == ("created", None, kind)
    release_jobs(box)
    done = box.get("/export/")["data"]
    assert [(one["status"], one["n_docs"]) for one in done] == [("done", 1), ("done", 0)]
    assert done[0]["download_url"].endswith(f"{done[0]['id']}.json.gz")
    assert box.get(f"/export/{done[1]['id']}/") == done[1]


# Messages


@pytest.mark.parametrize("kind, message, to", [
    ("email", {"sender": "me@b.example", "to": ["ana@acme.example.com"], "subject": "Hi"},
     "ana@acme.example.com"),
    ("sms", {"local_phone": FROM, "remote_phone": "+16505550199", "text": "Hi"}, "+16505550199"),
])
def test_a_message_goes_out_when_it_is_due_unless_it_is_a_draft_again(box, kind, message, to):
    hold_jobs(box)
    body = {"lead_id": lead(box)["id"], **message}
    out, back, scheduled = (box.post(f"/activity/{kind}/", {**body, **how})["id"] for how in (
        {"status": "outbox"}, {"status": "outbox"}, {"status": "scheduled", "date_scheduled": LATER}))
    assert box.ask("PUT", f"/activity/{kind}/{out}/", {"status": "sent"})[0] == 400
    assert box.ask("PUT", f"/activity/{kind}/{back}/", {"status": "draft"})[0] == 200
    assert sent(box) == []
    release_jobs(box)
    assert sent(box) == [to]
    assert [box.get(f"/activity/{kind}/{one}/")["status"] for one in (out, back, scheduled)] == [
        "sent", "draft", "scheduled"]
    missing = refused(box, "POST", f"/activity/{kind}/", {**body, "status": "scheduled"})
    assert missing.keys() == {"date_scheduled"}


def test_a_text_message_needs_a_number_of_ours_and_finds_its_lead(box):
    one = lead(box, contacts=[{"name": "Ana", "phones": [{"phone": "+16505550199"}]}])
    body = {"status": "outbox", "remote_phone": "+16505550199", "text": "Hi"}
    assert refused(box, "POST", "/activity/sms/", {**body, "local_phone": "+16505550111"}).keys() == {
        "local_phone"}
    message = box.post("/activity/sms/", {**body, "local_phone": FROM})
    assert (message["lead_id"], message["direction"]) == (one["id"], "outbound")
    answer = box.post("/activity/sms/", {"lead_id": one["id"], "status": "inbox"})
    assert answer["direction"] == "inbound"
    assert refused(box, "POST", "/activity/sms/", {"status": "inbox"}).keys() == {"lead"}


def test_answers_join_the_thread_and_go_with_it(box):
    body = {"lead_id": lead(box)["id"], "sender": "a@b.example", "status": "inbox"}
    first, answer, other = (box.post("/activity/email/", {**body, "subject": subject})["id"]
                            for subject in ("Offer", "Re: Offer", "Invoice"))
    threads = [box.get(f"/activity/email/{one}/")["thread_id"] for one in (first, answer, other)]
    assert threads[0] == threads[1] != threads[2]
    shown = box.get(f"/activity/emailthread/{threads[0]}/")
    assert [one["id"] for one in shown["emails"]] == [first, answer]
    assert box.ask("DELETE", f"/activity/emailthread/{threads[0]}/")[0] == 200
    assert [one["id"] for one in box.objects("activity/email")] == [other]


def test_who_unsubscribes_is_marked_until_that_is_taken_back(box):
    contact = person(box, lead(box)["id"])["id"]

    def is_unsubscribed():
        return box.get(f"/contact/{contact}/")["emails"][0]["is_unsubscribed"]

    box.post("/unsubscribe/email/", {"email": "Ana@acme.example.com"})
    assert is_unsubscribed()
    assert box.ask("DELETE", "/unsubscribe/email/ana@acme.example.com/")[0] == 200
    assert not is_unsubscribed() and box.get("/unsubscribe/email/")["data"] == []


# What goes along with something else


def test_a_lead_takes_along_all_that_is_below(box):
    one = lead(box)["id"]
    contact = person(box, one)["id"]
    note = box.post("/activity/note/", {"lead_id": one, "note": "x"})["id"]
    box.post("/sequence_subscription/", {"sequence_id": sequence(box), "contact_id": contact})
    box.post("/task/", {"lead_id": one, "is_complete": True})
    box.post("/comment/", {"object_id": note, "body": "really?"})
    kinds = ("contact", "activity.note", "sequence_subscription", "task", "activity.task_completed",
             "comment", "comment_thread")
    assert [len(box.objects(kind)) for kind in kinds] == [1] * len(kinds)
    assert box.ask("DELETE", f"/lead/{one}/")[0] == 200
    assert [len(box.objects(kind)) for kind in kinds] == [0] * len(kinds)
    told = {event["object_type"] for event in box.get("/event/?action=deleted&object_type=comment")[
        "data"]}
    assert told == {"comment"}


def test_the_last_comment_takes_its_thread_along(box):
    note = box.post("/activity/note/", {"lead_id": lead(box)["id"], "note": "x"})["id"]
    one, other = (box.post("/comment/", {"object_id": note, "body": text}) for text in "ab")
    assert one["thread_id"] == other["thread_id"]
    [thread] = box.get(f"/comment_thread/?object_ids={note}")["data"]
    assert [comment["body"] for comment in thread["comments"]] == ["a", "b"]
    assert box.get(f"/comment_thread/?ids=x,{thread['id']}")["data"] == [thread]
    assert box.ask("DELETE", f"/comment/{one['id']}/")[0] == 204
    assert box.get(f"/comment/{one['id']}/")["body"] == ""
    assert box.ask("DELETE", f"/comment/{other['id']}/")[0] == 204
    assert box.ask("GET", f"/comment/{one['id']}/")[0] == 404
    assert box.get(f"/comment_thread/?object_ids={note}")["data"] == []


def test_an_invited_person_is_a_member_once_and_keeps_a_role_in_use(box):
    role = box.post("/role/", {"name": "Trainee", "permissions": []})["id"]
    first = box.post("/membership/", {"email": "new@b.example", "role_id": "user"})
    again = box.post("/membership/", {"email": "new@b.example", "role_id": role})
    assert again["id"] == first["id"] and again["role_id"] == role
    assert sent(box) == ["new@b.example"]
    assert [user["email"] for user in box.get("/user/")["data"]][-1] == "new@b.example"
    assert "assigned" in box.ask("DELETE", f"/role/{role}/")[1]["error"]
    assert refused(box, "PUT", f"/membership/{first['id']}/", {"role_id": "role_x"}).keys() == {"role"}


def test_status_changes_are_in_the_feed_and_history_changes_no_status(box):
    one = lead(box)
    statuses = [status["id"] for status in box.get("/status/opportunity/")["data"]]
    deal = box.post("/opportunity/", {"lead_id": one["id"], "status_id": statuses[0]})["id"]
    box.ask("PUT", f"/opportunity/{deal}/", {"status_id": statuses[1]})
    box.post("/activity/status_change/opportunity/", {
        "lead_id": one["id"], "opportunity_id": deal, "old_status_label": "Long gone",
        "new_status_id": statuses[2]})
    changes = box.get(f"/activity/status_change/opportunity/?opportunity_id={deal}")["data"]
    assert [(change["old_status_label"], change["new_status_label"]) for change in changes] == [
        ("Active", "Won"), ("Long gone", "Lost")]
    assert box.get(f"/opportunity/{deal}/")["status_id"] == statuses[1]


def test_the_first_status_of_the_organization_is_what_new_leads_get(box):
    path = f"/organization/{box.get('/me/')['organizations'][0]['id']}/"
    statuses = [status["id"] for status in box.get(path)["lead_statuses"]]
    box.ask("PUT", path, {"lead_statuses": [{"id": statuses[2]}]})
    assert [status["id"] for status in box.get(path)["lead_statuses"]] == [
        statuses[2], statuses[0], statuses[1], statuses[3]]
    assert lead(box)["status_id"] == statuses[2]


# What is refused


def test_what_close_insists_on(box):
    group = {"name": "North"}
    box.post("/group/", group)
    assert refused(box, "POST", "/group/", group).keys() == {"name"}
    assert refused(box, "POST", "/sequence/", {"name": "x", "timezone": "x", "steps": [
        {"step_type": "email", "delay": 0, "email_template_id": template(box, is_shared=False)}]}) == [
            "This template is not shared with the organization."]
    user = box.post("/_sandbox/users", {"email": "b@b.example", "first_name": "B", "last_name": "B"})
    assert refused(box, "POST", "/send_as/", {
        "allowing_user_id": user["id"], "allowed_user_id": user["id"]}).keys() == {"allowing_user"}
    for path, needed in (("/comment/", "object_id"), ("/sequence_subscription/", "sequence_id")):
        assert refused(box, "GET", path).keys() == {needed}
    assert box.ask("GET", "/membership/")[0] == box.ask("POST", "/activity/meeting/", {})[0] == 405


def test_a_bulk_update_of_tasks_without_a_filter_is_of_every_task(box):
    one = lead(box)["id"]
    tasks = [box.post("/task/", {"lead_id": one, "_type": kind, "text": kind})["id"]
             for kind in ("lead", "outgoing_call")]
    for path, body, due in (("/task/", {}, "2026-03-09"), ("/task/?_limit=1", {}, "2026-03-10"),
                            ("/task/", {"_params": {}}, "2026-03-11")):
        assert box.ask("PUT", path, {**body, "date": due}) == (200, {"count": 2})
        assert {box.get(f"/task/{task}/")["date"] for task in tasks} == {due}


def test_a_bulk_update_of_tasks_is_of_those_its_filters_find(box):
    one = lead(box)["id"]
    tasks = [box.post("/task/", {"lead_id": one, "text": text})["id"] for text in "abc"]
    assert box.ask("PUT", f"/task/?id__in={tasks[0]},{tasks[1]}", {"is_complete": True}) == (
        200, {"count": 2})
    assert box.ask("PUT", "/task/", {"_params": {"is_complete": "true"}, "text": "d"}) == (
        200, {"count": 2})
    assert [box.get(f"/task/{task}/")["text"] for task in tasks] == ["d", "d", "c"]
    status, answer = box.ask("PUT", f"/task/?lead_id={one}", {"assigned_to": "user_x"})
    assert status == 400 and answer["count"] == 0 and "assigned_to" in answer["field-errors"]


def test_a_key_does_not_do_what_only_applications_may(start_sandbox):
    box = start_sandbox("--no-rate-limit")
    for path in ("/scheduling_link/integration/", "/activity/meeting/x/integration/"):
        status, answer = box.ask("POST", path, {})
        assert status == 403 and "OAuth" in answer["error"]
