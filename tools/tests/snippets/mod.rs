//! Snippets as models write them, over files as programs write them.

mod queries;

use serde_json::json;

use super::{Agent, check, check_in, component};

/// One byte a letter: what is beyond ASCII by its place in `letters`, which begins at 0xC0.
fn narrow(text: &str, letters: &str) -> Vec<u8> {
    let byte = |letter: char| match letters.chars().position(|own| own == letter) {
        Some(place) => 0xC0 + place as u8,
        None => letter as u8,
    };
    text.chars().map(byte).collect()
}

fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[tokio::test]
async fn tables_are_the_same_in_every_encoding() {
    const TABLE: &str = "название;число\r\nлампа;1,5\r\nлестница;7\r\n";
    const CYRILLIC: &str = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя";
    let agent = Agent::new(Some(component()));
    let marked = |mark: &[u8], text: Vec<u8>| [mark.to_vec(), text].concat();
    let files = [
        ("utf8", TABLE.as_bytes().to_vec()),
        ("mark", marked(b"\xEF\xBB\xBF", TABLE.as_bytes().to_vec())),
        ("little", marked(b"\xFF\xFE", wide(TABLE, u16::to_le_bytes))),
        ("big", marked(b"\xFE\xFF", wide(TABLE, u16::to_be_bytes))),
        ("unmarked", wide(TABLE, u16::to_le_bytes)),
        ("windows", narrow(TABLE, CYRILLIC)),
    ];
    let rows = json!([{"название": "лампа", "число": 1.5}, {"название": "лестница", "число": 7}]);
    let told = "table of 2 rows with the columns название, число\n";
    for (name, bytes) in &files {
        std::fs::write(agent.root().join(format!("docs/{name}.csv")), bytes).unwrap();
        let code = format!(
            "import csv\nprint([l for l in survey().split('\\n') if '/{name}.' in l][0].split(': ')[1])\n\
             assert list(csv.DictReader(open('docs/{name}.csv', newline=''), delimiter=';'))[0]['название'] == 'лампа'\n\
             table('docs/{name}.csv')"
        );
        let result = agent.call("python", json!({ "code": code })).await.unwrap();
        assert_eq!((&result["value"], &result["output"]), (&rows, &json!(told)), "{name}");
    }
    // 東京, 東京タワー in Shift-JIS: nothing says so, and no guess is given out as text.
    std::fs::write(agent.root().join("docs/tokyo.txt"), b"\x93\x8C\x8B\x9E,\x93\x8C\x8B\x9E")
        .unwrap();
    check_in(
        &agent,
        &[
            ("open('docs/tokyo.txt').read()", Err("cannot be told from its bytes: name it")),
            ("open('docs/tokyo.txt', encoding='shift_jis').read()", Ok(json!("東京,東京"))),
            ("open('docs/windows.csv', encoding='cp1251').read(8)", Ok(json!("название"))),
            ("open('docs/mark.csv', encoding='utf-8').read(1)", Ok(json!("н"))),
            (
                "open('docs/windows.csv', encoding='utf-8').read()",
                Err("hint: it seems to be cp1251: leave `encoding` out"),
            ),
            (
                "open('docs/data.bin').read()",
                Err("`docs/data.bin` is no text: open it with mode 'rb'"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_parts_no_row_stays_in_its_cell() {
    let agent = Agent::new(Some(component()));
    let table = "a|b\n1|one\u{2028}two\u{b}three\n2|\"x\r\ny\"\n";
    std::fs::write(agent.root().join("docs/odd.csv"), table).unwrap();
    let named = "sep=;\r\n\"a, b, c\";n\r\nx;1\u{202f}234,5\r\ny;1'000\r\n";
    std::fs::write(agent.root().join("docs/named.csv"), named).unwrap();
    let odd = json!([{"a": 1, "b": "one\u{2028}two\u{b}three"}, {"a": 2, "b": "x\r\ny"}]);
    let named = json!([{"a, b, c": "x", "n": 1234.5}, {"a, b, c": "y", "n": 1000}]);
    check_in(&agent, &[("table('docs/odd.csv')", Ok(odd)), ("table('docs/named.csv')", Ok(named))])
        .await;
}

#[tokio::test]
async fn no_cell_is_lost_for_the_name_of_its_column() {
    let agent = Agent::new(Some(component()));
    let files = [
        ("twice", "id, value ,value,,\n1,10,20,x,y\n"),
        ("ragged", "a,b,c\n1,2\n3,4,5,6\n"),
        ("comma", "a,b,\n1,2,\n3,4\n"),
        ("nul", "id,text\n1,a\0b\n2,c\n"),
    ];
    for (name, text) in files {
        std::fs::write(agent.root().join(format!("docs/{name}.csv")), text).unwrap();
    }
    let twice = json!([{"id": 1, "value": 10, "value_2": 20, "column_4": "x", "column_5": "y"}]);
    let comma = json!([{"a": 1, "b": 2}, {"a": 3, "b": 4}]);
    check_in(
        &agent,
        &[
            ("table('docs/twice.csv')", Ok(twice)),
            ("'id, value, value_2, column_4, column_5' in survey()", Ok(json!(true))),
            (
                "[list(row.values()) for row in table('docs/ragged.csv')]",
                Ok(json!([[1, 2, null], [3, 4, 5, ["6"]]])),
            ),
            ("table('docs/comma.csv')", Ok(comma)),
            ("[row['text'] for row in table('docs/nul.csv')]", Ok(json!(["a\0b", "c"]))),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_table_begins_at_its_header_and_loses_no_row() {
    let agent = Agent::new(Some(component()));
    let files = [
        ("apart", "Report\n\nid;name\n1;a, b\n2;c\n"),
        ("remarks", "# made by hand\n# in May\nid,name\n1,\"a, b\"\n2,c\n"),
        ("blanks", "id, name\n1, \"a, b\"\n2, c\n"),
        ("marks", "\u{feff}\u{feff}id,name\n1,\"a, b\"\n2,c\n"),
    ];
    let rows = || json!([{"id": 1, "name": "a, b"}, {"id": 2, "name": "c"}]);
    for (name, text) in files {
        std::fs::write(agent.root().join(format!("docs/{name}.csv")), text).unwrap();
        let code = format!("table('docs/{name}.csv')");
        check_in(&agent, &[(&code, Ok(rows()))]).await;
    }
    std::fs::write(agent.root().join("docs/open.csv"), "id,text\n1,\"open\n2,b\n3,c\n").unwrap();
    std::fs::write(agent.root().join("docs/short.csv"), "name\na,1\nb,2\n").unwrap();
    check_in(
        &agent,
        &[
            ("[row['id'] for row in table('docs/open.csv')]", Ok(json!([1, 2, 3]))),
            ("len(table('docs/short.csv'))", Ok(json!(2))),
        ],
    )
    .await;
}

/// Łódź, Kraków, Gdańsk and Częstochowa in Windows-1250 and ISO 8859-2; signs that no word holds.
#[tokio::test]
async fn signs_within_words_are_letters_of_another_encoding() {
    let agent = Agent::new(Some(component()));
    let polish = "Łódź,Kraków,Gdańsk,Częstochowa";
    let files: [(&str, &[u8], &str); 3] = [
        ("1250", b"\xA3\xF3d\x9F,Krak\xF3w,Gda\xF1sk,Cz\xEAstochowa", polish),
        (
            "8859",
            b"\xA3\xF3d\xBC,Krak\xF3w,Gda\xF1sk,Cz\xEAstochowa,w\xB1sko",
            "Łódź,Kraków,Gdańsk,Częstochowa,wąsko",
        ),
        ("1252", b"\xBFQu\xE9?,10\xB2,5\xB5m,\xA35,1\xAA,na\xEFve", "¿Qué?,10²,5µm,£5,1ª,naïve"),
    ];
    for (name, bytes, text) in files {
        std::fs::write(agent.root().join(format!("docs/{name}.txt")), bytes).unwrap();
        let code = format!("open('docs/{name}.txt').read()");
        check_in(&agent, &[(&code, Ok(json!(text)))]).await;
    }
}

#[tokio::test]
async fn code_runs_however_it_arrives() {
    check(&[
        ("    x = 1\n    x + 1", Ok(json!(2))),
        ("x = 1\n    x + 1", Ok(json!(2))),
        ("x\u{a0}=\u{a0}2\n'a\u{a0}b' * x", Ok(json!("a\u{a0}ba\u{a0}b"))),
        ("print(“it’s”, ‘so’)", Ok(json!("it’s so\n"))),
        ("3 − 1", Ok(json!(2))),
        (
            "Here it is:\n```python\nfor i in range(2):\n    print(i)\n```\nIt counts.",
            Ok(json!("0\n1\n")),
        ),
        ("~~~\n5\n~~~", Ok(json!(5))),
        (">>> x = 2\n>>> print(x)\n2\n", Ok(json!("2\n"))),
        ("x = 1\\nprint(x)", Ok(json!("1\n"))),
        // What parses is left alone, and what cannot be mended is told as it came.
        ("s = '“a”'\ns", Ok(json!("“a”"))),
        ("'''\n```\n1\n```\n'''", Ok(json!("\n```\n1\n```\n"))),
        ("x = 1\nprint(“a”", Err("line 2: print(“a”")),
        ("!pip install numpy", Err("hint: lines that begin with ! or % are a notebook's")),
    ])
    .await;
}

#[tokio::test]
async fn what_waits_goes_on_without_a_clock() {
    check(&[
        (
            "import asyncio\nasync def f(n):\n    await asyncio.sleep(n)\n    return n\n\
             await asyncio.gather(f(3600), f(1), asyncio.to_thread(len, 'ab'))",
            Ok(json!([3600, 1, 2])),
        ),
        (
            "import asyncio\nasync def f():\n    async with asyncio.timeout(1):\n        await asyncio.sleep(9)\n\
             asyncio.run(f())",
            Err("TimeoutError"),
        ),
        ("import asyncio\nawait asyncio.Event().wait()", Err("what is awaited never comes")),
        (
            "import asyncio\nasyncio.run(asyncio.open_connection('localhost', 80))",
            Err("there is no network in python"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn the_library_is_there() {
    check(&[
        (
            "from zoneinfo import ZoneInfo\nfrom datetime import datetime\n\
             [str(datetime(y, 3, 20, tzinfo=ZoneInfo('America/New_York')).utcoffset()) for y in (2006, 2007, 2050)]",
            Ok(json!(["-1 day, 19:00:00", "-1 day, 20:00:00", "-1 day, 20:00:00"])),
        ),
        ("from zoneinfo import ZoneInfo\nZoneInfo('berlin')", Err("hint: there is Europe/Berlin")),
        (
            "import __future__, colorsys, doctest, getpass, sqlite3, tomllib, unittest\n\
             sqlite3.connect(':memory:').execute('select 1 + 1').fetchone()",
            Ok(json!([2])),
        ),
        (
            "import sys, io\nsys.stdout.reconfigure(encoding='utf-8')\nsys.stdout.buffer.write('é'.encode())\n\
             sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\nprint('è')",
            Ok(json!("éè\n")),
        ),
        ("import tkinter", Err("`tkinter` does not work in this sandbox: use print()")),
    ])
    .await;
}
