#!/usr/bin/env python3
"""Takes a picture of a report in Chromium, with one citation pointed at.

    errand report show RUN --out report.html
    python3 benches/research/picture.py report.html docs/report.png [--pdf report.pdf] [--dark]

Needs Chromium and Pillow. The picture has few colours, so that it stays small.
"""

import argparse
import base64
import io
import json
import os
import pathlib
import subprocess
import tempfile

FLAGS = [
    "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--hide-scrollbars",
]  # fmt: skip


class Page:
    """A page in a browser that is spoken to over two pipes, in the DevTools protocol."""

    def __init__(self, program, profile):
        to_read, self.to = os.pipe()
        from_read, from_write = os.pipe()

        def place():
            # The browser reads from its file 3 and writes to its file 4.
            spare = [os.dup(to_read), os.dup(from_write)]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}"],
            preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(from_write)
        self.answers = os.fdopen(from_read, "rb")
        self.sent, self.session = 0, None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def told(self):
        message = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            if not byte:
                raise SystemExit("the browser went away")
            message += byte
        return json.loads(message)

    def ask(self, method, **parameters):
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while (answer := self.told()).get("id") != self.sent:
            pass
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def value(self, expression):
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    def open(self, file):
        self.ask("Page.enable")
        self.ask("Page.navigate", url=file.resolve().as_uri())
        while self.told().get("method") != "Page.loadEventFired":
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("picture", type=pathlib.Path)
    parser.add_argument("--pdf", type=pathlib.Path, help="print it, too")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--plain", action="store_true", help="point at nothing")
    parser.add_argument("--width", type=int, default=860)
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--colours", type=int, default=96)
    parser.add_argument("--browser", default="chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as profile:
        page = Page(options.browser, profile)
        take(page, options)
        page.process.kill()
        page.process.wait()


def take(page, options):
    page.ask(
        "Emulation.setDeviceMetricsOverride",
        width=options.width, height=options.height, deviceScaleFactor=1.25, mobile=False,
    )  # fmt: skip
    scheme = "dark" if options.dark else "light"
    page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(options.report)
    if not options.plain:
        place = page.value(
            "(() => { const at = document.querySelector('.mark').getBoundingClientRect();"
            " return [at.x + at.width / 2, at.y + at.height / 2]; })()"
        )
        page.ask("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
        page.value("Promise.all(document.getAnimations().map(it => it.finished)).then(() => 1)")
    data = page.ask("Page.captureScreenshot", format="png")["data"]
    write(base64.b64decode(data), options)
    if options.pdf:
        data = page.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"]
        options.pdf.write_bytes(base64.b64decode(data))


def write(png, options):
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    few = picture.quantize(options.colours, Image.Quantize.MEDIANCUT, kmeans=4, dither=Image.Dither.NONE)
    few.save(options.picture, optimize=True)
    print(f"{options.picture}: {options.picture.stat().st_size} bytes, {picture.width} × {picture.height}")


if __name__ == "__main__":
    main()
