"""The page of `errand serve` in a real Chromium, as people use it: by its labels and its keys.

    check.py SCENARIO OPTIONS    (options: one JSON object)

Every scenario runs without a network: no name is resolved, and a request to another place than the server is
a failure, as is a violation of the page's policy, a dialog, or an error that a script does not catch.
"""

import contextlib
import json
import os
import pathlib
import pty
import re
import subprocess
import sys
import urllib.request

import axe_playwright_python
from playwright.sync_api import expect, sync_playwright

TIMEOUT = 20_000
expect.set_options(timeout=TIMEOUT)
AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (it) => violations.push(`${it.violatedDirective} ${it.blockedURI}`));
"""


class Page:
    """One page in a browser of its own user, and what must not happen on it."""

    def __init__(self, browser, options, **looks):
        self.url, self.token, self.clicks = options["url"], options.get("token"), 0
        looks = {"viewport": {"width": 1100, "height": 850}, "reduced_motion": "reduce", **looks}
        self.context = browser.new_context(accept_downloads=True, **looks)
        self.context.set_default_timeout(TIMEOUT)
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.wrong, self.asked = [], []
        self.page.on("dialog", lambda it: (self.wrong.append(f"a dialog: {it.message}"), it.dismiss()))
        self.page.on("pageerror", lambda it: self.wrong.append(f"an error: {it}"))
        self.page.on("request", self.seen)

    def seen(self, request):
        self.asked.append(request)
        if not request.url.startswith((self.url + "/", "blob:" + self.url, "data:")):
            self.wrong.append(f"asked {request.url}")

    def open(self, view="#/start"):
        """Signs in as a person does, and goes to a view."""
        self.page.goto(self.url + "/")
        self.page.get_by_label("Token").fill(self.token)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("navigation")).to_be_visible()
        self.go(view)
        return self.page

    def go(self, view):
        self.page.evaluate("(view) => { location.hash = view }", view)
        expect(self.page.locator(f".view[data-at='{view}'] h1")).to_be_visible()

    def click(self, locator):
        self.clicks += 1
        locator.click()

    def close(self):
        violations = self.page.evaluate("window.violations")
        token = self.token or "errand-"
        in_address = [it.url for it in self.asked if token in it.url]
        self.context.close()
        assert not violations, violations
        assert not self.wrong, self.wrong
        assert not in_address, in_address

    def axe(self, where):
        """No rule of axe finds anything on what is shown now."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("async () => (await axe.run(document, { resultTypes: ['violations'] })).violations")
        told = [(it["id"], [node["html"][:200] + " " + node["failureSummary"] for node in it["nodes"]]) for it in found]
        assert not told, f"{where}: {json.dumps(told, indent=1)}"


@contextlib.contextmanager
def pages(browser, options, **looks):
    page = Page(browser, options, **looks)
    yield page
    page.close()


def api(options, method, path, body=None, token=None):
    headers = {"Authorization": f"Bearer {token or options['token']}", "Content-Type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(options["url"] + path, sent, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def begun(options, agent, params=None, status=None, token=None):
    """A run that was started without the page; once it rests, where a status is named."""
    run = api(options, "POST", "/v1/runs", {"agent": agent, "params": params or {}}, token)["id"]
    request = urllib.request.Request(
        f"{options['url']}/v1/runs/{run}/events", headers={"Authorization": f"Bearer {token or options['token']}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        events = answer.read().decode()
    assert status is None or f'"status":"{status}"' in events.split("event: state")[1], events
    return run


def rests(page, words):
    expect(page.locator("h1 .chip")).to_have_text(words)


def first_run(browser, options):
    """From the link on a terminal to a run, in under five clicks; the link opens once."""
    main, terminal = pty.openpty()
    server = subprocess.Popen(options["server"], stdin=terminal, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    try:
        said = ""
        while "try " not in said:
            said += os.read(main, 4096).decode()
        link = re.search(r"http://\S+#ticket=\S+", said).group()
        options = {"url": link.split("/#")[0], "token": link.split("ticket=")[1]}
        with pages(browser, options) as it:
            it.page.goto(link)
            it.click(it.page.get_by_role("link", name=re.compile("clerk")))
            assert "ticket" not in it.page.url, it.page.url
            it.page.get_by_label("customer").fill("Ada")
            it.click(it.page.get_by_role("button", name="Start the run"))
            rests(it.page, "waits for you")
            assert it.clicks < 5, it.clicks
            it.page.reload()
            rests(it.page, "waits for you")
        with pages(browser, options) as other:
            other.page.goto(link)
            expect(other.page.get_by_role("alert")).to_contain_text("this link was opened before")
            other.page.get_by_label("Token").fill("errand-0123456789abcdef0123456789abcdef")
            other.page.keyboard.press("Enter")
            expect(other.page.get_by_role("alert")).to_contain_text("this token is not one of this server's")
        with pages(browser, {**options, "token": pathlib.Path(os.environ["ERRAND_HOME"], "serve.token").read_text().strip()}) as own:
            # The token itself, by keys alone.
            page = own.open("")
            page.get_by_role("link", name=re.compile("clerk")).focus()
            page.keyboard.press("Enter")
            expect(page.get_by_label("customer")).to_be_focused()
            page.keyboard.type("Bob")
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            rests(page, "waits for you")
    finally:
        server.terminate()
        os.close(main)
        server.wait()


def approve(browser, options):
    """An action is shown whole, and is approved by keys."""
    with pages(browser, options) as it:
        run = begun(options, "writer", status="waiting")
        waits = api(options, "GET", f"/v1/runs/{run}")["waits"]
        page = it.open("#/inbox")
        expect(page.get_by_role("link", name="Inbox 1 waiting")).to_be_visible()
        card = page.get_by_role("article", name="May it call files.write?")
        expect(card).to_contain_text(waits["arguments"]["content"])
        assert len(waits["arguments"]["content"]) > 3000
        for part in [*waits["capabilities"], *waits["reasons"], waits["digest"], waits["arguments"]["path"]]:
            expect(card).to_contain_text(part)
        card.get_by_role("button", name="Approve").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("No run waits for you")).to_be_visible()
        it.go(f"#/runs/{run}")
        rests(page, "done")
        line = page.locator(".entry.judged")
        expect(line).to_contain_text("a person decides")
        expect(line).to_contain_text(waits["reasons"][0])
        expect(page.locator(".entry.answered")).to_contain_text("allowed")
        expect(page.locator(".outcome .wants code")).to_have_text(waits["capabilities"][0].split("`")[1])
        # Said in one view, seen in another that was open: a denial.
        other = begun(options, "writer", status="waiting")
        it.go(f"#/runs/{other}")
        rests(page, "waits for you")
        api(options, "POST", f"/v1/runs/{other}/approval",
            {"digest": api(options, "GET", f"/v1/runs/{other}")["waits"]["digest"], "decision": "deny"})
        rests(page, "done")
        expect(page.locator(".entry.answered")).to_contain_text("refused")


def reply(browser, options):
    """A question is answered: one of its choices, or in words."""
    with pages(browser, options) as it:
        page = it.open("#/start/clerk")
        page.get_by_label("customer").fill("Ada")
        page.get_by_role("button", name="Start the run").click()
        card = page.get_by_role("article", name="It asks you something")
        expect(card).to_contain_text("Which order?")
        card.get_by_role("button", name="eight").click()
        rests(page, "done")
        expect(page.get_by_role("region", name="Outcome")).to_contain_text("It is order eight.")
        run = begun(options, "asker", status="waiting")
        it.go(f"#/runs/{run}")
        page.get_by_label("Your answer").fill("because")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        rests(page, "done")
        expect(page.locator(".entry.observed")).to_contain_text("because")


def hostile(browser, options):
    """What a model writes is text, wherever it is shown: nothing runs, nothing is asked for, nothing hides."""
    with pages(browser, options) as it:
        page = it.open()
        waits = begun(options, "hostile", {"what": options["hostile"]}, status="waiting")
        done = begun(options, "speaker", {"what": options["hostile"]}, status="done")
        for view in [f"#/runs/{waits}", "#/inbox", f"#/runs/{done}", "#/runs", "#/start/hostile"]:
            it.go(view)
            expect(page.locator("main")).to_contain_text("onerror" if view != "#/start/hostile" else "hostile")
            page.locator("summary").evaluate_all("(all) => all.forEach((it) => it.click())")
            text = page.locator("main").inner_text()
            assert not re.search("[\u202e\u200b\u2066]", text), view
            assert view in ("#/start/hostile",) or "\\u{202e}" in text, (view, text)
        it.go("#/chat")
        page.get_by_label("Message").fill(options["hostile"])
        page.keyboard.press("Enter")
        expect(page.locator(".talk .assistant")).to_contain_text("<img src=x onerror")
        assert page.locator("main img, main script, main iframe").count() == 0
        assert page.evaluate("typeof window.ran") == "undefined"
        links = page.evaluate("[...document.querySelectorAll('a')].map((it) => it.protocol)")
        assert set(links) <= {"http:", "https:"}, links


def looks(browser, options):
    """axe finds nothing in any view, light or dark, wide or on a small screen; nothing is wider than that."""
    runs = {
        "waiting": begun(options, "writer", status="waiting"), "done": begun(options, "lighthouses", status="done"),
        "asking": begun(options, "clerk", {"customer": "Ada"}, status="waiting"),
    }
    views = ["#/start", "#/start/clerk", "#/start/many", "#/runs", f"#/runs/{runs['waiting']}", f"#/runs/{runs['done']}",
             f"#/runs/{runs['asking']}", "#/inbox", "#/chat", "#/models"]
    for scheme, width in [("light", 1100), ("dark", 360)]:
        with pages(browser, options, color_scheme=scheme, viewport={"width": width, "height": 850}) as it:
            it.page.goto(options["url"] + "/")
            it.page.get_by_label("Token").wait_for()
            it.axe(f"sign in, {scheme}, {width}")
            page = it.open()
            for view in views:
                it.go(view)
                if view == f"#/runs/{runs['done']}":
                    rests(page, "done")
                    expect(page.locator(".entry.ended")).to_be_visible()
                it.axe(f"{view}, {scheme}, {width}")
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{view} is {wide} wide"


def cut(browser, options):
    """A connection that ends goes on after the last event that came, and no event is there twice."""
    with pages(browser, options) as it:
        run = begun(options, "lighthouses", status="done")
        told = []

        def cut_off(route):
            told.append(route.request.headers.get("last-event-id"))
            body = route.fetch().text()
            if len(told) < 3:
                body = "".join(part + "\n\n" for part in body.split("\n\n")[:2])
            route.fulfill(status=200, content_type="text/event-stream", body=body)

        it.context.route("**/events", cut_off)
        page = it.open(f"#/runs/{run}")
        expect(page.locator(".entry.ended")).to_be_visible()
        assert told == [None, "1", "3"], told
        numbers = page.locator(".entry").evaluate_all("(all) => all.map((it) => Number(it.dataset.n))")
        assert numbers == list(range(api(options, "GET", f"/v1/runs/{run}")["events"])), numbers


def owned(browser, options):
    """The run of another user is not listed, and is not there."""
    with pages(browser, options) as it:
        of_bob = begun(options, "lighthouses", status="done", token=options["other"])
        own = begun(options, "lighthouses", status="done")
        page = it.open("#/runs")
        expect(page.locator(f"a[href='#/runs/{own}']")).to_be_visible()
        assert page.locator(f"a[href='#/runs/{of_bob}']").count() == 0
        it.go(f"#/runs/{of_bob}")
        expect(page.get_by_role("alert")).to_contain_text("there is no such run")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def replay(browser, options):
    """A run is gone through again by keys, and its budget with it; history is filtered; an outcome is kept."""
    with pages(browser, options) as it:
        run = begun(options, "lighthouses", status="done")
        begun(options, "speaker", {"what": "x"}, status="done")
        page = it.open(f"#/runs/{run}")
        rests(page, "done")
        expect(page.locator(".entry.ended")).to_be_visible()
        shown = lambda: page.locator(".entry:not([hidden])").count()
        left = lambda name: float(page.get_by_role("meter", name=f"{name} left").get_attribute("aria-valuenow"))
        events, steps, cost = shown(), left("steps"), left("cost")
        page.locator("h1").click()
        for _ in range(events + 3):
            page.keyboard.press("ArrowLeft")
        assert shown() == 1, shown()
        assert left("steps") > steps and left("cost") > cost
        for _ in range(events - 1):
            page.keyboard.press("ArrowRight")
        assert (shown(), left("steps"), left("cost")) == (events, steps, cost)
        with page.expect_download() as kept:
            page.get_by_role("button", name="JSON").click()
        outcome = json.loads(pathlib.Path(kept.value.path()).read_text())
        assert kept.value.suggested_filename == f"{run}.json" and outcome == api(options, "GET", f"/v1/runs/{run}")["outcome"]
        page.get_by_role("link", name="Runs", exact=True).click()
        expect(page.locator(".list tbody tr").first).to_be_visible()
        expect(page.locator("figcaption")).to_contain_text("Cost by day")
        # What was asked for before all others were left out is answered after that.
        late, held = re.compile(r"/v1/runs\?limit=20$"), []
        page.route(late, lambda route: held.append(route))
        with page.expect_request(late):
            pass
        page.get_by_label("Agent").select_option("lighthouses")
        expect(page.locator(".list tbody tr")).to_have_count(1)
        with page.expect_response(re.compile(r"/v1/runs\?limit=20&agent=lighthouses$")):
            held[0].continue_()
        expect(page.locator(".list tbody tr")).to_have_count(1)
        expect(page.locator(".list tbody tr")).to_contain_text("$0.0")
        page.get_by_label("Status").select_option("cancelled")
        expect(page.get_by_text("No run is so.")).to_be_visible()


def drafts(browser, options):
    """What was typed survives an error, another view and a reload; a value is sent as its schema has it."""
    with pages(browser, options) as it:
        page = it.open("#/start/many")
        page.get_by_label("text").fill("two\nlines")
        page.get_by_label("count").fill("1.5")
        page.get_by_label("names").fill('["a", 1]')
        page.get_by_label("sure").check()
        page.get_by_role("button", name="Start the run").click()
        expect(page.get_by_text("`1.5` is no whole number")).to_be_visible()
        expect(page.get_by_text("a list holds texts, each in quotes")).to_be_visible()
        expect(page.get_by_label("count")).to_be_focused()
        it.go("#/models")
        expect(page.get_by_role("heading", name="Models", exact=True)).to_be_visible()
        it.go("#/start/many")
        page.reload()
        expect(page.get_by_label("text")).to_have_value("two\nlines")
        expect(page.get_by_label("sure")).to_be_checked()
        page.get_by_label("count").fill("3")
        page.get_by_label("names").fill("Ada\nBob")
        page.get_by_role("button", name="Start the run").click()
        rests(page, "done")
        run = page.url.rsplit("/", 1)[1]
        params = api(options, "GET", f"/v1/runs/{run}")["params"]
        assert params == {"text": "two\nlines", "count": 3, "share": 0.5, "names": ["Ada", "Bob"], "sure": True}, params
        page.get_by_role("button", name="Start again").click()
        expect(page.get_by_label("names")).to_have_value("Ada\nBob")


def letters(browser, options):
    """The letters that the page writes out are those that a terminal is not shown either."""
    with pages(browser, options) as it:
        it.page.goto(options["url"] + "/")
        found = it.page.evaluate("""async () => {
            const { visible } = await import("/page/visible.js");
            const found = [];
            for (let code = 0; code <= 0x10ffff; code++) {
                if (code >= 0xd800 && code <= 0xdfff) continue;
                const letter = String.fromCodePoint(code);
                if (visible(letter) !== letter) found.push(code);
            }
            return found;
        }""")
        hides = [int(code) for code in pathlib.Path(options["hides"]).read_text().split()]
        assert found == hides, sorted(set(found) ^ set(hides))


def report(browser, options):
    """The report of a research: its claims with their quotes, and files of it."""
    with pages(browser, options) as it:
        page = it.open(f"#/runs/{options['run']}")
        shown = page.get_by_role("region", name="Report")
        expect(shown).to_contain_text(options["says"])
        shown.locator("summary", has_text="[1]").first.click()
        expect(shown.locator("blockquote").first).to_contain_text(options["quote"])
        with page.expect_download() as kept:
            shown.get_by_role("button", name="MD").click()
        assert options["says"] in pathlib.Path(kept.value.path()).read_text()


def pictures(browser, options):
    """The pictures of the documentation."""
    to = pathlib.Path(options["to"])
    done = begun(options, "lighthouses", status="done")
    begun(options, "letters", status="waiting")
    begun(options, "clerk", {"customer": "Ada"}, status="waiting")
    with pages(browser, options, viewport={"width": 900, "height": 700}) as it:
        page = it.open(f"#/runs/{done}")
        expect(page.locator(".entry.ended")).to_be_visible()
        page.screenshot(path=to / "run.png")
        it.go("#/inbox")
        page.get_by_role("button", name="seven").wait_for()
        page.screenshot(path=to / "inbox.png")


SCENARIOS = {it.__name__: it for it in [
    first_run, approve, reply, hostile, looks, cut, owned, replay, drafts, letters, report, pictures]}


def main():
    name, options = sys.argv[1], json.loads(sys.argv[2])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options["chromium"],
            args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"])
        SCENARIOS[name](browser, options)
        browser.close()


if __name__ == "__main__":
    main()
