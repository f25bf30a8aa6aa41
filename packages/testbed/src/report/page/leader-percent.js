import { figures } from "./data.js";
import { look } from "./looks.js";
import { common, number, panel, show } from "./panels.js";

/** Redundancy and completion over the leader percent, for policies that have several. */
export function drawLeaderPercent() {
  const panels = figures.leaderPercent
    .filter(({ families }) => families.length > 0)
    .flatMap((one) => {
      const where = one.variant ? `, ${one.variant}` : "";
      return [
        panel(`redundancy${where}`, (width) => leaderChart(one, ["redundancy"], "↑ redundancy, ×", width)),
        panel(`completion${where}`, (width) => leaderChart(one, ["p50", "p90"], "↑ completion, s", width)),
      ];
    });
  if (panels.length > 0) show("leader-percent", panels);
}

function leaderChart({ families, references, variant }, figureNames, label, width) {
  const isTime = figureNames.length > 1;
  const lines = families.flatMap((family) =>
    figureNames.map((name) => ({
      family: family.label,
      name,
      points: family.points
        .filter((point) => point[name] !== null)
        .map((point) => ({
          policy: point.policy,
          name,
          x: point.percent,
          y: point[name][0],
          low: point[name][1],
          high: point[name][2],
        })),
    })),
  );
  const rules = references
    .filter((one) => one[figureNames.at(-1)] !== null)
    .map((one) => ({ policy: one.policy, y: one[figureNames.at(-1)][0] }));
  const values = [
    ...lines.flatMap((line) => line.points.flatMap((p) => [p.low, p.high])),
    ...rules.map((r) => r.y),
  ];
  const all = lines.flatMap((line) => line.points);
  const domain = isTime
    ? [d3.min(values) * 0.9, d3.max(values) * 1.03]
    : [Math.min(0.7, d3.min(values) * 0.7), d3.max(values) * 1.25];
  // The labels of two rules that are close stand on either side of them.
  const lowest = d3.min(rules, (rule) => rule.y);
  const ruleLabels = (own, dy) =>
    Plot.text(own, {
      x: () => 0,
      y: "y",
      text: (d) => `${d.policy}${isTime ? " p90" : ""} ${number(d.y)}`,
      textAnchor: "start",
      dx: 4,
      dy,
      fill: (d) => look(d.policy).colour,
      stroke: "var(--page)",
      strokeWidth: 4,
    });
  const ends = lines
    .filter((line) => line.points.length > 0)
    .map((line) => ({ ...line.points.at(-1), text: isTime ? line.name : line.family }));
  const endLabels = (own, dy) =>
    Plot.text(own, { x: "x", y: "y", text: "text", dx: 9, dy, textAnchor: "start", fill: "currentColor" });
  return Plot.plot({
    ...common,
    width,
    height: Math.min(330, Math.max(250, width * 0.55)),
    marginLeft: 46,
    marginRight: 48,
    marginTop: 28,
    marginBottom: 40,
    ariaLabel: `${label.slice(2)} against leader percent, ${variant}`,
    x: {
      label: "leaders, % of the candidates →",
      domain: [0, (d3.max(all, (p) => p.x) ?? 100) * 1.06],
      ticks: 6,
    },
    y: {
      type: isTime ? "linear" : "log",
      label: isTime ? label : `${label} (logarithmic)`,
      domain,
      grid: true,
      ticks: isTime ? 6 : [1, 2, 5, 10, 20, 50, 100].filter((t) => t <= domain[1]),
      tickFormat: number,
    },
    marks: [
      ...rules.map((rule) =>
        Plot.ruleY([rule.y], {
          stroke: look(rule.policy).colour,
          strokeWidth: 1.6,
          strokeDasharray: look(rule.policy).dash,
        }),
      ),
      ruleLabels(
        rules.filter((rule) => rule.y > lowest),
        -8,
      ),
      ruleLabels(
        rules.filter((rule) => rule.y === lowest),
        9,
      ),
      ...lines.map((line) =>
        Plot.line(line.points, {
          x: "x",
          y: "y",
          stroke: "var(--quiet)",
          strokeWidth: 1.6,
          strokeDasharray: line.name === "p50" ? "5 3" : "",
        }),
      ),
      Plot.ruleX(all, { x: "x", y1: "low", y2: "high", stroke: "currentColor", strokeWidth: 1.2 }),
      Plot.dot(all, {
        x: "x",
        y: "y",
        r: 4.5,
        fill: (d) => look(d.policy).colour,
        stroke: "var(--page)",
        tip: true,
        title: (d) => `${d.policy}\n${d.name} ${number(d.y)} (${number(d.low)}–${number(d.high)})`,
      }),
      endLabels(
        ends.filter((end) => end.name === "p50"),
        6,
      ),
      endLabels(
        ends.filter((end) => end.name !== "p50"),
        -6,
      ),
    ],
  });
}
