const $ = id => document.getElementById(id);
const NAMES = [...document.querySelectorAll("[name=strategy]")].map(e => e.value);
const LABEL = Object.fromEntries([...$("formula").options].map(o => [o.value, o.textContent]));
const COMPOSED = NAMES.filter(name => name.endsWith("_composed"));

// A slider's position p in [0, 1] stands for a number; how a number is shown and how near it is kept.
const geometric = (low, high) => ({ at: p => low * (high / low) ** p, to: x => Math.log(x / low) / Math.log(high / low) });
const rounded = x => Number(x.toPrecision(3));
const whole = scale => ({ at: p => Math.round(scale.at(p)), to: scale.to });
const off = (scale, none) => ({ // the first position stands for none at all
  at: p => p <= 0 ? none : rounded(scale.at(p)), to: x => x === none ? 0 : scale.to(x) });
const last = (scale, none) => ({ at: p => p >= 1 ? none : rounded(scale.at(p)), to: x => x === none ? 1 : scale.to(x) });
const positive = scale => ({ at: p => rounded(scale.at(p)), to: scale.to });
const SLIDERS = {
  d: whole(geometric(2, 200)), m: whole(geometric(1, 1000)), sigma2: positive(geometric(0.001, 10)), nmax: whole(geometric(5, 1000)),
  cosine: { at: p => Math.round(200 * p - 100) / 100, to: x => (x + 1) / 2 },
  lam: off(geometric(0.01, 100), 0), mu: off(geometric(0.01, 100), 0), t: last(geometric(0.001, 100), Infinity),
};
const START = { d: 5, m: 20, sigma2: 0.1, nmax: 40, cosine: 1, lam: 0, mu: 0, t: Infinity, place: "task",
  formula: "zero_shot_value", show: NAMES.filter(name => document.querySelector(`[value=${name}]`).checked) };
let state = { ...START };

function key(name, place, x) {
  const composed = COMPOSED.includes(name);
  const weighted = x.lam > 0 && !["pretrained", "zero_shot", "zero_shot_value", "zero_shot_kq"].includes(name);
  return `${name} ${place} ${weighted ? 1 : 0}${composed && x.t < Infinity ? 1 : 0}`;
}

// The risk of a strategy; undefined where there is no closed form.
function risk(name, place, n, x) {
  const program = PROGRAMS[key(name, place, x)];
  return program && program(n, x.d, x.m, x.sigma2, place === "unseen" ? 0 : x.cosine, x.lam, x.mu, x.t);
}

function shots(nmax) {
  if (nmax <= 200) return Array.from({ length: nmax + 1 }, (_, n) => n);
  const some = Array.from({ length: 201 }, (_, k) => Math.round(nmax * (k / 200) ** 2));
  return [...new Set(some)];
}

function curves(x) {
  const n = shots(x.nmax), base = n.map(k => risk("pretrained", "unseen", k, x));
  return x.show.map(name => ({ name, n, risk: n.map(k => risk(name, x.place, k, x)),
    price: n.map((k, i) => risk(name, "unseen", k, x) - base[i]) })).filter(curve => curve.risk[0] !== undefined);
}

const task = () => state.place === "unseen" ? "unseen tasks" : state.cosine === 1 ? "the target" : `a task at cosine ${state.cosine}`;

const models = () => window.Bokeh?.documents?.[0];

function draw() {
  const found = Object.fromEntries(curves(state).map(curve => [curve.name, curve]));
  const plots = models();
  if (plots) for (const kind of ["risk", "price"]) for (const name of NAMES) {
    const source = plots.get_model_by_name(`${kind} ${name}`)?.data_source;
    const curve = found[name];
    if (source && (curve || source.data.n.length)) source.data = curve ? { n: curve.n, value: curve[kind] } : { n: [], value: [] };
  }
  plots?.get_model_by_name("risk").title.setv({ text: `risk on ${task()}` });
  const at = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].filter(n => n <= state.nmax);
  $("numbers").innerHTML = `<thead><tr><th>risk</th>${at.map(n => `<th scope="col">n = ${n}</th>`).join("")}</tr></thead><tbody>` +
    Object.keys(found).map(name => `<tr><th scope="row">${LABEL[name]}</th>` +
      at.map(n => `<td>${risk(name, state.place, n, state).toPrecision(5)}</td>`).join("") + "</tr>").join("") + "</tbody>";
  const shown = key(state.formula, state.place, state);
  document.querySelectorAll(".formula").forEach(e => e.hidden = e.dataset.key !== shown);
  $("none").hidden = shown in PROGRAMS;
}

let waiting = false;
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

// --- state, in the controls and in the link --------------------------------------------------------------------------

function show() {
  for (const [id, scale] of Object.entries(SLIDERS)) {
    $(id).value = Math.round(1000 * scale.to(state[id]));
    told(id);
  }
  $("place").value = state.place;
  $("formula").value = state.formula;
  document.querySelectorAll("[name=strategy]").forEach(e => e.checked = state.show.includes(e.value));
  $("cosine").disabled = state.place === "unseen";
}

function told(id) {
  const x = state[id], text = x === Infinity ? "∞" : id === "lam" && x === 0 ? "0⁺" : String(x);
  document.querySelector(`output[for=${id}]`).textContent = text;
  $(id).setAttribute("aria-valuetext", text);
}

function hash() {
  const parts = { ...state, show: state.show.join("+") };
  return "#" + Object.entries(parts).map(([name, x]) => `${name}=${x}`).join("&");
}

// What one part of a link says of the state; and a fault, where it says what is not allowed.
function read(name, value) {
  const short = text => text.length > 40 ? text.slice(0, 37) + "..." : text;
  const not = (allowed, what = value) => ({ fault: `Not used from the link: ${short(name)} = ${short(what)}; ${allowed}.` });
  if (!Object.hasOwn(START, name)) return not(`allowed are ${Object.keys(START).join(", ")}`);
  if (name in SLIDERS) {
    const ends = [SLIDERS[name].at(0), SLIDERS[name].at(1)], low = Math.min(...ends), high = Math.max(...ends), x = Number(value);
    const counts = ["d", "m", "nmax"].includes(name);
    if (value.trim() !== "" && x >= low && x <= high && (!counts || Number.isInteger(x))) return { [name]: x };
    return not(`allowed is a ${counts ? "whole number" : "number"} from ${low} to ${high}`);
  }
  const known = name === "place" ? ["task", "unseen"] : NAMES, allowed = `allowed: ${known.join(", ")}`;
  if (name !== "show") return known.includes(value) ? { [name]: value } : not(allowed);
  const asked = value.split("+").filter(one => one !== ""), strange = asked.filter(one => !known.includes(one));
  return { show: known.filter(one => asked.includes(one)), ...(strange.length ? not(allowed, strange.join("+")) : {}) };
}

function restore(text) {
  const next = { ...START }, faults = [];
  for (const part of text.replace(/^#/, "").split("&").filter(one => one !== "")) {
    let [name, value = ""] = part.split(/=(.*)/s);
    try { [name, value] = [name, value].map(decodeURIComponent); } catch { /* a stray %: as it stands */ }
    const { fault, ...good } = read(name, value);
    Object.assign(next, good);
    if (fault) faults.push(fault);
  }
  $("unused").textContent = faults.join("\n");
  $("unused").hidden = faults.length === 0;
  state = next;
  show();
  later();
}

let written = 0;
function changed() {
  $("unused").hidden = true; // the link is now another
  later();
  clearTimeout(written);
  written = setTimeout(() => history.replaceState(null, "", hash()), 150);
}

$("controls").addEventListener("input", event => {
  const { id, name } = event.target;
  if (id in SLIDERS) { state[id] = SLIDERS[id].at(event.target.value / 1000); told(id); }
  if (name === "strategy") state.show = NAMES.filter(known => document.querySelector(`[value=${known}]`).checked);
  if (id === "place") { state.place = event.target.value; $("cosine").disabled = state.place === "unseen"; }
  changed();
});
$("controls").addEventListener("reset", event => { event.preventDefault(); restore(""); changed(); });
$("formula").addEventListener("input", event => { state.formula = event.target.value; changed(); });
addEventListener("hashchange", () => restore(location.hash));

// --- out ----------------------------------------------------------------------------------------------------------------

function save(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function csv() {
  const { d, m, sigma2, cosine, lam, mu, t, place } = state;
  const rows = curves(state).flatMap(c => c.n.map((n, i) =>
    [c.name, d, m, sigma2, place === "unseen" ? "unseen" : cosine, lam, mu, t, n, c.risk[i], c.price[i]].join(",")));
  return ["strategy,d,m,sigma2,task,few_shot_weight,replay,time,n_shots,risk,price", ...rows].join("\n") + "\n";
}

// Bokeh draws SVG inside shadow roots: each plot's picture, one below the other.
function pictures(root, found = []) {
  for (const e of root.querySelectorAll("*")) {
    if (e.tagName === "svg" && e.clientWidth > 200) found.push(e);
    if (e.shadowRoot) pictures(e.shadowRoot, found);
  }
  return found;
}

function svg() {
  const drawn = pictures(document.querySelector("main")), tops = drawn.map(one => one.getBoundingClientRect().top);
  const rows = [...new Set(tops)].sort((a, b) => a - b); // a plot's layers lie on one another
  let bottom = 0, width = 0, inside = "";
  for (const row of rows) {
    const layers = drawn.filter((_, k) => tops[k] === row), height = Math.max(...layers.map(one => one.clientHeight));
    for (const one of layers) {
      const copy = one.cloneNode(true);
      copy.setAttribute("y", bottom);
      copy.setAttribute("width", one.clientWidth);
      copy.setAttribute("height", one.clientHeight);
      inside += new XMLSerializer().serializeToString(copy);
      width = Math.max(width, one.clientWidth);
    }
    bottom += height;
  }
  const css = getComputedStyle(document.documentElement), ink = css.getPropertyValue("--ink").trim();
  for (const { name } of curves(state)) {
    const { line_color, line_dash } = models().get_model_by_name(`risk ${name}`).glyph;
    const color = line_color.value ?? line_color, dash = line_dash.value ?? line_dash;
    bottom += 20;
    inside += `<line x1="50" x2="90" y1="${bottom - 5}" y2="${bottom - 5}" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/>` +
      `<text x="98" y="${bottom}" font-family="sans-serif" font-size="13" fill="${ink}">${LABEL[name]}</text>`;
  }
  const { d, m, sigma2, lam, mu, t } = state;
  bottom += 24;
  inside += `<text x="50" y="${bottom}" font-family="sans-serif" font-size="13" fill="${ink}">risk on ${task()}; d = ${d}, m = ${m}, σ² = ${sigma2}, ` +
    `λ = ${lam}, μ = ${mu}, t = ${t === Infinity ? "∞" : t}</text>`;
  const paper = css.getPropertyValue("--paper").trim();
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom + 12}"><rect width="100%" height="100%" fill="${paper}"/>${inside}</svg>`;
}

$("csv").addEventListener("click", () => save("risk.csv", csv(), "text/csv"));
$("svg").addEventListener("click", () => save("risk.svg", svg(), "image/svg+xml"));
$("link").addEventListener("click", async () => {
  history.replaceState(null, "", hash());
  try { await navigator.clipboard.writeText(location.href); $("said").textContent = "copied"; }
  catch { $("said").textContent = "the link is in the address bar"; }
});

// --- looks ---------------------------------------------------------------------------------------------------------------

function colours() {
  const plots = models();
  if (!plots) return;
  const css = getComputedStyle(document.documentElement), value = name => css.getPropertyValue(name).trim();
  const ink = value("--ink"), paper = value("--paper"), grid = value("--grid"), soft = value("--soft");
  for (const kind of ["risk", "price"]) {
    const plot = plots.get_model_by_name(kind);
    plot.setv({ background_fill_color: paper, border_fill_color: paper, outline_line_color: grid });
    plot.title.setv({ text_color: ink });
    for (const axis of [...plot.below, ...plot.left])
      axis.setv({ axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: soft, major_tick_line_color: soft, minor_tick_line_color: soft });
    for (const lines of plot.center) if ("grid_line_color" in lines) lines.setv({ grid_line_color: grid });
    plots.get_model_by_name(`${kind} pretrained`).glyph.setv({ line_color: ink });
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colours);
restore(location.hash);
draw();
(function ready() { // Bokeh makes its documents when the page has loaded
  if (!models()?.get_model_by_name("price")) return setTimeout(ready, 5);
  colours();
  draw();
  document.body.dataset.ready = "yes";
})();
