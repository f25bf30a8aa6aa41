import { chosen, figures } from "./data.js";
import { keyOf } from "./looks.js";
import { common, element, number, panel, show } from "./panels.js";

/** What "from →, to ↓" takes, in the corner of the map. */
const CORNER = 60;
const DECADES = [0.001, 0.01, 0.1, 1, 10, 100];
/** Beyond this there is room for the decades alone. */
const NARROW_SCALE = 300;

function legendTicks([least, most]) {
  const ticks = most / least < NARROW_SCALE ? DECADES.flatMap((tick) => [tick, 2 * tick, 5 * tick]) : DECADES;
  return ticks.filter((tick) => tick >= least && tick <= most);
}

/** Who sent how much to whom under the chosen policy, and under BitTorrent beside it. */
export function drawTraffic() {
  const plain = figures.policies.find(({ name }) => name === "bittorrent")?.label;
  const panels = [...new Set([chosen.policy, plain])].flatMap((policy) => {
    const one = figures.traffic.find((each) => each.policy === policy && each.variant === chosen.variant);
    if (!one) return [];
    const note = [one.variant, one.repetitions === 1 ? "one repetition" : `mean of ${one.repetitions}`]
      .filter(Boolean)
      .join(", ");
    const title = [keyOf(policy), element("b", {}, policy), element("small", {}, note)];
    return [panel(title, (width) => trafficChart(one, width))];
  });
  show("traffic", panels, `No cell of ${chosen.policy} ran to its end.`);
}

function trafficChart({ policy, copies }, width) {
  const amounts = figures.traffic.flatMap((one) => one.copies.flat()).filter((value) => value > 0);
  const least = Math.max(d3.min(amounts) ?? 0.01, (d3.max(amounts) ?? 1) / 1e5);
  const domain = [least, Math.max(d3.max(amounts) ?? 1, least * 10)];
  const cells = copies.flatMap((row, to) =>
    row.map((value, from) => ({ to: figures.ases[to], from: figures.ases[from], value, inner: to === from })),
  );
  const some = cells.filter((cell) => cell.value > 0);
  const count = figures.ases.length;
  const longest = d3.max(figures.ases, (name) => name.length) ?? 4;
  const left = Math.max(CORNER, Math.min(120, 16 + longest * 7));
  const size = Math.min(46, (width - left - 8) / count);
  // Not every name where they would run into each other.
  const every = Math.ceil(14 / size);
  const ticks = figures.ases.filter((_, i) => i % every === 0);
  const scale = d3.scaleLog(domain, [0, 1]);
  const chart = Plot.plot({
    ...common,
    width: left + size * count + 8,
    height: left + size * count + 8,
    marginLeft: left,
    marginTop: left,
    marginRight: 8,
    marginBottom: 8,
    padding: count > 20 ? 0 : 0.04,
    ariaLabel: `Traffic from AS to AS under ${policy}`,
    x: { domain: figures.ases, axis: "top", ticks, tickRotate: -90, label: null, tickSize: 3 },
    y: { domain: figures.ases, ticks, label: null, tickSize: 3 },
    color: { type: "log", domain, scheme: "viridis", clamp: true },
    marks: [
      Plot.frame({ stroke: "currentColor", strokeOpacity: 0.3 }),
      Plot.text(["from →\nto ↓"], {
        frameAnchor: "top-left",
        dx: -9,
        dy: -36,
        textAnchor: "end",
        fontWeight: 600,
        fill: "currentColor",
      }),
      Plot.cell(some, {
        x: "from",
        y: "to",
        fill: "value",
        title: (d) => `${d.from} to ${d.to}: ${number(d.value)} copies`,
      }),
      Plot.cell(
        cells.filter((cell) => cell.inner),
        { x: "from", y: "to", fill: "none", stroke: "currentColor", strokeWidth: 1.5 },
      ),
      size < 30
        ? null
        : Plot.text(some, {
            x: "from",
            y: "to",
            text: (d) => d3.format(d.value < 9.95 ? ".2f" : ".0f")(d.value),
            fontSize: size < 36 ? 9 : 11,
            fill: (d) => (scale(d.value) > 0.55 ? "#111" : "#fff"),
          }),
    ],
  });
  const legend = Plot.legend({
    color: { type: "log", domain, scheme: "viridis" },
    label: "payload received, copies of the content",
    width: Math.min(320, width - 16),
    ticks: legendTicks(domain),
    tickFormat: "~g",
    style: { fontSize: "12px", background: "transparent" },
  });
  return element("div", { class: "traffic" }, legend, chart);
}
