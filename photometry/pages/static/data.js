// Data of the page: loaded by script tags when they are asked for, as pages on a disk may not fetch; and unpacked.
"use strict";

const tessPsf = (() => {
  const known = new Map();
  const loading = new Map();

  /** Take over content; the data files call this. */
  function add(key, content) {
    known.set(key, content);
  }

  /** Name of the file that holds a key: "tile/region/tile" is data/region/tile.js. */
  function fileOf(key) {
    const [kind, ...names] = key.split("/").map(encodeURIComponent);
    return kind === "rows" ? `data/rows_${names[0].padStart(3, "0")}.js` : `data/${names.join("/")}.js`;
  }

  /** Return content by its key, loaded where it is not there yet. */
  function load(key) {
    if (known.has(key)) return Promise.resolve(known.get(key));
    if (!loading.has(key)) {
      loading.set(key, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = fileOf(key);
        script.onload = () => (known.has(key) ? resolve(known.get(key)) : reject(new Error(`${script.src} is damaged`)));
        script.onerror = () => reject(new Error(`${fileOf(key)} is missing: run the workflow again`));
        document.head.append(script);
      }));
    }
    return loading.get(key);
  }

  const KINDS = {f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array};

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  /** Return packed numbers as a typed array. */
  function numbers(packed) {
    return new KINDS[packed.kind](bytesOf(packed.base64).buffer);
  }

  /** Return packed texts as an array. */
  function texts(packed) {
    return Array.from(numbers(packed.places), (place) => packed.texts[place]);
  }

  /** Return the bytes of what was deflated. */
  async function inflated(base64) {
    const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** Numbers of 16 bits whose low bytes come first, then the high ones. */
  function words(bytes, start, length, Kind) {
    const found = new Kind(length);
    for (let i = 0; i < length; i++) found[i] = bytes[start + i] | (bytes[start + length + i] << 8);
    return found;
  }

  /** Return light curve and pixels of a star: series of n cadences, images of window x window pixels. */
  async function curveOf(entry, nCadence, window) {
    const bytes = await inflated(entry.packed);
    const found = {corner: entry.corner};
    let start = 0;
    const scaled = (name, length) => {
      const [zero, step] = entry.scales[name];
      found[name] = Float64Array.from(words(bytes, start, length, Int16Array),
        (value) => (value === -32768 ? NaN : zero + step * value));
      start += 2 * length;
    };
    scaled("flux", nCadence);
    scaled("sap", nCadence);
    scaled("plain", nCadence);
    if (entry.scales.corr) scaled("corr", nCadence);
    found.quality = words(bytes, start, nCadence, Uint16Array);
    start += 2 * nCadence;
    for (const name of ["image", "model", "sigma"]) scaled(name, window * window);
    found.aperture = bytes.subarray(start, start + window * window);
    return found;
  }

  return {add, load, numbers, texts, inflated, curveOf};
})();
