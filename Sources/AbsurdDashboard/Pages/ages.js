// Ages (`<time data-age>`) count on between two renderings.

const space = "\u202f";

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const pair = (large, largeUnit, small, smallUnit) =>
    `${large}${space}${largeUnit}` + (small ? ` ${small}${space}${smallUnit}` : "");
  if (whole < 60) return `${whole}${space}s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 86400) return pair(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
  return pair(Math.floor(whole / 86400), "d", Math.floor((whole % 86400) / 3600), "h");
}

export function countAges(document) {
  // The server's clock, as the page was rendered by it, not this machine's.
  let offset = 0;
  const learn = () => {
    const rendered = document.querySelector("#live time");
    if (rendered) offset = Date.parse(rendered.dateTime) - Date.now();
  };
  learn();
  document.addEventListener("rendered", learn);
  setInterval(() => {
    if (document.hidden) return;
    const now = Date.now() + offset;
    for (const time of document.querySelectorAll("time[data-age]")) {
      const text = duration((now - Date.parse(time.dateTime)) / 1000);
      if (time.textContent !== text) time.textContent = text;
    }
  }, 1000);
}
