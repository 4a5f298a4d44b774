// What a run has left of its budget, as bars that grow shorter.

import { h } from "./dom.js";
import { money, number, span } from "./format.js";

/** The bars; `show(usage)` says what was taken. */
export function budget(limits) {
  const kinds = [
    ["steps", limits.steps, (usage) => usage.steps, number],
    ["tokens", limits.tokens, (usage) => usage.input_tokens + usage.output_tokens, number],
    ["time", limits.seconds, (usage) => usage.seconds, span],
    ["cost", limits.cost_usd, (usage) => usage.cost_usd, money],
  ].filter(([, limit]) => limit !== null && limit !== undefined);
  const bars = kinds.map(([name, limit, taken, said]) => {
    const fillIn = h("div", { class: "left" });
    const bar = h("div", { class: "bar", role: "meter", "aria-label": `${name} left`, "aria-valuemin": 0, "aria-valuemax": limit }, fillIn);
    const text = h("span", { class: "num" });
    const show = (usage) => {
      const left = Math.max(0, limit - taken(usage));
      fillIn.style.width = `${limit > 0 ? (100 * left) / limit : 0}%`;
      fillIn.classList.toggle("low", left < limit / 10);
      bar.setAttribute("aria-valuenow", left);
      bar.setAttribute("aria-valuetext", `${said(left)} of ${said(limit)}`);
      text.textContent = `${said(left)} of ${said(limit)} left`;
    };
    return { show, element: h("div", { class: "meter" }, h("span", {}, name), text, bar) };
  });
  return {
    element: h("div", { class: "budget" }, bars.map((bar) => bar.element)),
    show: (usage) => bars.forEach((bar) => bar.show(usage)),
  };
}
