//! A form over a table: what it offers, and what becomes of it.

use super::*;

const DESCRIBED: &str = r#"{"rows": 14, "numbers": [1990], "columns": [
        {"name": "name", "kind": "text", "unit": null, "empty": false, "unique": true, "years": false,
         "values": [], "offered": ["Tern"], "parts": ["sea"], "such": ["Lark", "Sea Swift"]},
        {"name": "harbour", "kind": "text", "unit": null, "empty": true, "unique": false, "years": false,
         "values": ["Faro", "Lagos"], "offered": ["Lagos"], "parts": [], "such": ["Faro", "Lagos"]},
        {"name": "length", "kind": "number", "unit": "m", "empty": false, "unique": false, "years": false,
         "values": [], "offered": [], "parts": [], "such": ["12.5", "8", "9"], "met": [["=", 1990], [">", 1990]]},
        {"name": "mast", "kind": "number", "unit": "m", "empty": false, "unique": false, "years": false,
         "values": [], "offered": [], "parts": [], "such": ["7", "12"], "met": [["<", 1990], [">", 1990]]},
        {"name": "built", "kind": "date", "unit": null, "empty": false, "unique": false, "years": false,
         "values": ["1987-04", "2003-11"], "offered": ["1990"], "parts": [], "such": ["1987-04-02"]}]}"#;

/// It speaks of columns, and names none of their values.
const QUESTION: &str = "Has its name the sea in it, and the harbour?";

fn query() -> Query {
    Query::of("docs/boats.csv", DESCRIBED, QUESTION).unwrap_or_else(|| panic!("{DESCRIBED}"))
}

fn program(reply: Value) -> Option<String> {
    query().asked(&reply.to_string()).map(|asked| asked.program)
}

#[test]
fn a_table_is_told_by_its_columns() {
    let expected = "Table boats.csv, 14 rows:\nname: such as Tern, Lark, Sea Swift\n\
                    harbour: Faro, Lagos\nlength: numbers such as 12.5, 8 (m)\n\
                    mast: numbers such as 7, 12 (m)\nbuilt: dates from 1987-04 to 2003-11";
    assert_eq!(query().told, expected);
}

#[test]
fn a_form_becomes_a_program() {
    let reply = json!({"rows": ["harbour is Lagos", "built before 1990", "harbour is Lagos"],
                       "find": "the name with the lowest length"});
    let expected = r#"print(query("docs/boats.csv", find="lowest", of="name", by="length", where=[["harbour","=","Lagos"],["built","<","1990"]]))"#;
    assert_eq!(program(reply).as_deref(), Some(expected));
    let reply = json!({"rows": [], "find": "the sum of length - mast"});
    let expected = r#"print(query("docs/boats.csv", find="sum", of=["length","-","mast"]))"#;
    assert_eq!(program(reply).as_deref(), Some(expected));
}

#[test]
fn a_total_is_multiplied_by_a_rate_that_the_question_says() {
    let asked = |question: &str, find: &str| {
        let described = DESCRIBED.replace("[1990]", "[0.5]");
        let query =
            Query::of("b.csv", &described, question).unwrap_or_else(|| panic!("{described}"));
        let reply = json!({"rows": [], "find": find}).to_string();
        query.asked(&reply).map(|asked| asked.program)
    };
    let each = "We pay 0.5 for every metre of a boat: how much is that?";
    let expected = r#"print(query("b.csv", find="sum", of=["length","*",0.5]))"#;
    assert_eq!(asked(each, "the sum of length").as_deref(), Some(expected));
    let expected = r#"print(query("b.csv", find="count", by=0.5))"#;
    assert_eq!(asked(each, "the number of rows").as_deref(), Some(expected));
    let expected = r#"print(query("b.csv", find="sum", of="length"))"#;
    assert_eq!(asked("How long are they?", "the sum of length").as_deref(), Some(expected));
}

#[test]
fn a_count_is_multiplied_by_what_each_is() {
    let seats = DESCRIBED.replace(
        r#""mast", "kind": "number", "unit": "m""#,
        r#""mast", "kind": "number", "unit": null"#,
    );
    let query = Query::of("b.csv", &seats, QUESTION).unwrap_or_else(|| panic!("{seats}"));
    let reply = json!({"rows": [], "find": "the sum of mast × length"}).to_string();
    let expected = r#"print(query("b.csv", find="sum", of=["mast","*","length"]))"#;
    assert_eq!(query.asked(&reply).map(|asked| asked.program).as_deref(), Some(expected));
    assert!(query.asked(&reply.replace("mast × length", "length × mast")).is_none());
}

#[test]
fn years_are_not_added_up() {
    let years = DESCRIBED.replace(
        r#""mast", "kind": "number", "unit": "m", "empty": false, "unique": false, "years": false"#,
        r#""mast", "kind": "number", "unit": "m", "empty": false, "unique": false, "years": true"#,
    );
    let query = Query::of("b.csv", &years, QUESTION).unwrap_or_else(|| panic!("{years}"));
    let finds = query.form()["properties"]["find"]["enum"].clone();
    let offered = |find: &str| finds.as_array().is_some_and(|all| all.contains(&json!(find)));
    assert!(offered("the sum of length") && offered("the average of mast"), "{finds}");
    assert!(offered("the harbour with the highest sum of length"), "{finds}");
    assert!(!offered("the sum of mast"), "{finds}");
    assert!(!offered("the harbour with the highest sum of mast"), "{finds}");
}

#[test]
fn a_number_is_that_of_one_column() {
    let reply = json!({"rows": ["length is 1990", "mast < 1990"], "find": "the number of rows"});
    let expected = r#"print(query("docs/boats.csv", find="count", where=[["length","=",1990]]))"#;
    assert_eq!(program(reply).as_deref(), Some(expected));
}

#[test]
fn a_number_may_be_one_of_several_columns() {
    let years = DESCRIBED.replace("\"years\": false", "\"years\": true");
    let query = |question| Query::of("b.csv", &years, question).unwrap_or_else(|| panic!());
    let reply = json!({"rows": ["mast > 1990"], "find": "the number of rows"}).to_string();
    let asked = query("How many are from after 1990?").asked(&reply);
    let asked = asked.unwrap_or_else(|| panic!("{reply}"));
    assert_eq!(asked.columns, ["length", "mast"]);
    let other = query("How many are from after 1990?").of_column(&asked, "length");
    let other = other.unwrap_or_else(|| panic!("{asked:?}"));
    assert!(other.words.contains("length > 1990") && other.columns.is_empty(), "{other:?}");
    let named = query("How many had their mast after 1990?").asked(&reply);
    assert!(named.is_some_and(|asked| asked.columns.is_empty()));
}

#[test]
fn what_a_number_is_one_of_is_told_from_what_rows_are_ordered_by() {
    // The same two columns are both.
    let column = |name: &str| {
        json!({
            "name": name, "kind": "number", "unit": null, "empty": false, "unique": false, "years": true,
            "values": [], "offered": [], "parts": [], "such": ["1987"], "met": [[">", 1990]],
        })
    };
    let columns = [column("built"), column("sold")];
    let described = json!({ "rows": 9, "numbers": [1990], "columns": columns }).to_string();
    let query = || {
        let query = Query::of("b.csv", &described, "How many came after 1990?");
        query.unwrap_or_else(|| panic!("{described}"))
    };
    let counted = json!({ "rows": ["built > 1990"], "find": "the number of rows" }).to_string();
    let asked = query().asked(&counted).unwrap_or_else(|| panic!("{counted}"));
    assert_eq!(asked.columns, ["built", "sold"]);
    let other = query().of_column(&asked, "sold").map(|asked| asked.words);
    assert_eq!(other.as_deref(), Some("the number of rows, of the rows where sold > 1990"));
    let first = json!({ "rows": ["sold > 1990"], "find": "the sold with the lowest built" });
    let first = first.to_string();
    let asked = query().asked(&first).unwrap_or_else(|| panic!("{first}"));
    assert!(query().of_column(&asked, "built").is_some());
    assert!(query().of_column(&asked, "sold").is_none());
}

#[test]
fn a_span_is_one_condition_and_has_to_be_used() {
    let spanned = DESCRIBED.replace(
        r#""such": ["Faro", "Lagos"]}"#,
        r#""such": ["Faro", "Lagos"], "span": ["Faro", "Lagos"]}"#,
    );
    let query = Query::of("b.csv", &spanned, "How long?").unwrap_or_else(|| panic!());
    let asked = |rows: Value| {
        let reply = json!({"rows": rows, "find": "the sum of length"}).to_string();
        query.asked(&reply).map(|asked| asked.program)
    };
    let expected = r#"print(query("b.csv", find="sum", of="length", where=[["harbour","in",["Faro","Lagos"]]]))"#;
    assert_eq!(asked(json!(["harbour from Faro to Lagos"])).as_deref(), Some(expected));
    assert_eq!(asked(json!([])), None);
}

#[test]
fn what_a_question_names_is_spoken_of() {
    let query = |question| Query::of("b.csv", DESCRIBED, question).unwrap_or_else(|| panic!());
    let all = json!({"rows": [], "find": "the sum of length"}).to_string();
    let those = json!({"rows": ["harbour is Lagos"], "find": "the sum of length"}).to_string();
    assert!(query("How long are they all?").asked(&all).is_some());
    let named = query("How long are those of Lagos?");
    assert!(named.asked(&all).is_none());
    assert!(named.asked(&those).is_some_and(|asked| asked.named));
    // The Tern is in no question about Lagos.
    assert!(!named.form().to_string().contains("name is Tern"));
    let other = DESCRIBED.replace("[\"Tern\"]", "[\"Lagos ladle\"]");
    let question = "How long are those of Lagos, by name?";
    let form = Query::of("b.csv", &other, question).map(|query| query.form().to_string());
    assert!(form.is_some_and(|form| form.contains("Lagos\"") && !form.contains("ladle")));
}

#[test]
fn what_a_column_is_called_names_no_value_of_another() {
    let told =
        DESCRIBED.replace(r#""offered": ["Tern"]"#, r#""offered": ["Tern", "Old harbour pride"]"#);
    let offered = |question: &str| {
        let query =
            Query::of("docs/boats.csv", &told, question).unwrap_or_else(|| panic!("{told}"));
        query.form()["properties"]["rows"].to_string()
    };
    assert!(!offered("In which harbour is the Tern?").contains("pride"));
    assert!(!offered("Which boats are in the harbour?").contains("pride"));
    assert!(offered("How long is the pride of the harbour?").contains("pride"));
}

#[test]
fn who_was_there_the_longest_came_first() {
    let finds = |question: &str| {
        let query = Query::of("b.csv", DESCRIBED, question).unwrap_or_else(|| panic!());
        query.form()["properties"]["find"].to_string()
    };
    let longest = finds("Which of them do we have the longest?");
    assert!(longest.contains("the name with the lowest built"), "{longest}");
    assert!(!longest.contains("the name with the highest built"), "{longest}");
    assert!(longest.contains("the name with the highest length"), "{longest}");
    assert!(finds("Which is the newest?").contains("the name with the highest built"));
}

#[test]
fn who_asks_which_one_it_is_names_none() {
    let few = DESCRIBED.replace(r#""offered": ["Lagos"]"#, r#""offered": ["Faro", "Lagos"]"#);
    let offered = |question: &str| {
        let query = Query::of("docs/boats.csv", &few, question).unwrap_or_else(|| panic!("{few}"));
        query.form()["properties"]["rows"].to_string()
    };
    assert!(!offered("Which harbour has the most boats?").contains("harbour is Faro"));
    assert!(!offered("Welcher Harbour hat die meisten?").contains("harbour is Faro"));
    assert!(offered("Which harbour is larger than Faro?").contains("harbour is Faro"));
    assert!(offered("How many are in the southern harbour?").contains("harbour is Faro"));
}

#[test]
fn a_list_of_all_is_no_answer() {
    let reply = json!({"rows": ["harbour is Lagos"], "find": "the name"}).to_string();
    let asked = query().asked(&reply).unwrap_or_else(|| panic!("{reply}"));
    assert!(query().answers(&asked, "Tern, Lark\n2 rows:\nname: Tern", false));
    assert!(!query().answers(&asked, "Tern, Lark\n2 rows:\nname: Tern", true));
    assert!(query().answers(&asked, "Tern\n1 rows:\nname: Tern", true));
    assert!(!query().answers(&asked, "Tern, Lark\n14 rows:\nname: Tern", false));
    assert!(!query().answers(&asked, "nothing", false));
}

#[test]
fn only_what_is_there_can_be_asked_for() {
    let form = query().form().to_string();
    for words in ["mast > 1990", "name contains sea", "harbour is empty", "the number of rows"] {
        assert!(form.contains(&format!("\"{words}\"")), "{words}");
    }
    for reply in [
        json!({"rows": ["harbour is Sines"], "find": "the number of rows"}),
        json!({"rows": ["mast > 7"], "find": "the number of rows"}),
        json!({"rows": [], "find": "the sum of harbour"}),
        // Those in Lagos lie in Lagos.
        json!({"rows": ["harbour is Lagos"], "find": "the harbour"}),
        // There is one Tern: it is not what is counted.
        json!({"rows": ["name is Tern"], "find": "the number of rows"}),
    ] {
        assert_eq!(program(reply.clone()), None, "{reply}");
    }
}
