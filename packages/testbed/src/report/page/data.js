/** What figures.ts prepared: its `Figures`. */
export const figures = JSON.parse(document.getElementById("figures").textContent);

/** What the reader has chosen to see. */
export const chosen = { variant: figures.variants[0], policy: firstPolicy() };

/** Policies that the reader took out of the completion charts. */
export const hidden = new Set();

/** `coordinated` where it ran: it is what the run is about. */
function firstPolicy() {
  const first = figures.policies.find(({ name }) => name === "coordinated") ?? figures.policies[0];
  return first?.label;
}
