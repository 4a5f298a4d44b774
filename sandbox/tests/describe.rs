//! What a component says of itself, and what a hostile one says; plain components by their types.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use agent_core::sandbox::Sandbox;
use agent_core::schema;
use agent_core::tool::{Component, Effect, Guest};
use common::{Asked, Folder, LIMITS, permit, plain, probe, stranger, wat};
use sandbox::Wasm;
use serde_json::{Value, json};

#[tokio::test]
async fn a_manifest_is_what_the_component_says() {
    let manifest = Folder::new().wasm.describe(&stranger()).await.unwrap();
    // It was run with every import there, and none of any use.
    assert_eq!(manifest.description, "Does what it is told; read while it was asked: false.");
    let [tool] = &manifest.tools[..] else { panic!("{manifest:?}") };
    assert_eq!((tool.name.as_str(), tool.effect), ("echo", Effect::Idempotent));
    assert_eq!(tool.input["properties"]["n"]["type"], "integer");
    let wants = &manifest.wants;
    assert_eq!(wants.net[0].to_string(), "api.example.com");
    assert_eq!((wants.read[0].as_str(), wants.write[0].as_str(), wants.kv), (".", "out", true));
    assert_eq!(wants.secrets[0].header, "authorization");
}

#[tokio::test]
async fn invoke_without_describe_says_nothing() {
    let said = Folder::new().wasm.describe(&probe()).await.unwrap_err();
    assert!(said.contains("no `describe`"), "{said}");
}

/// Linear memory as the canonical ABI lays a manifest out.
struct Image {
    bytes: Vec<u8>,
}

struct Told {
    tools: Vec<[String; 4]>,
    net: Vec<String>,
    read: Vec<String>,
    secrets: Vec<[String; 3]>,
}

impl Told {
    fn one(input: &str) -> Told {
        let tool = ["t", "Does it.", input, "{}"].map(str::to_string);
        Told { tools: vec![tool], net: Vec::new(), read: Vec::new(), secrets: Vec::new() }
    }
}

impl Image {
    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        at
    }

    fn text(&mut self, text: &str) -> [u8; 8] {
        let at = self.put(text.as_bytes());
        pair(at, text.len())
    }

    fn list(&mut self, items: Vec<Vec<u8>>) -> [u8; 8] {
        let at = self.put(&items.concat());
        pair(at, items.len())
    }

    fn texts(&mut self, texts: &[String]) -> [u8; 8] {
        let items = texts.iter().map(|text| self.text(text).to_vec()).collect();
        self.list(items)
    }

    /// Where the manifest is.
    fn manifest(&mut self, told: &Told) -> u32 {
        let tools = told.tools.iter().map(|tool| {
            let mut record = tool.iter().flat_map(|text| self.text(text)).collect::<Vec<_>>();
            record.extend([1, 0, 0, 0]);
            record
        });
        let tools = tools.collect();
        let tools = self.list(tools);
        let secrets = told.secrets.iter();
        let secrets =
            secrets.map(|it| it.iter().flat_map(|text| self.text(text)).collect()).collect();
        let secrets = self.list(secrets);
        let (net, read) = (self.texts(&told.net), self.texts(&told.read));
        let description = self.text("From text.");
        let none = pair(0, 0);
        let parts = [description, tools, net, read, none, none, secrets, pair(0, 0)];
        self.put(&parts.concat())
    }
}

fn pair(at: u32, length: usize) -> [u8; 8] {
    let mut pair = [0; 8];
    pair[..4].copy_from_slice(&at.to_le_bytes());
    pair[4..].copy_from_slice(&(length as u32).to_le_bytes());
    pair
}

/// A component in the world `tool` whose `describe` is this body.
fn describing(body: &str, bytes: &[u8]) -> Component {
    let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    wat(&format!(
        r#"(component
  (import "errand:tool/manifest-types@0.1.0" (instance $t
    (type $effect' (enum "pure" "reads" "writes" "egress"))
    (export "effect" (type $effect (eq $effect')))
    (type $tool' (record (field "name" string) (field "description" string)
      (field "input" string) (field "output" string)
      (field "effect" $effect) (field "idempotent" bool)))
    (export "tool-spec" (type $tool (eq $tool')))
    (type $secret' (record (field "name" string) (field "host" string) (field "header" string)))
    (export "secret" (type $secret (eq $secret')))
    (type $wants' (record (field "net" (list string)) (field "read" (list string))
      (field "write" (list string)) (field "tools" (list string))
      (field "secrets" (list $secret)) (field "kv" bool)))
    (export "wants" (type $wants (eq $wants')))
    (type $manifest' (record (field "description" string) (field "tools" (list $tool))
      (field "wants" $wants)))
    (export "manifest" (type $manifest (eq $manifest')))))
  (alias export $t "manifest" (type $manifest))
  (core module $m
    (memory (export "memory") 64)
    (data (i32.const 1024) "{data}")
    (func $deep (result i32) (i32.add (call $deep) (i32.const 1)))
    (func (export "describe") (result i32) {body})
    (func (export "invoke") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "describe") (result $manifest)
    (canon lift (core func $i "describe") (memory (core memory $i "memory"))))
  (func (export "invoke") (param "tool" string) (param "arguments" string)
    (result (result string (error string)))
    (canon lift (core func $i "invoke") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))"#
    ))
}

fn telling(told: &Told) -> Component {
    let mut image = Image { bytes: vec![0; 1024] };
    let at = image.manifest(told);
    describing(&format!("(i32.const {at})"), &image.bytes[1024..])
}

async fn refused(component: Component, words: &str) {
    let said = Folder::new().wasm.describe(&component).await.unwrap_err();
    assert!(said.contains(words) && said.len() < 600, "{said}");
}

#[tokio::test]
async fn a_describe_that_does_not_end_or_not_well() {
    let mut claims = pair(0, 0).to_vec();
    claims.extend(pair(0, 100_000));
    claims.resize(64, 0);
    for (body, bytes, words) in [
        ("(loop (br 0)) unreachable", &[][..], "worked longer than 5 s"),
        ("unreachable", &[], "the tool stopped with an error"),
        ("(call $deep)", &[], "nested its calls too deeply"),
        (
            "(drop (memory.grow (i32.const 60000))) (i32.const 0)",
            &[],
            "more than 256 MiB of memory",
        ),
        ("(i32.const 1024)", &claims, "passed more than 2 MiB to the host at once"),
        ("(i32.const -8)", &[], "cannot describe itself: the tool stopped"),
    ] {
        refused(describing(body, bytes), words).await;
    }
}

#[tokio::test]
async fn hostile_manifests() {
    let object = r#"{"type":"object"}"#;
    let told = Told::one(object);
    assert!(Folder::new().wasm.describe(&telling(&told)).await.is_ok());

    let renamed = |name: &str| {
        let mut told = Told::one(object);
        told.tools[0][0] = name.to_string();
        told
    };
    for name in ["", "files.read", "A", "a b", "a\u{1b}[2J", &"a".repeat(65)] {
        refused(telling(&renamed(name)), "is no name of a tool").await;
    }
    let described = |text: String| {
        let mut told = Told::one(object);
        told.tools[0][1] = text;
        told
    };
    refused(telling(&described("a\u{1b}[2Jb".to_string())), "holds control characters").await;
    refused(telling(&described("x".repeat(3_000))), "longer than 2000 bytes").await;
    let many = |count: usize| {
        let tool = |n: usize| [format!("t{n}"), "It.".into(), object.into(), "{}".into()];
        Told { tools: (0..count).map(tool).collect(), ..Told::one(object) }
    };
    refused(telling(&many(65)), "more than 64 tools").await;
    refused(telling(&many(0)), "names no tool").await;
    let twice = Told { tools: vec![told.tools[0].clone(); 2], ..Told::one(object) };
    refused(telling(&twice), "names the tool `t` twice").await;

    let net = |host: &str| Told { net: vec![host.to_string()], ..Told::one(object) };
    for host in ["*", "https://a.org/", "localhost:80", "127.0.0.1", "a.org/x", "me@a.org"] {
        refused(telling(&net(host)), "the manifest wants").await;
    }
    let read = |path: &str| Told { read: vec![path.to_string()], ..Told::one(object) };
    for path in ["/etc/passwd", "../x", "docs/../../x", ""] {
        refused(telling(&read(path)), "no path in an agent's folder").await;
    }
    let secret = |name: &str, host: &str, header: &str| {
        let secret = [name, host, header].map(str::to_string);
        Told { secrets: vec![secret], ..Told::one(object) }
    };
    refused(telling(&secret("A B", "a.org", "x-key")), "which is no name").await;
    refused(telling(&secret("KEY", "public", "x-key")), "a secret goes to one host").await;
    refused(telling(&secret("KEY", "*.a.org", "x-key")), "a secret goes to one host").await;
    for header in ["host", "cookie", "content-length", "x y", "x\r\nhost"] {
        refused(telling(&secret("KEY", "a.org", header)), "the manifest wants the secret").await;
    }
}

#[tokio::test]
async fn hostile_schemas() {
    let deep = format!("{}{}", "{\"not\":".repeat(100), "{}".to_string() + &"}".repeat(100));
    refused(telling(&Told::one(&deep)), "nests more than 80 deep").await;
    let deeper = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    refused(telling(&Told::one(&deeper)), "is not JSON").await;
    let huge = format!("{{\"description\":\"{}\"}}", "x".repeat(40 << 10));
    refused(telling(&Told::one(&huge)), "is over 32 KiB").await;
    refused(telling(&Told::one("{")), "is not JSON").await;
    refused(telling(&Told::one(r#"{"type":"string"}"#)), "is not of an object").await;
    refused(telling(&Told::one(r#"{"type":"unheard"}"#)), "is not valid").await;
    let remote = r#"{"type":"object","$ref":"http://127.0.0.1:9/x"}"#;
    refused(telling(&Told::one(remote)), "which is no pointer into it").await;
    // Each refers twice to the next: 2^n schemas where each is worked out by itself.
    let mut defs = serde_json::Map::new();
    for n in 0..100 {
        let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
        defs.insert(format!("a{n}"), json!({"allOf": [next.clone(), next]}));
    }
    defs.insert("a100".to_string(), json!({}));
    let doubling = json!({"type": "object", "$defs": defs, "$ref": "#/$defs/a0"}).to_string();
    refused(telling(&Told::one(&doubling)), "takes more than 2000000 steps to check").await;
    let itself = r##"{"type":"object","properties":{"of":{"$ref":"#"}}}"##;
    assert!(Folder::new().wasm.describe(&telling(&Told::one(itself))).await.is_ok());
}

/// A component that exports functions of this type, `count` of them.
fn exporting(count: usize, ty: &str) -> Component {
    exporting_of("", count, ty)
}

fn exporting_of(types: &str, count: usize, ty: &str) -> Component {
    let functions: String = (0..count)
        .map(|n| {
            format!(
                r#"(func (export "f{n}") (param "it" {ty})
                   (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))"#
            )
        })
        .collect();
    wat(&format!(
        r#"(component
          (core module $m (memory (export "memory") 1)
            (func (export "f") (param i32 i32))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
          (core instance $i (instantiate $m))
          {types}
          {functions})"#
    ))
}

#[tokio::test]
async fn hostile_types() {
    let nested = |depth: usize| format!("{}u8{}", "(list ".repeat(depth), ")".repeat(depth));
    assert!(Folder::new().wasm.describe(&exporting(1, &nested(20))).await.is_ok());
    refused(exporting(1, &nested(60)), "nest more than 24 deep").await;
    // wasmtime's own limit.
    let types = (1..300).map(|n| format!("(type $t{n} (list $t{}))", n - 1));
    let types = format!("(type $t0 (list u8)) {}", types.collect::<String>());
    refused(exporting_of(&types, 1, "$t299"), "cannot be loaded").await;
    refused(exporting(65, &nested(1)), "exports more than 64 functions").await;
    let pairs = (0..12).fold("u8".to_string(), |inner, _| format!("(tuple {inner} {inner})"));
    refused(exporting(1, &format!("(list {pairs})")), "its types are too big").await;
    refused(wat("(component)"), "exports neither `describe` nor a function").await;
}

async fn call(wasm: &Wasm, tool: &str, arguments: Value) -> Result<Value, String> {
    let guest = Guest::untrusted("calc", plain(), LIMITS);
    let permit = permit("c1", &format!("calc.{tool}"), arguments);
    wasm.invoke(&permit, &guest, &Asked::nothing()).await.unwrap().result
}

#[tokio::test]
async fn a_plain_components_functions_are_tools() {
    let folder = Folder::new();
    let manifest = folder.wasm.describe(&plain()).await.unwrap();
    let names: Vec<&str> = manifest.tools.iter().map(|tool| tool.name.as_str()).collect();
    for name in ["mirror", "area", "shapes-add", "add", "divide", "nan", "nothing"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let divide = manifest.tools.iter().find(|tool| tool.name == "divide").unwrap();
    assert_eq!(divide.description, "`divide`: func(a: f64, b: f64) -> result<f64, string>");
    assert_eq!(divide.output, json!({"type": "number"}));
    assert_eq!(divide.effect, Effect::Pure);

    let wasm = &folder.wasm;
    assert_eq!(call(wasm, "add", json!({"a": -2, "b": 2.0})).await, Ok(json!(0)));
    assert_eq!(call(wasm, "shapes-add", json!({"a": 2})).await, Ok(json!(102)));
    assert_eq!(call(wasm, "divide", json!({"a": 1, "b": 4})).await, Ok(json!(0.25)));
    let failure = call(wasm, "divide", json!({"a": 1, "b": 0})).await;
    assert_eq!(failure, Err("there is no such number".to_string()));
    assert_eq!(call(wasm, "area", json!({"of": {"square": 3}})).await, Ok(json!(9.0)));
    assert_eq!(call(wasm, "area", json!({"of": "nothing"})).await, Err("dark-green".to_string()));
    assert_eq!(call(wasm, "nothing", json!({})).await, Ok(Value::Null));
    let nan = call(wasm, "nan", json!({})).await.unwrap_err();
    assert!(nan.contains("JSON cannot say"), "{nan}");
    let unknown = call(wasm, "other", json!({})).await.unwrap_err();
    assert!(unknown.contains("no tool `other`"), "{unknown}");
}

fn everything() -> Value {
    json!({
        "yes": true, "small": -128, "big": u64::MAX, "least": i64::MIN, "letter": "ß",
        "text": "t\u{1f642}", "bytes": [0, 255], "pair": [7, "seven"],
        "point": {"x": 0.1, "y": -2.5}, "colour": "dark-green", "edges": ["left", "top-most"],
        "maybe": null, "twice": {"some": null}, "outcome": {"err": "no"}, "silent": {"ok": null},
        "shapes": [{"circle": 1.5}, "nothing"],
    })
}

#[tokio::test]
async fn every_type_goes_there_and_back() {
    let folder = Folder::new();
    let all = everything();
    assert_eq!(call(&folder.wasm, "mirror", json!({"all": all})).await, Ok(all.clone()));
    let manifest = folder.wasm.describe(&plain()).await.unwrap();
    let mirror = manifest.tools.iter().find(|tool| tool.name == "mirror").unwrap();
    assert_eq!(schema::check(&mirror.input, &json!({"all": all})), Ok(()));
    assert_eq!(schema::check(&mirror.output, &all), Ok(()));
}

#[tokio::test]
async fn what_is_not_of_its_type_is_told_with_its_place() {
    let folder = Folder::new();
    for (field, value, words) in [
        ("small", json!(128), "`all.small`: 128 is out of range"),
        ("small", json!(1.5), "`all.small`: it must be an integer"),
        ("big", json!(-1), "`all.big`: -1 is out of range"),
        // Read as a float, which is the least of 64 bits: not what was written.
        ("least", json!(-9_223_372_036_854_775_808.0), "`all.least`: so large an integer must be"),
        ("big", json!(1e16), "`all.big`: so large an integer must be"),
        ("letter", json!("ab"), "`all.letter`: it must be one character"),
        ("bytes", json!([1, 256]), "`all.bytes.1`: 256 is out of range"),
        ("pair", json!([1]), "`all.pair`: it must have 2 items"),
        ("point", json!({"x": 1e300, "y": 0}), "`all.point.x`: it is too big for 32 bits"),
        ("point", json!({"x": 1}), "`all.point`: `y` is missing"),
        ("point", json!({"x": 1, "y": 1, "z": 1}), "`all.point`: there is no `z`"),
        ("colour", json!("blue"), "`all.colour`: there is no `blue`"),
        ("edges", json!(["left", "up"]), "`all.edges`: there is no `up`"),
        ("twice", json!(3), "`all.twice`: it must name one case"),
        ("outcome", json!({"maybe": 1}), "`all.outcome`: it must be `ok` or `err`"),
        ("shapes", json!(["circle"]), "`all.shapes.0`: `circle` must hold a value"),
        ("shapes", json!([{"nothing": 1}]), "`all.shapes.0`: `nothing` holds no value"),
    ] {
        let mut all = everything();
        all[field] = value;
        let said = call(&folder.wasm, "mirror", json!({"all": all})).await.unwrap_err();
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_what_was_agreed_to() {
    let folder = Folder::new();
    let Component::File(path) = plain() else { unreachable!("a file") };
    let pinned = |sha256: &str| Component::Pinned { path: path.clone(), sha256: sha256.into() };
    let said = folder.wasm.describe(&pinned(&"0".repeat(64))).await.unwrap_err();
    let (_, found) = said.split_once("it is not what was agreed to: its SHA-256 is `").unwrap();
    let found = found.trim_end_matches('`');
    let manifest = folder.wasm.describe(&pinned(found)).await.unwrap();
    assert_eq!(manifest, folder.wasm.describe(&plain()).await.unwrap());
    for illegal in ["", "../../x", &found.to_uppercase()] {
        let said = folder.wasm.describe(&pinned(illegal)).await.unwrap_err();
        assert!(said.contains("is no SHA-256"), "{said}");
    }
}

#[tokio::test]
async fn a_packed_component_is_what_its_hash_says() {
    let cache = tempfile::tempdir().unwrap();
    let own = std::sync::Arc::new(sandbox::Engines::new(cache.path().join("components")));
    let folder = Folder::with(|config| config.engines = own);
    let Component::File(path) = plain() else { unreachable!("a file") };
    let wasm = std::fs::read(path.as_path()).unwrap();
    let frame: &[u8] = zstd::encode_all(&*wasm, 1).unwrap().leak();
    let sha256: &str = sandbox::digest(&wasm).leak();
    let packed = |sha256, packed| Component::Packed { name: "plain", sha256, packed };
    let other: &str = "0".repeat(64).leak();
    let said = folder.wasm.describe(&packed(other, frame)).await.unwrap_err();
    assert!(said.contains(&format!("its SHA-256 is `{sha256}`")), "{said}");
    let said = folder.wasm.describe(&packed(sha256, &frame[..frame.len() / 2])).await.unwrap_err();
    assert!(said.contains("it cannot be unpacked: "), "{said}");
    let manifest = folder.wasm.describe(&plain()).await.unwrap();
    assert_eq!(manifest, folder.wasm.describe(&packed(sha256, frame)).await.unwrap());
    // It is compiled by now, so its bytes are not looked at.
    assert_eq!(manifest, folder.wasm.describe(&packed(sha256, b"")).await.unwrap());
}
