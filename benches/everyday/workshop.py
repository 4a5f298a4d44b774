"""A bicycle workshop as an MCP server whose tools say nothing of their effects, as many do. What is changed
is appended to `workshop.log`, one JSON object a line, so that a grader can look at effects."""

import office

JOBS = {
    "W-31": {"job": "W-31", "owner": "Pia Holm", "bicycle": "Tern 8", "fault": "rear brake", "state": "waiting for parts"},
    "W-32": {"job": "W-32", "owner": "Amir Said", "bicycle": "Gazelle 3", "fault": "flat tyre", "state": "ready"},
    "W-35": {"job": "W-35", "owner": "Pia Holm", "bicycle": "Brompton C", "fault": "gear cable", "state": "in work"},
}
OWNERS = {"Pia Holm": {"phone": "+45 20 11 02 94", "town": "Aarhus"}, "Amir Said": {"phone": "+45 31 77 40 08", "town": "Vejle"}}
PARTS = {"brake pad": {"count": 14, "price": 7.9}, "gear cable": {"count": 0, "price": 4.5}, "inner tube": {"count": 22, "price": 5.25}}


def job(number):
    return JOBS.get(number) or office.fail(f"no job {number}")


def jobs_of(owner):
    return {"jobs": [number for number, job in JOBS.items() if job["owner"] == owner]}


def owner(name):
    return OWNERS.get(name) or office.fail(f"no owner {name}; there are {', '.join(OWNERS)}")


def part(name):
    return PARTS.get(name) or office.fail(f"no part {name}; there are {', '.join(PARTS)}")


def order_part(name, count):
    part(name)
    return office.done({"ordered": name, "count": count}, "workshop.log")


def set_state(number, state):
    job(number)
    return office.done({"job": number, "state": state}, "workshop.log")


def text_message(phone, message):
    return office.done({"to": phone, "message": message}, "workshop.log")


TEXT, COUNT = {"type": "string"}, {"type": "integer"}
STATES = {"type": "string", "enum": ["waiting for parts", "in work", "ready", "collected"]}
TOOLS = {
    "job": (job, "Details of a repair job: owner, bicycle, fault and state.", {"number": TEXT}, None),
    "jobs_of": (jobs_of, "The numbers of an owner's repair jobs.", {"owner": TEXT}, None),
    "owner": (owner, "Phone number and town of the owner of a bicycle.", {"name": TEXT}, None),
    "part": (part, "Stock and price of a spare part.", {"name": TEXT}, None),
    "order_part": (order_part, "Orders a spare part from the supplier.", {"name": TEXT, "count": COUNT}, None),
    "set_state": (set_state, "Changes the state of a repair job.", {"number": TEXT, "state": STATES}, None),
    "text_message": (text_message, "Sends a text message to a phone.", {"phone": TEXT, "message": TEXT}, None),
}

if __name__ == "__main__":
    office.main(TOOLS)
