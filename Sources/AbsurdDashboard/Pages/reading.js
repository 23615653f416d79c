// A reading of a chart's point under the pointer, or, with the chart focused, under the arrow keys. It takes the place of
// the chart's range, so that nothing moves.

const inset = 3;
const width = 240;

function read(chart, index) {
  const texts = chart.dataset.texts.split("|");
  const at = Math.max(0, Math.min(texts.length - 1, index));
  const range = chart.parentElement.querySelector("small");
  if (range.dataset.range === undefined) range.dataset.range = range.textContent;
  range.textContent = texts[at];
  let cursor = chart.querySelector(".cursor");
  if (!cursor) {
    cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("y1", "0");
    cursor.setAttribute("y2", "44");
    chart.append(cursor);
  }
  const x = texts.length < 2 ? width - inset : inset + (at / (texts.length - 1)) * (width - 2 * inset);
  cursor.setAttribute("x1", x);
  cursor.setAttribute("x2", x);
  chart.dataset.at = at;
}

function rest(chart) {
  const range = chart.parentElement.querySelector("small");
  if (range.dataset.range !== undefined) range.textContent = range.dataset.range;
  delete range.dataset.range;
  range.removeAttribute("aria-live");
  delete chart.dataset.at;
  chart.querySelector(".cursor")?.remove();
}

export function readCharts(document) {
  const chartOf = (event) => event.target.closest?.("svg[data-texts]");
  const prepare = () => {
    for (const chart of document.querySelectorAll("svg[data-texts]")) chart.setAttribute("tabindex", "0");
  };
  prepare();
  document.addEventListener("rendered", prepare);
  document.addEventListener("pointermove", (event) => {
    const chart = chartOf(event);
    if (!chart) return;
    const box = chart.getBoundingClientRect();
    const count = chart.dataset.texts.split("|").length;
    const x = ((event.clientX - box.left) / box.width) * width;
    read(chart, Math.round(((x - inset) / (width - 2 * inset)) * (count - 1)));
  });
  document.addEventListener("pointerout", (event) => { const chart = chartOf(event); if (chart) rest(chart); });
  document.addEventListener("focusout", (event) => { const chart = chartOf(event); if (chart) rest(chart); });
  document.addEventListener("keydown", (event) => {
    const chart = chartOf(event);
    if (!chart || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
    const count = chart.dataset.texts.split("|").length;
    chart.parentElement.querySelector("small").setAttribute("aria-live", "polite");
    const from = chart.dataset.at === undefined ? count : Number(chart.dataset.at);
    read(chart, from + (event.key === "ArrowLeft" ? -1 : 1));
    event.preventDefault();
  });
}
