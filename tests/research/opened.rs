//! A report opened in a browser, headless: what a person sees, points at and prints.

use serde_json::Value;

use super::evidence::disputed;
use crate::browser::Browser;

/// Whether the card of the first citation can be seen.
const CARD: &str = "getComputedStyle(document.querySelector('.answer .card')).visibility";
const SETTLED: &str = "Promise.all(document.getAnimations().map(it => it.finished)).then(() => 1)";

#[test]
fn a_report_in_a_browser() {
    let (place, _servers) = disputed(&["--out", "report.html"]);
    let Some(browser) = Browser::open(&place.path("report.html")) else {
        eprintln!("left out: this machine has no Chromium to open the report in");
        return;
    };
    // It was read as it was meant, with the question above all and each quote in the table.
    assert_eq!(browser.value("document.title"), super::QUESTION);
    assert_eq!(browser.value("document.compatMode"), "CSS1Compat");
    let rows = browser
        .value("[...document.querySelectorAll('.evidence tbody tr')].map(it => it.innerText)");
    let rows: Vec<&str> = rows.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(rows.iter().any(|row| row.contains("47 m high")), "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("52 m high")), "{rows:?}");
    // What contradicts each other stands side by side.
    let sides = browser.value(
        "[...document.querySelectorAll('.side')].map(it => { const at = it.getBoundingClientRect(); \
         return [at.left, at.top]; })",
    );
    assert_eq!(sides.as_array().unwrap().len(), 2, "{sides}");
    assert_eq!(sides[0][1], sides[1][1], "{sides}");
    assert_ne!(sides[0][0], sides[1][0], "{sides}");

    // A citation opens when it is pointed at, closes when it is not, and stays open when clicked.
    browser.leave();
    assert_eq!(browser.value(CARD), "hidden");
    browser.point(".answer .mark");
    assert_eq!(browser.value(CARD), "visible");
    let card = browser.value("document.querySelector('.answer .card').innerText");
    let card = card.as_str().unwrap();
    assert!(card.contains("m high, and it was built") && card.contains("The coast has"), "{card}");
    let inside = browser.value(
        "(() => { const at = document.querySelector('.answer .card').getBoundingClientRect(); \
         return at.left >= 0 && at.right <= innerWidth; })()",
    );
    assert_eq!(inside, true);
    browser.leave();
    browser.value(SETTLED);
    assert_eq!(browser.value(CARD), "hidden");
    browser.click(".answer .mark");
    browser.leave();
    browser.value(SETTLED);
    assert_eq!(browser.value(CARD), "visible", "a click does not hold it open");
    // The keyboard reaches it too, and its link leads to the source.
    browser.value("document.activeElement.blur()");
    browser.value("document.querySelector('.answer .mark').focus()");
    assert_eq!(browser.value(CARD), "visible");
    browser.value("document.querySelector('.answer .card a').click()");
    assert_eq!(
        browser.value("document.querySelector(':target').className + location.hash"),
        "#source-1"
    );

    // It can be read, by day and by night.
    for scheme in ["light", "dark"] {
        let features = serde_json::json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.ask("Emulation.setEmulatedMedia", serde_json::json!({ "features": features }));
        for of in ["body", ".meta", ".badge", ".claims li, .side", "td", ".foot", "a"] {
            let contrast = browser.value(&CONTRAST.replace("SELECTOR", of));
            assert!(contrast.as_f64().unwrap() >= 4.5, "{scheme} {of}: {contrast}");
        }
    }

    // Nothing was asked for but the file, and nothing was complained of.
    let asked: Vec<Value> = browser.events("Network.requestWillBeSent");
    let urls: Vec<&str> =
        asked.iter().filter_map(|it| it["params"]["request"]["url"].as_str()).collect();
    assert!(urls.iter().all(|url| url.starts_with("file://")), "{urls:?}");
    assert!(urls.len() <= 1, "{urls:?}");
    for complaint in ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"] {
        assert_eq!(browser.events(complaint), Vec::<Value>::new());
    }
    printed(&browser.pdf(), &place);
}

/// The pages of the PDF hold the words of the report; where there is a program to read them.
fn printed(pdf: &[u8], place: &crate::place::Place) {
    assert!(pdf.starts_with(b"%PDF-"), "no PDF");
    place.write("report.pdf", pdf);
    let read = std::process::Command::new("pdftotext")
        .args(["-layout", "report.pdf", "-"])
        .current_dir(place.path(""))
        .output();
    let Ok(read) = read else {
        eprintln!("left out: this machine has no pdftotext to read what was printed");
        return;
    };
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    for word in [super::QUESTION, "EVIDENCE", "47 m high", "52 m high", "SHA-256"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    // What is a card on the screen is not printed over the text.
    assert!(!text.contains("Source 1"), "{text}");
}

/// The contrast of an element's text with what is behind it (WCAG 2.2, 1.4.3).
const CONTRAST: &str = "(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const over = (below, colour) => {
    canvas.fillStyle = below; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    return `rgb(${r}, ${g}, ${b})`;
  };
  const light = colour => {
    const [r, g, b] = colour.match(/\\d+/g).map(Number).map(it => it / 255)
      .map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const element = document.querySelector('SELECTOR');
  const above = [];
  for (let it = element; it; it = it.parentElement) above.unshift(getComputedStyle(it).backgroundColor);
  const paper = above.reduce(over, 'rgb(255, 255, 255)');
  const ink = over(paper, getComputedStyle(element).color);
  const [one, other] = [light(ink), light(paper)].sort((a, b) => b - a);
  return (one + 0.05) / (other + 0.05);
})()";
