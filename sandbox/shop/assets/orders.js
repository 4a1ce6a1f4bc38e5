// Lists of orders, bought and sold, and what a state is called.
import { attempt, get, rows } from "./api.js";
import { h, moment, show, staying, yuan } from "./dom.js";
import { t } from "./words.js";

const PAYMENT_WORDS = ["unpaid", "authorized", "p_paid", "part_refunded", "refunded"];
const FILTERS = [["all", "all"], ["pending_payment", "s0"], ["paid", "s1"], ["completed", "s2"], ["cancelled", "s3"]];

// One word for the three axes of an order.
export function phaseOf(order) {
  if (order.status === 0) return "pending";
  if (order.status === 2) return "completed";
  if (order.status === 3) return "cancelled";
  if (order.cancelling) return "cancelling";
  return ["paid", "shipped", "delivered"][Number(order.fulfilment_status ?? 0)] ?? "paid";
}

export function paymentWord(order) {
  const status = order.payment_status;
  const word = typeof status === "number" ? PAYMENT_WORDS[status] : status === "paid" ? "p_paid" : status;
  return word ?? "unpaid";
}

export const pill = (phase) => h("span", { class: `pill ${phase}`, testid: "order-status", "data-phase": phase }, t(phase));

export function needLogin(main) {
  show(main, h("section", { class: "empty" }, h("p", {}, t("login_first"))));
}

export function listView(side) {
  let filter = "all";
  let page = 1;
  const path = side === "sold" ? "/api/orders/sold/" : "/api/orders/";
  return async function draw(main, ...extra) {
    const isHere = staying(main);
    const answer = await attempt(() => get(`${path}?page=${page}&page_size=8&status=${filter}&sort=created_desc`));
    if (!answer || !isHere()) return;
    const again = () => draw(main, ...extra);
    const tabs = FILTERS.map(([name, word]) =>
      h("button", { type: "button", class: name === filter ? "tab on" : "tab", testid: `filter-${name}`, onclick: () => { filter = name; page = 1; again(); } }, t(word)));
    const found = rows(answer);
    show(main, h("h1", {}, t(side === "sold" ? "sold" : "orders")), ...extra, h("div", { class: "tabs" }, tabs),
      found.length ? h("section", { class: "rows", testid: "order-list" }, found.map(row)) : h("section", { class: "empty" }, h("p", {}, t(side === "sold" ? "none_sold" : "none_orders"))),
      pager(answer, page, (to) => { page = to; again(); }));
  };
}

function row(order) {
  const items = order.products ?? order.items ?? [];
  const names = items.map((item) => `${item.product_name} × ${item.quantity}`).join("、");
  return h("a", { class: "order-row", href: `#/orders/${order.order_id}`, testid: `order-${order.order_id}` },
    h("img", { src: items[0]?.product_image || "/shop/mark.svg", alt: "", width: 64, height: 64 }),
    h("span", { class: "grow" }, h("b", {}, names), h("small", { class: "soft" }, `${order.order_id} · ${moment(order.created_at)}`)),
    h("span", { class: "right" }, h("span", { class: "price" }, yuan(order.total_amount)), pill(phaseOf(order))));
}

function pager(answer, page, turn) {
  if (!answer.next && page === 1) return null;
  return h("nav", { class: "pager" },
    page > 1 && h("button", { type: "button", onclick: () => turn(page - 1) }, t("previous")), h("span", { class: "soft" }, t("page", page)),
    answer.next && h("button", { type: "button", onclick: () => turn(page + 1) }, t("next")));
}
