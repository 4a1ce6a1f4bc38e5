// Building and showing elements. No knowledge of orders or people.

export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "testid") element.dataset.testid = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function show(container, ...children) {
  container.replaceChildren(...children.flat(Infinity).filter(Boolean));
}

// Whether the page that began is still the one to draw: an answer that is late must not draw over the next page.
export function staying(main) {
  const mine = main.dataset.view;
  return () => main.dataset.view === mine;
}

const ICONS = {
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5a2 2 0 0 0 4 0",
  out: "M14 4h5v16h-5M4 12h10M10 8l4 4-4 4",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c.5-4.5 3.5-7 8-7s7.500 2.500 8 7",
  back: "M15 5l-7 7 7 7",
  check: "M5 12.500l4.500 4.500L19 7",
};

export function icon(name, size = 20) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24", width: size, height: size, fill: "none", stroke: "currentColor",
    "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true",
  })) svg.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function toast(text, kind = "good") {
  const note = h("div", { class: `toast ${kind}`, testid: `toast-${kind}` }, text);
  const shown = document.getElementById("toasts");
  shown.append(note);
  if (shown.children.length > 2) shown.firstElementChild.remove();
  setTimeout(() => note.remove(), kind === "bad" ? 7000 : 3500);
}

// A modal that removes itself. `build(close)` returns its content.
export function modal(testid, build) {
  const dialog = h("dialog", { testid });
  const close = () => dialog.close();
  dialog.append(...[build(close)].flat());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// Unique enough for an Idempotency-Key; crypto.randomUUID exists only on https and loopback pages.
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function field(label, input) {
  return h("label", { class: "field" }, h("span", {}, label), input);
}

// A button that can't be pressed twice while its work runs.
export function action(label, work, props = {}) {
  const button = h("button", { type: "button", ...props, onclick: async () => {
    button.disabled = true;
    try { await work(); } finally { button.disabled = false; }
  } }, label);
  return button;
}

export function yuan(amount) {
  const [whole, cents] = Number(amount ?? 0).toFixed(2).split(".");
  return `¥${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}`;
}

export function moment(text) {
  if (!text) return "";
  const at = new Date(text);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
