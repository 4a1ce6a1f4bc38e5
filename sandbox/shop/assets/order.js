// One order: where it stands, what can be done with it, and everything that happened. Redrawn as it moves.
import { attempt, get, isMe, rows } from "./api.js";
import { h, icon, moment, show, staying, yuan } from "./dom.js";
import { buttons } from "./order_actions.js";
import { paymentWord, phaseOf, pill } from "./orders.js";
import { timeline } from "./timeline.js";
import { t } from "./words.js";

const STEPS = ["step_place", "step_pay", "step_ship", "step_receive", "step_done"];
const REACHED = { pending: 0, paid: 1, cancelling: 1, shipped: 2, delivered: 3, completed: 4, cancelled: 0 };
const POLL_MS = 1500;
let timer = null;

export function stopWatching() {
  clearTimeout(timer);
}

export async function orderView(main, orderId) {
  stopWatching();
  let seen = "";
  const isHere = staying(main);
  const look = async () => {
    const path = `/api/orders/${encodeURIComponent(orderId)}/`;
    const order = (await (seen ? quietly(path) : attempt(() => get(path))))?.data;
    if (!isHere()) return;
    if (!order) return seen ? again() : show(main, h("section", { class: "empty", testid: "order-missing" }, h("p", {}, t("no_such_order"))));
    const [payment, story] = await Promise.all([paymentOf(order), quietly(`/api/orders/${order.order_id}/timeline/`)]);
    if (!isHere()) return;
    const entries = story?.data?.entries ?? [];
    const now = JSON.stringify([order, payment, entries]);
    // Only what changed is redrawn, so that a half-typed form or a focused button survives the polling.
    if (now !== seen) {
      seen = now;
      show(main, page(order, payment, entries, look));
    }
    tick(order);
    again();
  };
  const again = () => {
    stopWatching();
    timer = setTimeout(look, document.hidden ? POLL_MS * 4 : POLL_MS);
  };
  await look();
}

const quietly = (path) => get(path).catch(() => null);

// Before anybody pressed "pay" there is no payment: the list says so without a 404.
async function paymentOf(order) {
  if (!isMe(order.buyer_uuid)) return null;
  if (order.status === 0) return rows(await quietly(`/api/payment/records/?order_uuid=${order.order_uuid}&page_size=1`))[0] ?? null;
  return (await quietly(`/api/payment/${order.order_uuid}/`))?.data ?? null;
}

function page(order, payment, entries, refresh) {
  const phase = order.status === 0 && payment?.under_review ? "review" : phaseOf(order);
  return h("article", { class: "order", testid: "order-page", "data-order-uuid": order.order_uuid },
    h("a", { class: "back", href: isMe(order.seller_uuid) ? "#/sold" : "#/orders" }, icon("back", 18), t("back")),
    h("header", { class: "order-head" }, h("h1", {}, pill(phase)), h("span", { class: "soft", testid: "order-id" }, order.order_id)),
    stepper(order),
    phase === "review" && h("p", { class: "notice", testid: "under-review" }, t("under_review")),
    order.status === 0 && order.expires_at && h("p", { class: "notice soft", id: "countdown", "data-until": order.expires_at }),
    order.cancel_reason && h("p", { class: "notice" }, t("cancelled_why", order.cancel_reason)),
    h("div", { class: "buttons", testid: "order-buttons" }, buttons(order, payment, refresh)),
    h("div", { class: "columns" }, h("div", {}, goods(order, payment), delivery(order)), timeline(entries)));
}

function stepper(order) {
  const phase = phaseOf(order);
  const reached = REACHED[phase];
  return h("ol", { class: phase === "cancelled" ? "stepper off" : "stepper" }, STEPS.map((word, number) =>
    h("li", { class: number <= reached ? "done" : "", "aria-current": number === reached ? "step" : null }, h("i", {}, number <= reached && icon("check", 14)), t(word))));
}

function goods(order, payment) {
  const refunded = Number(order.refunded_amount ?? 0);
  const word = paymentWord(order);
  const open = (payment?.refunds ?? []).filter((refund) => refund.refund_status === "processing");
  return h("section", { class: "card" }, h("h2", {}, t("items")),
    (order.products ?? order.items ?? []).map((item) => h("div", { class: "item" },
      h("img", { src: item.product_image || "/shop/mark.svg", alt: "", width: 56, height: 56 }), h("span", { class: "grow" }, item.product_name, h("small", { class: "soft" }, `${yuan(item.price)} × ${item.quantity}`)),
      h("span", { class: "price" }, yuan(item.price * item.quantity)))),
    h("div", { class: "sum" }, h("span", { class: `pill ${word}`, testid: "payment-status", "data-payment": word }, t(word)),
      open.map((refund) => h("span", { class: "pill review", testid: "refund-open" }, t(refund.state === "requested" ? "refund_asked" : "refund_going", yuan(refund.refund_amount)))),
      refunded > 0 && h("span", { class: "soft", testid: "refunded-amount" }, t("refunded_of", yuan(refunded))),
      h("b", { class: "price big", testid: "order-amount" }, yuan(order.total_amount))));
}

function delivery(order) {
  const facts = [
    [t("order_time"), moment(order.created_at)], [t("paid_time"), moment(order.payment_time)],
    [t("receiver"), [order.shipping_name, order.shipping_phone, order.shipping_address, order.shipping_postal_code].filter(Boolean).join("，")],
    [t("logistics"), [order.carrier, order.tracking_no].filter(Boolean).join(" ")], [t("remark"), order.remark],
  ];
  return h("section", { class: "card" }, h("dl", {}, facts.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}

function tick(order) {
  const place = document.getElementById("countdown");
  if (!place) return;
  const seconds = Math.max(0, Math.round((new Date(order.expires_at) - Date.now()) / 1000));
  place.textContent = t("pay_before", `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
}
