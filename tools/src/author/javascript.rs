//! JavaScript: componentize-js puts SpiderMonkey and the program into one component. It is an npm
//! package, installed once beside the other toolchains.

use std::path::Path;

use guard::Need;

use super::made::Inputs;
use super::program::{self, Purpose};
use super::{AuthorError, Built, Kit, Project, absolute, world};

/// The version of the npm package that components are made with.
const VERSION: &str = "0.23.0";

/// `argv`: the package, the program, the WIT, the component.
const COMPONENTIZE: &str = r#"
import { pathToFileURL } from "node:url";
import { writeFile } from "node:fs/promises";
const [package_, source, wit, out] = process.argv.slice(1);
const { componentize } = await import(pathToFileURL(package_));
try {
    const { component } = await componentize({
        sourcePath: source, witPath: wit, worldName: "tool",
        disableFeatures: ["http", "fetch-event"],
    });
    await writeFile(out, component);
} catch (error) {
    console.error(error.message ?? error);
    process.exit(1);
}
"#;

const NPM: Purpose = Purpose {
    fails: "componentize-js cannot be installed",
    missing: "install Node.js 20 or later, with npm",
    hint: Some("`npm` fetches it once, and needs the network for that"),
};
const NODE: Purpose = Purpose {
    fails: "the component cannot be built",
    missing: "install Node.js 20 or later, with npm",
    hint: Some("`main.js` is a module: what it imports must be a file of the project"),
};

/// What the package is called here.
pub(super) fn toolchain() -> String {
    format!("componentize-js-{VERSION}")
}

pub(super) fn build(project: &Project, kit: &Kit, out: &Path) -> Result<Built, AuthorError> {
    project.main("main.js", "the tools are in `main.js`")?;
    let work = project.work(kit)?;
    Inputs::of(&project.folder, VERSION)?.make(&work, out, |component| {
        let folder = kit.folder.join(toolchain());
        let private = kit.work()?;
        let folder = program::once(&folder, |staging| {
            let needs = [Need::Network, Need::Npm];
            let mut npm = program::helper("npm", &private, &needs, &NPM)?;
            npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
                .arg(absolute(staging)?)
                .arg(format!("@bytecodealliance/componentize-js@{VERSION}"));
            program::run(&mut npm, &NPM)
        })?;
        let wit = world::narrowed(project, &work, "js", |text, name| {
            text.contains(&format!("sdk/{name}.js"))
        })?;
        let package =
            folder.join("node_modules/@bytecodealliance/componentize-js/src/componentize.js");
        let mut node = program::helper("node", &private, &[], &NODE)?;
        node.args(["--input-type=module", "-e", COMPONENTIZE, "--"])
            .arg(absolute(&package)?)
            .arg(project.absolute("main.js")?)
            .arg(wit)
            .arg(absolute(component)?);
        program::run(&mut node, &NODE)
    })
}
