// What a tool for Errand is written with. `tools` makes a component of functions; `object`,
// `string` and the others write the JSON Schemas of what they take and give.
//
// What a component reaches of the world goes through the host, by `http.js`, `files.js`, `kv.js`,
// `tools.js`, `log.js` and `progress.js` beside this file. Import what is used and no more: each
// import of the first four has to be granted.

/** What is wrong, as a sentence for the model. */
export class Failed extends Error {}

const described = (schema, description) => (description ? { ...schema, description } : schema);

export const string = (description) => described({ type: "string" }, description);
export const number = (description) => described({ type: "number" }, description);
export const integer = (description) => described({ type: "integer" }, description);
export const boolean = (description) => described({ type: "boolean" }, description);
export const any = (description) => described({}, description);
export const array = (items, description) => described({ type: "array", items }, description);
export const oneOf = (values, description) => described({ enum: values }, description);
/** Any keys, each with a value of this schema. */
export const map = (values, description) =>
  described({ type: "object", additionalProperties: values }, description);

const optionals = new WeakSet();

/** A field that may be left out. */
export function optional(schema) {
  const copy = { ...schema };
  optionals.add(copy);
  return copy;
}

/** These fields and no others. */
export function object(properties, description) {
  const required = Object.keys(properties).filter((name) => !optionals.has(properties[name]));
  const schema = { type: "object", properties, additionalProperties: false };
  return described(required.length ? { ...schema, required } : schema, description);
}

const EFFECTS = ["pure", "reads", "writes", "egress"];

/**
 * What the component exports. `description`: for people. `wants`: what the calls want of the host,
 * of `net`, `read`, `write`, `tools`, `secrets` (`{ name, host, header }`) and `kv`. `tools`: by
 * name, each with `description` (the model reads it), `effect` (`pure`, `reads`, `writes` or
 * `egress`), `input` and `output` (JSON Schemas), `run`, and `idempotent` where doing it twice is
 * doing it once.
 */
export function tools({ description, wants = {}, tools }) {
  for (const [name, tool] of Object.entries(tools)) {
    if (!EFFECTS.includes(tool.effect)) {
      throw new Error(`\`${name}\`: its effect is one of ${EFFECTS.join(", ")}`);
    }
  }
  const spec = ([name, tool]) => ({
    name,
    description: tool.description,
    input: JSON.stringify(tool.input),
    output: JSON.stringify(tool.output),
    effect: tool.effect,
    idempotent: tool.idempotent ?? (tool.effect === "pure" || tool.effect === "reads"),
  });
  const nothing = { net: [], read: [], write: [], tools: [], secrets: [], kv: false };
  return {
    describe: () => ({
      description,
      tools: Object.entries(tools).map(spec),
      wants: { ...nothing, ...wants },
    }),
    invoke(name, given) {
      // An error of this world is a text.
      if (!Object.hasOwn(tools, name)) throw `this component has no tool \`${name}\``;
      try {
        return JSON.stringify(tools[name].run(JSON.parse(given)));
      } catch (error) {
        throw error instanceof Failed ? error.message : said(error);
      }
    },
  };
}

/** What the host said of its own, or the name of the error and its text. */
export function said(error) {
  if (typeof error === "string") return error;
  if (typeof error?.payload === "string") return error.payload;
  return `${error?.name ?? "Error"}: ${error?.message ?? error}`;
}
