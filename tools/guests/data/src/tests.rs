//! Queries over files that lie in memory here: what is asked, and what comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use rusqlite::Connection;
use serde_json::json;

use crate::query::{query, tables};
use crate::source::{Entry, Files};
use crate::types::{Queried, QueryArguments, TablesArguments};

const ORDERS: &str = "order no;Customer;Unit Price (€);day;group\n\
                      1;Müller;1.234,50;31.12.2024;a\n\
                      2;Berg;0,50;02.01.2025;b\n\
                      3;Müller;n/a;03.01.2025;a\n";

struct Folder(BTreeMap<&'static str, Vec<u8>>);

impl Files for Folder {
    fn roots(&self) -> Vec<String> {
        vec![".".to_string()]
    }

    fn list(&self, path: &str) -> Result<Vec<Entry>, String> {
        match path {
            "." => Ok(self.0.keys().map(|path| (path.to_string(), false)).collect()),
            _ => Err(format!("`{path}` is no folder")),
        }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).cloned().ok_or_else(|| format!("there is no `{path}`"))
    }
}

fn folder<const N: usize>(files: [(&'static str, &[u8]); N]) -> Folder {
    Folder(files.into_iter().map(|(path, bytes)| (path, bytes.to_vec())).collect())
}

fn ask(folder: &Folder, sql: &str) -> Result<Queried, String> {
    query(QueryArguments { sql: sql.to_string(), ..QueryArguments::default() }, folder)
}

#[track_caller]
fn check(folder: &Folder, sql: &str, expected: serde_json::Value) {
    match ask(folder, sql) {
        Ok(found) => assert_eq!(json!(found.rows), expected, "{sql}"),
        Err(error) => panic!("{sql}: {error}"),
    }
}

#[track_caller]
fn fails(folder: &Folder, sql: &str, expected: &str) {
    match ask(folder, sql) {
        Ok(found) => panic!("{sql}: {found:?}"),
        Err(error) => assert!(error.contains(expected), "{sql}: {error}"),
    }
}

fn orders() -> Folder {
    folder([
        ("orders.csv", ORDERS.as_bytes()),
        ("customers.tsv", b"name\tcity\nM\xc3\xbcller\tBerlin\nBerg\tOslo\n"),
    ])
}

#[test]
fn numbers_and_days_are_those_of_people() {
    let orders = orders();
    check(&orders, "SELECT sum(Unit_Price) AS s FROM orders", json!([{"s": 1235.0}]));
    check(
        &orders,
        "SELECT order_no, day FROM orders WHERE day >= '2025-01-01' ORDER BY day DESC LIMIT 1",
        json!([{"order_no": 3, "day": "2025-01-03"}]),
    );
    check(
        &orders,
        "SELECT city, count(*) AS n FROM orders JOIN customers ON name = Customer GROUP BY 1",
        json!([{"city": "Berlin", "n": 2}, {"city": "Oslo", "n": 1}]),
    );
    check(&orders, "SELECT number('1.234,50 EUR') AS n", json!([{"n": 1234.5}]));
    check(&orders, "SELECT 0.1 + 0.2 AS n, 1 AS n", json!([{"n": 0.3, "n_2": 1}]));
}

#[test]
fn names_of_the_file_are_taken_too() {
    let orders = orders();
    for sql in [
        "SELECT max(\"Unit Price (€)\") AS m FROM orders",
        "SELECT max([unit price (€)]) AS m FROM 'orders.csv'",
        "SELECT max(orders.Unit_Price) AS m FROM orders",
        "SELECT max(`Unit Price (€)`) AS m FROM orders.csv -- orders.csv",
        "SELECT max(Unit_Price) AS m FROM \"Orders\";",
    ] {
        check(&orders, sql, json!([{"m": 1234.5}]));
    }
    check(&orders, "SELECT group_ FROM orders WHERE group_ = 'b'", json!([{"group_": "b"}]));
}

#[test]
fn without_sql_there_is_what_there_is() {
    let orders = orders();
    let Ok(found) = tables(TablesArguments::default(), &orders) else { panic!() };
    let told: Vec<(&str, u64, Vec<(&str, &str)>)> = found
        .tables
        .iter()
        .map(|table| {
            let columns = table.columns.iter();
            let columns = columns.map(|it| (it.name.as_str(), it.holds.as_str())).collect();
            (table.name.as_str(), table.rows, columns)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("customers", 2, vec![("name", "text"), ("city", "text")]),
            (
                "orders",
                3,
                vec![
                    ("order_no", "integer"),
                    ("Customer", "text"),
                    ("Unit_Price", "number"),
                    ("day", "date"),
                    ("group_", "text"),
                ]
            ),
        ]
    );
    assert_eq!(found.tables[1].columns[2].written.as_deref(), Some("Unit Price (€)"));
    assert_eq!(found.tables[1].first.len(), 3);
    assert_eq!(found.read, ["customers.tsv", "orders.csv"]);
}

#[test]
fn only_what_a_query_names_is_read() {
    let Ok(found) = ask(&orders(), "SELECT count(*) FROM orders") else { panic!() };
    assert_eq!(found.read, ["orders.csv"]);
}

#[test]
fn rows_beyond_the_limit_are_counted() {
    let text: String = (0..500).map(|n| format!("{n}\n")).collect();
    let numbers = folder([("n.csv", format!("n\n{text}").as_bytes())]);
    let Ok(found) = ask(&numbers, "SELECT n FROM n") else { panic!() };
    assert_eq!((found.rows.len(), found.more_rows), (50, 450));
    let wide = "SELECT replace(hex(zeroblob(500)), '00', 'é') || n AS t FROM n";
    let Ok(found) =
        query(QueryArguments { sql: wide.into(), limit: Some(1000), path: None }, &numbers)
    else {
        panic!()
    };
    assert!(found.rows.len() < 400 && found.rows.len() as u64 + found.more_rows == 500);
    let Ok(found) = ask(&numbers, "SELECT hex(zeroblob(5000)) AS t FROM n LIMIT 1") else {
        panic!()
    };
    assert!(found.notes.iter().any(|note| note.contains("cut")), "{:?}", found.notes);
}

#[test]
fn an_error_says_what_there_is() {
    let orders = orders();
    fails(
        &orders,
        "SELECT price FROM orders",
        "no such column: price\nThe tables: orders (order_no integer (\"order no\"), Customer text, Unit_Price number (\"Unit Price (€)\")",
    );
    fails(
        &orders,
        "SELECT * FROM sales",
        "no such table: sales\nThe tables: customers in customers.tsv; orders in orders.csv",
    );
    fails(&orders, "SELECT * FROM orders WHERE Customer = \"Berg\"", "single-quotes");
    fails(&orders, "SELEC 1", "syntax error");
    fails(&folder([]), "SELECT 1", "there are no tables in what may be read");
    fails(&folder([("a.csv", b"")]), "SELECT 1", "`a.csv` is empty");
    fails(&folder([("a.json", b"{\"a\": ")]), "SELECT 1", "`a.json` is no JSON: EOF");
    fails(&folder([("a.jsonl", b"{\"a\": 1}\n{]\n")]), "SELECT 1", "line 2: ");
    fails(&folder([("a.parquet", b"PAR1 and more")]), "SELECT 1", "`a.parquet` is no Parquet");
    fails(&folder([("a.csv", b"\x89PNG\0\0")]), "SELECT 1", "`a.csv` is a picture");
}

#[test]
fn nothing_found_says_what_was_meant() {
    let orders = orders();
    let notes = |sql: &str| ask(&orders, sql).map(|found| found.notes.join("; "));
    let found = notes("SELECT * FROM customers WHERE city = 'berlin'");
    assert_eq!(found, Ok("no value is 'berlin'; `city` holds 'Berlin'".to_string()));
    let found = notes("SELECT count(*) FROM customers WHERE city IN ('Rome', 'Oslo ')");
    let expected = "no value is 'Rome'; no value is 'Oslo '; `city` holds 'Oslo'";
    assert_eq!(found, Ok(expected.to_string()));
    assert_eq!(notes("SELECT name FROM customers WHERE city = 'Oslo'"), Ok(String::new()));
}

#[test]
fn a_number_that_is_compared_with_a_text_is_told() {
    let wine = folder([("wine.csv", b"name,year\nRioja,2034\nTokaj,2041\n")]);
    for condition in [
        "year <= '2037-01-01'",
        "\"year\" BETWEEN '2030-01' AND '2040'",
        "year BETWEEN 2030 AND '2040-12'",
        "year NOT IN ('2034', 'late')",
        "name = 'Rioja' AND wine.year > 'now'",
        "year < 'inf'",
    ] {
        let sql = format!("SELECT name FROM wine.csv WHERE {condition}");
        fails(&wine, &sql, "`year` holds numbers, such as 2034, and '");
    }
    for condition in [
        "year <= 2037 AND name = 'Rioja'",
        "year <= '2037'",
        "\"year\" BETWEEN '2030' AND '2040'",
        "year NOT IN ( '2035', '2041 ')",
        "CAST(year AS TEXT) = '2034'",
        "year LIKE '203%'",
        "year = 2034 AND name IN ('Rioja', 'Port')",
        "CASE WHEN year > 2040 THEN 'late' ELSE 'soon' END = 'soon'",
    ] {
        let sql = format!("SELECT name FROM wine.csv WHERE {condition}");
        check(&wine, &sql, json!([{ "name": "Rioja" }]));
    }
}

#[test]
fn nothing_is_changed_and_one_statement_is_run() {
    let orders = orders();
    for sql in [
        "DELETE FROM orders",
        "INSERT INTO orders VALUES (1, 2, 3, 4, 5)",
        "WITH x AS (SELECT 1) UPDATE orders SET day = 1",
        "DROP TABLE orders",
        "CREATE TABLE t (a)",
        "ATTACH 'orders.csv' AS x",
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "PRAGMA journal_mode",
        "PRAGMA writable_schema = ON",
        "VACUUM INTO 'x'",
        "BEGIN",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_database_list",
        "REINDEX",
    ] {
        fails(&orders, sql, "");
    }
    fails(&orders, "SELECT 1 FROM orders; SELECT 2", "one statement a call");
    fails(&orders, "SELECT 1 FROM orders; DELETE FROM orders", "one statement a call");
    fails(&orders, "  ; ", "the SQL is empty");
    fails(&orders, "DELETE FROM orders", "only a SELECT");
}

#[test]
fn a_query_that_runs_forever_is_stopped() {
    let orders = orders();
    let sql =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    fails(&orders, sql, "the query took more than");
    fails(&orders, "SELECT zeroblob(1000000000) FROM orders", "string or blob too big");
}

#[test]
fn json_of_each_shape() {
    let list = br#"[{"id": 1, "tags": ["a"], "ok": true}, {"id": 2.5, "name": "x"}]"#;
    check(
        &folder([("l.json", list)]),
        "SELECT id, ok, name, json_extract(tags, '$[0]') AS tag FROM l",
        json!([
            {"id": 1, "ok": 1, "name": null, "tag": "a"},
            {"id": 2.5, "ok": null, "name": "x", "tag": null}
        ]),
    );
    let lines =
        folder([("l.jsonl", b"{\"a\": 1}\n\n{\"a\": 2}\n"), ("m.json", b"{\"a\":1}\n{\"a\":3}")]);
    check(&lines, "SELECT sum(l.a) AS s FROM l", json!([{"s": 3}]));
    check(&lines, "SELECT max(a) AS s FROM m", json!([{"s": 3}]));
    let nested = folder([("n.json", br#"{"at": 1, "rows": [{"a": 1}, {"a": 2}]}"#)]);
    check(&nested, "SELECT count(*) AS c FROM n", json!([{"c": 2}]));
    let several = folder([("s.json", br#"{"x": [{"a": 1}], "y": [{"b": 2}]}"#)]);
    check(&several, "SELECT a, b FROM s_x, s_y", json!([{"a": 1, "b": 2}]));
    let keyed = folder([("k.json", br#"{"one": {"a": 1}, "two": {"a": 2}}"#)]);
    check(&keyed, "SELECT key FROM k WHERE a = 2", json!([{"key": "two"}]));
    let arrays = folder([("r.json", br#"[["a", "b"], [1, 2], [3, 4]]"#)]);
    check(&arrays, "SELECT sum(b) AS s FROM r", json!([{"s": 6}]));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    fails(&folder([("d.json", deep.as_bytes())]), "SELECT 1", "recursion limit");
}

#[test]
fn separated_values_of_each_kind() {
    for (path, text) in [
        ("a.csv", "sep=;\r\nx;y\r\n1,5;\"a\nb\"\r\n"),
        ("a.csv", "x|y\n1.5|\"a\nb\"\n"),
        ("a.csv", "\u{feff}x,y\n1.5,\"a\nb\"\n"),
        ("a.tsv", "x\ty\n1.5\t\"a\nb\"\n"),
    ] {
        check(
            &folder([(path, text.as_bytes())]),
            "SELECT * FROM a",
            json!([{"x": 1.5, "y": "a\nb"}]),
        );
    }
    let bare = folder([("a.csv", b"1,2\n3,4\n")]);
    check(&bare, "SELECT sum(column2) AS s FROM a", json!([{"s": 6}]));
    let uneven = folder([("a.csv", b"x,x,\n1,2,3,4\n5\n")]);
    check(
        &uneven,
        "SELECT * FROM a",
        json!([
            {"x": 1, "x_2": 2, "column3": 3, "column4": 4},
            {"x": 5, "x_2": null, "column3": null, "column4": null}
        ]),
    );
    let many = vec!["1"; 5000].join(",");
    fails(
        &folder([("a.csv", format!("x,y\n{many}").as_bytes())]),
        "SELECT 1",
        "more than 1000 cells",
    );
}

fn shop() -> Vec<u8> {
    let Ok(mut shop) = Connection::open_in_memory() else { panic!() };
    let made = shop.execute_batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, \"full name\" TEXT, price REAL);
         INSERT INTO items VALUES (1, 'lamp', 12.5), (2, 'desk', 80);
         CREATE VIEW cheap AS SELECT * FROM items WHERE price < 50;",
    );
    assert_eq!(made, Ok(()));
    let Ok(bytes) = shop.serialize("main") else { panic!() };
    bytes.to_vec()
}

#[test]
fn a_database_is_read_in_its_place() {
    let mut logged = shop();
    logged[18..20].copy_from_slice(&[2, 2]);
    for bytes in [shop(), logged] {
        let both = folder([("shop.db", &bytes), ("stock.csv", b"item,left\n1,7\n2,0\n")]);
        check(&both, "SELECT \"full name\" AS n FROM cheap", json!([{"n": "lamp"}]));
        check(&both, "SELECT price FROM shop.items WHERE id = 2", json!([{"price": 80.0}]));
        check(
            &both,
            "SELECT i.\"full name\" AS n FROM items i JOIN stock ON item = i.id WHERE left > 0",
            json!([{"n": "lamp"}]),
        );
        fails(&both, "DELETE FROM items", "");
        fails(
            &both,
            "SELECT prize FROM items",
            "items (id integer, \"full name\" text, price real)",
        );
        let Ok(found) = tables(TablesArguments::default(), &both) else { panic!() };
        let names: Vec<&str> = found.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["items", "cheap", "stock"]);
        assert_eq!(found.tables[0].rows, 2);
    }
}

#[test]
fn a_database_that_lies_is_refused_or_read_as_far_as_it_goes() {
    let bytes = shop();
    // Each byte of the header and the schema, and of every page's beginning, set to something else.
    for at in (0..bytes.len()).filter(|at| at % 4096 < 120 || *at < 300).step_by(3) {
        let mut broken = bytes.clone();
        broken[at] ^= 0xFF;
        let broken = folder([("shop.db", &broken)]);
        let _ = ask(&broken, "SELECT * FROM items");
        let _ = tables(TablesArguments::default(), &broken);
    }
    let half = folder([("shop.db", &bytes[..bytes.len() / 2])]);
    fails(&half, "SELECT * FROM items", "");
}

fn prices(compression: Compression) -> Vec<u8> {
    let column = |name: &str, kind: Physical, logical: Option<LogicalType>| {
        let built = Type::primitive_type_builder(name, kind)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(logical)
            .build();
        Arc::new(built.unwrap_or_else(|error| panic!("{error}")))
    };
    let fields = vec![
        column("what", Physical::BYTE_ARRAY, Some(LogicalType::String)),
        column("price", Physical::DOUBLE, None),
        column("day", Physical::INT32, Some(LogicalType::Date)),
    ];
    let schema = Type::group_type_builder("schema").with_fields(fields).build();
    let Ok(schema) = schema else { panic!() };
    let settings = WriterProperties::builder().set_compression(compression).build();
    let mut bytes = Vec::new();
    let written = (|| {
        let mut writer =
            SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(settings))?;
        let mut group = writer.next_row_group()?;
        let mut at = 0;
        while let Some(mut column) = group.next_column()? {
            match at {
                0 => column.typed::<ByteArrayType>().write_batch(
                    &[ByteArray::from("lamp"), ByteArray::from("desk")],
                    None,
                    None,
                )?,
                1 => column.typed::<DoubleType>().write_batch(&[12.5, 80.0], None, None)?,
                _ => column.typed::<Int32Type>().write_batch(&[19_782, 0], None, None)?,
            };
            column.close()?;
            at += 1;
        }
        group.close()?;
        writer.close()
    })();
    assert!(written.is_ok(), "{written:?}");
    bytes
}

#[test]
fn parquet_of_each_compression() {
    use parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let prices = folder([("prices.parquet", &prices(compression))]);
        check(
            &prices,
            "SELECT what, price, day FROM prices WHERE day > '2000-01-01'",
            json!([{"what": "lamp", "price": 12.5, "day": "2024-02-29"}]),
        );
        let Ok(found) = tables(TablesArguments::default(), &prices) else { panic!() };
        let holds: Vec<&str> = found.tables[0].columns.iter().map(|it| it.holds.as_str()).collect();
        assert_eq!(holds, ["text", "number", "date"]);
    }
}
