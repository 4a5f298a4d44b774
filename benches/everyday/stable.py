"""A livery stable as an MCP server: horses, owners, feed, the indoor arena, the farrier. Its tools that only
look say so, the others say nothing. What is changed is appended to `stable.log`, one JSON object a line, so
that a grader can look at effects."""

import re

import office

HORSES = {
    "Biscuit": {"name": "Biscuit", "breed": "Haflinger", "born": 2021, "owner": "Callum Rae", "box": 4, "feed": "oats", "last_shod": "2034-05-02"},
    "Juno": {"name": "Juno", "breed": "Connemara", "born": 2025, "owner": "Farida Nasser", "box": 11, "feed": "muesli", "last_shod": "2034-04-18"},
    "Thistle": {"name": "Thistle", "breed": "Shetland pony", "born": 2019, "owner": "Callum Rae", "box": 2, "feed": "hay pellets", "last_shod": "2034-03-27"},
    "Sultan": {"name": "Sultan", "breed": "Arabian", "born": 2023, "owner": "Dov Keller", "box": 9, "feed": "muesli", "last_shod": "2034-05-15"},
}
OWNERS = {
    "Callum Rae": {"name": "Callum Rae", "phone": "+44 1632 960415", "email": "callum.rae@example.org"},
    "Farida Nasser": {"name": "Farida Nasser", "phone": "+44 1632 960288", "email": "farida@nasser.example"},
    "Dov Keller": {"name": "Dov Keller", "phone": "+44 1632 960731", "email": "dkeller@example.com"},
}
FEED = {
    "oats": {"feed": "oats", "bags": 3, "price_per_bag": 16.8},
    "muesli": {"feed": "muesli", "bags": 17, "price_per_bag": 23.4},
    "hay pellets": {"feed": "hay pellets", "bags": 1, "price_per_bag": 12.6},
}
ARENA = {
    "monday": ["07:00", "19:00"], "tuesday": ["09:00", "17:00", "20:00"], "wednesday": [], "thursday": ["07:00", "18:00"],
    "friday": ["12:00"], "saturday": ["08:00", "14:00"], "sunday": ["16:00"],
}


def pick(table, what, name):
    for key, value in table.items():
        if key.casefold() == name.strip().casefold():
            return value
    return office.fail(f"no {what} '{name}', known: {', '.join(table)}")


def horse_card(name):
    return pick(HORSES, "horse", name)


def owner_contact(full_name):
    return pick(OWNERS, "owner", full_name)


def feed_stock(feed):
    return pick(FEED, "feed", feed)


def arena_slots(day):
    return {"day": day, "free": pick(ARENA, "day", day)}


def reserve_arena(day, time, horse):
    free, horse = pick(ARENA, "day", day), pick(HORSES, "horse", horse)["name"]
    if time not in free:
        return office.fail(f"{day} {time} is not free, free: {', '.join(free) or 'nothing'}")
    return done({"arena": day.lower(), "time": time, "horse": horse})


def order_feed(feed, bags):
    return done({"ordered": pick(FEED, "feed", feed)["feed"], "bags": bags})


def schedule_farrier(horse, date):
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        return office.fail("date must be YYYY-MM-DD")
    return done({"farrier": pick(HORSES, "horse", horse)["name"], "date": date})


def text_owner(phone, text):
    return done({"to": phone, "text": text})


def done(what):
    return office.done(what, "stable.log")


TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 1}
DAY = {"type": "string", "enum": list(ARENA)}
HORSE = {**TEXT, "description": "name of the horse"}
TOOLS = {
    "horse_card": (horse_card, "Get the card of one horse by its name. Returns breed, year of birth, owner, box number, feed and the date of the last shoeing.", {"name": HORSE}, True),
    "owner_contact": (owner_contact, "Contact details (phone, email) of a horse owner.", {"full_name": {**TEXT, "description": "first and last name"}}, True),
    "feed_stock": (feed_stock, "Check the feed room: bags left and price per bag (GBP) for one type of feed.", {"feed": {**TEXT, "description": "e.g. oats"}}, True),
    "arena_slots": (arena_slots, "Free one-hour slots in the indoor arena on the given weekday.", {"day": DAY}, True),
    "reserve_arena": (reserve_arena, "Reserve a one-hour slot in the indoor arena for a horse.", {"day": DAY, "time": {**TEXT, "description": "start, HH:MM"}, "horse": HORSE}, None),
    "order_feed": (order_feed, "Place an order for bags of one type of feed with the feed merchant.", {"feed": TEXT, "bags": {**COUNT, "description": "number of bags"}}, None),
    "schedule_farrier": (schedule_farrier, "Put a horse on the farrier's list for a date.", {"horse": HORSE, "date": {**TEXT, "description": "YYYY-MM-DD"}}, None),
    "text_owner": (text_owner, "Send an SMS to an owner.", {"phone": TEXT, "text": TEXT}, None),
}

if __name__ == "__main__":
    office.main(TOOLS)
