//! What is wrong in a table: the model's, the tools', the permissions', the output's.

use super::*;

#[test]
fn models() {
    let all = added(&[
        (
            "a provider that there is not",
            "[model]\nprovider = \"opnai\"\nname = \"gpt-4o\"\nbase_url = \"x\"",
        ),
        ("a model that there is not", "[model]\nname = \"qwen2.5-coder-1.5\""),
        ("a model file that is missing", "[model]\nname = \"./model.onnx\""),
        ("a remote one without a name", "[model]\nprovider = \"openai\""),
        ("a script without a name", "[model]\nprovider = \"scripted\""),
        ("a script that is missing", "[model]\nprovider = \"scripted\"\nname = \"reply.jsonl\""),
        ("a script that is a folder", "[model]\nprovider = \"scripted\"\nname = \"docs\""),
        (
            "a key of another provider",
            "[model]\nname = \"m\"\nbase_url = \"http://127.0.0.1:1/v1\"",
        ),
        (
            "a device for a remote one",
            "[model]\nprovider = \"openai\"\nname = \"m\"\ndevice = \"cuda\"",
        ),
        ("a device that there is not", "[model]\ndevice = \"gpu\""),
        (
            "a secret in the file",
            "[model]\nprovider = \"openai\"\nname = \"m\"\napi_key = \"sk-123456\"",
        ),
        (
            "a variable that is not set",
            "[model]\nprovider = \"openai\"\nname = \"m\"\napi_key = \"${ERRAND_TEST_NO_SUCH_KEY}\"",
        ),
        (
            "an endpoint that is none",
            "[model]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"127.0.0.1:8080\"",
        ),
        (
            "a file for an endpoint",
            "[model]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"file:///etc\"",
        ),
        (
            "a password in the endpoint",
            "[model]\nprovider = \"openai\"\nname = \"m\"\nbase_url = \"http://me:secret@127.0.0.1/v1\"",
        ),
        (
            "a fallback to itself",
            "[model]\nprovider = \"openai\"\nname = \"m\"\nfallback = [\"n\", \"m\"]",
        ),
        (
            "numbers out of range",
            "[model]\ntemperature = 3\ntop_p = 0\nseed = -1\nmax_tokens = 0\ntimeout = \"soon\"",
        ),
    ]);
    insta::assert_snapshot!(all);
}

#[test]
fn tools_and_permissions() {
    let all = added(&[
        ("a tool that there is not", "[tools]\nuse = [\"files.reed\"]"),
        ("a tool like no other", "[tools]\nuse = [\"bash\"]"),
        ("a tool twice", "[tools]\nuse = [\"python\", \"python\"]"),
        ("a folder that is missing", "[permissions]\nread = [\"./dosc\"]"),
        ("a pattern", "[permissions]\nread = [\"docs/*.md\"]"),
        ("a home", "[permissions]\nread = [\"~/docs\"]"),
        ("an empty path", "[permissions]\nread = [\"\"]"),
        ("a folder that cannot be made", "[permissions]\nwrite = [\"docs/a.md/out\"]"),
        ("a URL for a host", "[permissions]\nnet = [\"https://example.org/x\"]"),
        ("a loopback address without a port", "[permissions]\nnet = [\"127.0.0.1\"]"),
        ("this machine by name", "[permissions]\nnet = [\"localhost:8080\"]"),
        ("everything", "[permissions]\nnet = [\"*\"]"),
        ("a secret in the file", "[permissions]\nsecrets = [\"sk-123456\"]"),
        ("a variable that is not set", "[permissions]\nsecrets = [\"ERRAND_TEST_NO_SUCH_KEY\"]"),
        (
            "asking for what is not there",
            "[tools]\nuse = [\"python\"]\n[permissions]\nask = [\"files.write\"]",
        ),
    ]);
    insta::assert_snapshot!(all);
}

#[test]
fn what_may_be_deleted_may_be_written() {
    let all = added(&[
        ("a folder beside", "[permissions]\nwrite = [\"out\"]\ndelete = [\"docs\"]"),
        ("a folder above", "[permissions]\nwrite = [\"out/notes\"]\ndelete = [\"out\"]"),
        ("a folder below", "[permissions]\nwrite = [\"out\"]\ndelete = [\"out/notes\"]"),
    ]);
    insta::assert_snapshot!(all, @r#"
    ## a folder beside

    error: agent.toml:5:11: `docs` is not below `write`
      |
    5 | delete = ["docs"]
      |           ^^^^^^
    hint: name a file or folder that `write` grants

    ## a folder above

    error: agent.toml:5:11: `out` is not below `write`
      |
    5 | delete = ["out"]
      |           ^^^^^
    hint: name a file or folder that `write` grants

    ## a folder below

    (no problem)
    "#);
}

#[test]
fn outputs() {
    let all = added(&[
        (
            "a type that there is not",
            "[output.schema]\ntype = \"objct\"\nproperties.a = { type = 3 }",
        ),
        ("a keyword of the wrong kind", "[output.schema]\ntype = \"object\"\nrequired = \"a\""),
        (
            "a negative length",
            "[output.schema]\nproperties.a = { type = \"string\", minLength = -1 }",
        ),
        (
            "a pattern that is none",
            "[output.schema]\nproperties.a = { type = \"string\", pattern = \"(\" }",
        ),
        (
            "a keyword that there is not",
            "[output.schema]\ntype = \"object\"\nrequird = [\"a\"]\nproperties.requird = { typ = \"string\", x-ours = 1 }",
        ),
        ("a reference to nowhere", "[output.schema]\n\"$ref\" = \"#/$defs/x\""),
        (
            "a reference to the network",
            "[output.schema]\n\"$ref\" = \"https://example.org/x.json\"",
        ),
        (
            "what the decoder cannot hold",
            "[output.schema]\ntype = \"object\"\nproperties.a = { type = \"array\", uniqueItems = true }",
        ),
        ("no table", "output.schema = \"object\""),
        ("a file that is missing", "[output]\nschema_file = \"shema.json\""),
        ("a file that is not JSON", "[output]\nschema_file = \"broken.json\""),
        ("a file that is no schema", "[output]\nschema_file = \"list.json\""),
        ("a file with a wrong schema", "[output]\nschema_file = \"wrong.json\""),
        ("both", "[output]\nschema_file = \"schema.json\"\nschema = { type = \"object\" }"),
    ]);
    insta::assert_snapshot!(all);
    // A remote model is not held to a schema by a grammar of ours.
    let remote = format!(
        "{RIGHT}[model]\nprovider = \"openai\"\nname = \"m\"\n[output.schema]\nuniqueItems = true\n"
    );
    assert!(Ground::new().load(remote.as_bytes(), &[]).is_ok());
}
