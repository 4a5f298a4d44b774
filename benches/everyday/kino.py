"""A small cinema as an MCP server: films, showings, reservations, gift vouchers. What is changed is appended
to `kino.log`, one JSON object a line, so that a grader can look at effects."""

import re

import office

FILMS = {
    "mountain post": {"title": "Mountain Post", "director": "Elke Rasmund", "language": "German", "subtitles": "English", "minutes": 104, "minimum_age": 6},
    "a quarter past rain": {"title": "A Quarter Past Rain", "director": "Dominic Achebe", "language": "English", "subtitles": None, "minutes": 131, "minimum_age": 12},
    "the salt orchard": {"title": "The Salt Orchard", "director": "Rita Valadares", "language": "Portuguese", "subtitles": "English", "minutes": 97, "minimum_age": 0},
    "rocket hedgehogs": {"title": "Rocket Hedgehogs", "director": "Minna Kallio", "language": "English", "subtitles": None, "minutes": 78, "minimum_age": 0},
    "seven locks": {"title": "Seven Locks", "director": "Casper Brandt-Hall", "language": "English", "subtitles": None, "minutes": 118, "minimum_age": 16},
}
SHOWINGS = {
    517: {"showing": 517, "film": "Rocket Hedgehogs", "date": "2037-10-17", "time": "14:15", "screen": 1, "price": 7.5, "free_seats": 23},
    518: {"showing": 518, "film": "The Salt Orchard", "date": "2037-10-17", "time": "17:45", "screen": 3, "price": 9.2, "free_seats": 8},
    520: {"showing": 520, "film": "Seven Locks", "date": "2037-10-17", "time": "21:10", "screen": 2, "price": 10.8, "free_seats": 0},
    526: {"showing": 526, "film": "A Quarter Past Rain", "date": "2037-10-18", "time": "16:30", "screen": 2, "price": 9.8, "free_seats": 41},
    528: {"showing": 528, "film": "Mountain Post", "date": "2037-10-18", "time": "19:20", "screen": 1, "price": 9.8, "free_seats": 36},
    533: {"showing": 533, "film": "Mountain Post", "date": "2037-10-19", "time": "15:40", "screen": 1, "price": 8.4, "free_seats": 52},
    534: {"showing": 534, "film": "The Salt Orchard", "date": "2037-10-19", "time": "18:00", "screen": 3, "price": 9.2, "free_seats": 11},
    536: {"showing": 536, "film": "Mountain Post", "date": "2037-10-19", "time": "20:25", "screen": 2, "price": 9.8, "free_seats": 19},
    537: {"showing": 537, "film": "Seven Locks", "date": "2037-10-19", "time": "21:30", "screen": 1, "price": 10.8, "free_seats": 27},
}
RESERVATIONS = {
    "R-7704": {"reservation": "R-7704", "name": "Hanna Lindqvist", "phone": "07700 900633", "showing": 518, "seats": 3},
    "R-7711": {"reservation": "R-7711", "name": "Babak Shirazi", "phone": "07700 900258", "showing": 520, "seats": 2},
    "R-7719": {"reservation": "R-7719", "name": "Odette Marlow", "phone": "01632 960417", "showing": 528, "seats": 4},
    "R-7726": {"reservation": "R-7726", "name": "Gus Ferreby", "phone": "01632 960582", "showing": 526, "seats": 2},
    "R-7730": {"reservation": "R-7730", "name": "Ilse Tempel", "phone": "07700 900871", "showing": 537, "seats": 1},
}
VOUCHERS = {
    "GV-3317": {"voucher": "GV-3317", "balance": 0.0, "valid_until": "2038-01-31"},
    "GV-3382": {"voucher": "GV-3382", "balance": 26.4, "valid_until": "2038-04-15"},
    "GV-3390": {"voucher": "GV-3390", "balance": 50.0, "valid_until": "2039-09-30"},
}
SCREENS = (1, 2, 3)


def film_details(title):
    plain = re.sub(r"^(the|a) ", "", title.strip().lower())
    for name, film in FILMS.items():
        if plain == re.sub(r"^(the|a) ", "", name):
            return film
    return office.fail(f"no film {title}; now running: {', '.join(film['title'] for film in FILMS.values())}")


def day_programme(date):
    shown = [showing for showing in SHOWINGS.values() if showing["date"] == day(date)]
    return {"date": date, "showings": [{key: value for key, value in showing.items() if key != "date"} for showing in shown]}


def showing_details(showing):
    return SHOWINGS.get(int(showing)) or office.fail(f"there is no showing {showing}")


def reservation_by_phone(phone):
    digits = re.sub(r"\D", "", phone)
    for reservation in RESERVATIONS.values():
        if re.sub(r"\D", "", reservation["phone"]) == digits:
            return reservation
    return office.fail(f"no reservation with the phone number {phone}")


def voucher_balance(code):
    return VOUCHERS.get(code.strip().upper()) or office.fail(f"no voucher {code}; codes look like GV-1234")


def reserve_seats(showing, name, seats):
    room_for(seats, showing)
    return change({"reserved": int(showing), "name": name, "seats": seats})


def move_reservation(reservation, showing):
    entry = RESERVATIONS.get(reservation.strip().upper()) or office.fail(f"no reservation {reservation}; they look like R-1234")
    if entry["showing"] == int(showing):
        return office.fail(f"{entry['reservation']} is already for showing {showing}")
    room_for(entry["seats"], showing)
    return change({"moved": entry["reservation"], "to_showing": int(showing)})


def report_fault(screen, problem):
    if int(screen) not in SCREENS:
        return office.fail(f"no screen {screen}; screens: {', '.join(map(str, SCREENS))}")
    return change({"fault_in_screen": int(screen), "problem": problem})


def room_for(seats, showing):
    free = showing_details(showing)["free_seats"]
    if seats < 1:
        office.fail("seats must be 1 or more")
    if seats > free:
        office.fail(f"only {free} seats left in showing {showing}")


def day(date):
    return date if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else office.fail("date must be YYYY-MM-DD")


def change(what):
    return office.done(what, "kino.log")


TEXT, COUNT = {"type": "string"}, {"type": "integer"}
SHOWING = {"type": "integer", "description": "showing number"}
TOOLS = {
    "film_details": (film_details, "Details of a film: director, language, subtitles, running time, minimum age.", {"title": TEXT}, True),
    "day_programme": (day_programme, "All showings on one day, with number, film, time, screen, price and free seats.", {"date": {**TEXT, "description": "YYYY-MM-DD"}}, True),
    "showing_details": (showing_details, "Film, date, time, screen, price per seat and free seats of one showing.", {"showing": SHOWING}, True),
    "reservation_by_phone": (reservation_by_phone, "Look up a reservation by the customer's phone number. Returns reservation code, name, showing number, seats.", {"phone": TEXT}, True),
    "voucher_balance": (voucher_balance, "Balance and expiry date of a gift voucher.", {"code": {**TEXT, "description": "e.g. GV-1234"}}, True),
    "reserve_seats": (reserve_seats, "Reserve seats for a showing.", {"showing": SHOWING, "name": TEXT, "seats": COUNT}, False),
    "move_reservation": (move_reservation, "Move an existing reservation to another showing (same number of seats).", {"reservation": {**TEXT, "description": "reservation code"}, "showing": SHOWING}, False),
    "report_fault": (report_fault, "Report a fault in one of the screens to the technician.", {"screen": COUNT, "problem": TEXT}, False),
}

if __name__ == "__main__":
    office.main(TOOLS)
