"""A small cinema as an MCP server: films, screenings, bookings and membership cards. What is changed is
appended to `cinema.log`, one JSON object a line, so that a grader can look at effects."""

import re

import office

FILMS = {
    "paper herons": {"title": "Paper Herons", "director": "Aiko Sandvik", "minutes": 104, "from_age": 6, "language": "Japanese", "subtitles": "English"},
    "the lighthouse thief": {"title": "The Lighthouse Thief", "director": "Morag Bell", "minutes": 92, "from_age": 8, "language": "English", "subtitles": None},
    "salt road": {"title": "Salt Road", "director": "Idris Benali", "minutes": 137, "from_age": 12, "language": "French", "subtitles": "English"},
    "nine floors down": {"title": "Nine Floors Down", "director": "Lorcan Pyke", "minutes": 118, "from_age": 16, "language": "English", "subtitles": None},
}
SCREENINGS = {
    402: {"screening": 402, "film": "The Lighthouse Thief", "date": "2037-03-14", "start": "14:00", "hall": 2, "price": 7.5, "free_seats": 23},
    405: {"screening": 405, "film": "Paper Herons", "date": "2037-03-14", "start": "15:30", "hall": 1, "price": 8.0, "free_seats": 41},
    409: {"screening": 409, "film": "Salt Road", "date": "2037-03-14", "start": "19:45", "hall": 2, "price": 9.5, "free_seats": 12},
    411: {"screening": 411, "film": "Paper Herons", "date": "2037-03-14", "start": "20:15", "hall": 1, "price": 9.5, "free_seats": 17},
    416: {"screening": 416, "film": "Salt Road", "date": "2037-03-15", "start": "17:00", "hall": 1, "price": 8.5, "free_seats": 36},
    418: {"screening": 418, "film": "Nine Floors Down", "date": "2037-03-15", "start": "21:00", "hall": 2, "price": 9.5, "free_seats": 0},
    423: {"screening": 423, "film": "The Lighthouse Thief", "date": "2037-03-17", "start": "16:30", "hall": 2, "price": 6.0, "free_seats": 48},
    427: {"screening": 427, "film": "Nine Floors Down", "date": "2037-03-17", "start": "20:40", "hall": 1, "price": 7.0, "free_seats": 29},
}
BOOKINGS = {
    "K-2087": {"booking": "K-2087", "name": "Winifred Asher", "screening": 416, "seats": 2, "row": "F"},
    "K-2093": {"booking": "K-2093", "name": "Dagny Moen", "screening": 411, "seats": 4, "row": "C"},
    "K-2101": {"booking": "K-2101", "name": "Tomasz Wilk", "screening": 427, "seats": 1, "row": "H"},
    "K-2108": {"booking": "K-2108", "name": "Carmen Robles", "screening": 402, "seats": 3, "row": "B"},
}
MEMBERS = {
    5513: {"card": 5513, "name": "Winifred Asher", "email": "w.asher@example.org", "points": 140, "valid_until": "2037-06-30"},
    5527: {"card": 5527, "name": "Leopold Varga", "email": "leo.varga@example.net", "points": 85, "valid_until": "2037-11-30"},
    5541: {"card": 5541, "name": "Chiamaka Obi", "email": "chiamaka@example.com", "points": 310, "valid_until": "2038-02-28"},
}


def film_info(title):
    for name, entry in FILMS.items():
        if name in title.lower():
            return entry
    return office.fail(f"no film {title}; films: {', '.join(entry['title'] for entry in FILMS.values())}")


def list_screenings(date):
    keys = ("screening", "film", "start", "hall", "free_seats")
    return {"date": date, "screenings": [{key: entry[key] for key in keys} for entry in SCREENINGS.values() if entry["date"] == day(date)]}


def screening_info(screening):
    return SCREENINGS.get(int(screening)) or office.fail(f"no screening {screening}")


def find_booking(name):
    for entry in BOOKINGS.values():
        if name.strip().lower() in (entry["name"].lower(), entry["name"].split()[-1].lower()):
            return entry
    return office.fail(f"no booking under the name {name}")


def member_card(card):
    return MEMBERS.get(int(card)) or office.fail(f"no member with card {card}")


def book_seats(screening, name, seats):
    entry = screening_info(screening)
    if seats < 1:
        return office.fail("seats must be at least 1")
    if seats > entry["free_seats"]:
        return office.fail(f"screening {entry['screening']} has only {entry['free_seats']} free seats")
    return change({"booked": entry["screening"], "name": name, "seats": seats})


def cancel_booking(booking):
    code = booking.strip().upper()
    return change({"cancelled": code}) if code in BOOKINGS else office.fail(f"no booking {booking}; bookings look like K-1234")


def message_member(card, text):
    return change({"message_to": member_card(card)["card"], "text": text})


def day(date):
    return date if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else office.fail("date must be YYYY-MM-DD")


def change(what):
    return office.done(what, "cinema.log")


TEXT, COUNT = {"type": "string"}, {"type": "integer"}
SCREENING = {"type": "integer", "description": "screening number"}
CARD = {"type": "integer", "description": "number on the membership card"}
DATE = {"type": "string", "description": "YYYY-MM-DD"}
TOOLS = {
    "film_info": (film_info, "Get details of a film: director, length in minutes, minimum age, language, subtitles.", {"title": TEXT}, True),
    "list_screenings": (list_screenings, "List all screenings of a day with number, film, start, hall and free seats.", {"date": DATE}, True),
    "screening_info": (screening_info, "Details of one screening incl. date and ticket price.", {"screening": SCREENING}, True),
    "find_booking": (find_booking, "Find a booking by the customer's name. Returns booking code, screening number, seats and row.", {"name": TEXT}, True),
    "member_card": (member_card, "Look up a membership card: holder, email, points, expiry date.", {"card": CARD}, True),
    "book_seats": (book_seats, "Book seats for a screening.", {"screening": SCREENING, "name": {**TEXT, "description": "name of the customer"}, "seats": COUNT}, False),
    "cancel_booking": (cancel_booking, "Cancel a booking.", {"booking": {**TEXT, "description": "booking code, e.g. K-1234"}}, False),
    "message_member": (message_member, "Send a text message to the holder of a membership card.", {"card": CARD, "text": TEXT}, False),
}

if __name__ == "__main__":
    office.main(TOOLS)
