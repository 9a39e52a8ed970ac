"""init: a first pipeline out of a sample. What it writes is right at once and says why."""

import json

import pytest

KEY = {"CLOSE_API_KEY": "api_x"}

# sample records, the operation guessed, the body of the first request
SAMPLES = {
    "companies": (
        [{"id": 7, "company": "Acme", "website": "https://acme.example", "first_name": "Ana",
          "last_name": "Bell", "email": " ana@acme.example ", "phone": "+1 555 0100",
          "source": "fair"}],
        "lead.create",
        {"name": "Acme", "url": "https://acme.example",
         "contacts": [{"name": "Ana Bell", "emails": [{"email": "ana@acme.example"}],
                       "phones": [{"phone": "+1 555 0100"}]}]},
    ),
    "people": (
        [{"Full Name": "Ana Bell", "work e-mail": "ana@acme.example"}],
        "lead.create",
        {"name": "Ana Bell",
         "contacts": [{"name": "Ana Bell", "emails": [{"email": "ana@acme.example"}]}]},
    ),
    "nested": (
        [{"profile": {"email": "ana@acme.example", "title": "CTO"}, "account": "Acme"}],
        "lead.create",
        {"name": "Acme",
         "contacts": [{"title": "CTO", "emails": [{"email": "ana@acme.example"}]}]},
    ),
    "as-close-has-them": (
        [{"name": "Acme", "contacts": [{"name": "Ana"}], "crm id": 4, "_row": 1}],
        "lead.create",
        {"name": "Acme", "contacts": [{"name": "Ana"}]},
    ),
    "calls": (
        [{"lead_id": "lead_A1", "duration": "63", "direction": "inbound", "notes": "hello"}],
        "activity.call.create",
        {"lead_id": "lead_A1", "duration": 63, "direction": "inbound", "note": "hello"},
    ),
    "deals": (
        [{"lead_id": "lead_A1", "amount": "19.99", "comment": "yearly"}],
        "opportunity.create",
        {"lead_id": "lead_A1", "value": 1999, "note": "yearly"},
    ),
    "tasks": (
        [{"lead_id": "lead_A1", "due": "2026-11-21T10:00:00Z", "text": "call back"}],
        "task.create",
        {"lead_id": "lead_A1", "date": "2026-11-21", "text": "call back"},
    ),
    "notes": (
        [{"lead_id": "lead_A1", "text": "met at the fair"}],
        "activity.note.create",
        {"lead_id": "lead_A1", "note": "met at the fair"},
    ),
    "contacts": (
        [{"lead_id": "lead_A1", "name": "Ana", "email": "ana@acme.example"}],
        "contact.create",
        {"lead_id": "lead_A1", "name": "Ana", "emails": [{"email": "ana@acme.example"}]},
    ),
    "updates": (
        [{"lead_id": "lead_A1", "company": "Acme", "website": "https://acme.example"}],
        "lead.update",
        {"name": "Acme", "url": "https://acme.example"},
    ),
    "no-idea": (
        [{"colour": "red", "it's \"odd\"": 1}],
        "lead.create",
        None,
    ),
}


def sample(folder, name):
    path = folder / f"{name}.ndjson"
    path.write_text("".join(json.dumps(record) + "\n" for record in SAMPLES[name][0]))
    return path


@pytest.mark.parametrize("name", SAMPLES)
def test_the_file_is_right_at_once_and_sends_what_was_guessed(closefeed, name):
    sample(closefeed.folder, name)
    file = closefeed.folder / f"{name}.yaml"
    made = closefeed("init", f"{name}.ndjson", "--output", file.name)
    assert made.code == 0, made.err
    checked = closefeed("check", file.name, "--json", env=KEY)
    assert checked.code == 0, file.read_text() + checked.out
    assert f"operation: {SAMPLES[name][1]}" in file.read_text()
    lines = closefeed("preview", file.name, "--json").lines
    if SAMPLES[name][2] is not None:
        assert [line["body"] for line in lines] == [SAMPLES[name][2]]
        assert checked.json["notes"] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_no_value_of_a_record_gets_into_the_file(closefeed, name):
    sample(closefeed.folder, name)
    text = closefeed("init", f"{name}.ndjson").out
    for record in SAMPLES[name][0]:
        for value in record.values():
            if isinstance(value, str) and len(value) > 7:
                assert value not in text


def test_every_key_has_a_comment(closefeed):
    sample(closefeed.folder, "companies")
    for line in closefeed("init", "companies.ndjson").out.splitlines():
        key = line.strip().lstrip("- ")
        if key.endswith((":", "-")) or not key or key.startswith("#"):
            continue
        assert " # " in line, line


def test_the_operation_can_be_said(closefeed):
    sample(closefeed.folder, "updates")
    made = closefeed("init", "updates.ndjson", "--operation", "lead.create")
    assert made.code == 0 and "operation: lead.create" in made.out
    wrong = closefeed("init", "updates.ndjson", "--operation", "lead.merge")
    assert wrong.code == 2 and "lead.create" in wrong.err


def test_a_file_that_is_there_is_never_written_over(closefeed):
    sample(closefeed.folder, "notes")
    (closefeed.folder / "mine.yaml").write_text("mine")
    refused = closefeed("init", "notes.ndjson", "--output", "mine.yaml")
    assert refused.code == 74 and "not written over" in refused.err
    assert (closefeed.folder / "mine.yaml").read_text() == "mine"


def test_a_file_in_another_folder_finds_its_input(closefeed):
    sample(closefeed.folder, "notes")
    (closefeed.folder / "sub").mkdir()
    assert closefeed("init", "notes.ndjson", "--output", "sub/notes.yaml").code == 0
    assert len(closefeed("preview", "sub/notes.yaml", "--json").lines) == 1


@pytest.mark.parametrize("text, said", [
    ("name,email\nAna,ana@acme.example\n", "none of its lines is a JSON object"),
    ("", "it is empty"),
])
def test_what_is_no_sample_is_told(closefeed, text, said):
    (closefeed.folder / "input.csv").write_text(text)
    refused = closefeed("init", "input.csv")
    assert refused.code == 65 and said in refused.err and refused.out == ""


def test_a_sample_that_is_not_there(closefeed):
    refused = closefeed("init", "nowhere.ndjson")
    assert refused.code == 65 and "nowhere.ndjson" in refused.err
