import { chosen, figures } from "./data.js";
import { keyOf, look } from "./looks.js";
import { common, element, faultMarks, number, panel, show } from "./panels.js";

/** Where the logarithmic axis begins. */
const LEAST_COPIES = 0.05;
const TICKS = [0.1, 0.3, 1, 3, 10, 30, 100];

/** What had entered each AS by when, a panel for each policy. */
export function drawCrossings() {
  const own = figures.crossings.filter((one) => one.variant === chosen.variant);
  const most = d3.max(figures.crossings, (one) => d3.max(one.copies, (series) => series.at(-1))) ?? 1;
  const last = d3.max(own, (one) => one.at.at(-1)) ?? 1;
  const panels = own.map((one) => {
    const note = `repetition ${one.repetition}${one.note ? `, ${one.note}` : ""}`;
    const title = [
      keyOf(one.policy),
      element("b", {}, one.policy),
      element("small", one.note ? { class: "mark" } : {}, note),
    ];
    return panel(title, (width) => crossingsChart(one, Math.max(2, most), last, width));
  });
  show("crossings", panels, "No crossings were recorded.");
}

function crossingsChart({ policy, at, copies, faults }, most, last, width) {
  const series = copies.map((values, i) => ({
    as: figures.ases[i],
    points: values.map((value, j) => [at[j], value]).filter((point) => point[1] >= LEAST_COPIES),
  }));
  const points = series.flatMap(({ as, points: own }) => own.map(([x, y]) => ({ as, x, y })));
  return Plot.plot({
    ...common,
    width,
    height: width < 220 ? 170 : 210,
    marginLeft: 40,
    marginRight: 12,
    marginBottom: 36,
    ariaLabel: `Copies of the content that entered each AS over time under ${policy}`,
    x: { label: "time, s →", domain: [0, last], ticks: width < 220 ? 3 : 5 },
    y: {
      type: "log",
      label: "↑ copies",
      domain: [LEAST_COPIES, most * 1.15],
      ticks: TICKS.filter((tick) => tick <= most * 1.15),
      tickFormat: "~g",
      grid: true,
    },
    marks: [
      Plot.ruleY([1], { stroke: "currentColor", strokeOpacity: 0.8 }),
      ...faultMarks(faults, last, () => "var(--mark)"),
      ...series.map((one) =>
        Plot.line(one.points, {
          x: (d) => d[0],
          y: (d) => d[1],
          stroke: look(policy).colour,
          strokeWidth: 1.1,
          strokeOpacity: 0.75,
          ariaLabel: () => one.as,
        }),
      ),
      Plot.tip(
        points,
        Plot.pointer({
          x: "x",
          y: "y",
          title: (d) => `${d.as}\n${number(d.y)} copies after ${number(d.x)} s`,
        }),
      ),
    ],
  });
}
