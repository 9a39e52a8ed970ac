"""A record for each operation of the catalogue, with every field that the catalogue names for it.

What a field may hold is taken from its type; what it has to mean (a lead that is there, a status of
that pipeline) from the tables below. Nothing here knows how closefeed works.
"""

import json
import pathlib

OPERATIONS = {operation["name"]: operation for operation in json.loads(
    (pathlib.Path(__file__).parents[2] / "schemas" / "close" / "operations.json").read_text(
        encoding="utf-8"))}

MOMENT = "2026-03-09T13:00:00+00:00"
LATER = "2099-03-09T13:00:00+00:00"  # so that nothing that is scheduled comes due
DAY = "2026-03-09"
FILE = "https://app.close.com/go/file/report.pdf"
NOWHERE = "http://127.0.0.1:9/hook"  # refuses at once whatever is sent to it
NOT_SENT = object()
LEADS = {"type": "object_type", "object_type": "lead"}

# Fields that hold the id of something: the operation that makes it.
REFERS = {
    "contact_id": "contact.create",
    "custom_activity_type_id": "custom_activity.create",
    "custom_field_id": "custom_field.lead.create",
    "custom_object_type_id": "custom_object_type.create",
    "email_template_id": "email_template.create",
    "field_id": "custom_field.lead.create",
    "followup_sequence_id": "sequence.create",
    "in_reply_to_id": "activity.email.create",
    "lead_id": "lead.create",
    "lead_status_id": "status.lead.create",
    "opportunity_id": "opportunity.create",
    "outcome_id": "outcome.create",
    "pipeline": "pipeline.create",
    "pipeline_id": "pipeline.create",
    "playbook_id": "playbook.create",
    "response_to_id": "activity.whatsapp_message.create",
    "sequence_id": "sequence.create",
    "shared_scheduling_link_id": "shared_scheduling_link.create",
    "sms_template_id": "sms_template.create",
    "template_id": "email_template.create",
    "user_scheduling_link_id": "scheduling_link.create",
}

# The custom fields of a kind of object.
FIELDS_OF = {
    "lead": "custom_field.lead.create",
    "contact": "custom_field.contact.create",
    "opportunity": "custom_field.opportunity.create",
    "activity.custom": "custom_field.activity.create",
    "custom_object": "custom_field.custom_object_type.create",
}

# What a field holds wherever its type alone does not say it; a function gets the world.
HOLDS = {
    "_type": "lead",
    "action": "created",
    "activity_at": MOMENT,
    "allowed_user_id": lambda w: w.new_user(),
    "allowed_user_ids": lambda w: [w.new_user()],
    "allowing_user_id": lambda w: w.user,
    "assigned_to": lambda w: w.user,
    "addresses": [{"label": "mailing", "address_1": "Quay 1", "address_2": "Gate B", "city": "Kiel",
                   "state": "SH", "zipcode": "24103", "country": "DE"}],
    "attachments": [{"url": FILE, "filename": "report.pdf", "content_type": "application/pdf"}],
    "bcc": ["kim@acme.example.com"],
    "calls_assigned_to": lambda w: [w.user],
    "cc": ["lee@acme.example.com"],
    "choices": ["Small", "Large"],
    "color": "#00cc66",
    "contact_email": "ana@acme.example.com",
    "contacts": lambda w: [{
        "name": "Ben", "title": "CFO", "emails": [{"email": "ben@acme.example.com", "type": "home"}],
        "phones": [{"phone": "+16505550124", "type": "mobile"}],
        "urls": [{"url": "https://ben.example.com", "type": "url"}], "timezone": "Europe/Berlin",
        "custom." + w["custom_field.contact.create"]: ["Large"]}],
    "content_type": "application/pdf",
    "country": "US",
    "created_by": lambda w: w.user,
    "created_by_id": lambda w: w.user,
    "currency": "EUR",
    "custom_field_ids": lambda w: [w["custom_field.lead.create"]],
    "custom_fields": {},
    "delay": 0,
    "disallowed_user_ids": lambda w: [w.new_user()],
    "editable_with_roles": ["admin"],
    "email": "ana@acme.example.com",
    "emails": [{"email": "ana@acme.example.com", "type": "home"}],
    "event_filter": None,
    "extra_filter": None,
    "forward_to": "+16505550125",
    "is_archived": False,
    "is_dateless": False,
    "local_phone": "+16505550126",
    "metrics": ["leads.created.all.count"],
    "note": "Met at the fair",
    "note_html": "<body><p>Met at the fair</p></body>",
    "object_type": "lead",
    "organization_id": lambda w: w.organization,
    "outcome_ids": lambda w: [w["outcome.create"]],
    "participants": lambda w: [w.user],
    "permissions": ["view_all_leads"],
    "phone": "+16505550123",
    "phone_numbers": ["+16505550127"],
    "phones": [{"phone": "+16505550123", "type": "mobile"}],
    "prefix": "650",
    "remote_phone": "+16505550128",
    "required": False,  # of a type that others use
    "role_id": "user",
    "s_query": lambda w: {"query": w.only(w["lead.create"])},
    "saved_view_ids": lambda w: [w["saved_search.create"]],
    "sender": "ana@sandbox.example",
    "sender_email": "ana@sandbox.example",
    "sort": [{"direction": "asc", "field": {"type": "regular_field", "object_type": "lead",
                                            "field_name": "date_created"}}],
    "source_id": "ours-1",
    "statuses": [{"label": "Due", "type": "active"}],
    "steps": lambda w: [{"step_type": "email", "delay": 0, "threading": "new_thread",
                         "required": True, "email_template_id": w["email_template.create"]}],
    "timezone": "Europe/Berlin",
    "to": ["ana@acme.example.com"],
    "urls": [{"url": "https://acme.example.com/ana", "type": "url"}],
    "user_id": lambda w: w.user,
    "users": lambda w: [w.user],
    "user_note_html": "<body><p>Met at the fair</p></body>",
    "visibility_user_lcf_ids": lambda w: [w["custom_field.lead.create"]],
    "voicemail_greeting_url": "https://acme.example.com/hello.mp3",
}

# The same for one operation, or for all of one kind of object.
OWN = {
    "activity.email": {"status": "scheduled", "date_scheduled": LATER, "attachments": [
        {"url": FILE, "filename": "report.pdf", "content_type": "application/pdf", "size": 5,
         "content_id": "c1", "inline_only": False}],
        "opens": [{"opened_at": MOMENT}]},
    "activity.meeting": {"integration_data": {"our_id": "M-1"}},
    "activity.sms": {"status": "scheduled", "date_scheduled": LATER, "direction": "outbound",
                     "local_phone": lambda w: w.given("number"),
                     "template_id": lambda w: w["sms_template.create"]},
    "activity.status_change.lead": {
        "old_status_id": lambda w: w["status.lead.create"],
        "new_status_id": lambda w: w["status.lead.create"]},
    "activity.status_change.opportunity": {
        "old_status_id": lambda w: w["status.opportunity.create"],
        "new_status_id": lambda w: w["status.opportunity.create"]},
    "blocked_phone_number": {"phone": lambda w: w.phone()},
    "bulk_action": {"s_query": lambda w: {"query": w.only(w.fresh("lead.create"))}},
    "bulk_action.edit.create": {"type": "set_custom_field", "custom_field_value": "Large"},
    "comment": {"object_id": lambda w: w["activity.note.create"]},
    "custom_activity.update": {"fields": lambda w: [{"id": w.fresh(
        "custom_field.activity.create", custom_activity_type_id=w.target)}]},
    "custom_field": {"type": "choices"},
    "custom_field_schema": {"fields": lambda w: [{"id": w["custom_field.lead.create"]}]},
    "enrich_field": {"object_id": lambda w: w.fresh("lead.create"), "field_id": lambda w: w.fresh(
        "custom_field.lead.create", type="text", choices=NOT_SENT, accepts_multiple_values=NOT_SENT)},
    "integration_link": {"url": "https://crm.example.com/{{ lead.id }}"},
    "lead": {"status_id": lambda w: w["status.lead.create"], "url": "https://acme.example.com"},
    "lead.merge": {"source": lambda w: w.fresh("lead.create"),
                   "destination": lambda w: w.fresh("lead.create")},
    "membership.bulk_update": {"_params": lambda w: {"id__in": w.membership}},
    "opportunity": {"status_id": lambda w: w["status.opportunity.create"]},
    "organization": {"lead_statuses": lambda w: [{"id": w["status.lead.create"]}]},
    "pipeline.update": {"statuses": lambda w: [{"id": w.fresh("status.opportunity.create")}]},
    "report.activity.get": {"datetime_range": {"start": MOMENT, "end": LATER}, "query": lambda w: {
        "type": "saved_search", "saved_search_id": w["saved_search.create"]}},
    "report.funnel": {
        "report_relative_range": "this-month", "cohort_relative_range": "this-year",
        "compared_relative_range": "this-year", "query": lambda w: {
            "type": "saved_search", "saved_search_id": w["saved_search.create"]}},
    "saved_search": {"s_query": {"query": {"type": "and", "queries": [LEADS]}},
                     "selected_fields": ["name"], "sharing_settings": {}},
    "scheduling_link": {"url": "https://meet.example.com/ana"},
    "sequence": {"schedule": None, "status": "draft"},
    "shared_scheduling_link.unmap": {"shared_scheduling_link_id": lambda w: w.mapped()},
    "task.bulk_update": {"_params": lambda w: {"id__in": w.fresh("task.create")}},
    "webhook": {"url": NOWHERE},
}

# Fields that cannot stand beside others, and why.
LEFT_OUT = {
    "activity.call": {"custom.cf_*": "no custom field that one can define belongs to calls"},
    "activity.email": {"send_in": "goes with status outbox"},
    "activity.sms": {"send_in": "goes with status outbox"},
    "activity.status_change": {
        "old_status_label": "goes with a status that is gone",
        "new_status_label": "goes with a status that is gone"},
    "bulk_action": {"query": "s_query says it"},
    "bulk_action.edit.create": {
        "lead_status_id": "goes with type set_lead_status", "custom_field_name": "its id says it",
        "custom_field_values": "custom_field_value says it"},
    "custom_field": {
        "referenced_custom_type_id": "goes with type custom_object",
        "back_reference_is_visible": "goes with type custom_object"},
    "custom_field.shared.associate": {
        "custom_activity_type_id": "goes with object_type custom_activity_type",
        "custom_object_type_id": "goes with object_type custom_object_type"},
    "lead": {"status": "status_id says it"},
    "report.activity.get": {"relative_range": "datetime_range says it"},
    "report.funnel": {
        "report_datetime_range": "the relative one says it",
        "cohort_datetime_range": "the relative one says it",
        "compared_datetime_range": "the relative one says it",
        "compared_custom_range": "the relative one says it"},
    "saved_search": {"query": "s_query says it"},
    "shared_scheduling_link.map": {"url": "user_scheduling_link_id says it"},
}

# What the query of a call says.
ASKS = {
    "activity.whatsapp_message.create": {"send_to_inbox": "true"},
    "send_as.delete_by_user": {
        "allowing_user_id": lambda w: w.user,
        "allowed_user_id": lambda w: w.allowed()},
}

# The objects that calls change, where it is not one that the path's own create makes.
TARGETS = {
    "activity.email.update": lambda w: w.fresh("activity.email.create", status="draft"),
    "activity.emailthread.delete": lambda w: w.given("activity.emailthread"),
    "activity.form_submission.delete": lambda w: w.given("activity.form_submission"),
    "activity.meeting.delete": lambda w: w.given("activity.meeting"),
    "activity.meeting.integration.upsert": lambda w: w.given("activity.meeting"),
    "activity.meeting.update": lambda w: w.given("activity.meeting"),
    "activity.sms.update": lambda w: w.fresh("activity.sms.create", status="draft"),
    "activity.task_completed.delete": lambda w: w.given("activity.task_completed"),
    "membership.pinned_views.update": lambda w: w.membership,
    "membership.update": lambda w: w.membership,
    "organization.update": lambda w: w.organization,
    "phone_number.delete": lambda w: w.fresh("phone_number.request_internal"),
    "phone_number.update": lambda w: w.fresh("phone_number.request_internal"),
    "pipeline.delete": lambda w: w.fresh("pipeline.create", statuses=[]),
    "playbook.unarchive": lambda w: w.archived(),
}

# Other parameters of paths.
PATHS = {
    "custom_field.shared": {"object_type": "lead", "scf_id": lambda w: w.associated()},
    "custom_field.shared.associate": {"scf_id": lambda w: w.fresh("custom_field.shared.create")},
    "custom_field_schema": {"object_type": "lead"},
    "group.member.add": {"group_id": lambda w: w.fresh("group.create")},
    "group.member.remove": {"group_id": lambda w: w.joined(), "user_id": lambda w: w.user},
    "scheduling_link.integration.delete": {"source_id": lambda w: w.integrated()},
    "unsubscribe.email.delete": {"email_address": lambda w: w.unsubscribed()},
}


def split(text, separator):
    """Splits where no bracket is open."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "<{(") - (letter in ">})")
        if letter == separator and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def told(tables, operation, field):
    """Whether a table speaks of a field, and what it says.

    It may speak of the operation itself, of its object, or of all that begin so.
    """
    for key in sorted(tables, key=len, reverse=True):
        begins = [name == key or name.startswith(key + ".")
                  for name in (operation["name"], operation["object"])]
        if any(begins) and field in tables[key]:
            return True, tables[key][field]
    return False, None


class Row:
    """One operation with all that a call of it says."""

    def __init__(self, operation, params, query, body):
        self.operation, self.params, self.query, self.body = operation, params, query, body

    @property
    def name(self):
        return self.operation["name"]

    @property
    def path(self):
        return self.operation["path"].format(**self.params)

    @property
    def record(self):
        """The line of the input: path and query stand under names of their own."""
        return {"operation": self.name, "body": self.body,
                **{"p_" + name: value for name, value in self.params.items()},
                **{"q_" + name: value for name, value in self.query.items()}}

    def route(self, allow=None):
        """The route that takes its record."""
        op = self.operation
        allow = op["effects"] if allow is None else allow
        lines = [f"- when: .operation == \"{self.name}\"", f"  operation: {self.name}"]
        if self.params:
            said = ", ".join(f'{name}: "{{p_{name}}}"' for name in self.params)
            lines.append(f"  params: {{{said}}}")
        if self.query:
            said = ", ".join(f'{name}: "{{q_{name}}}"' for name in self.query)
            lines.append(f"  query: {{{said}}}")
        if op["body_source"] != "none":
            lines += ['  body: "{body}"', "  unknown_keys: reject"]
        if allow:
            lines.append(f"  allow: [{', '.join(allow)}]")
        return "\n".join(lines)


class World:
    """Makes what records refer to: @make(operation, path, body) returns the id of a new object."""

    def __init__(self, make, *, user, organization, membership, new_user, given):
        self.make, self.user, self.organization = make, user, organization
        self.membership, self.new_user, self.given = membership, new_user, given
        self.known, self.making, self.target, self.n = {}, [], None, 0

    def __getitem__(self, create):
        """The one that everybody shares."""
        if create not in self.known:
            self.known[create] = self.fresh(create)
        return self.known[create]

    def fresh(self, create, **but):
        """A new object, with all fields its operation has, but for what is said otherwise."""
        operation, target = OPERATIONS[create], self.target
        self.making.append(create)
        params = self.params_of(operation)
        body = {field: value for field, value in {**self.body_of(operation), **but}.items()
                if value is not NOT_SENT}
        self.making.pop()
        self.target = target
        return self.make(operation, operation["path"].format(**params), body)

    def only(self, lead):
        return {"type": "and", "queries": [LEADS, {"type": "id", "value": lead}]}

    def allowed(self):
        """Somebody who may send in our name."""
        user = self.new_user()
        self.fresh("send_as.create", allowed_user_id=user)
        return user

    def then(self, name, body=None, **params):
        """One more call for what was just made."""
        operation = OPERATIONS[name]
        self.make(operation, operation["path"].format(**params), body)

    def archived(self):
        playbook = self.fresh("playbook.create")
        self.then("playbook.archive", id=playbook)
        return playbook

    def associated(self):
        field = self.fresh("custom_field.shared.create")
        self.then("custom_field.shared.associate", {"object_type": "lead"}, scf_id=field)
        return field

    def integrated(self):
        self.fresh("scheduling_link.integration.upsert", source_id="ours-2")
        return "ours-2"

    def joined(self):
        group = self.fresh("group.create")
        self.then("group.member.add", {"user_id": self.user}, group_id=group)
        return group

    def mapped(self):
        link = self.fresh("shared_scheduling_link.create")
        self.fresh("shared_scheduling_link.map", shared_scheduling_link_id=link)
        return link

    def phone(self):
        self.n += 1
        return f"+165055502{self.n % 100:02}"

    def unsubscribed(self):
        self.fresh("unsubscribe.email.create", email="gone@acme.example.com")
        return "gone@acme.example.com"

    def value(self, operation, field, kind):
        """What @field of type @kind holds; None and False: it must be left out."""
        is_told, value = told(OWN, operation, field)
        if not is_told and field in REFERS:
            create = REFERS[field]
            return (None, False) if create in self.making else (self[create], True)
        if not is_told:
            is_told, value = field in HOLDS, HOLDS.get(field)
        if is_told:
            return value(self) if callable(value) else value, True
        kind = next(part for part in split(kind, "|") if part != "null")
        return self.of_type(operation, field, kind), True

    def of_type(self, operation, field, kind):
        word, _, inner = kind.rstrip(">)}").partition(
            next((bracket for bracket in "<({" if bracket in kind), "\0"))
        if word == "array":
            return [self.of_type(operation, field, inner)]
        if word == "enum":
            return inner.split("|")[0]
        if word == "object":
            names = [name.rstrip("*") for name in inner.split(",") if name]
            return {name: self.value(operation, name, "string")[0] for name in names}
        self.n += 1
        return {"integer": 5, "number": 5, "boolean": True, "date": DAY, "date-time": MOMENT,
                "email": "ana@acme.example.com", "uri": "https://acme.example.com/it"}.get(
                    word, f"{field} {self.n} of {operation['name']}")

    def body_of(self, operation):
        body = {}
        for field, kind in operation["body_fields"].items():
            if told(LEFT_OUT, operation, field)[0]:
                continue
            if field == "custom.cf_*":
                key = "custom." + self[FIELDS_OF[operation["object"]]]
                body[key] = ["Large"]
                continue
            value, is_there = self.value(operation, field, kind)
            if is_there:
                body[field] = value
        return body

    def target_of(self, operation):
        """The object a path with {id} means."""
        if operation["name"] in TARGETS:
            return TARGETS[operation["name"]](self)
        collection = operation["path"].split("{id}")[0]
        [create] = [one["name"] for one in OPERATIONS.values()
                    if one["method"] == "POST" and one["path"] == collection]
        return self.fresh(create)

    def params_of(self, operation):
        params = {}
        for name in operation["path_params"]:
            if name == "id":
                params[name] = self.target = self.target_of(operation)
            else:
                _, value = told(PATHS, operation, name)
                params[name] = value(self) if callable(value) else value
        return params

    def row(self, name):
        operation = OPERATIONS[name]
        params = self.params_of(operation)
        query = {field: value(self) if callable(value) else value
                 for field, value in ASKS.get(name, {}).items()}
        return Row(operation, params, query, self.body_of(operation))
