// Figures of the page, drawn by BokehJS from arrays.
"use strict";

const COLOURS = {
  psf: "#0072B2", aperture: "#E69F00", plain: "#CC79A7", flagged: "#D55E00", grey: "#9AA5AF", green: "#009E73", ink: "#22303C",
  OK: "#0072B2", WARNING: "#E69F00", ERROR: "#D55E00", SKIPPED: "#9AA5AF",
};
const TIME_LABEL = "time (BTJD = BJD_TDB − 2457000, d)";

/** A figure in the style of the page; width follows its place. */
function newFigure(options) {
  const figure = Bokeh.Plotting.figure({
    height: 340,
    sizing_mode: "stretch_width",
    tools: "pan,box_zoom,wheel_zoom,reset,save",
    active_drag: "box_zoom",
    toolbar_location: "right",
    background_fill_color: "#FFFFFF",
    outline_line_color: "#C9D3DC",
    min_border_left: 64,
    ...options,
  });
  figure.toolbar.logo = null;
  for (const axis of [...figure.xaxes, ...figure.yaxes]) {
    axis.axis_label_text_font_style = "normal";
    axis.axis_label_text_color = COLOURS.ink;
    axis.axis_line_color = "#8896A3";
    axis.major_tick_line_color = "#8896A3";
    axis.minor_tick_line_color = null;
  }
  for (const grid of [...figure.xgrids, ...figure.ygrids]) grid.grid_line_color = "#E8EDF1";
  return figure;
}

const drawnFigures = new Map();

/** Put a figure into its place; the one that was there, and those of places that are gone, are forgotten. */
async function showFigure(figure, place) {
  for (const [other, before] of drawnFigures) {
    if (other === place || !other.isConnected) {
      drawnFigures.delete(other);
      before.document?.clear();
    }
  }
  place.replaceChildren();
  drawnFigures.set(place, figure);
  await Bokeh.Plotting.show(figure, place);
}

function hoverOf(renderers, tooltips) {
  return new Bokeh.HoverTool({renderers, tooltips, point_policy: "snap_to_data", attachment: "horizontal"});
}

/** Call a function with the number of the point that is tapped. */
function onTap(source, call) {
  source.selected.change.connect(() => {
    const [place] = source.selected.indices;
    if (place !== undefined) {
      source.selected.indices = [];
      call(place);
    }
  });
}

function legendStyle(figure, location) {
  const {legend} = figure;
  legend.location = location;
  legend.click_policy = "hide";
  legend.background_fill_alpha = 0.85;
  legend.border_line_color = null;
  legend.label_text_font_size = "12px";
  legend.spacing = 1;
  legend.padding = 4;
}

/** Range of values in view: of those that are finite, with a margin. */
function rangeOf(values, margin = 0.08) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (Number.isFinite(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return {start: 0, end: 1};
  const more = margin * (high - low) || 0.05 * Math.abs(high) || 1;
  return {start: low - more, end: high + more};
}

const SCATTERS = {
  hour: {label: "scatter in one hour (ppm)", column: "rms_hour", noise: "hour"},
  cadence: {label: "scatter from cadence to cadence (ppm)", column: "ptp", noise: "cadence"},
  ratio: {label: "scatter in one hour ÷ its predicted noise", column: "ratio", noise: null},
};

/** Scatter against magnitude; `noise` is that of a region, where one is chosen. */
function scatterFigure(rows, table, choice, noise, place, open) {
  const kind = SCATTERS[choice];
  const figure = newFigure({
    y_axis_type: "log", x_axis_label: "TESS magnitude", y_axis_label: kind.label, height: 460, tools: "pan,box_zoom,wheel_zoom,tap,reset,save",
  });
  const renderers = [];
  for (const status of ["OK", "WARNING"]) {
    const chosen = rows.filter((row) => table.status[row] === status && table[kind.column][row] > 0);
    const source = new Bokeh.ColumnDataSource({data: {
      x: chosen.map((row) => table.tmag[row]),
      y: chosen.map((row) => table[kind.column][row]),
      tic: chosen.map((row) => String(table.starid[row])),
    }});
    const drawn = figure.scatter({field: "x"}, {field: "y"}, {
      source, size: chosen.length > 5000 ? 3 : 5, color: COLOURS[status], alpha: chosen.length > 5000 ? 0.4 : 0.7,
      marker: status === "OK" ? "circle" : "diamond", line_color: null, legend_label: `${status} (${chosen.length})`,
      nonselection_alpha: chosen.length > 5000 ? 0.4 : 0.7,
    });
    onTap(source, (point) => open(chosen[point]));
    renderers.push(drawn);
  }
  const line = (x, y, options) => figure.line(Array.from(x), Array.from(y), {line_width: 1.6, ...options});
  const near = rangeOf(rows.map((row) => table.tmag[row]), 0.03);
  if (noise && kind.noise) {
    const tmag = tessPsf.numbers(noise.tmag);
    const ppm = tessPsf.numbers(noise[kind.noise]);
    const inView = Array.from(tmag.keys()).filter((i) => tmag[i] >= near.start - 0.3 && tmag[i] <= near.end + 0.3);
    line(inView.map((i) => tmag[i]), inView.map((i) => ppm[i]), {color: COLOURS.ink, legend_label: "photons, sky, read noise"});
    if (kind.noise === "hour") {
      const bound = noise.bound.filter(([t]) => t >= near.start - 1 && t <= near.end + 1);
      line(bound.map((pair) => pair[0]), bound.map((pair) => pair[1]),
        {color: COLOURS.green, line_dash: "dashed", legend_label: "bound of the joint fit"});
    }
  }
  if (!kind.noise) line([near.start, near.end], [1, 1], {color: COLOURS.ink});
  figure.x_range.start = near.start;
  figure.x_range.end = near.end;
  figure.add_tools(hoverOf(renderers, [["TIC", "@tic"], ["T", "@x{0.00}"], ["value", "@y{0,0.0}"]]));
  legendStyle(figure, kind.noise ? "bottom_right" : "top_left");
  return showFigure(figure, place);
}

/** Colours of a palette by how much light there is: bright stars are dark. */
const GREYS = Array.from({length: 256}, (_, i) => {
  const level = Math.round(255 - 0.86 * i).toString(16).padStart(2, "0");
  return `#${level}${level}${level}`;
});

/** Steps of grey (255: no value) as a picture, first row below, large enough that its pixels stay sharp. */
function pictureOf(steps, nRow, nColumn) {
  const small = element("canvas", {width: String(nColumn), height: String(nRow)});
  const picture = new ImageData(nColumn, nRow);
  for (let i = 0; i < nRow; i++) {
    for (let j = 0; j < nColumn; j++) {
      const step = steps[i * nColumn + j];
      const level = Math.round(255 - 0.86 * step);
      picture.data.set(step === 255 ? [251, 243, 208, 255] : [level, level, level, 255], 4 * ((nRow - 1 - i) * nColumn + j));
    }
  }
  small.getContext("2d").putImageData(picture, 0, 0);
  const zoom = Math.ceil(512 / Math.max(nRow, nColumn));
  const canvas = element("canvas", {width: String(nColumn * zoom), height: String(nRow * zoom)});
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL();
}

/** Map of a region: its mean image and its targets, coloured by what is chosen. */
async function mapFigure(rows, table, choice, region, place, open) {
  const [rowMin, rowMax, colMin, colMax] = region.stamp;
  const [nRow, nColumn] = region.image.shape;
  const pixels = await tessPsf.inflated(region.image.packed);
  const size = region.image.bin;
  const figure = newFigure({
    x_axis_label: "CCD column (px)", y_axis_label: "CCD row (px)", match_aspect: true, height: 460,
    tools: "pan,box_zoom,wheel_zoom,tap,reset,save", active_scroll: null,
    x_range: new Bokeh.Range1d({start: colMin - 0.5, end: colMax - 0.5, bounds: null}),
    y_range: new Bokeh.Range1d({start: rowMin - 0.5, end: rowMax - 0.5, bounds: null}),
  });
  figure.image_url({
    url: {value: pictureOf(pixels, nRow, nColumn)}, x: colMin - 0.5, y: rowMin - 0.5, w: nColumn * size, h: nRow * size, anchor: "bottom_left",
  });
  for (const grid of [...figure.xgrids, ...figure.ygrids]) grid.grid_line_color = null;
  const shown = rows.filter((row) => Number.isFinite(table.row[row]));
  const cells = shown.length > MOST_STARS ? cellsOf(shown, table, choice) : null;
  const mapper = choice.isStatus ? null : mapperOf(cells ? cells.value : shown.map(choice.value), choice.log);
  const colourOf = (field) => (mapper ? {field, transform: mapper} : {field: "colour"});
  const stars = new Bokeh.ColumnDataSource({data: {x: [], y: [], value: [], size: [], tic: [], tmag: [], colour: []}});
  let inView = [];
  const showStars = (some) => {
    inView = some;
    stars.data = {
      x: some.map((row) => table.column[row]), y: some.map((row) => table.row[row]), value: some.map(choice.value),
      size: some.map((row) => Math.min(16, Math.max(5, 2.2 * (16 - table.tmag[row])))),
      tic: some.map((row) => String(table.starid[row])), tmag: some.map((row) => table.tmag[row]),
      colour: some.map((row) => COLOURS[table.status[row]] || COLOURS.grey),
    };
  };
  const drawn = figure.scatter({field: "x"}, {field: "y"}, {
    source: stars, size: {field: "size"}, fill_color: colourOf("value"), line_color: "#FFFFFF", line_width: 0.6, fill_alpha: 0.9, nonselection_fill_alpha: 0.9,
  });
  if (cells) showCells(figure, cells, shown, table, colourOf, showStars);
  else showStars(shown);
  if (mapper) {
    figure.add_layout(new Bokeh.ColorBar({color_mapper: mapper, width: 12, padding: 4, title: choice.label,
      title_text_font_style: "normal", title_text_font_size: "12px"}), "right");
  }
  if (region.unlisted) {
    figure.scatter(Array.from(tessPsf.numbers(region.unlisted.column)), Array.from(tessPsf.numbers(region.unlisted.row)),
      {marker: "square", size: 12, fill_color: null, line_color: COLOURS.flagged, line_width: 1.5});
  }
  onTap(stars, (point) => open(inView[point]));
  figure.add_tools(hoverOf([drawn], [["TIC", "@tic"], ["T", "@tmag{0.00}"], [choice.isStatus ? "row, column" : choice.label,
    choice.isStatus ? "@y{0.0}, @x{0.0}" : "@value{0,0.000}"]]));
  return showFigure(figure, place);
}

/** Stars that a map shows one by one; where there are more in view, cells have the median of theirs. */
const MOST_STARS = 4000;
/** Rows and columns of a cell, pixels. */
const CELL = 32;

/** Medians of cells: what has more of the stars that are not OK has the colour of WARNING. */
function cellsOf(shown, table, choice) {
  const cells = new Map();
  for (const row of shown) {
    const key = `${Math.floor(table.row[row] / CELL)} ${Math.floor(table.column[row] / CELL)}`;
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(row);
  }
  const middle = (key, axis) => CELL * (Number(key.split(" ")[axis]) + 0.5) - 0.5;
  const keys = [...cells.keys()];
  const members = [...cells.values()];
  return {
    x: keys.map((key) => middle(key, 1)), y: keys.map((key) => middle(key, 0)), number: members.map((rows) => rows.length),
    value: members.map((rows) => median(rows.map(choice.value))),
    colour: members.map((rows) => (2 * rows.filter((row) => table.status[row] === "OK").length >= rows.length ? COLOURS.OK : COLOURS.WARNING)),
  };
}

/** Show cells; the stars themselves where one zooms in. */
function showCells(figure, cells, shown, table, colourOf, showStars) {
  const source = new Bokeh.ColumnDataSource({data: cells});
  const drawn = figure.rect({field: "x"}, {field: "y"}, CELL, CELL, {source, fill_color: colourOf("value"), line_color: null, fill_alpha: 0.75});
  figure.add_tools(hoverOf([drawn], [["stars", "@number"], ["median", "@value{0,0.000}"]]));
  let timer = null;
  const look = () => {
    const {x_range: x, y_range: y} = figure;
    const near = shown.filter((row) => table.column[row] >= x.start && table.column[row] <= x.end && table.row[row] >= y.start && table.row[row] <= y.end);
    drawn.visible = near.length > MOST_STARS;
    showStars(drawn.visible ? [] : near);
  };
  for (const range of [figure.x_range, figure.y_range]) {
    range.change.connect(() => {
      clearTimeout(timer);
      timer = setTimeout(look, 120);
    });
  }
}

/** Colours of values between their 2nd and 98th percentile. */
function mapperOf(values, isLog) {
  const known = values.filter((value) => Number.isFinite(value) && (!isLog || value > 0)).sort((a, b) => a - b);
  const at = (share) => known[Math.min(known.length - 1, Math.floor(share * known.length))];
  let [low, high] = known.length ? [at(0.02), at(0.98)] : [0.1, 1];
  if (low === high) [low, high] = isLog ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  const options = {palette: Bokeh.Palettes.Viridis256, low, high, nan_color: "#C9D3DC"};
  return isLog ? new Bokeh.LogColorMapper(options) : new Bokeh.LinearColorMapper(options);
}

/** Series of a region against time; flagged cadences are crossed. */
function seriesFigure(time, lines, flagged, label, place) {
  const figure = newFigure({x_axis_label: TIME_LABEL, y_axis_label: label, height: 260, active_scroll: null});
  for (const {values, colour, name, isLine} of lines) {
    const look = {color: colour, alpha: isLine ? 0.6 : 0.9, ...(name ? {legend_label: name} : {})};
    if (isLine) figure.line(Array.from(time), Array.from(values), {...look, line_width: 1});
    else figure.scatter(Array.from(time), Array.from(values), {...look, size: 4, line_color: null});
  }
  const main = lines[lines.length - 1].values;
  const marked = Array.from(time.keys()).filter((i) => flagged[i]);
  const range = rangeOf(lines.flatMap(({values}) => Array.from(values).filter((_, i) => !flagged[i])), 0.12);
  range.end += 0.18 * (range.end - range.start); // room for the legend
  const clip = (value) => Math.min(range.end, Math.max(range.start, Number.isFinite(value) ? value : range.start));
  if (marked.length) {
    figure.scatter(marked.map((i) => time[i]), marked.map((i) => clip(main[i])),
      {marker: "x", size: 7, color: COLOURS.flagged, legend_label: `flagged (${marked.length})`});
  }
  figure.y_range.start = range.start;
  figure.y_range.end = range.end;
  legendStyle(figure, "top_left");
  figure.legend.orientation = "horizontal";
  return showFigure(figure, place);
}

/** Light curve: PSF flux, corrected where there is such, aperture flux without and with neighbours; flagged cadences apart. */
function lightCurveFigure(time, curve, usable, words, options, place) {
  const scale = options.relative ? 1 / median(Array.from(curve.flux).filter((_, i) => usable[i])) : 1;
  const label = options.relative ? "flux ÷ median PSF flux" : "flux (e⁻/s)";
  const good = Array.from(time.keys()).filter((i) => usable[i]);
  const bad = Array.from(time.keys()).filter((i) => !usable[i]);
  const shown = ["flux", "sap", "plain", "corr"].map((name) => curve[name]).filter(Boolean);
  const range = rangeOf(good.flatMap((i) => shown.map((values) => scale * values[i])));
  range.end += 0.14 * (range.end - range.start); // room for the legend
  const figure = newFigure({
    x_axis_label: TIME_LABEL, y_axis_label: label, height: 400, tools: "pan,box_zoom,xwheel_zoom,xbox_select,reset,save",
    x_range: new Bokeh.Range1d(spanOf(time)),
    y_range: new Bokeh.Range1d(range),
  });
  const clip = (value) => (Number.isFinite(value) ? Math.min(range.end, Math.max(range.start, value)) : NaN);
  const drawn = [];
  const points = (which, values, look) => {
    const source = new Bokeh.ColumnDataSource({data: {
      x: which.map((i) => time[i]), y: which.map((i) => clip(scale * values[i])), value: which.map((i) => scale * values[i]),
      flags: which.map((i) => words[i] || "none"),
    }});
    drawn.push(figure.scatter({field: "x"}, {field: "y"}, {source, ...look}));
  };
  const small = good.length > 3000 ? 3 : 4.5;
  points(good, curve.plain, {size: small, color: COLOURS.plain, alpha: 0.8, line_color: null, legend_label: "aperture, neighbours in it (scaled)"});
  points(good, curve.sap, {size: small, color: COLOURS.aperture, alpha: 0.75, line_color: null, legend_label: "aperture less neighbours (SAP_FLUX)"});
  points(good, curve.flux, {size: small, color: COLOURS.psf, alpha: 0.9, line_color: null, legend_label: "PSF (FLUX)"});
  if (curve.corr) points(good, curve.corr, {size: small, color: COLOURS.green, alpha: 0.9, line_color: null, legend_label: "corrected (CORR_FLUX)"});
  if (bad.length) points(bad, curve.flux, {marker: "x", size: 7, color: COLOURS.flagged, legend_label: `flagged (${bad.length})`});
  figure.add_tools(hoverOf(drawn, [["time", "@x{0.0000}"], ["flux", options.relative ? "@value{0.00000}" : "@value{0,0.0}"], ["flags", "@flags"]]));
  for (const axis of figure.yaxes) axis.formatter = new Bokeh.BasicTickFormatter({use_scientific: false});
  legendStyle(figure, "top_left");
  figure.legend.orientation = "horizontal";
  return showFigure(figure, place);
}

function spanOf(time) {
  const {start, end} = rangeOf(time, 0.01);
  return {start, end};
}

function median(values) {
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (!known.length) return NaN;
  const middle = known.length >> 1;
  return known.length % 2 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
}

/** Pixels around a star: image, model, or what the model leaves. */
function pixelFigure(values, curve, window, look, stars, place) {
  const [row, column] = curve.corner;
  const size = Math.max(300, Math.min(460, Math.floor(place.clientWidth)));
  const figure = newFigure({
    title: look.title, height: size - 20, width: size, sizing_mode: "fixed", match_aspect: true, tools: "pan,wheel_zoom,reset,save", min_border_left: 50,
    active_drag: null, active_scroll: null, toolbar_location: null,
    x_range: new Bokeh.Range1d({start: column - 0.5, end: column + window - 0.5}),
    y_range: new Bokeh.Range1d({start: row - 0.5, end: row + window - 0.5}),
    x_axis_label: "CCD column (px)", y_axis_label: "CCD row (px)",
  });
  const x = [];
  const y = [];
  for (let i = 0; i < window * window; i++) {
    x.push(column + (i % window));
    y.push(row + Math.floor(i / window));
  }
  const mapper = new Bokeh.LinearColorMapper({palette: look.palette, low: look.low, high: look.high, nan_color: "#FBF3D0"});
  const source = new Bokeh.ColumnDataSource({data: {x, y, shade: Array.from(values, look.shade), value: Array.from(values)}});
  const drawn = figure.rect({field: "x"}, {field: "y"}, 1, 1, {source, fill_color: {field: "shade", transform: mapper}, line_color: null});
  const inside = Array.from(curve.aperture.keys()).filter((i) => curve.aperture[i]);
  figure.rect(inside.map((i) => x[i]), inside.map((i) => y[i]), 1, 1, {fill_color: null, line_color: COLOURS.aperture, line_width: 1});
  const others = stars.filter((star) => !star.isTarget);
  const marks = new Bokeh.ColumnDataSource({data: {
    x: others.map((star) => star.column), y: others.map((star) => star.row), tic: others.map((star) => star.name),
    tmag: others.map((star) => star.tmag), size: others.map((star) => Math.min(16, Math.max(5, 3 * (17 - star.tmag)))),
  }});
  const neighbours = figure.scatter({field: "x"}, {field: "y"}, {source: marks, marker: "cross", size: {field: "size"}, line_color: COLOURS.green, line_width: 1.6});
  const target = stars.filter((star) => star.isTarget);
  figure.scatter(target.map((star) => star.column), target.map((star) => star.row), {size: 16, fill_color: null, line_color: COLOURS.flagged, line_width: 2});
  for (const grid of [...figure.xgrids, ...figure.ygrids]) grid.grid_line_color = null;
  figure.add_layout(new Bokeh.ColorBar({color_mapper: mapper, width: 10, padding: 3, ...(look.ticks ? look.ticks() : {})}), "right");
  figure.add_tools(hoverOf([drawn], [["row, column", "@y, @x"], [look.unit, "@value{0,0.0}"]]), hoverOf([neighbours], [["TIC", "@tic"], ["T", "@tmag{0.00}"]]));
  return showFigure(figure, place);
}
