//! `data.query` in the real sandbox: what is asked of tables, and what files and queries may try.

use serde_json::{Value, json};

use crate::place::{Place, call, say};

const SECRET: &str = "hunter2-in-a-table-of-its-own";

/// An agent that may read `docs`, with a secret beside that.
fn place() -> Place {
    let place = Place::new();
    place
        .write("secret.csv", format!("a\n{SECRET}\n"))
        .write("docs/orders.csv", "id;price\n1;1.234,50\n2;0,50\n");
    place
}

/// Makes these calls one after the other; what the model is told of each, a line each.
fn told<const N: usize>(place: &Place, calls: [Value; N]) -> String {
    let mut replies = calls
        .map(|arguments| {
            call([(
                if arguments["sql"].is_null() { "data.tables" } else { "data.query" },
                arguments,
            )])
        })
        .to_vec();
    replies.push(say("I tried"));
    let tables =
        "[tools]\nuse = [\"data.tables\", \"data.query\"]\n[permissions]\nread = [\"docs\"]\n";
    let ran = place.agent("act = \"tools\"", tables, &replies).run();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!ran.out.contains(SECRET), "{ran}");
    place.tidy(&ran.observations().join("\n"))
}

#[test]
fn tables_are_asked_in_sql() {
    let found = told(
        &place(),
        [
            json!({"sql": "SELECT sum(price) AS total FROM orders"}),
            json!({"sql": "SELECT id FROM orders ORDER BY price", "limit": 1}),
        ],
    );
    insta::assert_snapshot!(found, @"
    total
    1235.0
    [1 row]
    id
    2
    [1 rows; 1 more rows are left out]
    ");
}

#[test]
fn a_table_outside_of_what_is_granted() {
    let place = place();
    std::os::unix::fs::symlink("../secret.csv", place.path("docs/link.csv")).unwrap();
    let found = told(
        &place,
        [
            json!({"path": "secret.csv", "sql": "SELECT * FROM secret"}),
            json!({"path": "docs/../secret.csv"}),
            json!({"sql": "SELECT * FROM '../secret.csv'"}),
            json!({"sql": "SELECT * FROM link"}),
            json!({"sql": "ATTACH 'secret.csv' AS s"}),
            json!({"sql": "SELECT readfile('secret.csv')"}),
        ],
    );
    assert_eq!(found.matches(" may not read `secret.csv`").count(), 2);
    for said in ["no such table: ../secret.csv", "only a SELECT", "no such function: readfile"] {
        assert!(found.contains(said), "{said}: {found}");
    }
}

#[test]
fn a_query_that_runs_forever_and_one_that_takes_all_memory() {
    let blob = "SELECT length(group_concat(hex(zeroblob(8000000)))) FROM \
                (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 99) SELECT i FROM n)";
    let rows = "WITH RECURSIVE n(i) AS (SELECT hex(zeroblob(4000000)) UNION ALL SELECT i || '' FROM n) \
                SELECT count(*) FROM (SELECT i FROM n ORDER BY i)";
    let found = told(&place(), [json!({"sql": blob}), json!({"sql": rows})]);
    assert_eq!(found.lines().filter(|line| line.contains("row]")).count(), 0, "{found}");
}

#[test]
fn files_that_lie_about_themselves() {
    let place = place();
    let mut database = b"SQLite format 3\0".to_vec();
    database.extend([0xFF; 4080]);
    std::fs::write(place.path("docs/lies.db"), database).unwrap();
    // A footer of 2 GiB, and one that is no footer.
    std::fs::write(place.path("docs/long.parquet"), b"PAR1\xFF\xFF\xFF\x7FPAR1").unwrap();
    std::fs::write(place.path("docs/odd.parquet"), b"PAR1\x15\x04\x19\x4C\x04\0\0\0PAR1").unwrap();
    let found = told(
        &place,
        [
            json!({"sql": "SELECT * FROM lies.t"}),
            json!({"path": "docs/long.parquet"}),
            json!({"path": "docs/odd.parquet"}),
            json!({"path": "docs/nothing.csv"}),
        ],
    );
    for said in [
        "`docs/lies.db` is no SQLite file",
        "`docs/long.parquet` is no Parquet",
        "`docs/odd.parquet` is no Parquet",
        "`docs/nothing.csv` does not exist",
    ] {
        assert!(found.contains(said), "{said}: {found}");
    }
}
