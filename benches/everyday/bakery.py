"""A bakery with a delivery round as an MCP server: products, customers, standing orders and the stops of the
van. What is changed is appended to `bakery.log`, one JSON object a line, so that a grader can look at effects."""

import datetime
import re

import office

PRODUCTS = {
    "rye loaf": {"product": "rye loaf", "price": 4.2, "allergens": ["gluten"], "left_today": 9},
    "sourdough loaf": {"product": "sourdough loaf", "price": 4.9, "allergens": ["gluten"], "left_today": 4},
    "spelt loaf": {"product": "spelt loaf", "price": 5.3, "allergens": ["gluten"], "left_today": 0},
    "walnut bread": {"product": "walnut bread", "price": 5.6, "allergens": ["gluten", "nuts"], "left_today": 6},
    "seeded roll": {"product": "seeded roll", "price": 0.85, "allergens": ["gluten", "sesame"], "left_today": 38},
    "breakfast roll": {"product": "breakfast roll", "price": 0.6, "allergens": ["gluten"], "left_today": 71},
    "milk bun": {"product": "milk bun", "price": 1.1, "allergens": ["gluten", "milk"], "left_today": 22},
    "plum tart": {"product": "plum tart", "price": 19.5, "allergens": ["gluten", "egg", "milk"], "left_today": 2},
}
CUSTOMERS = {
    112: {"customer_no": 112, "name": "Cordelia Banks", "address": "4 Weir Street", "phone": "+44 7700 900316"},
    118: {"customer_no": 118, "name": "Anselm Rook", "address": "27 Weir Street", "phone": "+44 7700 900541"},
    123: {"customer_no": 123, "name": "Yusra Haddad", "address": "9 Canal Row", "phone": "+44 7700 900208"},
    131: {"customer_no": 131, "name": "Pell's Guesthouse", "address": "2 Station Hill", "phone": "+44 1632 960733"},
    140: {"customer_no": 140, "name": "Nuria Costa", "address": "15 Canal Row", "phone": "+44 7700 900659"},
    147: {"customer_no": 147, "name": "Little Acorns Nursery", "address": "31 Station Hill", "phone": "+44 1632 960184"},
}
STANDING = {
    112: {"product": "rye loaf", "quantity": 1, "days": ["Monday", "Thursday"]},
    118: {"product": "seeded roll", "quantity": 4, "days": ["Saturday"]},
    123: {"product": "sourdough loaf", "quantity": 2, "days": ["Tuesday", "Friday"]},
    131: {"product": "breakfast roll", "quantity": 24, "days": ["Friday", "Saturday", "Sunday"]},
    140: {"product": "spelt loaf", "quantity": 1, "days": ["Wednesday", "Saturday"]},
    147: {"product": "milk bun", "quantity": 30, "days": ["Monday", "Wednesday"]},
}
ROUND = [
    {"stop": 1, "time": "05:50", "customer_no": 131},
    {"stop": 2, "time": "06:05", "customer_no": 147},
    {"stop": 3, "time": "06:20", "customer_no": 112},
    {"stop": 4, "time": "06:25", "customer_no": 118},
    {"stop": 5, "time": "06:45", "customer_no": 140},
    {"stop": 6, "time": "06:50", "customer_no": 123},
]


def product_info(product):
    for name, entry in PRODUCTS.items():
        if name in product.lower():
            return entry
    return office.fail(f"we don't make {product}; products: {', '.join(PRODUCTS)}")


def find_customer(name):
    wanted = name.strip().lower()
    found = [entry for entry in CUSTOMERS.values() if wanted and wanted in entry["name"].lower()]
    if len(found) > 1:
        return office.fail(f"more than one customer matches {name}: {', '.join(entry['name'] for entry in found)}")
    return found[0] if found else office.fail(f"no customer called {name}")


def customer_at(address):
    for entry in CUSTOMERS.values():
        if words(entry["address"]) == words(address):
            return {"address": entry["address"], "customer_no": entry["customer_no"], "name": entry["name"]}
    return office.fail(f"we don't deliver to {address}; give house number and street, e.g. 4 Weir Street")


def standing_order(customer_no):
    number = known(customer_no)
    return {"customer_no": number, **STANDING[number]}


def delivery_round():
    return {"stops": ROUND}


def extra_order(customer_no, product, quantity, date):
    if quantity < 1:
        return office.fail("quantity must be 1 or more")
    return change({"extra_for": known(customer_no), "product": product_info(product)["product"], "quantity": quantity, "date": day(date)})


def pause_delivery(customer_no, first_day, last_day):
    if day(last_day) < day(first_day):
        return office.fail("last_day is before first_day")
    return change({"paused": known(customer_no), "first_day": first_day, "last_day": last_day})


def driver_note(customer_no, text):
    return change({"note_for_stop_of": known(customer_no), "text": text})


def known(customer_no):
    return int(customer_no) if int(customer_no) in CUSTOMERS else office.fail(f"there is no customer number {customer_no}")


def words(text):
    return sorted(re.findall(r"\w+", text.lower()))


def day(date):
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", date):
            return datetime.date.fromisoformat(date).isoformat()
    except ValueError:
        pass
    return office.fail(f"{date} is not a date, use YYYY-MM-DD")


def change(what):
    return office.done(what, "bakery.log")


TEXT, COUNT = {"type": "string"}, {"type": "integer"}
NUMBER = {"type": "integer", "description": "customer number"}
DATE = {"type": "string", "description": "YYYY-MM-DD"}
TOOLS = {
    "product_info": (product_info, "Price (per piece), allergens and how many are left today.", {"product": TEXT}, True),
    "find_customer": (find_customer, "Find a delivery customer by name. Returns customer number, address and phone.", {"name": TEXT}, True),
    "customer_at": (customer_at, "Customer number and name for an address on our round.", {"address": {**TEXT, "description": "house number and street"}}, True),
    "standing_order": (standing_order, "Standing order of a customer: product, quantity and the weekdays it goes out.", {"customer_no": NUMBER}, True),
    "delivery_round": (delivery_round, "All stops of the van in order, with time and customer number.", {}, True),
    "extra_order": (extra_order, "Add something once to a customer's delivery, on top of the standing order.", {"customer_no": NUMBER, "product": TEXT, "quantity": COUNT, "date": DATE}, False),
    "pause_delivery": (pause_delivery, "Stop deliveries to a customer for a while (both days included).", {"customer_no": NUMBER, "first_day": DATE, "last_day": DATE}, False),
    "driver_note": (driver_note, "Leave a note for the driver, shown at the customer's stop.", {"customer_no": NUMBER, "text": TEXT}, False),
}

if __name__ == "__main__":
    office.main(TOOLS)
