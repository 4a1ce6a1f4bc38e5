// Olive's side: payments that risk control holds, to be released or stopped.
import { attempt, get, post, rows } from "./api.js";
import { action, h, moment, show, staying, yuan } from "./dom.js";
import { t } from "./words.js";

export async function reviewsView(main) {
  const isHere = staying(main);
  const answer = await attempt(() => get("/api/security/assessments/?page_size=50"));
  if (!answer || !isHere()) return;
  const held = rows(answer).filter((row) => ["review", "block_and_review"].includes(row.outcome));
  const waiting = held.filter((row) => !row.decision || row.decision === "pending");
  const decided = held.filter((row) => row.decision && row.decision !== "pending");
  show(main, h("h1", {}, t("reviews")),
    waiting.length ? h("section", { class: "rows", testid: "review-list" }, waiting.map((row) => card(row, () => isHere() && reviewsView(main)))) : h("section", { class: "empty" }, h("p", {}, t("none_reviews"))),
    decided.length > 0 && h("details", { class: "earlier" }, h("summary", {}, t("earlier")), decided.map((row) => card(row, null))));
}

function card(row, redraw) {
  const note = h("input", { placeholder: t("reason"), testid: "review-reason", maxlength: 200 });
  const decide = (decision) => async () => {
    await attempt(() => post(`/api/security/assessments/${row.assessment_uuid}/decide/`, { decision, reason: note.value || "sandbox shop" }));
    await redraw();
  };
  const reasons = (row.reasons ?? row.risk_factors ?? []).map((reason) => reason.description ?? reason.factor_description ?? reason.code ?? reason);
  return h("section", { class: "card review", testid: `review-${row.assessment_uuid}` },
    h("div", { class: "line" }, h("b", { class: "price big" }, yuan(row.amount)), h("span", { class: "pill review" }, `${t("score")} ${row.score ?? row.risk_score ?? ""}`), h("small", { class: "soft" }, moment(row.created_at))),
    h("ul", { class: "soft" }, reasons.map((text) => h("li", {}, text))),
    redraw ? h("div", { class: "buttons" }, note,
      action(t("release"), decide("release"), { class: "primary", testid: "release" }), action(t("stop"), decide("stop"), { class: "danger", testid: "stop" }))
      : h("p", { class: "soft" }, `${t("decided")}: ${t(row.decision)}`));
}
