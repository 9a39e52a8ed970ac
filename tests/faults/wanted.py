"""What a feed of torture.py must come to, and the oracle that compares it with what is there.

The model reads a feed from its first record to its last as a person would, with no network between:
it knows nothing of batches, kills, lag or lost answers. Every complaint is a sentence, as in
trial.py.
"""

import collections
import json


class Wanted:
    """What Close has when all records were delivered in their order."""

    def __init__(self):
        self.leads = {}  # by key: {"text", "tags"}
        self.contacts = {}  # by e-mail: {"text", "lead"}
        self.rows = collections.defaultdict(set)  # e-mails of those that were rows, by key
        self.rejected = set()  # lines

    def take(self, line, record):
        getattr(self, "take_" + record["type"])(line, record)

    def take_lead(self, _line, record):
        self.leads.setdefault(record["key"], {"tags": set()})["text"] = record["text"]

    def take_update(self, _line, record):
        lead = self.leads.get(record["key"])
        if lead:  # `on_none: skip`
            lead["text"] = record["text"]
            lead["tags"] -= {record.get("untag")}
            lead["tags"] |= {record["tag"]} if "tag" in record else set()

    def take_person(self, line, record):
        contact = self.contacts.get(record["email"])
        if contact:
            contact["text"] = record["text"]
        elif record["key"] in self.leads:
            self.contacts[record["email"]] = {"text": record["text"], "lead": record["key"]}
        else:
            self.rejected.add(line)

    def take_pair(self, line, record):
        self.leads.setdefault(record["key"], {"text": record["text"], "tags": set()})
        self.take_person(line, record)

    def take_row(self, _line, record):
        self.rows[record["key"]].add(record["email"])


class Oracle:
    """Looks into the sandbox alone, behind the last run."""

    def __init__(self, wanted, sandbox, fields, spare):
        """@fields: where leads have their `key` and `tags`; @spare: the id of no record's lead."""
        self.wanted, self.sandbox, self.fields = wanted, sandbox, fields
        self.leads, self.contacts = collections.defaultdict(list), collections.defaultdict(list)
        for lead in sandbox.objects("lead"):
            if lead["id"] != spare:
                self.leads[lead.get(fields["key"])].append(lead)
        for contact in sandbox.objects("contact"):
            for email in {line["email"] for line in contact["emails"]}:
                self.contacts[email].append(contact)
        self.key_of = {lead["id"]: key for key, leads in self.leads.items() for lead in leads}

    def complaints(self):
        return (self.twins() + self.nobodys() + self.wrong_leads() + self.wrong_contacts() +
                self.wrong_rows() + self.disorder())

    def twins(self):
        return [f"{what} {name} is there {len(objects)} times"
                for what, by_name in (("lead", self.leads), ("contact", self.contacts))
                for name, objects in by_name.items() if len(objects) > 1]

    def nobodys(self):
        return [f"lead {key} should not be there" for key in self.leads
                if key not in self.wanted.leads and key not in self.wanted.rows]

    def wrong_leads(self):
        complaints = []
        for key, wanted in self.wanted.leads.items():
            for lead in self.leads[key][:1]:
                there = {"text": lead["description"],
                         "tags": set(lead.get(self.fields["tags"]) or [])}
                if there != wanted:
                    complaints.append(f"lead {key} ended as {there}, wanted {wanted}")
            if not self.leads[key]:
                complaints.append(f"lead {key} is lost")
        return complaints

    def wrong_contacts(self):
        complaints = []
        for email, wanted in self.wanted.contacts.items():
            for contact in self.contacts[email][:1]:
                there = {"text": contact["title"], "lead": self.key_of.get(contact["lead_id"])}
                if there != wanted or len(contact["emails"]) != 1:
                    complaints.append(f"contact {email} ended as {there} with "
                                      f"{len(contact['emails'])} e-mails, wanted {wanted}")
            if not self.contacts[email]:
                complaints.append(f"contact {email} is lost")
        return complaints

    def wrong_rows(self):
        complaints = []
        for key, wanted in self.wanted.rows.items():
            there = {email for email, contacts in self.contacts.items() for contact in contacts
                     if self.key_of.get(contact["lead_id"]) == key}
            if there != wanted:
                complaints.append(f"the rows of {key} are {sorted(there)}, wanted {sorted(wanted)}")
        return complaints

    def disorder(self):
        """The texts count up through the feed, so no object may ever get a smaller one again."""
        complaints, last = [], {}
        for call in self.sandbox.requests("PUT"):
            body = json.loads(call["body"] or "{}")
            text, path = body.get("description") or body.get("title"), call["path"]
            if text and call["applied"]:
                if text < last.get(path, ""):
                    complaints.append(f"{path} went back: {last[path]} then {text}")
                last[path] = text
        return complaints
