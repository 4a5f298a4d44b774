"""A small campsite as an MCP server: pitches, guests, a kiosk and rental boats. What is changed is appended
to `campsite.log`, one JSON object a line, so that a grader can look at effects."""

import re

import office

PITCHES = {
    6: {"pitch": 6, "ground": "grass", "size_m2": 90, "power": "10 A", "price_per_night": 26.5, "guest": "Wanda Kruk"},
    9: {"pitch": 9, "ground": "gravel", "size_m2": 125, "power": "16 A", "price_per_night": 34.0, "guest": "Solveig Aune"},
    14: {"pitch": 14, "ground": "grass", "size_m2": 75, "power": "10 A", "price_per_night": 24.0, "guest": "Oskar Thiele"},
    17: {"pitch": 17, "ground": "gravel", "size_m2": 110, "power": "16 A", "price_per_night": 32.5, "guest": None},
    21: {"pitch": 21, "ground": "sand", "size_m2": 60, "power": None, "price_per_night": 18.5, "guest": "Gethin Rhys"},
}
GUESTS = {
    "wanda kruk": {"name": "Wanda Kruk", "pitch": 6, "arrival": "2035-07-08", "departure": "2035-07-18", "mobile": "+48 601 555 273"},
    "solveig aune": {"name": "Solveig Aune", "pitch": 9, "arrival": "2035-07-05", "departure": "2035-07-15", "mobile": "+47 41 55 09 36"},
    "oskar thiele": {"name": "Oskar Thiele", "pitch": 14, "arrival": "2035-07-03", "departure": "2035-07-17", "mobile": "+49 151 4430118"},
    "gethin rhys": {"name": "Gethin Rhys", "pitch": 21, "arrival": "2035-07-09", "departure": "2035-07-24", "mobile": "+44 7700 900482"},
}
KIOSK = {
    "charcoal": {"item": "charcoal", "unit": "bag", "price": 6.8, "in_stock": 13},
    "croissant": {"item": "croissant", "unit": "piece", "price": 1.6, "in_stock": 45},
    "gas cartridge": {"item": "gas cartridge", "unit": "piece", "price": 9.9, "in_stock": 7},
    "milk": {"item": "milk", "unit": "litre", "price": 1.9, "in_stock": 26},
    "sun cream": {"item": "sun cream", "unit": "bottle", "price": 11.5, "in_stock": 0},
}
BOATS = [
    {"boat": "Minnow", "type": "kayak", "seats": 1, "price_per_hour": 8.0},
    {"boat": "Otter", "type": "canoe", "seats": 3, "price_per_hour": 13.0},
    {"boat": "Heron", "type": "rowing boat", "seats": 4, "price_per_hour": 15.0},
    {"boat": "Bumblebee", "type": "pedal boat", "seats": 5, "price_per_hour": 18.0},
]


def pitch_info(pitch):
    return PITCHES.get(int(pitch)) or office.fail(f"pitch {pitch} does not exist; pitches: {', '.join(map(str, PITCHES))}")


def find_guest(name):
    return GUESTS.get(name.strip().lower()) or office.fail(f"no guest called {name}")


def kiosk_item(item):
    for name, entry in KIOSK.items():
        if name in item.lower():
            return entry
    return office.fail(f"the kiosk has no {item}; it has {', '.join(KIOSK)}")


def list_boats():
    return {"boats": BOATS}


def reserve_boat(boat, pitch, date, hours):
    names = {entry["boat"].lower(): entry["boat"] for entry in BOATS}
    if boat.strip().lower() not in names:
        return office.fail(f"no boat {boat}; boats: {', '.join(names.values())}")
    return change({"reserved": names[boat.strip().lower()], "pitch": taken(pitch), "date": day(date), "hours": hours})


def kiosk_order(item, quantity, pitch):
    entry = kiosk_item(item)
    if quantity > entry["in_stock"]:
        return office.fail(f"only {entry['in_stock']} left")
    return change({"ordered": entry["item"], "quantity": quantity, "pitch": taken(pitch)})


def change_departure(pitch, date):
    return change({"pitch": taken(pitch), "departure": day(date)})


def leave_note(pitch, text):
    return change({"note_for": taken(pitch), "text": text})


def taken(pitch):
    return int(pitch) if pitch_info(pitch)["guest"] else office.fail(f"nobody is on pitch {pitch}")


def day(date):
    return date if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else office.fail("date must be YYYY-MM-DD")


def change(what):
    return office.done(what, "campsite.log")


TEXT, COUNT = {"type": "string"}, {"type": "integer"}
PITCH = {"type": "integer", "description": "pitch number"}
DATE = {"type": "string", "description": "YYYY-MM-DD"}
TOOLS = {
    "pitch_info": (pitch_info, "Info about one pitch: ground, size, power, price per night and who is on it (null = free)", {"pitch": PITCH}, True),
    "find_guest": (find_guest, "Find a guest by full name. Returns pitch number, arrival + departure and mobile.", {"name": TEXT}, True),
    "kiosk_item": (kiosk_item, "Price and stock of something that the kiosk sells.", {"item": TEXT}, True),
    "list_boats": (list_boats, "List all rental boats with type, seats and price per hour (EUR).", {}, True),
    "reserve_boat": (reserve_boat, "Reserve a rental boat for the people on a pitch.", {"boat": {**TEXT, "description": "name of the boat"}, "pitch": PITCH, "date": DATE, "hours": COUNT}, False),
    "kiosk_order": (kiosk_order, "Order an article from the kiosk. Gets delivered to the pitch next morning.", {"item": TEXT, "quantity": COUNT, "pitch": PITCH}, False),
    "change_departure": (change_departure, "Set a new departure date for a pitch.", {"pitch": PITCH, "date": DATE}, False),
    "leave_note": (leave_note, "Leave a note at reception for a pitch, they get it with their mail.", {"pitch": PITCH, "text": TEXT}, False),
}

if __name__ == "__main__":
    office.main(TOOLS)
