//! Documents as programs write them, made here part by part, and what is made to do harm.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::text;

/// An archive of these parts.
fn packed(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, text) in parts {
        let Ok(()) = zip.start_file(*name, options) else { panic!("{name}") };
        let Ok(()) = zip.write_all(text.as_bytes()) else { panic!("{name}") };
    }
    let Ok(written) = zip.finish() else { panic!() };
    written.into_inner()
}

fn check(name: &str, bytes: &[u8], expected: Result<&str, &str>) {
    let Some(found) = text(name, bytes) else { panic!("{name} is no document") };
    let found = found.map(|text| text.trim_end().to_string());
    assert_eq!(found, expected.map(str::to_string).map_err(str::to_string), "{name}");
}

const W: &str = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"";

fn word(body: &str) -> Vec<u8> {
    let document =
        format!("<?xml version=\"1.0\"?><w:document {W}><w:body>{body}</w:body></w:document>");
    let styles = format!(
        "<w:styles {W}><w:style w:styleId=\"berschrift2\"><w:name w:val=\"heading 2\"/></w:style>\
         <w:style w:styleId=\"Titel\"><w:name w:val=\"Title\"/></w:style></w:styles>"
    );
    let notes = format!(
        "<w:footnotes {W}><w:footnote w:id=\"0\" w:type=\"separator\"><w:p/></w:footnote>\
         <w:footnote w:id=\"2\"><w:p><w:r><w:t>As of May.</w:t></w:r></w:p></w:footnote></w:footnotes>"
    );
    packed(&[
        ("[Content_Types].xml", "<Types/>"),
        ("word/document.xml", &document),
        ("word/styles.xml", &styles),
        ("word/footnotes.xml", &notes),
    ])
}

#[test]
fn a_word_document() {
    let para = |properties: &str, text: &str| {
        format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", para("", text));
    let body = [
        para("<w:pStyle w:val=\"Titel\"/>", "Orders"),
        para("<w:pStyle w:val=\"berschrift2\"/>", "Lamps &amp; more"),
        "<w:p><w:pPr><w:tabs><w:tab w:val=\"left\"/></w:tabs></w:pPr><w:r><w:t>Forty </w:t></w:r>\
         <w:del><w:r><w:delText>old </w:delText></w:r></w:del><w:ins><w:r><w:t>lamps</w:t></w:r></w:ins>\
         <w:r><w:footnoteReference w:id=\"2\"/><w:br/><w:t>at 12.50.</w:t></w:r></w:p>"
            .to_string(),
        para("<w:numPr><w:numId w:val=\"1\"/></w:numPr>", "one"),
        para("<w:numPr><w:numId w:val=\"1\"/></w:numPr>", "two"),
        format!(
            "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl>",
            cell("item"),
            cell("count"),
            cell("a|b"),
            cell("3"),
        ),
    ];
    check(
        "a.docx",
        &word(&body.concat()),
        Ok("# Orders\n\n## Lamps & more\n\nForty lamps[^2]\nat 12.50.\n\n- one\n- two\n\n\
            | item | count |\n|---|---|\n| a\\|b | 3 |\n\n[^2]: As of May."),
    );
    let empty = packed(&[("word/document.xml", "<w:document><w:body/></w:document>")]);
    check("a.docx", &empty, Err("a Word document without text"));
    check(
        "a.docx",
        &word("<w:p/><!-- never closed"),
        Err("a Word document that is broken: its XML cannot be read"),
    );
}

fn book(sheet: &str) -> Vec<u8> {
    book_sharing("<si><t>item</t></si><si><r><t>la</t></r><r><t>mp</t></r></si>", "", sheet)
}

fn book_sharing(texts: &str, said: &str, sheet: &str) -> Vec<u8> {
    let s = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let r = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let rels = "xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"";
    packed(&[
        ("[Content_Types].xml", "<Types/>"),
        (
            "_rels/.rels",
            &format!(
                "<Relationships {rels}><Relationship Id=\"rId1\" Type=\"{r}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            &format!(
                "<workbook {s} xmlns:r=\"{r}\"><sheets><sheet name=\"Stock\" sheetId=\"1\" r:id=\"rId1\"/>\
                 </sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            &format!(
                "<Relationships {rels}><Relationship Id=\"rId1\" Type=\"{r}/worksheet\" \
                 Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        ("xl/sharedStrings.xml", &format!("<sst {s} {said}>{texts}</sst>")),
        (
            "xl/styles.xml",
            &format!(
                "<styleSheet {s}><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            &format!("<worksheet {s}><sheetData>{sheet}</sheetData></worksheet>"),
        ),
    ])
}

#[test]
fn a_workbook() {
    let inline =
        |at: &str, text: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let sheet = [
        format!("<row r=\"1\">{}</row>", inline("A1", "Stock in May")),
        format!("<row r=\"3\"><c r=\"A3\" t=\"s\"><v>0</v></c>{}</row>", inline("C3", "counted")),
        "<row r=\"4\"><c r=\"A4\" t=\"s\"><v>1</v></c><c r=\"B4\"><v>12.5</v></c>\
         <c r=\"C4\" s=\"1\"><v>45413</v></c></row>"
            .to_string(),
        "<row r=\"9\"><c r=\"A9\"><v>1</v></c><c r=\"B9\"><v>2</v></c>\
         <c r=\"C9\"><f>SUM(A9:B9)</f></c></row>"
            .replace("SUM", ""),
        "<row r=\"11\"><c r=\"A11\" t=\"s\"><v>1</v></c><c r=\"B11\"><f>SUM(B4:B9)</f></c></row>"
            .to_string(),
        "<row r=\"1048576\"><c r=\"XFD1048576\"><v>7</v></c></row>".to_string(),
    ];
    check(
        "a.xlsx",
        &book(&sheet.concat()),
        Ok(
            "## Sheet Stock\n\nRow 1: Stock in May\n\n| row | item | B | counted |\n|---|---|---|---|\n\
            | 4 | lamp | 12.5 | 2024-05-01 |\n\n| row | A | B | C |\n|---|---|---|---|\n\
            | 9 | 1 | 2 | =(A9:B9) |\n\n| row | A | B |\n|---|---|---|\n\
            | 11 | lamp | =SUM(B4:B9) |\n\nRow 1048576: 7",
        ),
    );
}

#[test]
fn a_presentation() {
    let p = "xmlns:p=\"http://schemas.openxmlformats.org/presentationml/2006/main\" \
             xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" \
             xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"";
    let shape = |kind: &str, text: &str| {
        format!(
            "<p:sp><p:nvSpPr><p:nvPr><p:ph type=\"{kind}\"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r>\
             <a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
        )
    };
    let slide = |shapes: String| {
        format!("<p:sld {p}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>")
    };
    let relation = |id: &str, kind: &str, to: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"http://x/{kind}\" Target=\"{to}\"/>")
    };
    let listed = format!(
        "<p:presentation {p}><p:sldIdLst><p:sldId id=\"256\" r:id=\"rId9\"/>\
         <p:sldId id=\"257\" r:id=\"rId2\"/></p:sldIdLst></p:presentation>"
    );
    let bytes = packed(&[
        ("ppt/presentation.xml", &listed),
        (
            "ppt/_rels/presentation.xml.rels",
            &(relation("rId2", "slide", "slides/slide1.xml")
                + &relation("rId9", "slide", "/ppt/slides/slide2.xml")),
        ),
        ("ppt/slides/slide1.xml", &slide(shape("body", "Second") + &shape("sldNum", "2"))),
        ("ppt/slides/slide2.xml", &slide(shape("body", "Forty lamps") + &shape("title", "Stock"))),
        (
            "ppt/slides/_rels/slide2.xml.rels",
            &relation("rId1", "notesSlide", "../notesSlides/notesSlide1.xml"),
        ),
        (
            "ppt/notesSlides/notesSlide1.xml",
            &slide(shape("body", "Say why.") + &shape("sldNum", "1")),
        ),
    ]);
    check(
        "a.pptx",
        &bytes,
        Ok("## Slide 1: Stock\n\nForty lamps\n\nNotes: Say why.\n\n## Slide 2\n\nSecond"),
    );
}

fn open_document(kind: &str, content: &str) -> Vec<u8> {
    packed(&[
        ("mimetype", &format!("application/vnd.oasis.opendocument.{kind}")),
        ("content.xml", content),
    ])
}

#[test]
fn open_documents() {
    check(
        "a.odt",
        &open_document(
            "text",
            "<o><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>\
             <text:h text:outline-level=\"2\">Lamps</text:h><text:p>Forty<text:s text:c=\"2\"/>lamps\
             <text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>In May.</text:p>\
             </text:note-body></text:note> are here.</text:p><text:list><text:list-item><text:p>one</text:p>\
             </text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>a</text:p>\
             </table:table-cell></table:table-row><table:table-row><table:table-cell><text:p>1</text:p>\
             </table:table-cell></table:table-row></table:table></o>",
        ),
        Ok("## Lamps\n\nForty  lamps (note: In May.) are here.\n\n- one\n\n| a |\n|---|\n| 1 |"),
    );
    check(
        "a.ods",
        &open_document(
            "spreadsheet",
            "<o><table:table table:name=\"Stock\"><table:table-row><table:table-cell><text:p>item</text:p>\
             </table:table-cell><table:table-cell><text:p>price</text:p></table:table-cell></table:table-row>\
             <table:table-row table:number-rows-repeated=\"2\"><table:table-cell><text:p>lamp</text:p>\
             </table:table-cell><table:table-cell office:value-type=\"currency\" office:value=\"12.5\">\
             <text:p>12,50 €</text:p></table:table-cell></table:table-row><table:table-row \
             table:number-rows-repeated=\"1048573\"><table:table-cell table:number-columns-repeated=\"16384\"/>\
             </table:table-row></table:table></o>",
        ),
        Ok(
            "## Sheet Stock\n\n| row | item | price |\n|---|---|---|\n| 2 | lamp | 12.5 |\n| 3 | lamp | 12.5 |",
        ),
    );
    check(
        "a.odp",
        &open_document(
            "presentation",
            "<o><draw:page><text:p>Stock</text:p></draw:page><draw:page><text:p>End</text:p></draw:page></o>",
        ),
        Ok("## Slide 1\n\nStock\n\n## Slide 2\n\nEnd"),
    );
}

fn novel(extra: &[(&str, &str)]) -> Vec<u8> {
    let parts = [
        ("mimetype", "application/epub+zip"),
        (
            "META-INF/container.xml",
            "<c><rootfiles><rootfile full-path=\"OEBPS/a.opf\"/></rootfiles></c>",
        ),
        (
            "OEBPS/a.opf",
            "<package><metadata><dc:title>The Lamp</dc:title></metadata><manifest>\
             <item id=\"two\" href=\"text/b.xhtml\"/><item id=\"one\" href=\"text/a%201.xhtml\"/></manifest>\
             <spine><itemref idref=\"one\"/><itemref idref=\"two\"/></spine></package>",
        ),
        (
            "OEBPS/text/a 1.xhtml",
            "<html><head><title>x</title></head><body><h1>One</h1><p>It&nbsp;was\n  dark.<br/>Very.</p>\
             <script>no()</script></body></html>",
        ),
        ("OEBPS/text/b.xhtml", "<html><body><ul><li>oil</li><li>wick</li></ul></body></html>"),
    ];
    packed(&[&parts, extra].concat())
}

#[test]
fn a_book() {
    check(
        "a.epub",
        &novel(&[]),
        Ok(
            "# The Lamp\n\n## Part 1\n\n### One\n\nIt\u{a0}was dark.\nVery.\n\n## Part 2\n\n- oil\n- wick",
        ),
    );
    let titled = |title: &str| {
        packed(&[
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", "<c><rootfile full-path=\"a.opf\"/></c>"),
            (
                "a.opf",
                &format!(
                    "<package><dc:title>{title}</dc:title><dc:title>no</dc:title>\
                     <item id=\"a\" href=\"a.xhtml\"/><itemref idref=\"a\"/></package>"
                ),
            ),
            ("a.xhtml", "<html><body><p>oil</p></body></html>"),
        ])
    };
    // A reference makes several texts of one.
    check("a.epub", &titled("Tom &amp; Jerry"), Ok("# Tom & Jerry\n\n## Part 1\n\noil"));
    let locked = "<e>OEBPS/text/a 1.xhtml OEBPS/text/b.xhtml</e>";
    check(
        "a.epub",
        &novel(&[("META-INF/encryption.xml", locked)]),
        Err("an EPUB book that is encrypted"),
    );
}

#[test]
fn a_notebook() {
    let bytes = br##"{"cells": [
        {"cell_type": "markdown", "source": ["# Stock\n", "in May"]},
        {"cell_type": "code", "source": "1 + 1", "outputs": [
            {"output_type": "execute_result", "data": {"text/plain": ["2"]}},
            {"output_type": "error", "ename": "NameError", "evalue": "x"}]}],
        "metadata": {"language_info": {"name": "python"}}, "nbformat": 4}"##;
    check(
        "a.ipynb",
        bytes,
        Ok(
            "## Cell 1 (markdown)\n\n### Stock\nin May\n\n## Cell 2 (code)\n\n```python\n1 + 1\n```\n\n\
            Output:\n\n```\n2\n```\n\nOutput:\n\n```\nNameError: x\n```",
        ),
    );
    check(
        "a.ipynb",
        b"{\"cells\": [",
        Err("a notebook that is broken: EOF while parsing a list at line 1 column 11"),
    );
}

#[test]
fn an_e_mail() {
    let bytes = b"From: Ines Duarte <ines@example.org>\r\nTo: tom@example.org\r\n\
        Subject: =?utf-8?q?Lamps_f=C3=BCr_Tom?=\r\nDate: Sat, 2 May 2026 10:00:00 +0200\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\
        Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        <p>Forty l=E4mps.</p>\r\n--x\r\nContent-Type: text/csv; name=stock.csv\r\n\
        Content-Disposition: attachment; filename=stock.csv\r\n\r\na,b\r\n--x--\r\n";
    check(
        "a.eml",
        bytes,
        Ok("# Lamps f\u{fc}r Tom\n\nFrom: Ines Duarte <ines@example.org>\nTo: tom@example.org\n\
            Date: 2026-05-02T10:00:00+02:00\n\nForty l\u{e4}mps.\n\n## Attachments\n\n- stock.csv, 3 bytes"),
    );
    check("a.eml", b"just words", Err("no e-mail, whatever its name says"));
}

#[test]
fn what_is_no_document_is_left_alone() {
    for (name, bytes) in
        [("a.md", &b"# Text"[..]), ("a.docx", b"text"), ("a.json", b"{}"), ("a", b"")]
    {
        assert!(text(name, bytes).is_none(), "{name}");
    }
}

#[test]
fn broken_and_locked_files_say_so() {
    let whole = word("<w:p><w:r><w:t>a</w:t></w:r></w:p>");
    check(
        "a.docx",
        &whole[..whole.len() / 2],
        Err("a zip archive or an office document that is broken or cut off"),
    );
    check("a.zip", &packed(&[("a.txt", "a")]), Err("a zip archive"));
    check(
        "a.odt",
        &packed(&[
            ("mimetype", "application/vnd.oasis.opendocument.text"),
            ("META-INF/manifest.xml", "<m><manifest:encryption-data/></m>"),
            ("content.xml", "\u{1}\u{2}"),
        ]),
        Err("an OpenDocument file that needs a password"),
    );
    let compound = |stream: &str| {
        let name: Vec<u8> = stream.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [&b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"[..], &name].concat()
    };
    check("a.xlsx", &compound("EncryptedPackage"), Err("an Office document that needs a password"));
    check(
        "a.doc",
        &compound("WordDocument"),
        Err("a Word document of the format before 2007; saved as .docx it can be read"),
    );
    check("a.pdf", b"%PDF-1.7\n", Err("a PDF that is broken: no pages can be found in it"));
}

#[test]
fn a_zip_bomb_is_not_unpacked() {
    let blank = " ".repeat(70 << 20);
    check("a.docx", &word(&blank), Err("a Word document that unpacks to more than 64 MiB"));
    check("a.xlsx", &book(&blank), Err("an Excel workbook that unpacks to more than 64 MiB"));
    // One that says that it is small.
    let mut lie = word(&blank);
    for at in 0..lie.len() - 46 {
        let size = match &lie[at..at + 4] {
            b"PK\x01\x02" => at + 24,
            b"PK\x03\x04" => at + 22,
            _ => continue,
        };
        lie[size..size + 4].copy_from_slice(&9u32.to_le_bytes());
    }
    let broken = "a Word document that is broken: its `word/document.xml` cannot be unpacked";
    check("a.docx", &lie, Err(broken));
    check("a.docx", b"", Err("empty"));
}

/// Each entity would be ten of the one before it.
#[test]
fn entities_are_not_expanded() {
    let mut document = String::from("<!DOCTYPE d [<!ENTITY e0 \"lol\">");
    for at in 1..10 {
        document += &format!("<!ENTITY e{at} \"{}\">", format!("&e{};", at - 1).repeat(10));
    }
    document += "]><o><text:p>a&e9;b</text:p></o>";
    check("a.odt", &open_document("text", &document), Ok("ab"));
}

#[test]
fn what_is_nested_without_end_costs_nothing() {
    let tables = format!(
        "{}<w:p><w:r><w:t>deep</w:t></w:r></w:p>{}",
        "<w:tbl><w:tr><w:tc>".repeat(100_000),
        "</w:tc></w:tr></w:tbl>".repeat(100_000)
    );
    let Some(Ok(read)) = text("a.docx", &word(&tables)) else { panic!() };
    assert!(read.contains("deep"));
}

/// A few bytes that mean billions of cells.
#[test]
fn repeated_cells_are_bounded() {
    let cells = "<table:table-row table:number-rows-repeated=\"1048576\"><table:table-cell \
                 table:number-columns-repeated=\"16384\"><text:p>x</text:p></table:table-cell></table:table-row>";
    let sheet = format!("<o><table:table table:name=\"a\">{}</table:table></o>", cells.repeat(3));
    check(
        "a.ods",
        &open_document("spreadsheet", &sheet),
        Err("an OpenDocument file of more than 1000000 cells"),
    );
}

/// A row of a few kilobytes that means 300 MB of text.
#[test]
fn repeated_text_is_bounded() {
    let cell = format!(
        "<table:table-cell table:number-columns-repeated=\"1000\"><text:p>{}</text:p></table:table-cell>",
        "x".repeat(1 << 10)
    );
    let sheet = |row: &str, cells: &str| {
        let sheet = format!(
            "<o><table:table table:name=\"a\"><table:table-row {row}>{cells}</table:table-row></table:table></o>"
        );
        open_document("spreadsheet", &sheet)
    };
    let bounded = Err("an OpenDocument file of more than 32 MiB of text");
    check("a.ods", &sheet("", &cell.repeat(300)), bounded);
    check("a.ods", &sheet("table:number-rows-repeated=\"1000\"", &cell), bounded);
    let outside = format!("<table:table-row/>{cell}<table:table-row>");
    let outside = outside
        .replace("<table:table-row>", "<table:table-row table:number-rows-repeated=\"1000\">");
    check("a.ods", &sheet("", &outside), Ok("## Sheet a\n\n(This sheet is empty.)"));
}

const REST: &str = "\n(The text is longer than 8 MiB: the rest is left out.)\n";

/// As much as there is room for, and what says so.
fn check_cut(name: &str, bytes: &[u8], begins: &str) {
    let Some(Ok(read)) = text(name, bytes) else { panic!("{name}") };
    assert!(read.starts_with(begins), "{name}: {}", &read[..200.min(read.len())]);
    assert!(read.ends_with(REST), "{name}: {} bytes", read.len());
    assert!(read.len() < 9 << 20, "{name}: {} bytes", read.len());
}

/// A diagonal: a few thousand cells whose table has millions.
#[test]
fn a_table_is_made_as_far_as_it_is_read() {
    let cell = |at: u32| {
        let mut column = String::new();
        let mut left = at + 1;
        while left > 0 {
            left -= 1;
            column.insert(0, char::from(b'A' + (left % 26) as u8));
            left /= 26;
        }
        let row = at + 1;
        format!(
            "<row r=\"{row}\"><c r=\"{column}{row}\"><v>7</v></c><c r=\"XFD{row}\"><v>8</v></c></row>"
        )
    };
    let sheet: String = (0..4_000).map(cell).collect();
    check_cut("a.xlsx", &book(&sheet), "## Sheet Stock\n\n| row | A | B | C |");
}

#[test]
fn rows_without_anything_count() {
    let table = |rows: &str| word(&format!("<w:tbl>{rows}</w:tbl>"));
    let one = "<w:tr><w:tc><w:p><w:r><w:t>lamp</w:t></w:r></w:p></w:tc></w:tr>";
    let rows = table(&(one.to_string() + &"<w:tr/>".repeat(4_000_000)));
    check_cut("a.docx", &rows, "| lamp |\n|---|\n|  |\n");
    let cells = table(&(one.replace("</w:tr>", "") + &"<w:tc/>".repeat(4_000_000) + "</w:tr>"));
    check_cut("a.docx", &cells, "| lamp |  |  |");
}

#[test]
fn one_text_is_cut() {
    let long = "a ".repeat(15 << 20);
    check_cut("a.docx", &word(&format!("<w:p><w:r><w:t>{long}</w:t></w:r></w:p>")), "a a a");
    let cell = format!("<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>{long}</t></is></c></row>");
    check_cut("a.xlsx", &book(&cell), "## Sheet Stock\n\nRow 1: a a a");
}

#[test]
fn parts_of_another_encoding_are_bounded() {
    let mut wide = vec![0xFF, 0xFE];
    wide.resize(20 << 20, b' ');
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in
        [("mimetype", &b"application/vnd.oasis.opendocument.text"[..]), ("content.xml", &wide)]
    {
        let Ok(()) = zip.start_file(name, SimpleFileOptions::default()) else { panic!("{name}") };
        let Ok(()) = zip.write_all(bytes) else { panic!("{name}") };
    }
    let Ok(written) = zip.finish() else { panic!() };
    check(
        "a.odt",
        &written.into_inner(),
        Err("an OpenDocument file of more than 16 MiB that are not UTF-8"),
    );
}

/// Texts that cells share, which a number says to be billions.
#[test]
fn shared_texts_are_bounded() {
    let many = Err("an Excel workbook of more than 1000000 cells");
    let cell = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>";
    let one = "<si><t>item</t></si>";
    check("a.xlsx", &book_sharing(one, "uniqueCount=\"4000000000\"", cell), many);
    check("a.xlsx", &book_sharing(&"<si/>".repeat(1_000_001), "", cell), many);
    let few = book_sharing(one, "uniqueCount=\"1\"", cell);
    check("a.xlsx", &few, Ok("## Sheet Stock\n\nRow 1: item"));
}
