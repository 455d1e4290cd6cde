// One target: its light curve, its pixels, what is known of it.
"use strict";

/** Show a target of the page. */
async function showTarget(field, at) {
  const table = await tableOf(field);
  let row = table.starid.findIndex((starid, i) => String(starid) === at.tic && (field === ALL || table.region[i] === field));
  if (row < 0) row = table.starid.findIndex((starid) => String(starid) === at.tic);
  if (row < 0) throw new Error(`TIC ${at.tic} is no target of this field`);
  const place = find("target");
  place.replaceChildren(neighboursInTable(table, row));
  await drawTarget(place, table, row, page.run.flags, fileOf(table, row) && `../${fileOf(table, row)}`);
}

/** Show the targets of a page of its own: a star in every field that has it. */
async function beginAlone(content) {
  const code = element("script");
  code.textContent = new TextDecoder().decode(await tessPsf.inflated(await tessPsf.load("bokeh")));
  document.head.append(code);
  page.run = {regions: content.regions, pages: [], flags: content.flags, own_pages: []};
  find("title").textContent = content.title;
  const place = find("target");
  place.hidden = false;
  const table = {};
  for (const [name, value] of Object.entries(content.rows)) {
    table[name] = value.base64 ? tessPsf.numbers(value) : value.texts ? tessPsf.texts(value) : value;
  }
  table.ratio = Float32Array.from(table.rms_hour, (value, i) => value / table.noise_hour[i]);
  for (let row = 0; row < table.n; row++) {
    const part = element("div", {class: "alone"});
    place.append(part);
    await drawTarget(part, table, row, content.flags, fileOf(table, row) && `../../${fileOf(table, row)}`);
  }
  document.body.dataset.ready = "#";
}

/** The targets before and after this one in the order of the table. */
function neighboursInTable(table, row) {
  const order = page.table && page.table.order.includes(row) ? Array.from(page.table.order) : null;
  const bar = element("div", {class: "steps"});
  const back = element("a", {href: "#"}, "← all targets");
  back.addEventListener("click", (event) => {
    event.preventDefault();
    go({view: "targets", tic: null});
  });
  bar.append(back);
  if (order) {
    const at = order.indexOf(row);
    for (const [label, next] of [["previous", order[at - 1]], ["next", order[at + 1]]]) {
      const step = element("button", {type: "button", class: label, title: label === "next" ? "key →" : "key ←"}, label);
      step.disabled = next === undefined;
      step.addEventListener("click", () => openRow(table, next));
      bar.append(step);
    }
    bar.append(element("span", {class: "words"}, `${number(at + 1)} of ${number(order.length)} in the table`));
  }
  return bar;
}

async function drawTarget(place, table, row, flags, file) {
  const facts = page.run.regions.find((one) => one.region === table.region[row]);
  const status = table.status[row];
  const head = element("header", {class: "target-head"});
  head.append(element("h2", {}, `TIC ${table.starid[row]}`), element("span", {class: `chip is-on is-${status.toLowerCase()}`}, status),
    element("span", {class: "tmag"}, `T = ${number(table.tmag[row], 2)}`), element("span", {class: "words"}, facts ? fieldName(facts) : table.region[row]));
  if (page.run.own_pages.includes(table.starid[row])) {
    head.append(element("a", {href: `targets/tic${String(table.starid[row]).padStart(11, "0")}.html`, title: "a file of its own, which needs no other"}, "page of its own"));
  }
  if (file) head.append(element("a", {class: "file", href: encodeURI(file), title: file}, "light curve (FITS)"));
  place.append(head, reasonsOf(table, row, flags));
  if (!file) return;
  const region = await tessPsf.load(`region/${table.region[row]}`);
  const tile = await tessPsf.load(`tile/${table.region[row]}/${table.tile[row]}`);
  const entry = tile.curves[String(table.starid[row])];
  if (!entry) throw new Error(`TIC ${table.starid[row]} has no light curve in the data of the page: run the workflow again`);
  const curve = await tessPsf.curveOf(entry, tile.n_cadence, tile.window);
  const stars = starsNear(tile, curve, table.starid[row]);
  place.append(lightCurveCard(region, curve, flags), pixelCards(curve, tile.window, stars, region), factsCard(table, row, stars, curve, flags, region));
  for (const card of place.querySelectorAll(".to-draw")) {
    card.classList.remove("to-draw");
    await card.draw();
  }
}

/** Why the status is what it is, in words. */
function reasonsOf(table, row, flags) {
  const box = element("div", {class: `reasons is-${table.status[row].toLowerCase()}`});
  const reasons = table.reason[row] ? table.reason[row].split("; ") : [];
  if (!reasons.length) box.append(element("p", {}, "Measured, no reservations."));
  for (const reason of reasons) box.append(element("p", {}, reason[0].toUpperCase() + reason.slice(1) + "."));
  const more = flags.star.filter(([value]) => table.star_flags[row] & value).map(([, , meaning]) => meaning);
  if (more.length) box.append(element("p", {class: "words"}, `Flags of the star: ${more.join("; ")}.`));
  return box;
}

/** Stars of the tile on the window, the nearest first. */
function starsNear(tile, curve, tic) {
  const [starid, rows, columns, tmags] = ["starid", "row", "column", "tmag"].map((name) => tessPsf.numbers(tile.stars[name]));
  const own = starid.indexOf(tic);
  const [row, column] = curve.corner;
  const found = [];
  for (let i = 0; i < starid.length; i++) {
    if (rows[i] < row - 0.5 || rows[i] >= row + tile.window - 0.5 || columns[i] < column - 0.5 || columns[i] >= column + tile.window - 0.5) continue;
    found.push({
      starid: starid[i], name: starid[i] > 0 ? String(starid[i]) : "not in the star table", row: rows[i], column: columns[i], tmag: tmags[i], isTarget: i === own,
      distance: Math.hypot(rows[i] - rows[own], columns[i] - columns[own]),
    });
  }
  return found.sort((a, b) => a.distance - b.distance);
}

function wordsOf(list, word) {
  return list.filter(([value]) => word & value).map(([, , meaning]) => meaning).join("; ");
}

function lightCurveCard(region, curve, flags) {
  const card = element("section", {class: "card wide to-draw"});
  const bar = element("div", {class: "card-bar"});
  const relative = element("input", {type: "checkbox"});
  const label = element("label");
  label.append(relative, " relative to the median");
  bar.append(element("h3", {}, "Light curve"), label, element("span", {class: "words"}, "drag to zoom, wheel for time only, click the legend to hide"));
  const figure = element("div", {class: "figure light-curve"});
  card.append(bar, figure);
  const time = tessPsf.numbers(region.time);
  const quality = tessPsf.numbers(region.quality);
  const usable = Array.from(quality, (word, i) => (word & region.bitmask) === 0 && Number.isFinite(curve.flux[i]));
  const words = Array.from(quality, (word, i) => [wordsOf(flags.quality, word), wordsOf(flags.pixel_quality, curve.quality[i])].filter(Boolean).join("; "));
  card.draw = () => lightCurveFigure(time, curve, usable, words, {relative: relative.checked}, figure);
  relative.addEventListener("change", card.draw);
  return card;
}

/** Blue to red through white, which people with colour blindness can tell apart (ColorBrewer RdBu, Brewer 2003). */
const DIVERGING = ["#053061", "#2166AC", "#4393C3", "#92C5DE", "#D1E5F0", "#F7F7F7", "#FDDBC7", "#F4A582", "#D6604D", "#B2182B", "#67001F"];

function pixelCards(curve, window, stars, region) {
  const card = element("section", {class: "card wide to-draw"});
  const bar = element("div", {class: "card-bar"});
  bar.append(element("h3", {}, "Pixels"), element("span", {class: "words"},
    "red circle: the target; green crosses: other stars, larger for brighter ones; orange: the aperture; yellow: no value"));
  const figures = element("div", {class: "pixels"});
  card.append(bar, figures);
  const places = [0, 1, 2].map(() => element("div", {class: "figure pixel"}));
  figures.append(...places);
  card.draw = async () => {
    const known = Array.from(curve.image).filter(Number.isFinite);
    const middle = median(known);
    const width = Math.max(1e-6, 2 * 1.4826 * median(known.map((value) => Math.abs(value - middle))), (Math.max(...known) - middle) / 1000);
    const shade = (value) => Math.asinh((value - middle) / width);
    const light = {palette: GREYS, shade, low: shade(Math.min(...known)), high: shade(Math.max(...known)), unit: "e⁻/s", ticks: () => asinhTicks(known, middle, width)};
    const deviations = Array.from(curve.sigma).filter(Number.isFinite).map(Math.abs);
    const limit = Math.max(5, ...deviations);
    await pixelFigure(curve.image, curve, window, {...light, title: "mean image (e⁻/s)"}, stars, places[0]);
    await pixelFigure(curve.model, curve, window, {...light, title: "model (e⁻/s)"}, stars, places[1]);
    await pixelFigure(curve.sigma, curve, window,
      {palette: DIVERGING, shade: (value) => value, low: -limit, high: limit, unit: "σ", title: "image − model (σ of the mean image)"}, stars, places[2]);
  };
  return card;
}

/** Round fluxes at which the colour bar of an asinh stretch has its ticks. */
function asinhTicks(values, middle, width) {
  const highest = Math.max(...values);
  const steps = [0];
  for (let power = 0; power < 7; power++) for (const first of [1, 3]) steps.push(first * 10 ** power);
  const wanted = steps.filter((value) => value <= highest && (value === 0 || value > 2 * width)).slice(-6);
  const labels = new Map(wanted.map((value) => [Math.asinh((value - middle) / width), value.toLocaleString("en-GB")]));
  return {ticker: new Bokeh.FixedTicker({ticks: [...labels.keys()]}), major_label_overrides: labels};
}

function factsCard(table, row, stars, curve, flags, region) {
  const card = element("section", {class: "card wide facts-card"});
  const one = (label, value, title = "") => {
    const line = element("tr", {title});
    line.append(element("th", {}, label), element("td", {}, value));
    return line;
  };
  const facts = element("table", {class: "plain"});
  const percent = (value) => (Number.isFinite(value) ? `${significant(100 * value)} %` : "–");
  facts.append(
    one("median flux", `${significant(table.median_flux[row], 6)} e⁻/s`),
    one("may be off by", `${significant(table.mean_flux_syst[row])} e⁻/s`, "how far the static misfit may put the mean flux off"),
    one("scatter in one hour", `${number(table.rms_hour[row])} ppm`), one("predicted", `${number(table.noise_hour[row])} ppm`),
    one("point to point", `${number(table.ptp[row])} ppm`), one("predicted for a cadence", `${number(table.noise[row])} ppm`),
    one("contamination", percent(table.contamination[row]), "share of other stars' light in the star's pixels"),
    one("blend correlation", significant(table.blend_correlation[row]), "largest correlation of the flux with another star's"),
    one("aperture ÷ PSF − 1", percent(table.sap_level[row] / 1e6)), one("plain aperture − PSF, scatter", `${number(table.sap_scatter[row])} ppm`),
    one("χ² of the pixels", significant(table.chi2[row])), one("χ² of the mean image", significant(table.chi2_mean[row])),
    one("misfit of the mean image", percent(table.mean_misfit[row])), one("background", `${significant(table.background[row])} e⁻/s/px`),
    one("row, column", `${table.row[row].toFixed(2)}, ${table.column[row].toFixed(2)}`),
    one("cadences with a flux", `${number(table.n_finite[row])} of ${number(table.n_unflagged[row])} unflagged`),
  );
  const counts = flags.pixel_quality.map(([value, , meaning]) => [meaning, curve.quality.reduce((sum, word) => sum + ((word & value) !== 0), 0)]).filter(([, count]) => count);
  const left = element("div");
  left.append(element("h3", {}, "Numbers"), facts);
  const middle = element("div");
  middle.append(element("h3", {}, "Stars on these pixels"), starTable(table, row, stars));
  const right = element("div");
  right.append(element("h3", {}, "Flags of its cadences"), plainTable(["", "cadences"], counts.map(([meaning, count]) => [meaning, number(count)]), "None."));
  if (region.prf_source) right.append(element("p", {class: "words"}, `PRF: ${region.prf_source}.`));
  card.append(left, middle, right);
  return card;
}

function starTable(table, row, stars) {
  const lines = element("table", {class: "plain stars"});
  const head = element("tr");
  for (const label of ["TIC", "T", "fainter by", "distance (px)"]) head.append(element("th", {}, label));
  lines.append(head);
  const own = table.tmag[row];
  for (const star of stars.slice(0, 14)) {
    const line = element("tr", star.isTarget ? {class: "is-target"} : {});
    const place = table.starid.findIndex((starid, i) => starid === star.starid && table.region[i] === table.region[row] && table.file[i] !== "");
    const name = element("td", place >= 0 && !star.isTarget ? {class: "tic"} : {}, star.name);
    if (place >= 0 && !star.isTarget && page.run.pages.length) name.addEventListener("click", () => openRow(table, place));
    line.append(name, element("td", {}, number(star.tmag, 2)), element("td", {}, star.isTarget ? "" : number(star.tmag - own, 2)), element("td", {}, star.isTarget ? "target" : number(star.distance, 2)));
    lines.append(line);
  }
  return lines;
}
