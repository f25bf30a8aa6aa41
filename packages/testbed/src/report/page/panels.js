/** What all charts share. */
export const common = { style: { fontSize: "12px", background: "transparent" } };

/** Four digits are more than can be read off a chart. */
export const number = (value) => d3.format(value >= 1000 ? ",.0f" : ".4~r")(value);

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** A chart with its caption. `draw(width)` makes the chart anew whenever the width changes. */
export function panel(title, draw) {
  const space = element("div", { class: "plot" });
  const figure = element("figure", {}, element("figcaption", {}, ...[title].flat()), space);
  figure.redraw = () => {
    const width = Math.floor(space.clientWidth);
    if (width < 40) return;
    space.replaceChildren(draw(width));
    space.drawnWidth = width;
  };
  figure.space = space;
  return figure;
}

const charts = {};
/** Puts the panels in their place, in the place of those that were there. */
export function show(name, panels, emptyText) {
  const place = document.querySelector(`[data-chart="${name}"]`);
  place.replaceChildren(...(panels.length > 0 ? panels : [element("p", { class: "empty" }, emptyText)]));
  charts[name] = panels;
  for (const one of panels) one.redraw();
}

/** Charts are drawn for a width: those whose width changed are drawn anew. */
export function redrawChanged() {
  for (const one of Object.values(charts).flat()) {
    if (Math.floor(one.space.clientWidth) !== one.space.drawnWidth) one.redraw();
  }
}

/**
 * What was done to the swarm, on a chart's axis of time: a rule with its number, and a band until it was healed. `colourOf` is for
 * those of one policy alone.
 */
export function faultMarks(faults, last, colourOf) {
  const shown = faults.filter((fault) => fault.at <= last);
  const healed = shown.filter((fault) => fault.healed !== null);
  if (shown.length === 0) return [];
  const colour = (fault) => (fault.policy === null ? "var(--mark)" : colourOf(fault.policy));
  const title = (fault) => {
    const end = fault.healed === null ? "" : `, healed at ${number(fault.healed)} s`;
    return `${fault.number}: ${fault.what} at ${number(fault.at)} s${end}`;
  };
  const x = (fault) => fault.at;
  const x2 = (fault) => Math.min(fault.healed, last);
  const dash = { strokeWidth: 1.2, strokeDasharray: "3 2" };
  return [
    ...(healed.length > 0 ? [Plot.rect(healed, { x1: x, x2, fill: colour, fillOpacity: 0.12, title })] : []),
    Plot.ruleX(shown, { x, stroke: colour, ...dash, title, ariaLabel: title }),
    Plot.text(shown, {
      x,
      frameAnchor: "top",
      lineAnchor: "bottom",
      dy: -3,
      text: (fault) => String(fault.number),
      fill: colour,
      fontWeight: 600,
      title,
    }),
  ];
}
