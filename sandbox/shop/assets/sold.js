// Bob's side: what he sold, and the refunds that wait for his word.
import { attempt, get, post, rows } from "./api.js";
import { action, h, moment, staying, yuan } from "./dom.js";
import { listView } from "./orders.js";
import { t } from "./words.js";

const drawList = listView("sold");

export async function soldView(main) {
  const isHere = staying(main);
  const answer = await get("/api/refunds/?status=requested&page_size=50").catch(() => null);
  if (!isHere()) return;
  const waiting = rows(answer);
  await drawList(main, waiting.length ? refunds(waiting, () => isHere() && soldView(main)) : "");
}

function refunds(waiting, redraw) {
  const decide = (refund, word) => async () => {
    await attempt(() => post(`/api/refunds/${refund.refund_id}/${word}/`, {}));
    await redraw();
  };
  return h("section", { class: "card", testid: "refunds-waiting" }, h("h2", {}, t("refunds_open")), waiting.map((refund) =>
    h("div", { class: "item" },
      h("span", { class: "grow" }, refund.reason, h("small", { class: "soft" }, `${refund.order_id ?? ""} · ${moment(refund.created_at)}`)),
      h("span", { class: "price" }, yuan(refund.refund_amount)),
      action(t("approve"), decide(refund, "approve"), { class: "primary small", testid: "refund-approve" }),
      action(t("reject"), decide(refund, "reject"), { class: "small", testid: "refund-reject" }))));
}
