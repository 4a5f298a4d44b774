"""A lending library as an MCP server whose tools say nothing of their effects, as many do. What is changed
is appended to `library.log`, one JSON object a line, so that a grader can look at effects."""

import office

BOOKS = {
    "K-104": {"number": "K-104", "title": "The Salt Road", "author": "Hanna Weiss", "shelf": "C3", "state": "on the shelf"},
    "K-118": {"number": "K-118", "title": "Bees in Winter", "author": "Ivo Marek", "shelf": "F1", "state": "on loan"},
    "K-122": {"number": "K-122", "title": "Nachtzug nach Narvik", "author": "Lars Tofte", "shelf": "A7", "state": "on loan"},
    "K-131": {"number": "K-131", "title": "A Field Guide to Moss", "author": "June Abara", "shelf": "F4", "state": "on loan"},
}
MEMBERS = {
    "Rosa Lindgren": {"name": "Rosa Lindgren", "card": "C-2207", "email": "rosa.l@example.se"},
    "Omar Haddad": {"name": "Omar Haddad", "card": "C-2214", "email": "o.haddad@example.com"},
    "Greta Voss": {"name": "Greta Voss", "card": "C-2230", "email": "greta@voss.example"},
}
LOANS = {
    "C-2207": [{"number": "K-118", "due": "2033-06-14"}],
    "C-2214": [{"number": "K-131", "due": "2033-06-02"}],
    "C-2230": [{"number": "K-122", "due": "2033-05-30"}],
}
WEEK = ("10:00", "18:30")
HOURS = {
    "monday": None, "tuesday": WEEK, "wednesday": WEEK, "thursday": ("12:00", "20:00"), "friday": WEEK,
    "saturday": ("9:00", "13:15"), "sunday": None,
}


def find(title):
    found = [{"number": book["number"], "title": book["title"]} for book in BOOKS.values() if title.lower() in book["title"].lower()]
    return {"books": found} if found else office.fail(f"no book called {title}")


def book(number):
    return BOOKS.get(number) or office.fail(f"no book {number}")


def member(name):
    return MEMBERS.get(name) or office.fail(f"no member {name}; there are {', '.join(MEMBERS)}")


def loans(card):
    return {"loans": LOANS[card]} if card in LOANS else office.fail(f"no card {card}")


def hours(day):
    if day.lower() not in HOURS:
        return office.fail(f"no day {day}; there are {', '.join(HOURS)}")
    times = HOURS[day.lower()]
    return {"day": day, "opens": times[0], "closes": times[1]} if times else {"day": day, "closed": True}


def reserve(number, card):
    book(number), loans(card)
    return office.done({"reserved": number, "card": card}, "library.log")


def renew(number, weeks):
    book(number)
    return office.done({"renewed": number, "weeks": weeks}, "library.log")


def give_back(number):
    book(number)
    return office.done({"returned": number}, "library.log")


def notice(email, text):
    return office.done({"to": email, "text": text}, "library.log")


TEXT, COUNT = {"type": "string"}, {"type": "integer"}
DAY = {"type": "string", "enum": list(HOURS)}
TOOLS = {
    "find": (find, "Finds books by title and gives their numbers.", {"title": TEXT}, None),
    "book": (book, "Details of a book by its number: title, author, shelf and state.", {"number": TEXT}, None),
    "member": (member, "Card number and e-mail address of a member.", {"name": TEXT}, None),
    "loans": (loans, "The numbers of the books that a card has on loan, and when they are due.", {"card": TEXT}, None),
    "hours": (hours, "When the library opens and closes on a day of the week.", {"day": DAY}, None),
    "reserve": (reserve, "Reserves a book for a card.", {"number": TEXT, "card": TEXT}, None),
    "renew": (renew, "Extends the loan of a book by a number of weeks.", {"number": TEXT, "weeks": COUNT}, None),
    "give_back": (give_back, "Books a loan as returned.", {"number": TEXT}, None),
    "notice": (notice, "Sends a notice to an e-mail address.", {"email": TEXT, "text": TEXT}, None),
}

if __name__ == "__main__":
    office.main(TOOLS)
