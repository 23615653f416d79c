// Everything works without this: it keeps a page that the server rendered current, and adds readings under the pointer.
import { countAges } from "./ages.js";
import { follow } from "./live.js";
import { readCharts } from "./reading.js";

countAges(document);
readCharts(document);
follow(document.getElementById("main"), document.getElementById("live"));
