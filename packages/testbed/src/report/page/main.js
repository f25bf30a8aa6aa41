import { drawCompletion } from "./completion.js";
import { choiceOf, drawLegend } from "./controls.js";
import { drawCrossings } from "./crossings.js";
import { figures } from "./data.js";
import { drawLeaderPercent } from "./leader-percent.js";
import { drawKey } from "./looks.js";
import { redrawChanged } from "./panels.js";
import { drawTraffic } from "./traffic.js";

const labels = figures.policies.map((policy) => policy.label);
for (const key of document.querySelectorAll("svg[data-key]")) drawKey(key, labels[Number(key.dataset.key)]);
drawLegend();
choiceOf("variant", figures.variants, () => {
  drawCrossings();
  drawTraffic();
});
choiceOf("policy", labels, drawTraffic);
drawCompletion();
drawCrossings();
drawTraffic();
drawLeaderPercent();

if (figures.hiddenAses > 0) {
  const note = `${figures.hiddenAses} ASes with the fewest peers are left out.`;
  for (const id of ["crossings", "traffic"])
    document.getElementById(id).querySelector("p").append(` ${note}`);
}
new ResizeObserver(redrawChanged).observe(document.querySelector("main"));
