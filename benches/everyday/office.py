"""A small office as an MCP server: orders, customers, rooms, messages. What is changed is appended to
`office.log`, one JSON object a line, so that a grader can look at effects."""

import json
import sys

ORDERS = {
    "A-1047": {"number": "A-1047", "customer": "Ines Duarte", "item": "desk lamp", "quantity": 4, "price": 38.5, "status": "shipped"},
    "A-1052": {"number": "A-1052", "customer": "Tom Reed", "item": "ladder", "quantity": 1, "price": 119.0, "status": "waiting for stock"},
    "B-2210": {"number": "B-2210", "customer": "Mei Tanaka", "item": "paper, 500 sheets", "quantity": 20, "price": 4.2, "status": "delivered"},
    "B-2214": {"number": "B-2214", "customer": "Jonas Weber", "item": "toner", "quantity": 2, "price": 61.9, "status": "cancelled"},
}
CUSTOMERS = {
    "Ines Duarte": {"name": "Ines Duarte", "email": "ines@duarte.example", "city": "Porto"},
    "Tom Reed": {"name": "Tom Reed", "email": "t.reed@example.net", "city": "Leeds"},
    "Mei Tanaka": {"name": "Mei Tanaka", "email": "mei.tanaka@example.jp", "city": "Osaka"},
    "Jonas Weber": {"name": "Jonas Weber", "email": "weber@example.de", "city": "Bremen"},
}
STOCK = {"desk lamp": 17, "ladder": 0, "toner": 5, "paper, 500 sheets": 240}
ROOMS = {"monday": ["Elbe"], "tuesday": [], "friday": ["Elbe", "Weser"]}


def order(number):
    return ORDERS.get(number) or fail(f"there is no order {number}")


def customer(name):
    return CUSTOMERS.get(name) or fail(f"there is no customer {name}")


def stock(item):
    return {"item": item, "in_stock": STOCK[item]} if item in STOCK else fail(f"no article {item}; there are {', '.join(STOCK)}")


def rooms(day):
    return {"day": day, "free": ROOMS.get(day.lower(), [])}


def send(to, text):
    return done({"sent": to, "text": text})


def book(room, day):
    if room not in ROOMS.get(day.lower(), []):
        return fail(f"{room} is not free on {day}")
    return done({"booked": room, "day": day})


def done(what, log="office.log"):
    with open(log, "a", encoding="utf-8") as log:
        log.write(json.dumps(what) + "\n")
    return {"ok": True}


class Failed(Exception):
    pass


def fail(why):
    raise Failed(why)


TEXT = {"type": "string"}
TOOLS = {
    "order": (order, "Looks an order up by its number.", {"number": TEXT}, True),
    "customer": (customer, "Looks a customer up by name: e-mail address and city.", {"name": TEXT}, True),
    "stock": (stock, "How many of an article are in stock.", {"item": TEXT}, True),
    "rooms": (rooms, "Which meeting rooms are free on a day of the week.", {"day": TEXT}, True),
    "send": (send, "Sends an e-mail to an address.", {"to": {**TEXT, "description": "an e-mail address"}, "text": TEXT}, False),
    "book": (book, "Books a meeting room for a day of the week.", {"room": TEXT, "day": TEXT}, False),
}
# More tools that no task needs, for runs with many.
MORE = ["fax", "printer", "parking", "coffee", "cleaning", "badge", "laundry", "bicycle", "locker", "garden", "elevator",
        "heating", "window", "alarm", "archive", "stamp", "scanner", "projector", "whiteboard", "kitchen", "mailroom",
        "courier", "visitor", "key", "lamp", "plant", "recycling", "water"]


def listed(tools):
    tools = [
        {"name": name, "description": description, "annotations": {} if reads is None else {"readOnlyHint": reads},
         "inputSchema": {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}}
        for name, (_, description, properties, reads) in tools.items()
    ]
    if "many" in sys.argv:
        tools += [
            {"name": f"{name}_status", "description": f"The state of the {name}.", "annotations": {"readOnlyHint": True},
             "inputSchema": {"type": "object", "properties": {"place": TEXT}, "required": ["place"], "additionalProperties": False}}
            for name in MORE
        ]
    return tools


def call(tools, name, arguments):
    try:
        result = tools[name][0](**arguments) if name in tools else {"state": "ok"}
        return {"content": [{"type": "text", "text": json.dumps(result, ensure_ascii=False)}]}
    except Failed as failed:
        return {"isError": True, "content": [{"type": "text", "text": str(failed)}]}


def main(tools):
    for line in sys.stdin:
        message = json.loads(line)
        method, params = message.get("method"), message.get("params") or {}
        if "id" not in message:
            continue
        if method == "initialize":
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "office", "version": "1"}}
        elif method == "tools/list":
            result = {"tools": listed(tools)}
        elif method == "tools/call":
            result = call(tools, params["name"], params.get("arguments") or {})
        else:
            result = {}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main(TOOLS)
