//! What an agent file says of components.

use super::*;

const WEATHER: &str = "[tools]\nuse = [\"weather.*\", \"files.read\"]\n[[tools.component]]\nfile \
                       = \"docs/a.md\"\nname = \"weather\"\n";

#[test]
fn a_component_gets_what_it_wants_of_what_is_granted() {
    let ground = Ground::new();
    let text = format!(
        "{RIGHT}{WEATHER}memory = \"8MiB\"\ntime = \"2s\"\n[permissions]\nread = [\"docs\"]\nwrite = \
         [\"out\"]\nnet = [\"public\"]\nask = [\"weather.*\"]\n"
    );
    let agent = ground.load(text.as_bytes(), &[]).unwrap();
    assert_eq!(agent.tools, ["weather.look", "weather.act", "files.read"]);
    assert_eq!(agent.grants.ask, ["weather.look", "weather.act"]);
    let pinned = &agent.components[0];
    assert_eq!((pinned.bounds.memory, pinned.sha256.as_str()), (Some(8 << 20), &*digest(b"a")));
    let scope = &agent.grants.scopes["weather"];
    assert_eq!(scope.read, agent.grants.read);
    assert_eq!(scope.write, [agent.root.join("out/sub")]);
    let net: Vec<String> = scope.net.iter().map(ToString::to_string).collect();
    assert_eq!(net, ["api.example.org", "*.example.com"]);
    assert_eq!(scope.tools, ["files.read"], "`files.write` is not the agent's");
    assert_eq!(scope.changing, ["weather.act"]);

    let narrowed =
        text.replace("time = ", "net = [\"x.example.com\"]\nread = []\ntools = []\ntime = ");
    let scope = &ground.load(narrowed.as_bytes(), &[]).unwrap().grants.scopes["weather"];
    assert_eq!(scope.net.iter().map(ToString::to_string).collect::<Vec<_>>(), ["x.example.com"]);
    assert!(scope.read.is_empty() && scope.tools.is_empty());
    let events = serde_json::to_string(&agent).unwrap();
    assert_eq!(serde_json::from_str::<Agent>(&events).unwrap(), agent);
}

#[test]
fn components_that_cannot_be() {
    let table = |keys: &str| format!("[[tools.component]]\n{keys}\n");
    let weather = "file = \"docs/a.md\"\nname = \"weather\"";
    let cases = [
        ("no file", table("name = \"weather\"")),
        ("an unknown key", table(&format!("{weather}\nmemroy = \"1MB\""))),
        ("not there", table("file = \"docs/b.md\"\nname = \"weather\"")),
        ("no lock entry", table("file = \"docs/a.md\"\nname = \"other\"")),
        ("another digest", table("file = \"docs/a.md\"\nname = \"odd\"")),
        ("a name that is taken", table("file = \"docs/a.md\"\nname = \"files\"")),
        ("a name that is none", table("file = \"docs/A b.wasm\"")),
        ("twice", table(weather) + &table(weather)),
        ("a limit that is none", table(&format!("{weather}\nmemory = \"lots\"\ntime = \"0s\""))),
        ("a limit of the wrong type", table(&format!("{weather}\ncalls = 0\nfuel = \"1\""))),
        (
            "wider than the agent",
            table(&format!(
                "{weather}\nnet = [\"a.org\"]\nread = [\"docs\"]\nwrite = [\"out\"]\ntools = \
                 [\"files.read\"]\nsecrets = [\"KEY\"]"
            )),
        ),
        (
            "a tool that it has not",
            format!("[tools]\nuse = [\"weather.loook\"]\n{}", table(weather)),
        ),
        ("a family that is not there", "[tools]\nuse = [\"wether.*\"]\n".to_string()),
        (
            "listed twice",
            format!("[tools]\nuse = [\"weather.look\", \"weather.*\"]\n{}", table(weather)),
        ),
    ];
    let cases: Vec<(&str, &str)> =
        cases.iter().map(|(what, text)| (*what, text.as_str())).collect();
    insta::assert_snapshot!(added(&cases));
}
