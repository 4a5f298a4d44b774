// The report of a research, made of the report's data: each claim with the quotes that it stands on. It is not
// shown as the HTML that `errand report` writes, since a frame for it would need a hole in this page's policy.

import { h, link, said } from "./dom.js";
import { moment } from "./format.js";

export function report(it) {
  return h("div", { class: "report" },
    it.stopped && h("p", { class: "problem" }, "It is not finished: ", it.stopped),
    h("h3", {}, it.question),
    it.answer ? h("div", { class: "answer" }, claim(it.answer)) : h("p", { class: "faint" }, "No answer was found."),
    it.sections.map((section) => [
      h("h3", {}, section.question),
      section.claims.length > 0
        ? h("ul", {}, section.claims.map((one) => h("li", {}, claim(one))))
        : h("p", { class: "faint" }, "Nothing was found."),
    ]),
    it.sources.length > 0 && [h("h3", {}, "Sources"), h("ol", { class: "sources" }, it.sources.map(source))],
    it.troubles.length > 0 && h("details", {}, h("summary", {}, "What went wrong, and what pages tried"),
      h("ul", {}, it.troubles.map((one) => h("li", {}, h("span", { class: `chip ${one.kind === "injection" ? "bad" : ""}` }, one.kind), " ", h("bdi", {}, one.about), ": ", said(one.text))))));
}

function claim(it) {
  return [
    h("span", { class: "said inline" }, it.text), " ",
    it.support !== "supported" && h("span", { class: "chip ask" }, it.support), " ",
    it.citations.length > 0 && h("details", { class: "quotes" },
      h("summary", {}, it.citations.map((span) => `[${span.source}]`).join(" ")),
      it.citations.map((span) => h("blockquote", {}, h("span", { class: "said inline" }, span.quote), ` [${span.source}]`))),
  ];
}

function source(it) {
  const about = [it.author, it.site, it.date].filter(Boolean).join(", ");
  return h("li", {}, link(it.url, it.title || it.url), h("span", { class: "faint" }, about && ` · ${about}`, ` · read ${moment(it.retrieved)} · `, h("bdi", {}, it.url)));
}
