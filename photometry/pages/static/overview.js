// What a run, or one of its fields, is like as a whole.
"use strict";

const MAPS = [
  {name: "status", label: "status", isStatus: true, value: () => 0},
  {name: "ratio", label: "scatter ÷ predicted noise", log: true},
  {name: "rms_hour", label: "scatter in one hour (ppm)", log: true},
  {name: "tmag", label: "TESS magnitude", log: false},
  {name: "contamination", label: "contamination", log: false},
  {name: "sap_scatter", label: "plain aperture − PSF, scatter (ppm)", log: true},
  {name: "sap_level", label: "aperture ÷ PSF − 1 (ppm)", log: false},
  {name: "chi2", label: "χ² of the pixels", log: true},
  {name: "chi2_mean", label: "χ² of the mean image", log: true},
  {name: "mean_misfit", label: "misfit of the mean image", log: true},
  {name: "background", label: "background (e⁻/s/px)", log: false},
];

async function showOverview(field) {
  const {regions, pages, status} = page.run;
  const facts = regions.find((one) => one.region === field);
  const counts = facts ? facts.status : status;
  showCounts(counts, field);
  find("facts").replaceChildren(...(facts ? factsOf(facts) : []));
  showFields(field);
  const hasRows = field !== ALL || pages.length === 1;
  find("figures").hidden = !hasRows;
  if (!hasRows) return;
  const table = await tableOf(field);
  const rows = chosenRows(table, field);
  const region = facts && facts.has_data ? await tessPsf.load(`region/${field}`) : null;
  for (const id of ["map-card", "motion-card", "background-card", "frames-card"]) find(id).hidden = !region;
  const open = (row) => openRow(table, row);
  const drawScatter = () => scatterFigure(rows, table, find("scatter-choice").value, region && region.noise, find("scatter"), open);
  find("scatter-choice").onchange = drawScatter;
  await drawScatter();
  if (!region) return;
  const drawMap = () => {
    const kind = MAPS.find((one) => one.name === find("map-choice").value);
    return mapFigure(rows, table, {value: (row) => table[kind.name][row], ...kind}, region, find("map"), open);
  };
  find("map-choice").onchange = drawMap;
  const many = rows.length > MOST_STARS ? `medians of ${CELL} × ${CELL} px, zoom in for stars` : "";
  find("map-words").textContent = many || (region.unlisted.tmag.base64 ? "squares: stars that the table lacks" : "");
  await drawMap();
  showFlags(region);
  whenSeen(find("motion-card"), () => drawMotion(region));
  whenSeen(find("background-card"), () => drawBackground(region));
}

function showCounts(counts, field) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const cards = [["targets", total, ""], ...STATUSES.map((status) => [status, counts[status] || 0, status])];
  find("counts").replaceChildren(...cards.map(([label, count, status]) => {
    const card = element("button", {class: `count is-${label.toLowerCase()}`, type: "button", title: status ? MEANINGS[status] : ""});
    const share = status && total ? `${number((100 * count) / total, count && count < total / 20 ? 1 : 0)} %` : "";
    card.append(element("b", {}, number(count)), element("span", {}, label), element("small", {}, share));
    card.addEventListener("click", () => go({view: "targets", field, status: status || null}));
    return card;
  }));
}

const MEANINGS = {
  OK: "measured, no reservations",
  WARNING: "measured; the reason says what to mind",
  ERROR: "no usable flux",
  SKIPPED: "not measured on purpose; the reason says why",
};

function factsOf(facts) {
  if (!facts.has_data) return [];
  const span = facts.start === null ? "–" : `${number(facts.start, 2)} – ${number(facts.end, 2)}`;
  const list = [
    ["cadences", `${number(facts.n_cadence)} of ${facts.cadence_s} s`],
    ["flagged", number(facts.n_flagged)],
    ["BTJD", span.replaceAll(",", "")],
    ["motion, rms", facts.motion_mpix === null ? "–" : `${significant(facts.motion_mpix)} mpx`],
    ["background", facts.sky === null ? "–" : `${significant(facts.sky)} e⁻/s/px`],
  ];
  if (facts.whole_ccd) list.splice(2, 0, ["bad frames", number(facts.n_bad_frame)]);
  return list.map(([label, value]) => {
    const item = element("div", {class: "fact"});
    item.append(element("span", {}, label), element("b", {}, value));
    return item;
  });
}

/** Table of the fields of the run. */
function showFields(field) {
  const {regions} = page.run;
  find("fields-card").hidden = regions.length < 2;
  if (regions.length < 2 || find("fields").childElementCount) {
    markField(field);
    return;
  }
  const of = (name, label, title, text) => ({
    name, label, title, align: "right", descending: true, width: "minmax(84px, 1fr)",
    value: (i) => regions[i][name], text: text || ((i) => (regions[i][name] === null || regions[i][name] === undefined ? "–" : number(regions[i][name]))),
  });
  const counted = (status) => ({...of(status, status, MEANINGS[status]), value: (i) => regions[i].status[status] || 0, text: (i) => number(regions[i].status[status] || 0)});
  const columns = [
    {name: "field", label: "Field", width: "minmax(330px, 3fr)", value: (i) => fieldName(regions[i]), text: (i) => fieldName(regions[i])},
    {...of("n", "Targets", "rows of the summary"), value: (i) => regions[i].n, text: (i) => number(regions[i].n)},
    ...STATUSES.map(counted),
    of("n_cadence", "Cadences", "cadences of the field"),
    of("n_flagged", "Flagged", "cadences with a flag that leaves them out of means"),
    of("n_bad_frame", "Bad frames", "full-frame images that cannot be used"),
    of("motion_mpix", "Motion", "rms of the motion in the middle, 0.001 px", (i) => significant(regions[i].motion_mpix ?? NaN)),
    of("sky", "Sky", "typical background, e⁻/s per pixel", (i) => significant(regions[i].sky ?? NaN)),
  ];
  page.fields = new VirtualTable(find("fields"), columns, (i) => go({field: regions[i].region}));
  page.fields.body.style.height = `${Math.min(12, regions.length) * page.fields.rowHeight + 2}px`;
  page.fields.show(regions.map((_, i) => i));
  markField(field);
}

function markField(field) {
  if (!page.fields) return;
  const place = page.run.regions.findIndex((one) => one.region === field);
  page.fields.marked = place;
  page.fields.draw();
}

/** Do something when an element comes into view, or now where it is; what waited for the same element is forgotten. */
function whenSeen(place, call) {
  page.waiting ||= new Map();
  page.waiting.get(place)?.disconnect();
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) {
      observer.disconnect();
      call();
    }
  }, {rootMargin: "100px"});
  page.waiting.set(place, observer);
  observer.observe(place);
}

function flaggedCadences(region) {
  return Array.from(tessPsf.numbers(region.quality), (word) => (word & region.bitmask) !== 0);
}

async function drawMotion(region) {
  const time = tessPsf.numbers(region.time);
  const bad = tessPsf.numbers(region.motion.bad);
  const flagged = flaggedCadences(region);
  const n = time.length;
  const unmoved = flagged.map((value, i) => value || bad[i] === 1);
  for (const axis of ["row", "column"]) {
    const shifts = tessPsf.numbers(region.motion[axis]);
    const lines = [1, 2, 3, 4].map((corner) => ({values: shifts.subarray(corner * n, (corner + 1) * n), colour: COLOURS.grey, isLine: true, ...(corner === 1 ? {name: "corners"} : {})}));
    lines.push({values: shifts.subarray(0, n), colour: COLOURS.psf, name: "middle"});
    await seriesFigure(time, lines, unmoved, `${axis} shift (0.001 px)`, find(`motion-${axis}`));
  }
  find("motion-source").textContent = `measured from ${region.motion.source}`;
}

async function drawBackground(region) {
  const time = tessPsf.numbers(region.time);
  const flagged = flaggedCadences(region);
  const [low, middle, high] = ["low", "median", "high"].map((name) => tessPsf.numbers(region.background[name]));
  const lines = [{values: middle, colour: COLOURS.psf, name: region.tiles.length > 1 ? "median of the tiles" : "median of the stars"}];
  if (region.tiles.length > 1) {
    lines.unshift({values: low, colour: COLOURS.grey, isLine: true, name: "lowest and highest tile"}, {values: high, colour: COLOURS.grey, isLine: true});
  }
  await seriesFigure(time, lines, flagged, "background (e⁻/s/px)", find("background"));
}

/** Flags of cadences, and frames of a CCD that cannot be used. */
function showFlags(region) {
  const rows = region.flags.map((flag) => [flag.meaning, number(flag.count), flag.excludes ? "left out of means, motion and PRF" : "used"]);
  if (region.n_motion_bad) rows.push(["motion not measured, interpolated", number(region.n_motion_bad), "flagged in PIXEL_QUALITY"]);
  if (region.n_missing) rows.push(["no file between the first and the last", number(region.n_missing), "not there"]);
  find("flags").replaceChildren(plainTable(["cadences with", "number", ""], rows, "No cadence is flagged."));
  const frames = region.bad_frames;
  find("bad-frames").replaceChildren(...(region.whole_ccd
    ? [plainTable(["bad frame", "what", "why"], frames, "No bad frame."), ...(region.n_bad_frame > frames.length ? [element("p", {}, `and ${region.n_bad_frame - frames.length} more`)] : [])] : []));
  find("prf-source").textContent = [region.prf_source && `PRF: ${region.prf_source}.`, region.table_doubt && `Star table: ${region.table_doubt}.`].filter(Boolean).join(" ");
}

function plainTable(labels, rows, none) {
  if (!rows.length) return element("p", {class: "none"}, none);
  const table = element("table", {class: "plain"});
  const head = element("tr");
  for (const label of labels) head.append(element("th", {}, label));
  table.append(head);
  for (const row of rows) {
    const line = element("tr");
    for (const text of row) line.append(element("td", {}, text));
    table.append(line);
  }
  return table;
}
