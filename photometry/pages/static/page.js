// The page: which view of which field is shown; the part of the address behind # says it, so that links can be kept.
"use strict";

const page = {run: null, rows: new Map(), table: null, shown: [], statuses: new Set()};
const STATUSES = ["OK", "WARNING", "ERROR", "SKIPPED"];
const ALL = "all";

const find = (id) => document.getElementById(id);
const number = (value, digits = 0) => (Number.isFinite(value)
  ? value.toLocaleString("en-GB", {minimumFractionDigits: digits, maximumFractionDigits: digits}) : "–");
const significant = (value, digits = 3) => (Number.isFinite(value)
  ? (Math.abs(value) >= 10 ** digits ? number(value) : Number(value.toPrecision(digits)).toString()) : "–");

/** Where the reader is. */
function address() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

function go(changes) {
  const next = {...address(), ...changes};
  for (const [name, value] of Object.entries(next)) if (value === null || value === "") delete next[name];
  location.hash = new URLSearchParams(next).toString();
}

/** Rows of a page as columns: typed arrays and texts, with what is worked out of them. */
async function rowsOf(group) {
  if (!page.rows.has(group)) {
    const packed = await tessPsf.load(`rows/${group}`);
    const table = {};
    for (const [name, value] of Object.entries(packed)) {
      if (value.base64) table[name] = tessPsf.numbers(value);
      else if (value.texts) table[name] = tessPsf.texts(value);
      else table[name] = value;
    }
    table.ratio = Float32Array.from(table.rms_hour, (value, i) => value / table.noise_hour[i]);
    page.rows.set(group, table);
  }
  return page.rows.get(group);
}

/** Rows of the field that is chosen. */
function chosenRows(table, field) {
  const rows = Array.from({length: table.n}, (_, i) => i);
  return field === ALL ? rows : rows.filter((row) => table.region[row] === field);
}

function fileOf(table, row) {
  const tic = String(table.starid[row]).padStart(11, "0");
  return table.file[row].replace("{id}", tic).replace("{top}", tic.slice(0, 5));
}

function fieldName(facts) {
  if (!facts.has_data) return `${facts.sector ? `Sector ${facts.sector}: ` : ""}${facts.region || "no region"}: nothing measured`;
  const seconds = facts.cadence_s >= 60 ? `${facts.cadence_s / 60} min` : `${facts.cadence_s} s`;
  const kind = facts.whole_ccd ? "" : `, ${{tesscut: "cutout", tpf: "target pixels"}[facts.datasource] || facts.datasource}`;
  return `Sector ${facts.sector}, camera ${facts.camera}, CCD ${facts.ccd}, ${seconds}${kind}`;
}

/** What a row of the targets shows. */
function targetColumns(table, withField) {
  const of = (name, label, title, digits, descending = true) => ({
    name, label, title, align: "right", descending,
    value: (row) => table[name][row],
    text: (row) => (digits === "s" ? significant(table[name][row]) : number(table[name][row], digits)),
  });
  return [
    {name: "starid", label: "TIC", title: "TIC number", width: "104px", align: "right", value: (row) => table.starid[row], text: (row) => String(table.starid[row])},
    {name: "status", label: "Status", width: "88px", status: true, value: (row) => table.status[row], text: (row) => table.status[row]},
    of("tmag", "T", "TESS magnitude", 2, false),
    of("median_flux", "Flux", "median PSF flux, e⁻/s", "s"),
    of("rms_hour", "In 1 h", "standard deviation of means over one hour, ppm", 0),
    of("ratio", "÷ noise", "scatter in one hour over the predicted noise", 2),
    of("ptp", "Ptp", "point to point: robust scatter from cadence to cadence, ppm", 0),
    of("contamination", "Contam.", "share of other stars' light in the star's pixels", 3),
    of("sap_scatter", "Ap−PSF", "scatter of the difference of the light curves by a plain aperture, neighbours in it, and by PSF, ppm", 0),
    of("chi2", "χ²", "median reduced chi-squared of the pixels under the star", 2),
    of("chi2_mean", "χ² mean", "reduced chi-squared of the mean image under the star", "s"),
    ...(withField ? [{name: "region", label: "Field", width: "118px", value: (row) => table.region[row], text: (row) => shortName(table.region[row])}] : []),
    {name: "reason", label: "Reason", width: "minmax(160px, 4fr)", value: (row) => table.reason[row], text: (row) => table.reason[row]},
  ];
}

function shortName(region) {
  const facts = page.run.regions.find((one) => one.region === region);
  return facts && facts.sector ? `S${facts.sector} ${facts.camera}-${facts.ccd} ${facts.cadence_s} s` : region;
}

/** Show what the address says. */
async function show() {
  const at = address();
  const field = fieldAt(at);
  const view = at.tic ? "target" : at.view || "overview";
  for (const name of ["overview", "targets", "lists", "target"]) find(name).hidden = name !== view;
  for (const link of document.querySelectorAll("nav a")) link.classList.toggle("is-here", link.dataset.view === view);
  find("field").value = field;
  find("message").textContent = "";
  try {
    await {overview: showOverview, targets: showTargets, lists: showLists, target: showTarget}[view](field, at);
    document.body.dataset.ready = location.hash || "#";
  } catch (error) {
    find("message").textContent = error.message;
    console.error(error);
  }
}

/** The field that is chosen: that of the address, else the one with the most targets; of a sector all in the overview. */
function fieldAt(at) {
  const {regions, pages} = page.run;
  if (regions.some((one) => one.region === at.field)) return at.field;
  if (at.tic && pages.length === 1) return ALL;
  const isOverview = !at.tic && (at.view || "overview") === "overview";
  if (!regions.length || at.field === ALL || (isOverview && pages.length > 1)) return pages.length === 1 || isOverview ? ALL : page.largest;
  return page.largest;
}

function groupOf(field) {
  const place = page.run.pages.findIndex((regions) => regions.includes(field));
  return place < 0 ? 0 : place;
}

/** Rows of a field; of all where they are on one page. */
async function tableOf(field) {
  return rowsOf(field === ALL ? 0 : groupOf(field));
}

async function showTargets(field, at) {
  const table = await tableOf(field);
  const key = `${groupOf(field)}/${field === ALL}`;
  if (page.tableKey !== key) {
    find("table").replaceChildren();
    page.table = new VirtualTable(find("table"), targetColumns(table, page.run.regions.length > 1), (row) => openRow(table, row));
    page.tableKey = key;
  }
  if (at.find !== undefined && find("search").value !== at.find) find("search").value = at.find;
  page.statuses = new Set(at.status ? at.status.split(" ") : []);
  for (const box of document.querySelectorAll("#statuses button")) box.classList.toggle("is-on", page.statuses.has(box.dataset.status));
  filterTargets(table, field);
}

/** Show the targets that fit what is searched: the beginning of a TIC number, or words of the reason. */
function filterTargets(table, field) {
  const words = find("search").value.trim().toLowerCase().replace(/^tic\s*/, "");
  const isNumber = /^[0-9]+$/.test(words);
  const rows = chosenRows(table, field).filter((row) => {
    if (page.statuses.size && !page.statuses.has(table.status[row])) return false;
    if (!words) return true;
    if (isNumber) return String(table.starid[row]).startsWith(words);
    return table.reason[row].toLowerCase().includes(words) || table.region[row].toLowerCase().includes(words);
  });
  page.table.show(rows);
  page.shown = page.table;
  find("count").textContent = `${number(rows.length)} of ${number(chosenRows(table, field).length)} targets`;
  const elsewhere = !rows.length && isNumber && page.run.pages.length > 1;
  find("elsewhere").hidden = !elsewhere;
}

/** Look for a star on all pages, one after the other. */
async function findElsewhere() {
  const words = find("search").value.trim().toLowerCase().replace(/^tic\s*/, "");
  for (const [group, regions] of page.run.pages.entries()) {
    const table = await rowsOf(group);
    const row = table.starid.findIndex((starid) => String(starid) === words);
    if (row >= 0) return go({field: table.region[row] || regions[0], tic: words, view: "targets"});
  }
  find("count").textContent = `TIC ${words} is no target of this run`;
}

function openRow(table, row) {
  go({field: table.region[row], tic: String(table.starid[row])});
}

/** Lists that are worth a look; the best of each first. */
const LISTS = [
  {
    id: "variable", title: "Most variable", label: "× noise",
    words: "Scatter in one hour over its predicted noise. Eclipses, pulsations, flares; a few are faults of the model.",
    value: (table, row) => table.ratio[row], text: (value) => number(value, 1),
    fits: (table, row) => table.status[row] === "OK",
  },
  {
    id: "suspicious", title: "Most suspicious", label: "doubts",
    words: "Stars with reservations (WARNING), those with the most first; of equals the one whose mean image the model explains worst.",
    value: (table, row) => reservations(table, row) + Math.min(0.99, Math.log10(1 + Math.max(0, table.chi2_mean[row] || 0)) / 8),
    text: (value) => String(Math.floor(value)),
    fits: (table, row) => table.status[row] === "WARNING",
  },
  {
    id: "blends", title: "Blends where aperture and PSF disagree", label: "× noise",
    words: "Stars that a plain aperture takes for a neighbour: scatter of the difference of its light curve, neighbours in it, and that by PSF, over the noise of a cadence, where it is larger than that and more than 2 % of the light is foreign.",
    value: (table, row) => table.sap_scatter[row] / table.noise[row], text: (value) => number(value, 1),
    fits: (table, row) => table.contamination[row] > 0.02 && table.sap_scatter[row] > table.noise[row],
  },
];

function reservations(table, row) {
  return table.reason[row] ? table.reason[row].split("; ").length : 0;
}

async function showLists(field) {
  const table = await tableOf(field);
  const rows = chosenRows(table, field);
  find("lists").replaceChildren(...LISTS.map((list) => {
    const best = rows.filter((row) => list.fits(table, row) && Number.isFinite(list.value(table, row)))
      .sort((a, b) => list.value(table, b) - list.value(table, a)).slice(0, 25);
    const card = element("section", {class: "card list", "data-list": list.id});
    card.append(element("h2", {}, list.title), element("p", {class: "words"}, list.words));
    const lines = element("table");
    const head = element("tr");
    for (const label of ["TIC", "T", list.label, "why"]) head.append(element("th", {}, label));
    lines.append(head);
    for (const row of best) {
      const line = element("tr", {tabindex: "0"});
      const why = list.id === "suspicious" ? table.reason[row] : `scatter ${number(table.rms_hour[row])} ppm, contamination ${number(table.contamination[row], 2)}`;
      const value = list.value(table, row);
      line.append(element("td", {class: "tic"}, String(table.starid[row])), element("td", {}, number(table.tmag[row], 2)),
        element("td", {class: "value"}, list.text(value)), element("td", {class: "why", title: why}, why));
      line.addEventListener("click", () => openRow(table, row));
      lines.append(line);
    }
    card.append(best.length ? lines : element("p", {class: "none"}, "None here."));
    return card;
  }));
}

/** Fill in what stays: names, fields, what the controls do. */
function begin(run) {
  page.run = run;
  page.largest = run.regions.reduce((best, one) => (best && best.n >= one.n ? best : one), null)?.region || ALL;
  find("title").textContent = run.title;
  const choice = find("field");
  if (run.regions.length !== 1) choice.append(element("option", {value: ALL}, `All ${run.regions.length} fields`));
  for (const facts of run.regions) choice.append(element("option", {value: facts.region, title: facts.region}, fieldName(facts)));
  choice.addEventListener("change", () => go({field: choice.value, tic: null}));
  find("field-choice").hidden = run.regions.length < 2;
  for (const link of document.querySelectorAll("nav a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      go({view: link.dataset.view, tic: null, status: null});
    });
  }
  for (const status of STATUSES) {
    const box = element("button", {type: "button", "data-status": status, class: `chip is-${status.toLowerCase()}`}, status);
    box.addEventListener("click", () => {
      const now = new Set(page.statuses);
      if (!now.delete(status)) now.add(status);
      go({status: [...now].join(" ")});
    });
    find("statuses").append(box);
  }
  find("search").addEventListener("input", async () => {
    const {find: _, ...rest} = address();
    history.replaceState(null, "", `#${new URLSearchParams(rest)}`);
    const field = fieldAt(rest);
    filterTargets(await tableOf(field), field);
  });
  find("elsewhere").addEventListener("click", findElsewhere);
  find("jump").addEventListener("submit", (event) => {
    event.preventDefault();
    const words = find("tic").value.trim().replace(/^tic\s*/i, "");
    find("search").value = words;
    go({view: "targets", tic: null, find: words, status: null});
    if (address().view === "targets") show();
  });
  window.addEventListener("hashchange", show);
  window.addEventListener("keydown", (event) => {
    const step = {ArrowLeft: "previous", ArrowRight: "next"}[event.key];
    if (step && !find("target").hidden && event.target.tagName !== "INPUT") find("target").querySelector(`.steps .${step}`)?.click();
  });
  show();
}

window.addEventListener("DOMContentLoaded", async () => {
  if (document.body.dataset.alone) return beginAlone(await tessPsf.load("alone"));
  return begin(await tessPsf.load("run"));
});
