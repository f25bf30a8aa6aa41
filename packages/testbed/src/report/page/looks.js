import { figures } from "./data.js";

// One colour and one dash for each policy, wherever it appears. Where two colours (page.css) are near each other under
// protanopia, deuteranopia or tritanopia, their dashes differ.
const DASHES = ["11 3", "6 3", "2 2.5", "9 3 2 3", "", "6 3", "2 2.5"];
const SPECIAL = {
  bittorrent: { colour: "var(--bittorrent)", dash: "", width: 2.2 },
  coordinated: { colour: "var(--coordinated)", dash: "", width: 2.8 },
};

const looks = new Map();
const given = new Set();
for (const { label, name } of figures.policies) {
  // Only the first of that name: the others, with other numbers, must be told from it.
  const isFirst = name in SPECIAL && !given.has(name);
  looks.set(label, isFirst ? SPECIAL[name] : nextLook(looks.size - given.size));
  if (isFirst) given.add(name);
}

/** After seven the colours come again with other dashes. */
function nextLook(index) {
  const round = Math.floor(index / DASHES.length);
  const dash = DASHES[(index + round) % DASHES.length];
  return { colour: `var(--policy-${index % DASHES.length})`, dash, width: 1.8 };
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
