// What a buyer, a seller or nobody can press on an order's page.
import { attempt, isMe, post } from "./api.js";
import { action, field, h, modal, newKey, toast, yuan } from "./dom.js";
import { paymentWord, phaseOf } from "./orders.js";
import { t } from "./words.js";

export const PAYING = "shop.paying";
const REASONS = ["r_change", "r_wrong", "r_price", "r_late", "r_flaw"];

export function buttons(order, payment, refresh) {
  const phase = phaseOf(order);
  const found = [];
  if (isMe(order.buyer_uuid)) found.push(...buyerButtons(order, payment, phase, refresh));
  if (isMe(order.seller_uuid) && phase === "paid") {
    found.push(h("button", { type: "button", class: "primary", testid: "ship", onclick: () => shipDialog(order, refresh) }, t("ship")));
  }
  return found;
}

function buyerButtons(order, payment, phase, refresh) {
  const press = (word, testid, open, kind = "") => h("button", { type: "button", class: kind, testid, onclick: open }, t(word));
  const found = [];
  if (phase === "pending" && !payment?.under_review) found.push(action(t("pay"), () => pay(order, refresh), { class: "primary", testid: "pay" }));
  if (["shipped", "delivered"].includes(phase)) found.push(action(t("confirm"), () => complete(order, refresh), { class: "primary", testid: "confirm-receipt" }));
  if (["pending", "paid"].includes(phase)) found.push(press("cancel", "cancel", () => cancelDialog(order, refresh)));
  if (["paid", "shipped", "delivered", "completed"].includes(phase) && paymentWord(order) !== "refunded") {
    found.push(press("refund", "refund", () => refundDialog(order, refresh)));
  }
  return found;
}

async function pay(order, refresh) {
  const body = { order_uuid: order.order_uuid, amount: order.payable_amount ?? order.total_amount, payment_method: "alipay", payment_subject: subjectOf(order) };
  const answer = await cashierAddress(body);
  const url = answer?.data?.payment_data?.url;
  if (url) {
    // The way back from the cashier leads to the shop's door; this remembers which order it was.
    sessionStorage.setItem(PAYING, order.order_id);
    location.assign(url);
    return;
  }
  if (answer?.data?.under_review) toast(t("under_review"));
  await refresh();
}

// A second create answers the living attempt; right after a release its address may still be under way.
async function cashierAddress(body) {
  for (let round = 0; ; round += 1) {
    const answer = await attempt(() => post("/api/payment/create/", body));
    const underWay = answer && !answer.data.payment_data && !answer.data.under_review;
    if (!underWay || round === 9) return answer;
    await new Promise((resolve) => setTimeout(resolve, 800));
  }
}

// Braces would confuse the widely used Alipay SDK's reading of answers.
const subjectOf = (order) => `${(order.products ?? order.items ?? [])[0]?.product_name ?? ""} ${order.order_id}`.replace(/[{}]/g, "").trim();

async function complete(order, refresh) {
  if (await attempt(() => post(`/api/orders/${order.order_id}/complete/`))) toast(t("done_now"));
  await refresh();
}

function cancelDialog(order, refresh) {
  modal("cancel-dialog", (close) => {
    const reason = choice("cancel-reason");
    const send = async () => {
      if (await attempt(() => post(`/api/orders/${order.order_id}/cancel/`, { reason: reason.value }))) toast(t("cancelled_now"));
      close();
      await refresh();
    };
    return [h("h2", {}, t("cancel")), field(t("cancel_reason"), reason), foot(close, action(t("sure"), send, { class: "primary", testid: "cancel-submit" }))];
  });
}

function refundDialog(order, refresh) {
  modal("refund-dialog", (close) => {
    const left = Number(order.payable_amount ?? order.total_amount) - Number(order.refunded_amount ?? 0);
    const amount = h("input", { type: "number", step: "0.01", min: "0.01", max: left.toFixed(2), value: left.toFixed(2), testid: "refund-amount" });
    const reason = choice("refund-reason");
    const key = newKey();
    const send = async () => {
      const body = { refund_amount: Number(amount.value).toFixed(2), refund_reason: reason.value, refund_method: "original_payment" };
      if (await attempt(() => post(`/api/payment/${order.order_uuid}/refund/`, body, key))) {
        toast(t("refund_sent"));
        close();
      }
      await refresh();
    };
    return [h("h2", {}, t("refund")), field(`${t("refund_amount")} (≤ ${yuan(left)})`, amount), field(t("refund_reason"), reason),
      foot(close, action(t("refund_send"), send, { class: "primary", testid: "refund-submit" }))];
  });
}

function shipDialog(order, refresh) {
  modal("ship-dialog", (close) => {
    const carrier = h("input", { value: "顺丰速运", testid: "ship-carrier" });
    const tracking = h("input", { placeholder: t("auto_number"), testid: "ship-tracking" });
    const send = async () => {
      const body = { carrier: carrier.value, ...(tracking.value && { tracking_no: tracking.value }) };
      if (await attempt(() => post(`/api/orders/${order.order_id}/ship/`, body))) toast(t("shipped_now"));
      close();
      await refresh();
    };
    return [h("h2", {}, t("ship")), field(t("carrier"), carrier), field(t("tracking"), tracking), foot(close, action(t("ship"), send, { class: "primary", testid: "ship-submit" }))];
  });
}

const choice = (testid) => h("select", { testid }, REASONS.map((word) => h("option", { value: t(word) }, t(word))));

const foot = (close, button) => h("div", { class: "dialog-foot" }, h("button", { type: "button", testid: "dialog-close", onclick: close }, t("think_again")), button);
