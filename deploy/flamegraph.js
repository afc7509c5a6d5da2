"use strict";
/*
 * The flame graph. One canvas that draws only what is visible; the tree is a set of typed arrays in
 * preorder, so a subtree is a range and a click costs no allocation. Names are foreign: they are
 * drawn or set as text, never as markup.
 */
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const ROW = 20, GAP = 1, NARROWEST = 0.35, ZOOM_MS = 170;
const CALLERS_MAX = 400000;
const PROCESS = 1, PROGRAM = 2, LIBRARY = 3, KERNEL = 4, UNRESOLVED = 5;
const KINDS = ["everything", "process", "program", "library", "kernel", "unresolved"];

/* ---- the tree -------------------------------------------------------------------------------- */

/* @flat is five numbers a node, in preorder, biggest child first. */
function decode(flat) {
	const n = flat.length / 5;
	const tree = {
		n, name: new Int32Array(n), module: new Int32Array(n), kind: new Uint8Array(n),
		own: new Float64Array(n), total: new Float64Array(n), start: new Float64Array(n),
		parent: new Int32Array(n), depth: new Uint16Array(n), end: new Int32Array(n),
	};
	const left = new Int32Array(n), cursor = new Float64Array(n);
	let up = -1;
	for (let i = 0; i < n; i++) {
		while (up >= 0 && left[up] === 0)
			up = tree.parent[up];
		tree.name[i] = flat[i * 5];
		tree.module[i] = flat[i * 5 + 1];
		tree.kind[i] = flat[i * 5 + 2];
		tree.own[i] = flat[i * 5 + 3];
		left[i] = flat[i * 5 + 4];
		tree.parent[i] = up;
		tree.depth[i] = up < 0 ? 0 : tree.depth[up] + 1;
		if (up >= 0)
			left[up]--;
		up = i;
	}
	for (let i = n - 1; i >= 0; i--) {
		tree.total[i] += tree.own[i];
		tree.end[i] = Math.max(tree.end[i], i + 1);
		if (i > 0) {
			tree.total[tree.parent[i]] += tree.total[i];
			tree.end[tree.parent[i]] = Math.max(tree.end[tree.parent[i]], tree.end[i]);
		}
	}
	for (let i = 0; i < n; i++) {
		const p = tree.parent[i];
		tree.start[i] = p < 0 ? 0 : cursor[p];
		cursor[i] = tree.start[i];
		if (p >= 0)
			cursor[p] += tree.total[i];
	}
	return tree;
}

function functionIds(tree) {
	const known = new Map(), ids = new Int32Array(tree.n), list = [];
	for (let i = 0; i < tree.n; i++) {
		const key = tree.name[i] + "," + tree.module[i] + "," + tree.kind[i];
		let id = known.get(key);
		if (id === undefined) {
			id = list.length;
			known.set(key, id);
			list.push({name: tree.name[i], module: tree.module[i], kind: tree.kind[i], own: 0, total: 0});
		}
		ids[i] = id;
	}
	return {ids, list};
}

/* Time a function, recursion counted once: a nested call lies in the range of the outer one. */
function sumFunctions(tree) {
	const {ids, list} = functionIds(tree);
	const covered = new Int32Array(list.length);
	for (let i = 1; i < tree.n; i++) {
		const f = list[ids[i]];
		f.own += tree.own[i];
		if (i < covered[ids[i]])
			continue;
		f.total += tree.total[i];
		covered[ids[i]] = tree.end[i];
	}
	return list.filter(f => f.kind > PROCESS);
}

/* The same samples from the function that ran up to its callers. */
function invert(tree) {
	const {ids} = functionIds(tree);
	const root = {from: 0, own: 0, total: 0, children: new Map()};
	let n = 1;
	for (let i = 1; i < tree.n; i++) {
		if (tree.own[i] <= 0)
			continue;
		let node = root;
		node.total += tree.own[i];
		for (let up = i; up > 0; up = tree.parent[up]) {
			let child = node.children.get(ids[up]);
			if (!child && n >= CALLERS_MAX)
				break;
			if (!child) {
				child = {from: up, own: 0, total: 0, children: new Map()};
				node.children.set(ids[up], child);
				n++;
			}
			child.total += tree.own[i];
			node = child;
		}
		node.own += tree.own[i];
	}
	const flat = [], todo = [root];
	while (todo.length > 0) {
		const node = todo.pop();
		const children = [...node.children.values()].sort((a, b) => a.total - b.total);
		flat.push(tree.name[node.from], tree.module[node.from], tree.kind[node.from], node.own, children.length);
		for (const child of children)
			todo.push(child);
	}
	return decode(flat);
}

const callees = decode(data.nodes);
let callers = null; /* made when first asked for */

const state = {
	tree: callees, zoom: 0, focus: 0, hover: -1, flipped: false,
	from: 0, to: callees.total[0],   /* the part of the root that fills the width */
	matched: null, exact: null,      /* per node; the function that a row of the table chose */
	order: "own",
};

/* ---- words ----------------------------------------------------------------------------------- */

const grouped = n => Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
const percent = share => (100 * share < 0.05 && share > 0 ? "<0.1" : (100 * share).toFixed(1)) + "\u202f%";
const samplesOf = value => value / data.period;

function seconds(ns) {
	if (ns >= 1e9)
		return (ns / 1e9).toFixed(ns >= 1e11 ? 0 : ns >= 1e10 ? 1 : 2) + "\u202fs";
	return ns >= 1e7 ? (ns / 1e6).toFixed(0) + "\u202fms" : (ns / 1e6).toFixed(1) + "\u202fms";
}

function plural(n, word) {
	return grouped(n) + " " + word + (Math.round(n) === 1 ? "" : "s");
}

const nameOf = i => data.names[state.tree.name[i]];
const moduleOf = i => data.modules[state.tree.module[i]];

function amount(value) {
	const n = samplesOf(value);
	return data.isTime ? plural(n, "sample") + ", " + seconds(value) : grouped(value) + " " + data.unit;
}

function describe(i) {
	const t = state.tree;
	let text = nameOf(i) + ", " + KINDS[t.kind[i]] + ". " + amount(t.total[i]) + ", "
		+ percent(t.total[i] / t.total[0]) + " of all";
	if (state.zoom > 0)
		text += ", " + percent(Math.min(1, t.total[i] / t.total[state.zoom])) + " of the zoomed frame";
	return text + ".";
}

/* ---- paint ----------------------------------------------------------------------------------- */

const canvas = $("canvas"), graph = $("graph"), spacer = $("spacer"), pen = canvas.getContext("2d");
let width = 0, height = 0, ratio = 1, charWidth = 7, rows = 1, theme = null, animation = 0, fonts = null;

function hash(text) {
	let h = 2166136261;
	for (let i = 0; i < text.length; i++)
		h = Math.imul(h ^ text.charCodeAt(i), 16777619);
	return (h >>> 8) / 16777216;
}

/* Hue says the kind, lightness tells neighbours apart, and each kind but one has a texture. */
const HUES = [[40, 14, 84], [40, 16, 80], [20, 82, 71], [46, 76, 68], [220, 52, 75], [40, 5, 76]];

function colourOf(kind, text) {
	const [hue, saturation, lightness] = HUES[kind];
	const h = hash(text), g = hash(text + "\u0001");
	const swing = kind === PROCESS || kind === 0 ? 3 : 12;
	return `hsl(${hue + (h - 0.5) * swing} ${saturation}% ${lightness + (g - 0.5) * 9 + theme.light}%)`;
}

function texture(paint) {
	const tile = document.createElement("canvas");
	tile.width = tile.height = 8;
	paint(tile.getContext("2d"));
	return pen.createPattern(tile, "repeat");
}

function readTheme() {
	const style = getComputedStyle(document.documentElement);
	const get = name => style.getPropertyValue(name).trim();
	theme = {
		ink: get("--frame-ink"), accent: get("--accent"), accentInk: get("--accent-ink"), ring: get("--ring"),
		panel: get("--panel"), soft: get("--soft"), line: get("--line"), light: Number(get("--frame-light")),
		colours: new Map(), textures: [],
	};
	fonts = {plain: "11.5px " + get("--mono"), bold: "700 11.5px " + get("--mono")};
	theme.textures[KERNEL] = texture(p => {
		p.strokeStyle = "rgba(20,30,70,.17)";
		p.lineWidth = 1.2;
		p.beginPath();
		for (const x of [-8, 0, 8]) {
			p.moveTo(x, 8);
			p.lineTo(x + 8, 0);
		}
		p.stroke();
	});
	theme.textures[UNRESOLVED] = texture(p => {
		p.fillStyle = "rgba(0,0,0,.24)";
		p.fillRect(1, 1, 1.5, 1.5);
		p.fillRect(5, 5, 1.5, 1.5);
	});
	pen.font = fonts.plain;
	charWidth = pen.measureText("MMMMMMMMMM").width / 10;
}

function fillOf(tree, i) {
	const key = tree.kind[i] * 4194304 + tree.name[i];
	let colour = theme.colours.get(key);
	if (!colour) {
		colour = colourOf(tree.kind[i], data.names[tree.name[i]]);
		theme.colours.set(key, colour);
	}
	return colour;
}

/* The end of a path or of a Go package says more than its beginning. */
function fit(text, columns) {
	if (text.length <= columns)
		return text;
	const slash = text.lastIndexOf("/");
	if (slash >= 0 && slash < text.length - 1 && text[slash + 1] !== ")")
		text = text.slice(slash + 1);
	return text.length <= columns ? text : text.slice(0, Math.max(1, columns - 1)) + "…";
}

const xOf = value => (value - state.from) / (state.to - state.from) * width;
const yOf = depth => (state.flipped ? Math.max(rows * ROW, height) - (depth + 1) * ROW : depth * ROW) - graph.scrollTop;

function paintFrame(i, x0, x1, y) {
	const t = state.tree, w = Math.max(x1 - x0 - (x1 - x0 > 3 ? GAP : 0), 0.5), h = ROW - GAP;
	const isMatch = state.matched !== null && state.matched[i] === 1;
	const isDim = (state.matched !== null && !isMatch) || t.depth[i] < t.depth[state.zoom];
	pen.globalAlpha = isDim ? 0.36 : 1;
	pen.fillStyle = isMatch ? theme.accent : fillOf(t, i);
	pen.beginPath();
	if (w > 6)
		pen.roundRect(x0, y, w, h, 2.5);
	else
		pen.rect(x0, y, w, h);
	pen.fill();
	if (!isMatch && theme.textures[t.kind[i]] && w > 3) {
		pen.fillStyle = theme.textures[t.kind[i]];
		pen.fill();
	}
	if (!isMatch && t.kind[i] === LIBRARY && w > 3) {
		pen.fillStyle = "rgba(60,40,0,.34)";
		pen.fillRect(x0, y + h - 2, w, 2);
	}
	pen.globalAlpha = isDim ? 0.6 : 1;
	if (w > charWidth * 2.6)
		paintText(i, x0, w, y, isMatch, isDim);
	pen.globalAlpha = 1;
	if (i === state.hover && i !== 0)
		outline(x0, y, w, h, 1.25);
	if (i === state.focus && document.activeElement === graph)
		outline(x0, y, w, h, 2.5);
}

function paintText(i, x0, w, y, isMatch, isDim) {
	const t = state.tree;
	const share = t.depth[i] <= 1 && w > 150 ? "  " + percent(t.total[i] / t.total[0]) : "";
	const columns = Math.floor((w - 9) / charWidth) - share.length;
	pen.font = isMatch || t.kind[i] <= PROCESS ? fonts.bold : fonts.plain;
	pen.fillStyle = isMatch ? theme.accentInk : isDim && theme.light < 0 ? theme.ring : theme.ink;
	pen.fillText(fit(nameOf(i), columns) + share, x0 + 5, y + (ROW - GAP) / 2 + 0.5);
}

function outline(x, y, w, h, thickness) {
	pen.strokeStyle = theme.ring;
	pen.lineWidth = thickness;
	pen.strokeRect(x + thickness / 2, y + thickness / 2, Math.max(w - thickness, 0.5), h - thickness);
}

/* Siblings too thin to tell apart become one block: what is there is never drawn as nothing. */
function paintRest(x0, x1, y) {
	if (x1 - x0 < 0.7 || y < -ROW || y > height)
		return;
	pen.globalAlpha = state.matched === null ? 0.55 : 0.25;
	pen.fillStyle = theme.soft;
	pen.fillRect(x0, y + 5, Math.max(x1 - x0 - GAP, 0.5), ROW - GAP - 10);
	pen.globalAlpha = 1;
}

/* Calls @visit for each frame at least NARROWEST wide, @rest for runs of thinner ones. */
function walk(visit, rest) {
	const t = state.tree, todo = [0];
	while (todo.length > 0) {
		const i = todo.pop();
		visit(i, Math.max(0, xOf(t.start[i])), Math.min(width, xOf(t.start[i] + t.total[i])));
		for (let c = i + 1; c < t.end[i]; c = t.end[c]) {
			const x0 = xOf(t.start[c]), x1 = xOf(t.start[c] + t.total[c]);
			if (x0 >= width)
				break;
			if (x1 - x0 < NARROWEST) { /* biggest first: all that follow are thinner */
				const last = t.start[i] + t.total[i] - t.own[i];
				rest(Math.max(0, x0), Math.min(width, xOf(last)), t.depth[c]);
				break;
			}
			if (x1 > 0)
				todo.push(c);
		}
	}
}

function paint() {
	const begun = performance.now();
	let n = 0;
	pen.setTransform(ratio, 0, 0, ratio, 0, 0);
	pen.clearRect(0, 0, width, height);
	pen.textBaseline = "middle";
	walk((i, x0, x1) => {
		const y = yOf(state.tree.depth[i]);
		n++;
		if (y > -ROW && y < height)
			paintFrame(i, x0, x1, y);
	}, (x0, x1, depth) => paintRest(x0, x1, yOf(depth)));
	document.documentElement.dataset.paintMs = (performance.now() - begun).toFixed(2);
	document.documentElement.dataset.frames = n;
}

let isAsked = false;
function repaint() {
	if (isAsked)
		return;
	isAsked = true;
	requestAnimationFrame(() => {
		isAsked = false;
		paint();
	});
}

/* How many rows the present zoom needs. */
function measure() {
	let deepest = 0;
	walk(i => {
		deepest = Math.max(deepest, state.tree.depth[i]);
	}, () => {});
	rows = deepest + 2;
	spacer.style.height = Math.max(0, rows * ROW - height) + "px";
}

function resize() {
	width = Math.max(50, graph.clientWidth);
	height = Math.max(50, graph.clientHeight);
	ratio = window.devicePixelRatio || 1;
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	canvas.style.height = height + "px";
	measure();
	paint();
}

/* ---- zoom ------------------------------------------------------------------------------------ */

const isStill = matchMedia("(prefers-reduced-motion: reduce)");

function zoomTo(i) {
	const t = state.tree, from = state.from, to = state.to, begun = performance.now();
	const run = ++animation;
	state.zoom = i;
	showZoom();
	const step = now => {
		if (run !== animation)
			return;
		const part = isStill.matches ? 1 : Math.min(1, Math.max(0, (now - begun) / ZOOM_MS));
		const eased = 1 - Math.pow(1 - part, 3);
		state.from = from + (t.start[i] - from) * eased;
		state.to = to + (t.start[i] + t.total[i] - to) * eased;
		if (part < 1) {
			paint();
			requestAnimationFrame(step);
			return;
		}
		state.from = t.start[i];
		state.to = t.start[i] + t.total[i];
		measure();
		reveal(state.focus);
		paint();
	};
	requestAnimationFrame(step);
}

function showZoom() {
	const t = state.tree, z = state.zoom;
	$("reset").hidden = z === 0;
	$("zoomed-text").textContent = z === 0 ? "" : nameOf(z) + " \u00b7 " + amount(t.total[z]) + " \u00b7 "
		+ percent(t.total[z] / t.total[0]) + " of all";
}

/* Scrolls so that the row of @i can be seen. */
function reveal(i) {
	const y = yOf(state.tree.depth[i]);
	if (y < 0)
		graph.scrollTop += y - ROW;
	else if (y + ROW > height)
		graph.scrollTop += y + 2 * ROW - height;
}

function covers(i, j) {
	return i <= j && j < state.tree.end[i];
}

function focusOn(i) {
	state.focus = i;
	state.hover = -1;
	if (!covers(i, state.zoom) && !covers(state.zoom, i))
		zoomTo(0);
	reveal(i);
	repaint();
	$("said").textContent = describe(i);
	showTip(i, null);
}

/* ---- walking --------------------------------------------------------------------------------- */

function firstChild(i) {
	return i + 1 < state.tree.end[i] ? i + 1 : -1;
}

/* The frame beside @i in its row, @step -1 or 1, whoever its parent is. */
function beside(i, step) {
	const t = state.tree;
	for (let j = i + step; j > 0 && j < t.n; j += step)
		if (t.depth[j] === t.depth[i] && xOf(t.start[j] + t.total[j]) - xOf(t.start[j]) >= 0.5)
			return covers(state.zoom, j) || covers(j, state.zoom) ? j : -1;
	return -1;
}

function frameAt(x, y) {
	const t = state.tree, value = state.from + x / width * (state.to - state.from);
	const row = Math.floor((y + graph.scrollTop) / ROW);
	const bottom = Math.floor(Math.max(rows * ROW, height) / ROW - 0.001);
	const depth = state.flipped ? Math.floor((Math.max(rows * ROW, height) - y - graph.scrollTop) / ROW) : row;
	let i = 0;
	if (depth < 0 || depth > bottom)
		return -1;
	while (t.depth[i] < depth) {
		let c = i + 1;
		while (c < t.end[i] && t.start[c] + t.total[c] <= value)
			c = t.end[c];
		if (c >= t.end[i] || xOf(t.start[c] + t.total[c]) - xOf(t.start[c]) < NARROWEST)
			return -1;
		i = c;
	}
	return i;
}

/* ---- the tip --------------------------------------------------------------------------------- */

const tip = $("tip");

function tipRow(list, word, value) {
	const t = state.tree;
	const cells = [[word, "dt"], [data.isTime ? grouped(samplesOf(value)) + "\u202f×" : grouped(value), "dd"],
		[data.isTime ? seconds(value) : "", "dd"], [percent(value / t.total[0]), "dd", "share"]];
	for (const [text, tag, name] of cells) {
		const cell = document.createElement(tag);
		cell.textContent = text;
		if (name)
			cell.className = name;
		list.append(cell);
	}
}

function fillTip(i) {
	const t = state.tree, list = tip.querySelector("dl");
	tip.querySelector(".name").textContent = nameOf(i);
	tip.querySelector(".where").textContent = KINDS[t.kind[i]] + (moduleOf(i) ? " \u00b7 " + moduleOf(i) : "");
	list.replaceChildren();
	tipRow(list, "total", t.total[i]);
	tipRow(list, state.tree === callees ? "itself" : "starts here", t.own[i]);
	if (state.zoom > 0 && t.depth[i] >= t.depth[state.zoom]) {
		const word = document.createElement("dt"), share = document.createElement("dd");
		word.textContent = "of the zoomed frame";
		word.style.gridColumn = "1 / 4";
		share.textContent = percent(t.total[i] / t.total[state.zoom]);
		list.append(word, share);
	}
}

/* At the pointer, or below the frame when the keyboard brought us there. */
function showTip(i, pointer) {
	if (i < 0 || (i === 0 && pointer)) {
		tip.hidden = true;
		return;
	}
	fillTip(i);
	tip.hidden = false;
	const box = tip.getBoundingClientRect(), area = graph.getBoundingClientRect();
	let x, y;
	if (pointer) {
		x = pointer.clientX + 14;
		y = pointer.clientY + 18;
		if (y + box.height > innerHeight - 8)
			y = pointer.clientY - box.height - 14;
	} else {
		x = area.left + Math.max(0, xOf(state.tree.start[i])) + 8;
		y = area.top + yOf(state.tree.depth[i]) + ROW + 6;
		if (y + box.height > innerHeight - 8)
			y = area.top + yOf(state.tree.depth[i]) - box.height - 6;
	}
	x = Math.max(8, Math.min(x, innerWidth - box.width - 8));
	tip.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
}

/* ---- search ---------------------------------------------------------------------------------- */

const query = $("query");

function matcher(text) {
	if (state.exact !== null) {
		const f = state.exact;
		return t => i => t.name[i] === f.name && t.module[i] === f.module && t.kind[i] === f.kind;
	}
	let test;
	if (text.length > 2 && text.startsWith("/") && text.endsWith("/")) {
		const pattern = new RegExp(text.slice(1, -1), "i");
		test = s => pattern.test(s);
	} else {
		const low = text.toLowerCase();
		test = s => s.toLowerCase().includes(low);
	}
	const names = data.names.map(test), modules = data.modules.map(s => s !== "" && test(s));
	return t => i => i > 0 && (names[t.name[i]] || modules[t.module[i]]);
}

function search() {
	const t = state.tree, text = query.value.trim(), out = $("matches");
	query.removeAttribute("aria-invalid");
	state.matched = null;
	out.replaceChildren();
	if (text !== "") {
		let is;
		try {
			is = matcher(text)(t);
		} catch (error) {
			query.setAttribute("aria-invalid", "true");
			out.textContent = "not a regular expression";
			repaint();
			return;
		}
		state.matched = new Uint8Array(t.n);
		let n = 0, value = 0, covered = 0;
		for (let i = 0; i < t.n; i++) {
			if (!is(i))
				continue;
			state.matched[i] = 1;
			n++;
			if (i >= covered) {
				value += t.total[i];
				covered = t.end[i];
			}
		}
		const share = document.createElement("b");
		share.textContent = n === 0 ? "none" : percent(value / t.total[0]);
		out.append(share, n === 0 ? "" : " of all, " + plural(n, "frame"));
	}
	markRows();
	repaint();
}

function matchesBySize() {
	const t = state.tree, list = [];
	for (let i = 0; state.matched !== null && i < t.n; i++)
		if (state.matched[i] === 1)
			list.push(i);
	return list.sort((a, b) => t.total[b] - t.total[a] || a - b);
}

function toMatch(step) {
	const list = matchesBySize();
	if (list.length === 0)
		return;
	const at = list.indexOf(state.focus);
	graph.focus({preventScroll: true});
	focusOn(list[at < 0 ? 0 : (at + step + list.length) % list.length]);
}

function clearSearch() {
	query.value = "";
	state.exact = null;
	search();
}

/* ---- the table of functions ------------------------------------------------------------------ */

const functions = sumFunctions(callees);
const ROWS_MAX = 150;
let shown = [];

function element(tag, className, text) {
	const node = document.createElement(tag);
	node.className = className;
	node.textContent = text;
	return node;
}

function functionRow(f, biggest) {
	const row = document.createElement("tr"), head = document.createElement("th"), button = element("button", "function", "");
	const own = document.createElement("td"), total = document.createElement("td"), bar = element("span", "bar", "");
	const all = callees.total[0];
	head.scope = "row";
	head.style.fontWeight = "400";
	head.style.padding = "0";
	button.type = "button";
	button.title = data.names[f.name];
	bar.style.width = Math.max(1, 100 * f[state.order] / biggest) + "%";
	bar.style.background = colourOf(f.kind, data.names[f.name]);
	bar.style.opacity = "1";
	const where = KINDS[f.kind] + (data.modules[f.module] ? " \u00b7 " + data.modules[f.module].split("/").pop() : "");
	button.append(element("span", "name", data.names[f.name]), element("span", "module", where), bar);
	button.addEventListener("click", () => choose(f));
	own.textContent = percent(f.own / all);
	total.textContent = percent(f.total / all);
	head.append(button);
	row.append(head, own, total);
	row.addEventListener("click", event => {
		if (!button.contains(event.target))
			choose(f);
	});
	return row;
}

function choose(f) {
	const same = state.exact === f;
	state.exact = same ? null : f;
	query.value = same ? "" : data.names[f.name];
	search();
}

function markRows() {
	const rowsNow = $("functions").children;
	shown.forEach((f, at) => rowsNow[at].classList.toggle("chosen", f === state.exact));
}

function showFunctions() {
	const key = state.order;
	shown = functions.slice().sort((a, b) => b[key] - a[key] || b.total - a.total).slice(0, ROWS_MAX);
	$("functions").replaceChildren(...shown.map(f => functionRow(f, shown[0][key] || 1)));
	$("by-own").parentElement.setAttribute("aria-sort", key === "own" ? "descending" : "none");
	$("by-total").parentElement.setAttribute("aria-sort", key === "total" ? "descending" : "none");
	markRows();
}

/* ---- what stands around ---------------------------------------------------------------------- */

function showHeadline() {
	const line = $("headline"), all = callees.total[0];
	const bold = text => element("b", "", text);
	let processes = 0;
	for (let c = 1; c < callees.n; c = callees.end[c])
		processes += callees.kind[c] === PROCESS ? 1 : 0;
	if (data.isTime)
		line.append(bold(seconds(all)), " of CPU time", data.seconds ? " in " + data.seconds.toFixed(0) + "\u202fs" : "", " \u00b7 ");
	line.append(bold(grouped(samplesOf(all))), " samples");
	if (processes > 0)
		line.append(" \u00b7 ", bold(grouped(processes)), processes === 1 ? " process name" : " process names");
	line.append(" \u00b7 " + data.host);
	if (data.start > 0)
		line.append(" \u00b7 " + new Date(data.start).toLocaleString(undefined, {dateStyle: "medium", timeStyle: "short"}));
	if (data.pruned > 0)
		line.append(" \u00b7 " + grouped(data.pruned) + " tiny frames are folded into their callers");
}

function showFlat() {
	if (data.nUser === 0 || data.nFlat === 0)
		return;
	const line = $("flat"), share = element("b", "", percent(data.nFlat / data.nUser));
	line.append(share, " of user stacks end within two frames: code built without frame pointers (-fno-omit-frame-pointer) hides its callers. Most of them: "
		+ data.flat.map(([name, n]) => name + " (" + grouped(n) + ")").join(", ") + ".");
	line.hidden = false;
}

function showLegend() {
	const present = new Set(callees.kind);
	const list = [PROCESS, PROGRAM, LIBRARY, KERNEL, UNRESOLVED].filter(kind => present.has(kind));
	$("legend").replaceChildren(...list.map(kind => {
		const item = document.createElement("li"), swatch = document.createElement("canvas"), p = swatch.getContext("2d");
		swatch.width = 48;
		swatch.height = 28;
		p.scale(2, 2);
		p.fillStyle = colourOf(kind, "legend");
		p.fillRect(0, 0, 24, 14);
		if (theme.textures[kind]) {
			p.fillStyle = theme.textures[kind];
			p.fillRect(0, 0, 24, 14);
		}
		if (kind === LIBRARY) {
			p.fillStyle = "rgba(60,40,0,.34)";
			p.fillRect(0, 12, 24, 2);
		}
		item.append(swatch, KINDS[kind]);
		return item;
	}));
}

function setDirection(isCallers) {
	if (isCallers && callers === null)
		callers = invert(callees);
	animation++;
	state.tree = isCallers ? callers : callees;
	state.zoom = state.focus = 0;
	state.hover = -1;
	state.from = 0;
	state.to = state.tree.total[0];
	tip.hidden = true;
	$("callees").setAttribute("aria-pressed", String(!isCallers));
	$("callers").setAttribute("aria-pressed", String(isCallers));
	showZoom();
	search();
	measure();
	graph.scrollTop = state.flipped ? graph.scrollHeight : 0;
	repaint();
}

function flip() {
	state.flipped = !state.flipped;
	$("flip").setAttribute("aria-pressed", String(state.flipped));
	graph.scrollTop = state.flipped ? graph.scrollHeight : 0;
	tip.hidden = true;
	repaint();
}

/* ---- hands ----------------------------------------------------------------------------------- */

function out() {
	if (state.zoom > 0) {
		state.focus = state.zoom;
		zoomTo(Math.max(0, state.tree.parent[state.zoom]));
		tip.hidden = true;
	} else {
		clearSearch();
		tip.hidden = true;
	}
}

const walkKeys = {
	ArrowUp: () => state.flipped ? firstChild(state.focus) : state.tree.parent[state.focus],
	ArrowDown: () => state.flipped ? state.tree.parent[state.focus] : firstChild(state.focus),
	ArrowLeft: () => beside(state.focus, -1),
	ArrowRight: () => beside(state.focus, 1),
};

graph.addEventListener("keydown", event => {
	if (event.ctrlKey || event.metaKey || event.altKey)
		return;
	if (walkKeys[event.key]) {
		const to = walkKeys[event.key]();
		if (to >= 0)
			focusOn(to);
	} else if (event.key === "Enter" || event.key === " ") {
		zoomTo(state.focus);
	} else if (event.key === "Home") {
		focusOn(0);
		zoomTo(0);
	} else {
		return;
	}
	event.preventDefault();
});

const letters = {
	n: () => toMatch(1), N: () => toMatch(-1), f: flip, "?": () => $("keys").showModal(),
	c: () => setDirection(state.tree === callees), Escape: out,
	"/": () => {
		query.focus();
		query.select();
	},
};

document.addEventListener("keydown", event => {
	if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open || event.target === query)
		return;
	if (letters[event.key]) {
		event.preventDefault();
		letters[event.key]();
	}
});

query.addEventListener("keydown", event => {
	if (event.key === "Enter") {
		event.preventDefault();
		search();
		toMatch(event.shiftKey ? -1 : 1);
	} else if (event.key === "Escape") {
		event.preventDefault();
		clearSearch();
		graph.focus({preventScroll: true});
	}
});
query.addEventListener("input", () => {
	state.exact = null;
	search();
});

graph.addEventListener("pointermove", event => {
	const area = canvas.getBoundingClientRect();
	const i = frameAt(event.clientX - area.left, event.clientY - area.top);
	if (i !== state.hover) {
		state.hover = i;
		repaint();
	}
	graph.classList.toggle("pointing", i > 0);
	showTip(i, event);
});
graph.addEventListener("pointerleave", () => {
	state.hover = -1;
	tip.hidden = true;
	repaint();
});
graph.addEventListener("click", event => {
	const area = canvas.getBoundingClientRect();
	const i = frameAt(event.clientX - area.left, event.clientY - area.top);
	if (i < 0)
		return;
	state.focus = i;
	zoomTo(i === state.zoom ? Math.max(0, state.tree.parent[i]) : i);
	$("said").textContent = describe(i);
});
graph.addEventListener("scroll", repaint, {passive: true});
graph.addEventListener("focus", () => {
	$("said").textContent = describe(state.focus);
	repaint();
});
graph.addEventListener("blur", () => {
	tip.hidden = true;
	repaint();
});

$("callees").addEventListener("click", () => setDirection(false));
$("callers").addEventListener("click", () => setDirection(true));
$("flip").addEventListener("click", flip);
$("help").addEventListener("click", () => $("keys").showModal());
$("reset").addEventListener("click", () => zoomTo(0));
$("by-own").addEventListener("click", () => {
	state.order = "own";
	showFunctions();
});
$("by-total").addEventListener("click", () => {
	state.order = "total";
	showFunctions();
});

function dress() {
	readTheme();
	showLegend();
	showFunctions();
	repaint();
}

showHeadline();
showFlat();
dress();
new ResizeObserver(resize).observe(graph);
resize();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
document.documentElement.dataset.readyMs = performance.now().toFixed(0);
})();
