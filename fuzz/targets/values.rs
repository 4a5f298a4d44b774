//! JSON to the typed values of a component and back: a function that gives what it is given, of a
//! type with one of each kind in it. What its schema allows is taken, what it forbids is refused,
//! and what comes back is allowed, and comes back the same a second time.
#![no_main]

use std::sync::LazyLock;

use agent_core::action::{Action, CallId, Capability, Decision, Permit, Verdict};
use agent_core::policy::Policy;
use agent_core::sandbox::{Gate, Sandbox, SandboxError, Use};
use agent_core::schema::Checker;
use agent_core::tool::{Component, Guest, Limits, ToolSpec};
use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use sandbox::{Config, Wasm};
use serde_json::Value;
use tokio::runtime::Runtime;

/// All of it is passed in memory, and given back where it lies.
const MIRROR: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))
    (func (export "mirror") (param i32) (result i32) (local.get 0))
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32)
      (result i32) (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $new)))
      (loop $more
        (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
          (then (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
            (br $more))))
      (local.get $at)))
  (core instance $i (instantiate $m))
  (type $point' (record (field "x" float32) (field "y" float64)))
  (export $point "point" (type $point'))
  (type $shape' (variant (case "circle" float64) (case "at" $point) (case "nothing")
    (case "many" (list $point))))
  (export $shape "shape" (type $shape'))
  (type $colour' (enum "red" "dark-green"))
  (export $colour "colour" (type $colour'))
  (type $edges' (flags "left" "right" "top-most"))
  (export $edges "edges" (type $edges'))
  (type $all' (record
    (field "yes" bool) (field "a" s8) (field "b" u8) (field "c" s16) (field "d" u16)
    (field "e" s32) (field "f" u32) (field "g" s64) (field "h" u64)
    (field "single" float32) (field "double" float64) (field "letter" char) (field "text" string)
    (field "bytes" (list u8)) (field "pair" (tuple u16 string)) (field "point" $point)
    (field "colour" $colour) (field "edges" $edges)
    (field "maybe" (option string)) (field "twice" (option (option (option u32))))
    (field "outcome" (result u32 (error string))) (field "silent" (result))
    (field "half" (result $shape)) (field "shapes" (list $shape))
    (field "deep" (list (list (option (tuple (option bool) (list char))))))))
  (export $all "all" (type $all'))
  (func (export "mirror") (param "all" $all) (result $all)
    (canon lift (core func $i "mirror") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))"#;

struct Mirror {
    runtime: Runtime,
    wasm: Wasm,
    guest: Guest,
    input: Checker,
    output: Checker,
}

static MIRROR_OF: LazyLock<Mirror> = LazyLock::new(|| {
    let bytes = wat::parse_str(MIRROR).expect("a component").leak();
    let component = Component::Embedded { name: "mirror", bytes };
    let cache = tempfile::tempdir().expect("a folder").keep();
    let wasm = Wasm::new(Config::new("/", cache)).expect("a sandbox");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let manifest = runtime.block_on(wasm.describe(&component)).expect("a manifest");
    let [tool] = &manifest.tools[..] else { panic!("{manifest:?}") };
    Mirror {
        input: Checker::new(&tool.input).expect("a schema"),
        output: Checker::new(&tool.output).expect("a schema"),
        guest: Guest::untrusted("mirror", component, Limits::DEFAULT),
        runtime,
        wasm,
    }
});

impl Mirror {
    fn call(&self, arguments: Value) -> Result<Value, String> {
        let action = Action {
            id: CallId("c1".to_string()),
            tool: "mirror.mirror".to_string(),
            arguments,
            capabilities: Vec::new(),
            taint: Vec::new(),
        };
        let permit = Permit::judge(&Everything, action).1.expect("a permit");
        let called = self.runtime.block_on(self.wasm.invoke(&permit, &self.guest, &Closed));
        called.expect("a component that can be run").result
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(given) = serde_json::from_slice::<Value>(bytes) else { return };
    let mirror = &*MIRROR_OF;
    let allowed = mirror.input.check(&given);
    let gave = match mirror.call(given.clone()) {
        Ok(gave) => gave,
        Err(reason) => {
            assert!(reason.len() < 1_000, "{reason}");
            // What a schema of JSON does not say: which integers a float stands for as they were
            // written, and what a float of 32 bits holds.
            let unsaid = ["written in digits alone", "too big for 32 bits"];
            let unsaid = unsaid.iter().any(|words| reason.contains(words));
            return assert!(
                unsaid || allowed.is_err(),
                "its schema allows {given}, and it says {reason}"
            );
        }
    };
    assert_eq!(allowed, Ok(()), "it takes what its schema forbids: {given}");
    assert_eq!(mirror.output.check(&gave), Ok(()), "{gave}");
    let again = serde_json::json!({ "all": gave });
    assert_eq!(mirror.input.check(&again), Ok(()), "{again}");
    assert_eq!(mirror.call(again.clone()).as_ref(), Ok(&again["all"]), "not the same again");
});

struct Everything;

impl Policy for Everything {
    fn judge(&self, _: &Action) -> Verdict {
        Verdict { decision: Decision::Allow, reasons: Vec::new() }
    }

    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec> {
        tools.to_vec()
    }
}

struct Closed;

#[async_trait]
impl Gate for Closed {
    async fn authorize(&self, capability: Capability) -> Result<Use, String> {
        Err(format!("may not {capability}"))
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, tool: &str, _: Value) -> Result<Value, String> {
        Err(format!("no tool `{tool}`"))
    }
}
