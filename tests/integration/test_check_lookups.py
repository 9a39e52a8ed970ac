"""What match and link look up is judged when Close, or a lock file, can be asked what there is."""

import json

import pytest

ROUTES = """
- operation: contact.upsert
  match: {custom.Member No: "{id}"}
  link:
    lead_id: {lead: {custom.Account ID: "{account}"}}
  body: {name: "{name}"}
"""


@pytest.fixture(name="fields")
def _fields(sandbox):
    for kind, name in (("contact", "Member No"), ("lead", "Account ID")):
        sandbox.post(f"/custom_field/{kind}/", {"name": name, "type": "text"})


def test_names_are_looked_for_where_they_are_looked_up(closefeed, sandbox, pipeline, fields):
    assert closefeed("check", pipeline([], routes=ROUTES), "--online").code == 0
    swapped = ROUTES.replace("Member No", "Account ID").replace('lead: {custom.Account ID',
                                                                'lead: {custom.Acount ID')
    path = pipeline([], name="swapped", routes=swapped)
    assert closefeed("check", path).code == 0  # nothing is known offline
    result = closefeed("check", path, "--online")
    assert result.code == 78
    assert ('routes[0].match.custom.Account ID: there is no custom field of contacts called '
            '"Account ID"') in result.err
    assert ('routes[0].link.lead_id.lead.custom.Acount ID: there is no custom field of leads '
            'called "Acount ID": did you mean "Account ID"?') in result.err
    assert not sandbox.requests("POST", "/data/search/")


def test_a_name_of_two_fields_is_nobodys(closefeed, sandbox, pipeline, fields):
    path = pipeline([], routes=ROUTES)
    sandbox.post("/custom_field/lead/", {"name": "Account ID", "type": "text"})
    result = closefeed("check", path, "--online")
    assert result.code == 78 and "more than one custom field of leads" in result.err


def test_a_lock_file_knows_them_offline(closefeed, sandbox, pipeline, fields):
    path = pipeline([], routes=ROUTES)
    closefeed("fields", path, "--lock")
    lock = json.loads(path.with_name("signups.fields.lock").read_text())
    assert {"contact", "lead"} <= set(lock["names"])
    assert closefeed("check", path).code == 0
    path.write_text(path.read_text().replace("Member No", "Membre No"))
    result = closefeed("check", path)
    assert result.code == 78 and 'did you mean "Member No"?' in result.err


@pytest.mark.parametrize("link, said", [
    ('status_id: {status.lead: {label: Potentiel}}', 'did you mean "Potential"?'),
    ('custom.cf_G: {group: {name: Nobody}}', 'there is no group called "Nobody"'),
    ('custom.cf_U: {user: {email: nobody@example.com}}', "there is no user called"),
])
def test_a_link_to_a_constant_is_judged_too(closefeed, pipeline, link, said):
    path = pipeline([], routes=f"- operation: lead.create\n  link: {{{link}}}\n")
    assert closefeed("check", path).code == 0
    result = closefeed("check", path, "--online")
    assert result.code == 78 and said in result.err, result.err


def test_a_status_is_looked_up_within_its_pipeline(closefeed, sandbox, pipeline):
    """Both pipelines have a status called Won."""
    other = sandbox.post("/pipeline/", {"name": "Partners", "statuses": [
        {"label": "Open", "type": "active"}, {"label": "Won", "type": "won"}]})
    lead = sandbox.post("/lead/", {"name": "Acme"})["id"]
    route = """
        - operation: opportunity.create
          link: {status_id: {status.opportunity: {label: "{stage}"%s}}}
          body: {lead_id: "{lead}", note: "{stage}"}
        """
    records = [{"lead": lead, "stage": "Won", "pipeline": other["id"]}]
    result = closefeed("run", pipeline(records, name="any", routes=route % ""), "--json")
    assert result.summary["rejected"] == 1
    narrowed = route % ', pipeline_id: "{pipeline}"'
    result = closefeed("run", pipeline(records, name="one", routes=narrowed), "--json")
    assert result.summary["delivered"] == 1, result.err
    made, = sandbox.objects("opportunity")
    assert made["pipeline_id"] == other["id"]


def test_a_type_is_linked_into_the_path_as_a_kind_and_an_id(closefeed, sandbox, pipeline):
    visit = sandbox.post("/custom_activity/", {"name": "Visit"})["id"]
    region = sandbox.post("/custom_field/shared/", {"name": "Region", "type": "text"})["id"]
    sandbox.post(f"/custom_field/shared/{region}/association/", {
        "object_type": "custom_activity_type", "custom_activity_type_id": visit})
    path = pipeline([{"field": "Region", "type": "Visit"}], routes="""
        - operation: custom_field.shared.update_association
          link:
            scf_id: {custom_field.shared: {name: "{field}"}}
            object_type: {custom_activity_type: {name: "{type}"}}
          body: {required: true}
        """)
    result = closefeed("run", path, "--json")
    assert result.summary["delivered"] == 1, result.err
    call, = sandbox.requests("PUT")
    assert call["path"].endswith(
        f"/custom_field/shared/{region}/association/custom_activity_type/{visit}/")
