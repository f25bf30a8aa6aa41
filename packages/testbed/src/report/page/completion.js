import { figures, hidden } from "./data.js";
import { look } from "./looks.js";
import { common, element, faultMarks, number, panel, show } from "./panels.js";

/** The share of the downloaders that were complete over time, a chart for each variant. */
export function drawCompletion() {
  const panels = figures.completions
    .filter(({ lines }) => lines.length > 0)
    .map((one) => {
      const bound =
        one.bound === null ? "" : `dotted: the lower bound for the last one, ${number(one.bound)} s`;
      const title = [element("b", {}, one.variant || "all downloaders"), element("small", {}, bound)];
      return panel(title, (width) => completionChart(one, width));
    });
  show("completion", panels, "No cell ran to its end.");
}

const SINCE = { announce: "the first announce answer", start: "the start of the swarm" };

function completionChart({ variant, since, bound, faults, lines }, width) {
  const shown = lines.filter((line) => !hidden.has(line.policy));
  const times = lines.flatMap((line) => line.points.map((point) => point[0]));
  const marked = faults.filter((fault) => fault.policy === null || !hidden.has(fault.policy));
  const first = Math.min(
    bound ?? Number.POSITIVE_INFINITY,
    d3.min(times),
    ...marked.map((fault) => fault.at),
  );
  const last = d3.max(shown.length > 0 ? shown.flatMap((line) => line.points.map((p) => p[0])) : times);
  const points = shown.flatMap((line) =>
    line.points.map(([at, percent]) => ({ at, percent, policy: line.policy })),
  );
  return Plot.plot({
    ...common,
    width,
    height: Math.min(380, Math.max(260, width * 0.55)),
    marginLeft: 44,
    marginRight: 16,
    marginTop: 28,
    marginBottom: 40,
    ariaLabel: `Completion over time, ${variant}`,
    x: {
      label: `time since ${SINCE[since]}, s →`,
      domain: [first - (last - first) * 0.06, last],
      ticks: Math.max(4, width / 90),
    },
    y: { label: "↑ downloaders complete, %", domain: [0, 100], grid: true },
    marks: [
      Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.5 }),
      bound === null
        ? null
        : Plot.ruleX([bound], {
            stroke: "currentColor",
            strokeOpacity: 0.6,
            strokeDasharray: "1 3",
            strokeWidth: 1.5,
          }),
      ...faultMarks(marked, last, (policy) => look(policy).colour),
      ...shown.map((line) => {
        const { colour, dash, width: strokeWidth } = look(line.policy);
        // Where some never completed, the line goes on to the end: it shows how many.
        const end = line.points.at(-1)[1];
        const steps = [[line.points[0][0], 0], ...line.points, ...(end < 100 ? [[last, end]] : [])];
        return Plot.line(steps, {
          x: (d) => d[0],
          y: (d) => d[1],
          curve: "step-after",
          stroke: colour,
          strokeDasharray: dash,
          strokeWidth,
          ariaLabel: () => line.policy,
        });
      }),
      Plot.tip(
        points,
        Plot.pointer({
          x: "at",
          y: "percent",
          title: (d) => `${d.policy}\n${number(d.percent)} % after ${number(d.at)} s`,
        }),
      ),
    ],
  });
}
