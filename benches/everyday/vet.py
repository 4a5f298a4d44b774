"""A small veterinary practice as an MCP server: patients, owners, medicines and appointments. What is changed is
appended to `vet.log`, one JSON object a line, so that a grader can look at effects."""

import re

import office

PATIENTS = {
    "pepper": {"name": "Pepper", "species": "dog", "breed": "border collie", "weight_kg": 19.4, "chip": "941000027315508", "vaccinated_until": "2036-08-21", "owner": "Lorna Tait"},
    "olive": {"name": "Olive", "species": "cat", "breed": "tabby", "weight_kg": 3.7, "chip": "941000031882046", "vaccinated_until": "2036-05-16", "owner": "Lorna Tait"},
    "mochi": {"name": "Mochi", "species": "cat", "breed": "Burmese", "weight_kg": 4.1, "chip": "392148000759031", "vaccinated_until": "2036-03-30", "owner": "Daichi Mori"},
    "gustav": {"name": "Gustav", "species": "dog", "breed": "dachshund", "weight_kg": 9.8, "chip": "985112004467120", "vaccinated_until": "2037-01-09", "owner": "Henrik Solberg"},
    "professor": {"name": "Professor", "species": "rabbit", "breed": "mini lop", "weight_kg": 2.3, "chip": None, "vaccinated_until": "2036-11-04", "owner": "Imke Brandsma"},
    "kiwi": {"name": "Kiwi", "species": "bird", "breed": "cockatiel", "weight_kg": 0.09, "chip": None, "vaccinated_until": None, "owner": "Rashida Bello"},
}
OWNERS = {
    "lorna tait": {"name": "Lorna Tait", "phone": "+44 1632 960731", "email": "lorna.tait@example.org", "open_balance": 0.0},
    "daichi mori": {"name": "Daichi Mori", "phone": "+44 7700 900318", "email": "mori@example.net", "open_balance": 62.4},
    "henrik solberg": {"name": "Henrik Solberg", "phone": "+44 7700 900655", "email": "h.solberg@example.com", "open_balance": 0.0},
    "imke brandsma": {"name": "Imke Brandsma", "phone": "+44 1632 960184", "email": "imke@example.org", "open_balance": 18.75},
    "rashida bello": {"name": "Rashida Bello", "phone": "+44 7700 900927", "email": "rbello@example.com", "open_balance": 0.0},
}
MEDICINES = {
    "ear cleaner": {"item": "ear cleaner", "unit": "bottle", "price": 12.9, "in_stock": 9},
    "eye ointment": {"item": "eye ointment", "unit": "tube", "price": 15.2, "in_stock": 0},
    "flea collar": {"item": "flea collar", "unit": "piece", "price": 21.5, "in_stock": 23},
    "pain drops": {"item": "pain drops", "unit": "bottle", "price": 17.8, "in_stock": 6},
    "worming tablet": {"item": "worming tablet", "unit": "pack", "price": 8.4, "in_stock": 31},
}
SLOTS = [
    {"date": "2036-03-11", "time": "09:20", "vet": "Dr Calloway"},
    {"date": "2036-03-11", "time": "15:00", "vet": "Dr Petrova"},
    {"date": "2036-03-12", "time": "08:40", "vet": "Dr Petrova"},
    {"date": "2036-03-12", "time": "11:40", "vet": "Dr Calloway"},
    {"date": "2036-03-12", "time": "16:20", "vet": "Dr Calloway"},
    {"date": "2036-03-14", "time": "10:00", "vet": "Dr Petrova"},
]


def patient_card(name):
    return PATIENTS.get(name.strip().lower()) or office.fail(f"no patient called {name}")


def find_chip(chip):
    digits = re.sub(r"\D", "", str(chip))
    for entry in PATIENTS.values():
        if digits and digits == entry["chip"]:
            return {"chip": digits, "patient": entry["name"], "species": entry["species"]}
    return office.fail(f"chip {chip} is not registered here")


def owner(name):
    for full, entry in OWNERS.items():
        if name.strip().lower() in (full, full.split()[-1]):
            return entry
    return office.fail(f"no owner called {name}, try the surname")


def medicine(item):
    for name, entry in MEDICINES.items():
        if name in item.lower():
            return entry
    return office.fail(f"we don't keep {item}; we have {', '.join(MEDICINES)}")


def open_slots():
    return {"slots": SLOTS}


def book_visit(patient, date, time, reason):
    name = patient_card(patient)["name"]
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date) or not re.fullmatch(r"\d\d:\d\d", time):
        return office.fail("date must be YYYY-MM-DD and time HH:MM")
    if not any((slot["date"], slot["time"]) == (date, time) for slot in SLOTS):
        return office.fail(f"{date} {time} is not open, see open_slots")
    return change({"visit": name, "date": date, "time": time, "reason": reason})


def put_aside(item, quantity, patient):
    entry = medicine(item)
    name = patient_card(patient)["name"]
    if not 1 <= quantity <= entry["in_stock"]:
        return office.fail(f"{entry['in_stock']} of {entry['item']} in stock, can't put aside {quantity}")
    return change({"put_aside": entry["item"], "quantity": quantity, "patient": name})


def text_owner(patient, text):
    entry = patient_card(patient)
    return change({"text_about": entry["name"], "to": entry["owner"], "text": text})


def change(what):
    return office.done(what, "vet.log")


TEXT = {"type": "string"}
PATIENT = {"type": "string", "description": "name of the animal"}
TOOLS = {
    "patient_card": (patient_card, "Card of one animal: species, breed, weight, chip, vaccination and owner.", {"name": PATIENT}, True),
    "find_chip": (find_chip, "Which patient has this microchip number (15 digits)", {"chip": TEXT}, True),
    "owner": (owner, "Contact details and open balance of a pet owner, by full name or surname.", {"name": TEXT}, True),
    "medicine": (medicine, "Price (GBP) and stock of something from our pharmacy.", {"item": TEXT}, True),
    "open_slots": (open_slots, "List all appointment slots that are still open, with date, time and vet.", {}, True),
    "book_visit": (book_visit, "Book an open slot for a patient.", {"patient": PATIENT, "date": {**TEXT, "description": "YYYY-MM-DD"}, "time": {**TEXT, "description": "HH:MM"}, "reason": TEXT}, False),
    "put_aside": (put_aside, "Put something from the pharmacy aside so the owner can pick it up.", {"item": TEXT, "quantity": {"type": "integer"}, "patient": PATIENT}, False),
    "text_owner": (text_owner, "Send a text message to the owner of a patient", {"patient": PATIENT, "text": TEXT}, False),
}

if __name__ == "__main__":
    office.main(TOOLS)
