// An order's story in a person's words. What only engineers read (events on the wire, sagas) is left out.
import { h, moment, yuan } from "./dom.js";
import { lang, t } from "./words.js";

const MOVES = {
  place: ["订单已提交", "Order placed"], pay: ["订单已付款", "Order paid"], cancel: ["订单已取消", "Order cancelled"],
  expire: ["超时未付款，订单已关闭", "Not paid in time, order closed"], begin_cancel: ["开始取消，先退款", "Cancelling: the refund comes first"],
  abort_cancel: ["取消没有成功", "The cancellation did not go through"], refund: ["已全额退款，订单取消", "Wholly refunded, order cancelled"],
  complete: ["订单完成", "Order completed"], ship: ["卖家已发货", "Shipped by the seller"], receive: ["包裹已签收", "Parcel delivered"],
  authorize: ["款项已授权", "Payment authorized"], void: ["授权已撤销", "Authorization voided"],
  refund_part: ["部分退款到账", "Part of the money is back"], refund_whole: ["全额退款到账", "All the money is back"],
};
// The same fact is told by another line already.
const SILENT = ["capture", "receive"];
const MONEY = {
  charge_request: ["发起支付", "Payment started"], charge_success: ["支付成功", "Payment received"], charge_failure: ["支付没有成功", "Payment failed"],
  refund_request: ["发起退款", "Refund started"], refund_success: ["退款成功", "Refund done"], refund_failure: ["退款没有成功", "Refund failed"],
};

export function timeline(entries) {
  const told = entries.map(line).filter(Boolean).reverse();
  if (!told.length) return null;
  return h("section", { class: "card" }, h("h2", {}, t("timeline")), h("ol", { class: "timeline", testid: "timeline" }, told));
}

function line(entry) {
  const said = words(entry);
  if (!said) return null;
  const [head, detail] = said;
  return h("li", { class: `of-${entry.kind}` }, h("time", {}, moment(entry.at)), h("span", {}, h("b", {}, head), detail && h("small", { class: "soft" }, detail)));
}

const inLanguage = (pair) => pair?.[lang() === "zh" ? 0 : 1];

function words(entry) {
  switch (entry.kind) {
    case "transition": return SILENT.includes(entry.what) ? null : [inLanguage(MOVES[entry.what]) ?? entry.what, entry.reason];
    case "logistics": return [entry.description || entry.what, entry.location];
    case "payment": return [inLanguage(MONEY[`${entry.what}_${entry.outcome}`]) ?? [entry.what, entry.outcome].filter(Boolean).join(" "), yuan(entry.amount)];
    case "notification": return [`${t("told_you")}${entry.what}`, ""];
    default: return null;
  }
}
