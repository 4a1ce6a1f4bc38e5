// The frame: header, language, session and which view the address asks for.
import { me } from "./api.js";
import { h, icon, show } from "./dom.js";
import { goodsView } from "./goods.js";
import { noticesView, unreadCount } from "./notices.js";
import { orderView, stopWatching } from "./order.js";
import { PAYING } from "./order_actions.js";
import { listView, needLogin } from "./orders.js";
import { face, leaveButton, loginDialog } from "./people.js";
import { reviewsView } from "./reviews.js";
import { soldView } from "./sold.js";
import { lang, switchLanguage, t } from "./words.js";

const BELL_MS = 4000;
const main = document.getElementById("main");
const bought = listView("bought");
const OPEN = ["goods"];

function route() {
  const [, view = "", id = ""] = location.hash.split("/");
  return { view: view || "goods", id: decodeURIComponent(id) };
}

// Back from the cashier (or from a link /?order=CFMP…) at the order it was about.
function comeBack() {
  const order = new URLSearchParams(location.search).get("order") ?? (location.hash ? null : sessionStorage.getItem(PAYING));
  sessionStorage.removeItem(PAYING);
  if (order) history.replaceState(null, "", `/#/orders/${encodeURIComponent(order)}`);
}

let drawn = 0;

async function draw() {
  const { view, id } = route();
  stopWatching();
  main.dataset.view = `${view}/${id}#${++drawn}`;
  header();
  show(document.getElementById("footer"), h("p", {}, t("footer")));
  document.title = t("shop");
  if (!me() && !OPEN.includes(view)) return needLogin(main);
  if (view === "orders" && id) return orderView(main, id);
  if (view === "orders") return bought(main);
  if (view === "sold") return soldView(main);
  if (view === "reviews") return reviewsView(main);
  if (view === "notices") return noticesView(main, ring);
  return goodsView(main, draw);
}

function header() {
  const { view } = route();
  const link = (name, word, testid) => h("a", { href: `#/${name}`, class: view === (name || "goods") ? "on" : "", testid }, t(word));
  const person = me();
  show(document.getElementById("header"), h("div", { class: "inner" },
    h("a", { class: "brand", href: "#/" }, h("img", { src: "/shop/mark.svg", alt: "", width: 30, height: 30 }), t("shop")),
    h("nav", {}, link("", "goods", "nav-shop"), person && link("orders", "orders", "nav-orders"),
      person?.username === "Bob" && link("sold", "sold", "nav-sold"), person?.privilege === 1 && link("reviews", "reviews", "nav-reviews")),
    h("div", { class: "tools" },
      h("button", { type: "button", class: "quiet", testid: "lang-switch", onclick: () => { switchLanguage(); draw(); } }, lang() === "zh" ? "EN" : "中文"),
      person ? visitor(person) : h("button", { type: "button", class: "primary", testid: "login-open", onclick: () => loginDialog(draw) }, t("login")))));
}

function visitor(person) {
  return [
    h("a", { href: "#/notices", class: "bell", testid: "bell", "aria-label": t("notices") }, icon("bell"), h("span", { id: "unread", class: "count", testid: "unread-count", hidden: true }, "0")),
    h("button", { type: "button", class: "who", testid: "person", "data-person": person.username, title: t("who"), onclick: () => loginDialog(entered) }, face(person.username), person.username),
    leaveButton(draw),
  ];
}

// The next person starts at the page that is theirs.
function entered() {
  const { view } = route();
  const allowed = { sold: me().username === "Bob", reviews: me().privilege === 1 }[view] ?? true;
  if (!allowed) location.hash = "#/";
  draw();
  ring();
}

async function ring() {
  const place = document.getElementById("unread");
  if (!place || !me()) return;
  const count = await unreadCount();
  place.textContent = count > 99 ? "99+" : count;
  place.hidden = !count;
}

window.addEventListener("hashchange", () => { draw(); main.focus({ preventScroll: true }); window.scrollTo(0, 0); ring(); });
window.addEventListener("session-over", draw);
setInterval(() => document.hidden || ring(), BELL_MS);
comeBack();
draw().then(ring);
