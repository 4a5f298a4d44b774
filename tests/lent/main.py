"""Uses each thing that a host lends, once, through the SDK."""

from errand_sdk import Failed, Secret, about, files, http, kv, log, progress, tool, tools, wants

about("Uses all that there is.")
wants(
    net=["AT"], read=["docs"], write=["out"], tools=["files.read"], kv=True,
    secrets=[Secret("TOOL_KEY", "AT", "x-key")],
)


@tool(effect="egress")
def all() -> dict:
    """Uses all that there is."""
    log.info("looking\x1b[31m around\u202e")
    progress.report(1, 2, "half way")
    before = kv.get("n", 0)
    kv.set("n", before + 1)
    kv.set("gone", True)
    kv.delete("gone")
    text = files.read_text("docs/a.md")
    names = [entry.path for entry in files.list("docs")]
    files.write("out/b.md", text.upper())
    sent = http.send(
        "POST", "http://AT/posted", headers={"content-type": "application/json"},
        secrets={"x-key": "TOOL_KEY"}, body=b'{"a":1}',
    ).ok()
    got = http.get("http://AT/plain").ok().text()
    try:
        refused = not files.read("secret.txt")
    except Failed:
        refused = True
    called = tools.call("files.read", path="docs/a.md")
    return {
        "before": before, "keys": kv.keys(), "roots": files.roots(), "text": text,
        "names": names, "got": got, "sent": sent.json(), "refused": refused,
        "called": called["text"],
    }
