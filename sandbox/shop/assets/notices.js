// The bell and what rang it.
import { attempt, get, patch, rows } from "./api.js";
import { action, h, moment, show, staying } from "./dom.js";
import { t } from "./words.js";

export async function unreadCount() {
  const answer = await get("/api/notifications/unread-count/").catch(() => null);
  return answer?.unread_count ?? answer?.data?.unread_count ?? 0;
}

export async function noticesView(main, onRead) {
  const isHere = staying(main);
  const answer = await attempt(() => get("/api/notifications/?page_size=30"));
  if (!answer || !isHere()) return;
  const found = rows(answer);
  const again = async () => { if (isHere()) await noticesView(main, onRead); onRead(); };
  const readAll = action(t("read_all"), async () => { await attempt(() => patch("/api/notifications/read-all/")); await again(); }, { testid: "read-all", class: "quiet" });
  show(main, h("div", { class: "line" }, h("h1", {}, t("notices")), found.some((row) => !isRead(row)) && readAll),
    found.length ? h("section", { class: "rows", testid: "notification-list" }, found.map((row) => card(row, again))) : h("section", { class: "empty" }, h("p", {}, t("none_notices"))));
}

const isRead = (row) => row.read ?? row.is_read;

function card(row, again) {
  const open = async () => { if (!isRead(row)) { await attempt(() => patch(`/api/notifications/${row.id}/read/`)); await again(); } };
  return h("button", { type: "button", class: isRead(row) ? "notification" : "notification new", testid: `notification-${row.id}`, onclick: open },
    h("b", {}, row.title), h("time", { class: "soft" }, moment(row.created_at)), h("span", {}, row.content));
}
