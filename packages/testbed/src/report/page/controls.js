import { drawCompletion } from "./completion.js";
import { chosen, figures, hidden } from "./data.js";
import { keyOf } from "./looks.js";
import { element } from "./panels.js";

/** Radio buttons for `chosen[kind]`, wherever the page has a place for them; those of one kind move together. */
export function choiceOf(kind, values, redraw) {
  for (const place of document.querySelectorAll(`[data-choice="${kind}"]`)) {
    if (values.length < 2) continue;
    const name = `${kind}-${place.closest("section").id}`;
    const buttons = values.map((value) => {
      const input = element("input", { type: "radio", name, value });
      input.checked = value === chosen[kind];
      input.addEventListener("change", () => {
        chosen[kind] = value;
        for (const other of document.querySelectorAll(`[data-choice="${kind}"] input`))
          other.checked = other.value === value;
        redraw();
      });
      return element(
        "label",
        {},
        input,
        ...(kind === "policy" ? [keyOf(value)] : []),
        element("span", {}, value),
      );
    });
    place.append(element("fieldset", {}, element("legend", {}, kind), ...buttons));
  }
}

/** A button for each policy, which hides its line. */
export function drawLegend() {
  const buttons = figures.policies.map(({ label: policy }) => {
    const button = element("button", { type: "button", "aria-pressed": "true" }, keyOf(policy), policy);
    button.addEventListener("click", () => {
      if (hidden.has(policy)) hidden.delete(policy);
      else hidden.add(policy);
      button.setAttribute("aria-pressed", String(!hidden.has(policy)));
      drawCompletion();
    });
    return button;
  });
  document.getElementById("legend").replaceChildren(...buttons);
}
