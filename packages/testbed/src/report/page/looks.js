import { figures } from "./data.js";

// One colour and one dash for each policy, wherever it appears. The colours (page.css) are told apart under the usual
// kinds of colour blindness; where two are near, their dashes differ.
const DASHES = ["", "6 3", "2 2.5", "9 3 2 3", "", "6 3", "2 2.5"];
const looks = new Map();
let plain = 0;
for (const { label, name } of figures.policies) {
  if (name === "bittorrent") looks.set(label, { colour: "var(--bittorrent)", dash: "", width: 2.2 });
  else if (name === "coordinated") looks.set(label, { colour: "var(--coordinated)", dash: "", width: 2.8 });
  else {
    looks.set(label, { colour: `var(--policy-${plain % 7})`, dash: DASHES[plain % 7], width: 1.8 });
    plain += 1;
  }
}
export const look = (policy) => looks.get(policy);

/** A short line in the policy's look. */
export function keyOf(policy) {
  const key = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  key.setAttribute("class", "key");
  key.setAttribute("width", "26");
  key.setAttribute("height", "10");
  key.setAttribute("aria-hidden", "true");
  drawKey(key, policy);
  return key;
}

/** Puts the policy's line into a `svg.key`. */
export function drawKey(key, policy) {
  const { colour, dash, width } = look(policy);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const at = { x1: 1, x2: 25, y1: 5, y2: 5, "stroke-width": width + 0.6, "stroke-dasharray": dash };
  for (const [name, value] of Object.entries(at)) line.setAttribute(name, value);
  line.style.stroke = colour;
  key.replaceChildren(line);
}
