//! Agent files as people write them: what comes of a right one, and every way to be wrong. The
//! snapshots are the reports as they are printed.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should fail")]

#[path = "agent_file/any.rs"]
mod any;
#[path = "agent_file/components.rs"]
mod components;
#[path = "agent_file/left_out.rs"]
mod left_out;
#[path = "agent_file/tables.rs"]
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use agent_core::agent::{Agent, Budget, Device, Provider};
use agent_core::agreed::Agreed;
use agent_core::component::{Locked, digest};
use agent_core::manifest::{Manifest, Wants};
use agent_core::strategy::Strategies;
use agent_core::tool::{Effect, ToolSpec};
use agent_file::{AgentFile, Checked, Known, LeftOut};
use serde_json::{Value, json};
use tempfile::TempDir;

const TOOLS: [&str; 6] =
    ["files.read", "files.list", "files.search", "files.write", "web.read", "python"];
const MODELS: [&str; 3] = ["smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"];

/// A folder with an agent file and what it may point to.
struct Ground {
    folder: TempDir,
    model: Option<&'static str>,
    left_out: &'static [LeftOut],
}

impl Ground {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("docs/deep")).unwrap();
        fs::write(at("docs/a.md"), "a").unwrap();
        fs::write(at("replies.jsonl"), "").unwrap();
        fs::write(at("schema.json"), r#"{"type":"object"}"#).unwrap();
        fs::write(at("broken.json"), r#"{"type":"#).unwrap();
        fs::write(at("list.json"), "[1]").unwrap();
        fs::write(at("wrong.json"), r#"{"properties":{"a":{"type":"strin"}}}"#).unwrap();
        fs::write(at("latin1.txt"), b"caf\xe9").unwrap();
        fs::write(at("question.txt"), "what is\nthe tallest?\n").unwrap();
        Self { folder, model: None, left_out: &[] }
    }

    fn model(model: &'static str) -> Self {
        Self { model: Some(model), ..Self::new() }
    }

    fn known<T>(&self, with: impl FnOnce(&Known<'_>) -> T) -> T {
        let spec = |name: &&str| ToolSpec {
            name: (*name).to_string(),
            description: String::new(),
            input: json!({ "type": "object" }),
            output: json!({}),
            effect: Effect::Reads,
        };
        let tools: Vec<ToolSpec> = TOOLS.iter().map(spec).collect();
        let models: Vec<String> = MODELS.iter().map(ToString::to_string).collect();
        let holds = |schema: &Value| match schema.to_string().contains("uniqueItems") {
            true => Err("`uniqueItems` cannot be enforced while decoding".to_string()),
            false => Ok(()),
        };
        with(&Known {
            tools: &tools,
            forms: &["web.search"],
            left_out: self.left_out,
            strategies: &Strategies::PLAIN,
            models: &models,
            default_model: MODELS[2],
            model_override: self.model,
            locked: &|folder| {
                let components = self.locked(folder)?;
                Ok(Agreed { components, ..Agreed::default() })
            },
            policy_holds: &|text| match text.contains("permit") {
                true => Err("a `permit` is refused".to_string()),
                false => Ok(()),
            },
            decoder_holds: &holds,
        })
    }

    /// `docs/a.md` is the component `weather`; `odd` is another's bytes.
    fn locked(&self, folder: &Path) -> Result<BTreeMap<String, Locked>, String> {
        if folder.join("errand.lock").exists() {
            return Err("`errand.lock` is damaged".to_string());
        }
        let spec = |name: &str, effect| ToolSpec {
            name: name.to_string(),
            description: String::new(),
            input: json!({ "type": "object" }),
            output: json!({}),
            effect,
        };
        let wants = Wants {
            net: vec!["api.example.org".parse().unwrap(), "*.example.com".parse().unwrap()],
            read: vec![".".to_string()],
            write: vec!["out/sub".to_string()],
            tools: vec!["files.read".to_string(), "files.write".to_string()],
            ..Wants::default()
        };
        let tools = vec![spec("look", Effect::Reads), spec("act", Effect::Writes)];
        let manifest = Manifest { description: String::new(), tools, wants };
        let locked = |bytes: &[u8]| Locked {
            source: "docs/a.md".to_string(),
            sha256: digest(bytes),
            manifest: manifest.clone(),
        };
        let names = [("weather", locked(b"a")), ("odd", locked(b"b"))];
        Ok(names.map(|(name, locked)| (name.to_string(), locked)).into())
    }

    fn load(&self, file: &[u8], params: &[(&str, &str)]) -> Result<Agent, String> {
        let path = self.folder.path().join("agent.toml");
        fs::write(&path, file).unwrap();
        self.load_from(&path, params)
    }

    fn load_from(&self, path: &Path, params: &[(&str, &str)]) -> Result<Agent, String> {
        let folder = self.folder.path().to_str().unwrap();
        let param = |(key, value): &(&str, &str)| (key.to_string(), value.replace("HERE", folder));
        let params: Vec<_> = params.iter().map(param).collect();
        let loaded = self.known(|known| agent_file::load(path, &params, known));
        loaded.map_err(|invalid| self.tidy(&invalid.to_string()))
    }

    /// Paths of this machine are not the same everywhere.
    fn tidy(&self, text: &str) -> String {
        let real = self.folder.path().canonicalize().unwrap();
        let text = text.replace(real.to_str().unwrap(), "HERE");
        let text = text.replace(self.folder.path().to_str().unwrap(), "HERE");
        text.replace("HERE/agent.toml", "agent.toml")
    }
}

const RIGHT: &str = "name = \"a\"\ntask = \"go\"\n";

/// Every case's report, one below the other.
fn catalogue(cases: &[(&str, &str)]) -> String {
    let mut all = String::new();
    for (what, text) in cases {
        let ground = Ground::new();
        let report = match ground.load(text.as_bytes(), &[]) {
            Ok(_) => "(no problem)".to_string(),
            Err(report) => report,
        };
        all += &format!("## {what}\n\n{report}\n\n");
    }
    all
}

/// Cases that add to a file that is right.
fn added(cases: &[(&str, &str)]) -> String {
    let texts: Vec<(&str, String)> =
        cases.iter().map(|(what, text)| (*what, format!("{RIGHT}{text}\n"))).collect();
    let cases: Vec<(&str, &str)> = texts.iter().map(|(what, text)| (*what, &**text)).collect();
    catalogue(&cases)
}

#[test]
fn a_whole_file_becomes_an_agent() {
    let ground = Ground::new();
    let file = r#"
        name = "almanac"
        description = "answers questions over a folder"
        instructions = "Use only the files. {{ extra | join(' ') }}"
        task = "{{ question }}"
        act = "code"
        [params.question]
        type = "string"
        required = true
        [params.extra]
        type = "list"
        default = []
        [model]
        provider = "openai"
        name = "m"
        base_url = "http://127.0.0.1:8080/v1"
        temperature = 1
        top_p = 0.9
        seed = 7
        max_tokens = 256
        timeout = "1m30s"
        fallback = ["n"]
        price = { input = 0.15, output = 0.6 }
        [tools]
        use = ["files.list", "files.read", "python"]
        [permissions]
        read = ["./docs/../docs", "docs/a.md"]
        write = ["./out/deep"]
        net = ["*.example.org", "127.0.0.1:8080"]
        ask = ["files.read"]
        [budget]
        steps = 14
        tokens = 200_000
        time = "10m"
        cost_usd = 0.50
        [output.schema]
        type = "object"
        required = ["z", "a"]
        properties.z = { type = "string" }
        properties.a = { type = "number", minimum = 0.5 }
    "#;
    let params = [("question", "@HERE/question.txt"), ("extra", "one"), ("extra", "@@two")];
    let agent = ground.load(file.as_bytes(), &params).unwrap();
    let journaled = ground.tidy(&serde_json::to_string_pretty(&agent).unwrap());
    insta::assert_snapshot!(journaled);
    // The journal gives back the same agent.
    let again: Agent = serde_json::from_value(json!(agent)).unwrap();
    assert_eq!(again, agent);
}

#[test]
fn what_is_left_out_has_a_default() {
    let ground = Ground::new();
    let agent = ground.load(RIGHT.as_bytes(), &[]).unwrap();
    assert_eq!(agent.model.provider, Provider::Onnx);
    assert_eq!(agent.model.name, "qwen2.5-coder-1.5b");
    assert_eq!(agent.model.device, Device::Cpu);
    assert_eq!(agent.model.sampling.temperature, 0.0);
    assert_eq!((agent.act, agent.output), (None, None));
    assert_eq!(agent.budget, Budget::default());
    assert!(agent.tools.is_empty() && agent.grants.read.is_empty());
    assert_eq!(agent.root, ground.folder.path().canonicalize().unwrap());
}

#[test]
fn files_that_are_no_agent_file() {
    let cases: [(&str, &[u8]); 10] = [
        ("not UTF-8", b"name = \"a\"\ntask = \"caf\xe9\"\n"),
        ("a NUL byte", b"name = \"a\0b\"\n"),
        ("a NUL in an escape", b"name = \"a\"\ntask = \"a\\u0000b\"\n"),
        ("not TOML", b"name: a\ntask: b\n"),
        ("a string without an end", b"name = \"a\ntask = \"b\"\n"),
        ("a word without quotes", b"name = hello\ntask = \"b\"\n"),
        (
            "a list without an end",
            b"name = \"a\"\ntask = \"b\"\n[tools]\nuse = [\"python\"\n[budget]\nsteps = 3\n",
        ),
        ("a table twice", b"name = \"a\"\ntask = \"b\"\n[tools]\nuse = []\n[tools]\nuse = []\n"),
        ("a key twice", b"name = \"a\"\ntask = \"b\"\nname = \"c\"\n"),
        ("empty", b""),
    ];
    let mut all = String::new();
    for (what, bytes) in cases {
        let report = Ground::new().load(bytes, &[]).unwrap_err();
        all += &format!("## {what}\n\n{report}\n\n");
    }
    let ground = Ground::new();
    for (what, path) in
        [("no file", "agnt.toml"), ("a folder", "docs"), ("under a file", "schema.json/a")]
    {
        let report = ground.load_from(&ground.folder.path().join(path), &[]).unwrap_err();
        all += &format!("## {what}\n\n{report}\n\n");
    }
    let report = ground.load("#".repeat((1 << 20) + 1).as_bytes(), &[]).unwrap_err();
    all += &format!("## too large\n\n{report}\n\n");
    insta::assert_snapshot!(all);
}

#[test]
fn keys_and_types() {
    let all = catalogue(&[
        ("a key is missing", "name = \"a\"\n"),
        ("a slip of the pen", "name = \"a\"\ntask = \"b\"\ndescripton = \"c\"\n"),
        ("a key that belongs elsewhere", "name = \"a\"\ntask = \"b\"\ntemperature = 1\n"),
        ("a key below a table's header", "name = \"a\"\n[tools]\nuse = []\ntask = \"b\"\n"),
        ("a key like no other", "name = \"a\"\ntask = \"b\"\n[budget]\nwhatever = 1\n"),
        ("a table that there is not", "name = \"a\"\ntask = \"b\"\n[permission]\nread = []\n"),
        (
            "a string where a list belongs",
            "name = \"a\"\ntask = \"b\"\n[tools]\nuse = \"python\"\n",
        ),
        (
            "an entry of another type",
            "name = \"a\"\ntask = \"b\"\n[tools]\nuse = [\"python\", 3]\n",
        ),
        ("a number in quotes", "name = \"a\"\ntask = \"b\"\n[budget]\nsteps = \"14\"\n"),
        ("a fraction of a step", "name = \"a\"\ntask = \"b\"\n[budget]\nsteps = 1.5\n"),
        ("a value where a table belongs", "name = \"a\"\ntask = \"b\"\nmodel = \"gpt\"\n"),
        ("a date", "name = \"a\"\ntask = \"b\"\ndescription = 2026-01-01\n"),
        ("an empty name", "name = \" \"\ntask = \"b\"\n"),
        ("an odd name", "name = \"a/../b\"\ntask = \"b\"\n"),
        ("a name that begins oddly", "name = \"-rf\"\ntask = \"b\"\n"),
        ("a control character", "name = \"\\u001b[31mred\"\ntask = \"b\"\n"),
        ("a long name", &format!("name = \"{}\"\ntask = \"b\"\n", "a".repeat(65))),
        ("an empty task", "name = \"a\"\ntask = \"\"\n"),
        ("a way to act", "name = \"a\"\ntask = \"b\"\nact = \"cod\"\n"),
        ("code without python", "name = \"a\"\ntask = \"b\"\nact = \"code\"\n"),
    ]);
    insta::assert_snapshot!(all);
}

#[test]
fn limits_that_cannot_be() {
    let all = added(&[
        ("zero", "[budget]\nsteps = 0\ntokens = 0\ntime = \"0s\"\ncost_usd = 0"),
        ("negative", "[budget]\nsteps = -1\ntokens = -1\ntime = \"-1s\"\ncost_usd = -0.5"),
        (
            "too large",
            "[budget]\nsteps = 1_000_000\ntokens = 9223372036854775807\ntime = \"1000h\"",
        ),
        ("too large for any number", "[budget]\ntokens = 99999999999999999999"),
        ("no number", "[budget]\ncost_usd = nan"),
        ("infinite", "[budget]\ncost_usd = inf"),
        ("a time without a unit", "[budget]\ntime = \"10\""),
        ("a time that is a number", "[budget]\ntime = 600"),
        ("money without a price", "[budget]\ncost_usd = 0.5"),
        (
            "money without a price, remote",
            "[model]\nprovider = \"openai\"\nname = \"m\"\n[budget]\ncost_usd = 0.5",
        ),
        ("a price in part", "[model]\nprice = { input = 1 }\n[budget]\ncost_usd = 0.5"),
    ]);
    insta::assert_snapshot!(all);
}

#[test]
fn templates() {
    let all = catalogue(&[
        (
            "a variable that is not declared",
            "name = \"a\"\ntask = \"{{ questin }}\"\n[params.question]\ntype = \"string\"\ndefault = \"\"\n",
        ),
        (
            "no parameters at all",
            "name = \"a\"\ntask = \"go\"\ninstructions = \"use {{ style }}\"\n",
        ),
        (
            "in a branch that is not taken",
            "name = \"a\"\ntask = '''\nfirst line\n{% if false %}{{ x }}{{ 1 | uper }}{% endif %}'''\n",
        ),
        ("an end that is missing", "name = \"a\"\ntask = \"{% if true %}x\"\n"),
        ("a brace that is missing", "name = \"a\"\ntask = \"see {{ x }\"\n"),
        ("another template", "name = \"a\"\ntask = \"{% include 'x' %}\"\n"),
        (
            "a loop without an end in sight",
            "name = \"a\"\ntask = \"{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}\"\n",
        ),
        (
            "a part of a value",
            "name = \"a\"\ntask = \"{{ q.x.y }}\"\n[params.q]\ntype = \"string\"\ndefault = \"v\"\n",
        ),
        (
            "empty with these values",
            "name = \"a\"\ntask = \"{{ q }}\"\n[params.q]\ntype = \"string\"\nrequired = false\n",
        ),
    ]);
    insta::assert_snapshot!(all);
}

#[test]
fn parameters_that_are_declared_wrongly() {
    let all = added(&[
        ("a type that there is not", "[params.q]\ntype = \"strng\""),
        ("no type", "[params.q]\nrequired = true"),
        ("a default of another type", "[params.q]\ntype = \"integer\"\ndefault = \"3\""),
        ("a list of numbers", "[params.q]\ntype = \"list\"\ndefault = [1]"),
        (
            "required with a default",
            "[params.q]\ntype = \"string\"\nrequired = true\ndefault = \"x\"",
        ),
        ("a name that cannot be", "[params.\"a b\"]\ntype = \"string\"\ndefault = \"x\""),
        ("no table", "params.q = \"string\""),
        ("an unknown key", "[params.q]\ntype = \"string\"\ndefalt = \"x\""),
    ]);
    insta::assert_snapshot!(all);
}

#[test]
fn parameters_that_are_given_wrongly() {
    let file = "name = \"a\"\ntask = \"{{ q }} {{ n }}\"\n[params.q]\ntype = \"string\"\n\
                [params.n]\ntype = \"integer\"\ndefault = 3\n";
    let cases: [(&str, &[(&str, &str)]); 8] = [
        ("a required one is missing", &[("n", "1")]),
        ("another name", &[("q", "x"), ("m", "1")]),
        ("another name, nearly", &[("quest", "x"), ("q", "x")]),
        ("another type", &[("q", "x"), ("n", "three")]),
        ("too large", &[("q", "x"), ("n", "9223372036854775808")]),
        ("twice", &[("q", "x"), ("q", "y")]),
        ("a file that is missing", &[("q", "@HERE/nothing.txt")]),
        ("a file that is not UTF-8", &[("q", "@HERE/latin1.txt")]),
    ];
    let mut all = String::new();
    for (what, params) in cases {
        let report = Ground::new().load(file.as_bytes(), params).unwrap_err();
        all += &format!("## {what}\n\n{report}\n\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn no_report_holds_a_secret() {
    for text in [
        "api_key = sk-123456",
        "api_key = \"sk-123456",
        "[model]\napi_key = \"sk-123456\"",
        "[model]\napi_key = [\"sk-123456\"]",
        "[model]\napi-key = 1\napi_key = 'sk-123456'",
        "model = { provider = \"openai\", name = 3, api_key = \"sk-123456\" }",
        "[permissions]\nsecrets = \"sk-123456\"",
        "[permissions]\nsecrets = sk-123456",
        "[permissions]\nsecrets = [\"sk-123456\", 3]",
        "[model]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"http://me:sk-123456@127.0.0.1/v1\"",
    ] {
        let report = Ground::new().load(format!("{RIGHT}{text}\n").as_bytes(), &[]).unwrap_err();
        assert!(!report.contains("sk-123456"), "{report}");
    }
}

#[test]
fn another_model_takes_the_files_place() {
    let remote = format!(
        "{RIGHT}[model]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"http://127.0.0.1:1/v1\"\n\
         price = {{ input = 1, output = 1 }}\nseed = 3\n"
    );
    let check = |file: &str, name, provider, becomes: &str| {
        let agent = Ground::model(name).load(file.as_bytes(), &[]).unwrap();
        assert_eq!((agent.model.provider, &*agent.model.name), (provider, becomes), "{name}");
        agent.model
    };
    let local = check(&remote, "smollm2-135m", Provider::Onnx, "smollm2-135m");
    assert_eq!((local.base_url, local.sampling.seed), (None, 3));
    assert_eq!(local.price.unwrap().of(1_000_000, 0), 0.0);
    let other = check(&remote, "n", Provider::Openai, "n");
    assert!(other.base_url.is_some() && other.price.is_none());
    let same = check(&remote, "m", Provider::Openai, "m");
    assert!(same.price.is_some());
    check(&remote, "onnx:smollm2-135m", Provider::Onnx, "smollm2-135m");
    check(RIGHT, "owner/name", Provider::Onnx, "owner/name");

    let mut all = String::new();
    let priced = format!("{remote}[budget]\ncost_usd = 1\n");
    for (file, name) in
        [(RIGHT, "smollm-135m"), (RIGHT, "openai:gpt"), (RIGHT, "none.jsonl"), (&*priced, "n")]
    {
        let report = Ground::model(name).load(file.as_bytes(), &[]).unwrap_err();
        all += &format!("## {name}\n\n{report}\n\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_file_is_checked_without_what_only_a_run_needs() {
    let ground = Ground::new();
    let path = ground.folder.path().join("agent.toml");
    let file = "name = \"a\"\ntask = \"{{ q }}\"\n[params.q]\ntype = \"string\"\n\
                [permissions]\nsecrets = [\"ERRAND_TEST_NO_SUCH_KEY\"]\n";
    fs::write(&path, file).unwrap();
    let checked = ground.known(|known| Checked::read(&path, &[], known)).unwrap();
    assert_eq!(checked.waiting, ["q"]);
    assert_eq!(checked.unset, ["ERRAND_TEST_NO_SUCH_KEY"]);
    let report = checked.ready().unwrap_err().to_json();
    assert_eq!(report[0]["line"], 3);
    assert_eq!(
        report[1]["hint"],
        "set it where you start errand: `export ERRAND_TEST_NO_SUCH_KEY=…`"
    );
}

#[test]
fn the_schema_describes_every_key() {
    fn described(schema: &Value, path: &str) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let text = property["description"].as_str().unwrap_or_default();
            assert!(text.len() > 10, "{path}.{key}: {text:?}");
        }
        for (name, inner) in schema["$defs"].as_object().into_iter().flatten() {
            described(inner, name);
        }
    }
    let schema = AgentFile::schema(Some(&Strategies::PLAIN));
    described(&schema, "");
    assert!(jsonschema::meta::validate(&schema).is_ok());
    // Editors use it on whole files: a right one must satisfy it.
    let file: toml::Value = toml::from_str(RIGHT).unwrap();
    assert!(jsonschema::is_valid(&schema, &json!(file)));
    assert!(!jsonschema::is_valid(&schema, &json!({ "name": "a", "task": "b", "tsk": 1 })));
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let ground = Ground::new();
    for text in [
        format!("a = {}", "[".repeat(200_000)),
        format!("a = {}{}", "[".repeat(60), "]".repeat(60)),
        format!("{} = 1", ["a"; 200_000].join(".")),
        format!("[{}]", ["a"; 200_000].join(".")),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("{RIGHT}[output.schema.{}]\ntype = \"object\"", ["not"; 5_000].join(".")),
        format!("name = \"a\"\ntask = \"{}\"", "{% if true %}".repeat(20_000)),
        format!("name = \"a\"\ntask = \"{{{{ {} }}}}\"", "(".repeat(20_000)),
    ] {
        assert!(ground.load(text.as_bytes(), &[]).is_err());
    }
}
