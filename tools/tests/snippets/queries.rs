//! `columns` and `query`: what a question about a table can be made of, and what comes of it.

use serde_json::json;

use super::super::{Agent, check_in, component};

const BOATS: &str = "# Boats\n\nAll of them.\n\n| Name | Length | Built | Harbour |\n|---|---:|---|---|\n\
                     | **Lark** | 12.5 m | 2003-04-02 | Faro |\n| Tern | 8 m | 1987-11-30 | Lagos |\n\
                     | Swift | 9 m | 1991-11-05 | |\n\n## Crews\n\n| Boat | Crew |\n|---|---|\n| Tern | 2 |\n";

#[tokio::test]
async fn a_table_in_markdown_is_one() {
    let agent = Agent::new(Some(component()));
    std::fs::write(agent.root().join("docs/boats.md"), BOATS).unwrap();
    let survey = "docs/boats.md: text, Boats; Crews\n\
                  docs/boats.md#1: table of 3 rows with the columns Name, Length, Built, Harbour\n\
                  docs/boats.md#2: table of 1 rows with the columns Boat, Crew";
    let swift = json!({"Name": "Swift", "Length": "9 m", "Built": "1991-11-05", "Harbour": null});
    check_in(
        &agent,
        &[
            ("'\\n'.join(l for l in survey().split('\\n') if 'boats' in l)", Ok(json!(survey))),
            ("table('docs/boats.md')[2]", Ok(swift)),
            ("table('docs/boats.md#2')", Ok(json!([{"Boat": "Tern", "Crew": 2}]))),
            ("table('docs/boats.md#3')", Err("docs/boats.md has 2 tables")),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_query_meets_all_its_conditions() {
    let agent = Agent::new(Some(component()));
    std::fs::write(agent.root().join("docs/boats.md"), BOATS).unwrap();
    let fares = "day;route;fare\n1. Mai 2031;4;2,50\n2. Mai 2031;7;3\n1. Juni 2031;4;2,70\n";
    std::fs::write(agent.root().join("docs/fares.csv"), fares).unwrap();
    let boats = |arguments: &str| format!("query('docs/boats.md', {arguments}).split('\\n')[0]");
    let fares = |arguments: &str| format!("query('docs/fares.csv', {arguments}).split('\\n')[0]");
    for (code, expected) in [
        (boats("where=[['Built', '<', '2000']]"), "2"),
        (boats("where=[['Built', 'after', '1991']]").replace("after", ">"), "1"),
        (boats("where=[['Harbour', 'empty']], find='list', of='Name'"), "Swift"),
        (boats("where=[['Name', '=', 'tern'], ['Name', '=', 'Lark']]"), "2"),
        (boats("where=[['Name', 'contains', 'r']], find='sum', of='Length'"), "20.5"),
        (boats("find='highest', of='Name', by='Length'"), "Lark"),
        (boats("find='difference', of='Length'"), "4.5"),
        (boats("where=[['Length', '>', 20]], find='list', of='Name'"), "nothing"),
        (fares("where=[['day', '=', '2031-05']], find='average', of='fare'"), "2.75"),
        (fares("find='most', of='route'"), "4"),
        (fares("find='fewest', of='route', by='fare'"), "7"),
        (fares("find='lowest', of='day', by='fare'"), "2031-05-01"),
        (fares("find='different', of='route'"), "2"),
        (fares("where=[['day', 'in', ['2031-05', '2031-07']]]"), "2"),
    ] {
        check_in(&agent, &[(&code, Ok(json!(expected)))]).await;
    }
}

#[tokio::test]
async fn a_question_is_told_what_it_can_be_made_of() {
    let agent = Agent::new(Some(component()));
    std::fs::write(agent.root().join("docs/boats.md"), BOATS).unwrap();
    let code = "import json\ntold = json.loads(columns('docs/boats.md', 'Which boats in Faro are longer \
                than nine metres and from before 1990?'))\n";
    let kinds = json!([["text", null], ["number", "m"], ["date", null], ["text", null]]);
    for (expression, expected) in [
        ("[[c['kind'], c['unit']] for c in told['columns']]", kinds),
        ("told['numbers']", json!([1990, 9])),
        ("told['columns'][2]['offered']", json!(["1990"])),
        ("told['columns'][1]['met']", json!([["=", 9], ["<", 9], ["<=", 9], [">", 9], [">=", 9]])),
        ("told['columns'][3]['offered']", json!(["Faro", "Lagos"])),
        ("[c['unique'] for c in told['columns']]", json!([true, false, false, false])),
        ("[c['empty'] for c in told['columns']]", json!([false, false, false, true])),
    ] {
        check_in(&agent, &[(&format!("{code}{expression}"), Ok(expected))]).await;
    }
}

#[tokio::test]
async fn a_span_of_months_is_one_condition() {
    let agent = Agent::new(Some(component()));
    let sales = "year,month,sold\n2030,May,1\n2031,June,2\n2031,July,3\n2031,Sept.,4\n";
    std::fs::write(agent.root().join("docs/sales.csv"), sales).unwrap();
    std::fs::write(agent.root().join("docs/boats.md"), BOATS).unwrap();
    let told = |file: &str, question: &str, column: usize| {
        format!(
            "import json\njson.loads(columns('docs/{file}', {question:?}))['columns'][{column}]"
        )
    };
    let span = |file, question, column| format!("{}['span']", told(file, question, column));
    for (code, expected) in [
        (
            span("sales.csv", "How many from June to September?", 1),
            json!(["June", "July", "Sept."]),
        ),
        (span("sales.csv", "Wie viele zwischen Juli und September?", 1), json!(["July", "Sept."])),
        (span("sales.csv", "How many in June and July?", 1), json!(null)),
        (span("sales.csv", "How many from June to September?", 0), json!(null)),
        (span("boats.md", "Built from October 1991 to November 1991?", 2), json!(["1991-11"])),
        (
            format!("{}['offered']", told("sales.csv", "From May to July, or in June?", 1)),
            json!([]),
        ),
    ] {
        check_in(&agent, &[(&code, Ok(expected))]).await;
    }
}

#[tokio::test]
async fn hours_lie_between_two_times() {
    let agent = Agent::new(Some(component()));
    let shifts = "day,from,to\nMon,16:15,19:30\nTue,22:30,01:00\nWed,9:00,\n";
    std::fs::write(agent.root().join("docs/shifts.csv"), shifts).unwrap();
    let boats = "boat,out,in,inspected\nLark,9:00,10:00,11:00\n";
    std::fs::write(agent.root().join("docs/boats.csv"), boats).unwrap();
    let query = |arguments: &str| format!("query('docs/shifts.csv', {arguments}).split('\\n')[0]");
    let columns = |path: &str| {
        format!(
            "[c['name'] for c in __import__('json').loads(columns('{path}', 'How long?'))['columns']]"
        )
    };
    check_in(
        &agent,
        &[
            (&query("find='sum', of='hours from–to'"), Ok(json!("5.75"))),
            (&query("find='sum', of=['hours from–to', '*', 12]"), Ok(json!("69"))),
            (&columns("docs/shifts.csv"), Ok(json!(["day", "from", "to", "hours from–to"]))),
            // Which two of three?
            (&columns("docs/boats.csv"), Ok(json!(["boat", "out", "in", "inspected"]))),
        ],
    )
    .await;
}
